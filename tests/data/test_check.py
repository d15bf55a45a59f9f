"""check-data and the images that a training leaves out."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from kerascnn.cli import main
from kerascnn.data.check import check_data
from kerascnn.data.load import load_data
from kerascnn.data.sources.image_check import allowed_bad
from kerascnn.errors import DataError, UsageError


def save(path, seed, size=(12, 10), mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photos(tmp_path):
    for number, name in enumerate(("cat", "dog")):
        for k in range(10):
            save(tmp_path / name / f"{k}.png", 100 * number + k)
    return tmp_path


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_a_clean_folder_has_nothing_to_tell(photos, capsys):
    report = check_data(f"folder:{photos}")
    assert report.warnings() == []
    assert report.classes == {"cat": 10, "dog": 10}
    assert main(["check-data", f"folder:{photos}"]) == 0
    assert "no problems" in capsys.readouterr().out


def test_everything_that_is_wrong_is_found(photos):
    cut(photos / "cat" / "3.png")
    (photos / "cat" / "4.png").write_bytes(b"")
    (photos / "dog" / "5.png").write_bytes(b"<html>404</html>")
    (photos / "dog" / "notes.txt").write_text("x")
    (photos / "dog" / "a.heic").write_text("x")
    (photos / "dog" / "b.HEIC").write_text("x")
    (photos / "dog" / ".hidden").mkdir()
    save(photos / "dog" / "same.png", 0)
    save(photos / "dog" / "twice.png", 107)
    save(photos / "dog" / "tiny.png", 7, size=(3, 9))
    save(photos / "dog" / "grey.png", 8, mode="L")
    (photos / "emu").mkdir()
    report = check_data(f"folder:{photos}")
    assert [path for path, _ in report.bad] == ["cat/3.png", "cat/4.png", "dog/5.png"]
    assert "truncated" in report.bad[0][1]
    assert "is empty" in report.bad[1][1]
    assert "HTML" in report.bad[2][1]
    assert report.ignored == {".txt": 1, ".heic": 2}
    assert report.hidden == ["dog/.hidden"]
    assert report.contradictory == [["cat/0.png", "dog/same.png"]]
    assert report.repeated == [["dog/7.png", "dog/twice.png"]]
    assert report.small == ["dog/tiny.png"]
    assert (report.grey, report.colour) == (1, 20)
    assert report.empty == [str(photos / "emu")]
    assert report.classes == {"cat": 10, "dog": 14, "emu": 0}


def test_the_same_picture_in_training_and_validation_is_found_by_content(tmp_path):
    for part in ("train", "val"):
        for number, name in enumerate(("cat", "dog")):
            for k in range(4):
                save(tmp_path / part / name / f"{k}.png", hash((part, number, k)) % 2**31)
    assert check_data(f"folder:{tmp_path}").leaked == []
    (tmp_path / "val" / "cat" / "other name.png").write_bytes(
        (tmp_path / "train" / "cat" / "2.png").read_bytes()
    )
    report = check_data(f"folder:{tmp_path}")
    assert report.leaked == [["train/cat/2.png", "val/cat/other name.png"]]


def test_one_class_and_imbalance(tmp_path):
    save(tmp_path / "one" / "cat" / "a.png", 1)
    report = check_data(f"folder:{tmp_path / 'one'}")
    assert report.one_class
    with pytest.raises(DataError, match="one class only"):
        report.refuse(0)
    for k in range(101):
        save(tmp_path / "two" / "cat" / f"{k}.png", k, size=(8, 8))
    save(tmp_path / "two" / "dog" / "a.png", 500)
    warnings_by_kind = dict(check_data(f"folder:{tmp_path / 'two'}").warnings())
    assert warnings_by_kind == {
        "classes that differ more than 100 times in their number of images": [
            "cat (101)",
            "dog (1)",
        ]
    }


def test_the_command_ends_with_6_where_a_training_would_stop(photos, capsys):
    cut(photos / "cat" / "3.png")
    assert main(["check-data", f"folder:{photos}"]) == 6  # 1 % of 20 images is none
    assert "1 of 20 images cannot be read, at most 0 may be: cat/3.png" in capsys.readouterr().err
    assert main(["check-data", f"folder:{photos}", "--max-bad", "1"]) == 0
    assert main(["check-data", f"folder:{photos}", "--max-bad", "5%", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out[-5000:].partition("no errors, only warnings\n")[2])
    assert (answer["images"], answer["allowed_bad"]) == (20, 1)
    (photos / "emu").mkdir()
    assert main(["check-data", f"folder:{photos}", "--max-bad", "1"]) == 6
    assert main(["check-data", f"folder:{photos}", "--max-bad", "many"]) == 2


def test_arrays_are_checked_too():
    draw = np.random.default_rng(0)
    x, y = draw.integers(0, 256, (30, 8, 8, 1), np.uint8), np.arange(30) % 3
    x[6] = x[0]  # both of class 0
    x[20:22] = x[10:12]
    report = check_data(((x[:20], y[:20]), (x[20:], y[20:])))
    assert report.images == 30
    assert report.repeated == [["train[0]", "train[6]"]]
    assert report.leaked == [["train[10]", "test[0]"], ["train[11]", "test[1]"]]
    assert report.contradictory == report.leaked  # 20 and 10 differ by one modulo 3


@pytest.mark.parametrize(("limit", "allowed"), [("1%", 12), (7, 7), ("7", 7), ("0", 0), ("0%", 0)])
def test_limits(limit, allowed):
    assert allowed_bad(limit, 1250) == allowed


@pytest.mark.parametrize("limit", ["-1", "x", "101%", "1.5", "nan"])
def test_wrong_limits(limit):
    with pytest.raises(UsageError, match="max_bad"):
        allowed_bad(limit, 100)


def test_a_few_bad_images_are_skipped_and_named(photos):
    whole = load_data(f"folder:{photos}")
    bad = whole.train.images[3], whole.test.images[0]
    for path in bad:
        cut(path)
    data = load_data(f"folder:{photos}", max_bad=2)
    assert sorted(path for path, _ in data.skipped) == sorted(map(str, bad))
    assert all("truncated" in why for _, why in data.skipped)
    assert "2 bad images skipped" in data.split
    # All others are in the same split as before.
    kept = [path for path in whole.train.images if path not in bad]
    assert data.train.images == tuple(kept)
    assert len(data.train.labels) == len(kept)
    with pytest.raises(
        DataError, match="2 of 20 images cannot be read, at most 1 may be"
    ) as caught:
        load_data(f"folder:{photos}", max_bad=1)
    assert str(bad[0]) in str(caught.value)
    assert len(str(caught.value)) <= 400


def test_a_class_that_is_bad_altogether_is_told(photos):
    for path in (photos / "cat").iterdir():
        cut(path)
    with pytest.raises(DataError, match="no training image of class 'cat' can be read"):
        load_data(f"folder:{photos}", max_bad="50%")
