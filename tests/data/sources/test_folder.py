"""load_data from folders of images: layouts, what is ignored, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.load import load_data
from kerascnn.data.sources.folder import find_images
from kerascnn.errors import DamagedFileError, DataError


def save(path: Path, value: int, size: tuple[int, int] = (6, 5), mode: str = "RGB") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 255 - value)).save(path)
    return path


def fill(root: Path, classes: dict[str, int], **options) -> None:
    for name, count in classes.items():
        for number in range(count):
            save(root / name / f"{number:02}.png", number + 10 * len(name), **options)


def relative(paths: tuple[Path, ...], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def test_folder_per_class_is_split(tmp_path):
    fill(tmp_path, {"dog": 9, "cat": 6, "bird": 3})
    data = load_data(f"folder:{tmp_path}", seed=4)
    assert data.class_names == ("bird", "cat", "dog")
    assert data.image_shape == (5, 6, 3)
    assert np.bincount(data.train.labels).tolist() == [2, 4, 6]
    assert np.bincount(data.test.labels).tolist() == [1, 2, 3]
    names = relative(data.train.images, tmp_path) + relative(data.test.images, tmp_path)
    assert len(set(names)) == 18
    for split in (data.train, data.test):
        for path, label in zip(split.images, split.labels, strict=True):
            assert path.parent.name == data.class_names[label]
    assert "seed 4" in data.split
    again = load_data(f"folder:{tmp_path}", seed=4)
    assert again.test.images == data.test.images
    assert load_data(f"folder:{tmp_path}", seed=5).test.images != data.test.images


@pytest.mark.parametrize("name", ["test", "val", "validation", "Test"])
def test_folders_for_training_and_testing(tmp_path, name):
    fill(tmp_path / "train", {"a": 4, "bb": 4})
    fill(tmp_path / name, {"bb": 2})
    data = load_data(f"folder:{tmp_path}")
    assert data.class_names == ("a", "bb")
    assert (len(data.train), len(data.test)) == (8, 2)
    assert data.test.labels.tolist() == [1, 1]
    assert f"2 in {name}/" in data.split


def test_test_is_preferred_to_val_and_that_is_stated(tmp_path):
    for part in ("train", "val", "test"):
        fill(tmp_path / part, {"a": 4, "bb": 4})
    data = load_data(f"folder:{tmp_path}")
    assert {path.parts[-3] for path in data.test.images} == {"test"}
    assert "val/ is not used" in data.split


def test_train_alone_is_split_and_train_among_classes_is_a_class(tmp_path):
    fill(tmp_path / "x" / "train", {"a": 3, "bb": 3})
    assert load_data(f"folder:{tmp_path / 'x'}").class_names == ("a", "bb")
    fill(tmp_path / "y", {"train": 3, "plane": 3})
    assert load_data(f"folder:{tmp_path / 'y'}").class_names == ("plane", "train")


def test_what_is_ignored(tmp_path):
    fill(tmp_path, {"a": 3, "bb": 3})
    wanted = load_data(f"folder:{tmp_path}")
    fill(tmp_path, {".ipynb_checkpoints": 2, "__MACOSX": 2})
    save(tmp_path / "a" / ".hidden" / "x.png", 1)
    (tmp_path / "a" / "._00.png").write_bytes(b"\0\5\x16\7")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "README.txt").write_text("x")
    data = load_data(f"folder:{tmp_path}")
    assert data.class_names == wanted.class_names
    assert data.fingerprint == wanted.fingerprint


def test_every_allowed_extension_is_read_in_any_case_and_depth(tmp_path):
    names = ["a.jpg", "b.JPEG", "c.png", "d.webp", "e.gif", "f.bmp", "g.TIF", "deep/er/h.tiff"]
    for name in names:
        save(tmp_path / "a" / name, 9)
    fill(tmp_path, {"bb": 2})
    data = load_data(f"folder:{tmp_path}")
    paths = relative((*data.train.images, *data.test.images), tmp_path / ".")
    assert sorted(paths)[: len(names)] == sorted(f"a/{name}" for name in names)
    assert relative(tuple(find_images(tmp_path / "a")), tmp_path / "a") == sorted(names)


def test_links_are_followed_but_not_in_circles(tmp_path):
    fill(tmp_path / "store", {"a": 3})
    root = tmp_path / "root"
    fill(root, {"bb": 3})
    (root / "a").symlink_to(tmp_path / "store" / "a")
    (root / "bb" / "circle").symlink_to(root)
    data = load_data(f"folder:{root}")
    assert len(data.train) + len(data.test) == 9  # the circle shows a and bb once more, then ends


def test_image_shape_of_mixed_sizes_and_of_grey(tmp_path):
    fill(tmp_path, {"a": 3, "bb": 3}, mode="L")
    assert load_data(f"folder:{tmp_path}").image_shape == (5, 6, 1)
    save(tmp_path / "a" / "colour.png", 3)
    assert load_data(f"folder:{tmp_path}").image_shape == (5, 6, 3)
    save(tmp_path / "a" / "large.png", 3, size=(9, 9))
    assert load_data(f"folder:{tmp_path}").image_shape == (None, None, 3)


def test_fingerprint_covers_content_names_and_split(tmp_path):
    root = tmp_path / "one"
    fill(root, {"a": 6, "bb": 6})
    prints = [load_data(f"folder:{root}").fingerprint]
    shutil.copytree(root, tmp_path / "moved")
    assert load_data(f"folder:{tmp_path / 'moved'}").fingerprint == prints[0]
    prints.append(load_data(f"folder:{root}", seed=1).fingerprint)
    save(root / "a" / "03.png", 200)
    prints.append(load_data(f"folder:{root}").fingerprint)
    (root / "a" / "03.png").rename(root / "a" / "3.png")
    prints.append(load_data(f"folder:{root}").fingerprint)
    (root / "bb").rename(root / "cc")
    prints.append(load_data(f"folder:{root}").fingerprint)
    assert len(set(prints)) == 5


def test_missing_and_empty_folders(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        load_data(f"folder:{tmp_path / 'none'}")
    file = save(tmp_path / "x" / "x.png", 1)
    with pytest.raises(DataError, match="is a file"):
        load_data(f"folder:{file}")
    with pytest.raises(DataError, match=r"no folder of a class \(1 images lie in it directly\)"):
        load_data(f"folder:{tmp_path / 'x'}")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no folder of a class;"):
        load_data(f"folder:{tmp_path / 'empty'}")


def test_an_empty_class_is_named(tmp_path):
    fill(tmp_path, {"a": 3, "bb": 3})
    (tmp_path / "ccc").mkdir()
    with pytest.raises(DataError, match="ccc holds no image;"):
        load_data(f"folder:{tmp_path}")
    (tmp_path / "ccc" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"ccc holds no image \(only 1 \.txt\)"):
        load_data(f"folder:{tmp_path}")


def test_one_class_and_unknown_test_class(tmp_path):
    fill(tmp_path / "x", {"a": 3})
    with pytest.raises(DataError, match=r"'a'.*two classes"):
        load_data(f"folder:{tmp_path / 'x'}")
    fill(tmp_path / "y" / "train", {"a": 3, "bb": 3})
    fill(tmp_path / "y" / "test", {"a": 3, "ccc": 3})
    with pytest.raises(DataError, match="'ccc', which the training folder lacks"):
        load_data(f"folder:{tmp_path / 'y'}")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_named_when_loading(tmp_path, content):
    fill(tmp_path, {"a": 3, "bb": 3})
    (tmp_path / "a" / "01.png").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"a/01\.png"):
        load_data(f"folder:{tmp_path}")
