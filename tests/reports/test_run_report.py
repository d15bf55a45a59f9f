"""report.html of a run: what is on it, that it stands alone, and how a browser shows it."""

from __future__ import annotations

import io
import json

import keras
import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.reports.curves import draw_curves
from kerascnn.reports.run_report import report
from support.browser import look_at
from support.html_reading import assert_self_contained, everything, pictures, rows

HOSTILE = ("<b>one</b>", '"><script>alert(1)</script>', "=cmd|'/C calc'!A0", "\u202edne", "e&amp;")
PLAIN = Preprocessing(size=(8, 8), fit="resize", channels="grey")


def network():
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = keras.layers.Flatten(name="features")(x)
    x = keras.layers.Dense(5, activation="softmax", name="predictions")(x)
    return keras.Model(image, x, name="small")


def data_of(images, labels):
    split = Split(images, np.asarray(labels, "int64"))
    return Data("toy & co", split, split, HOSTILE, (8, 8, 1), "f" * 64, "by <hand>")


@pytest.fixture
def run(tmp_path):
    config = {
        "kerascnn": "0.1.0",
        "keras": "3.15.1",
        "seed": 5,
        "model": {"name": "small", "arguments": None},
        "data": {
            "name": "toy & co", "class_names": list(HOSTILE), "train": 40, "test": 40,
            "fingerprint": "f" * 64, "split": "by <hand>",
        },
        "preprocessing": PLAIN.to_json(),
        "recipe": {"optimizer": "<i>sgd</i>", "learning_rate": 0.0123},
        "started": "2026-11-20T20:00:00+00:00",
        "command": ["/somewhere/bin/kerascnn", "train", "small", "a b; rm -rf"],
    }  # fmt: skip
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "history.csv").write_text(
        "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n"
        "1,1.5,0.3,1.6,0.25,1.5\n2,1.0,0.6,1.25,0.5,0.75\n"
    )
    keras.utils.set_random_seed(0)
    network().save(folder / "best.keras")
    loaded = kerascnn.load_run(folder)
    draw_curves(loaded)
    return loaded


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return data_of(rng.integers(0, 256, (40, 8, 8, 1)).astype(np.uint8), np.arange(40) % 5)


def section(root, title):
    """Returns the elements between one heading and the next."""
    children = [e for e in root.all("main")[0].children if not isinstance(e, str)]
    start = next(i for i, e in enumerate(children) if e.tag == "h2" and e.text == title)
    end = next((i for i in range(start + 1, len(children)) if children[i].tag == "h2"), None)
    return children[start + 1 : end]


def test_a_report_says_what_the_run_says(run, data):
    path = report(run, data)
    assert path == run.path / "report.html"
    root = assert_self_contained(path.read_text("utf-8"))
    metrics = kerascnn.evaluate(run, data)
    assert root.all("h1")[0].text == "small on toy & co"
    tiles = {d.all("dt")[0].text: d.all("dd")[0].text for d in root.all("dl")[0].all("div")}
    assert tiles["accuracy on held-out images"] == f"{metrics['accuracy']:.2%}"
    assert tiles["held-out images wrong"] == f"{round(40 * (1 - metrics['accuracy']))} of 40"
    assert tiles["best epoch"] == "2 of 2"
    assert tiles["training time"] == "2.2 s"
    assert tiles["trainable parameters"] == f"{9 * 4 + 4 + 144 * 5 + 5}"
    (classes,) = [table for e in section(root, "Classes") for table in e.all("table")]
    result = rows(classes)
    assert [row[0] for row in result[1:]] == list(HOSTILE)
    assert [row[3] for row in result[1:]] == ["8"] * 5
    layers = rows(section(root, "Layers")[0].all("table")[0])
    assert [row[0] for row in layers[1:]] == ["conv", "features", "predictions"]
    assert layers[1][3] == "40"
    history = rows(section(root, "History")[0].all("table")[0])
    assert [row[1] for row in history] == ["loss", "1.5", "1"]
    commands = section(root, "How to do it again")[0].text.splitlines()
    assert commands[0] == "kerascnn train small 'a b; rm -rf'"
    assert commands[1].startswith("kerascnn reproduce ")
    configuration, recipe = (dict(rows(e)) for e in section(root, "Configuration"))
    assert configuration["data: split"] == "by <hand>"
    assert recipe == {"optimizer": "<i>sgd</i>", "learning rate": "0.0123"}
    assert dict(rows(section(root, "Versions")[0])) == {"kerascnn": "0.1.0", "keras": "3.15.1"}
    assert len(root.all("script")) == 1
    assert not root.all("b")
    assert not root.all("i")


def test_the_worst_mistakes_are_shown_with_their_pictures(run, data):
    root = assert_self_contained(report(run, data).read_text("utf-8"))
    outcomes = kerascnn.evaluate(run, data).outcomes
    worst = outcomes.mistakes()[:24]
    (gallery,) = [e for e in section(root, "Worst mistakes") if e.tag == "div"]
    assert len(gallery.all("figure")) == len(worst) > 10
    for index, figure, picture in zip(worst, gallery.all("figure"), pictures(gallery), strict=True):
        shown = np.asarray(Image.open(io.BytesIO(picture)))
        np.testing.assert_array_equal(shown, data.test.images[index, :, :, 0])
        lines = figure.all("figcaption")[0].text.splitlines()
        true, answer = HOSTILE[outcomes.labels[index]], HOSTILE[outcomes.answers[index]]
        assert lines[0].startswith(f"{true} \u2192 {answer} (")
        assert lines[1] == f"loss {outcomes.losses[index]:.2f}, image {index}"


def test_files_are_named_by_folder_and_name(run, tmp_path):
    labels = np.arange(10) % 5
    paths = []
    for number in range(10):
        name = f"<img src=x onerror=alert(1)> {number} \udcff.png"
        paths.append(tmp_path / "class" / name)
        paths[-1].parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (8, 8)).astype(np.uint8)
        with paths[-1].open("wb") as stream:
            Image.fromarray(pixels).save(stream, "PNG")
    page = report(run, data_of(tuple(paths), labels), path=tmp_path / "r.html")
    root = assert_self_contained(page.read_text("utf-8"))
    captions = [e.text for e in root.all("figcaption") if "\nclass/" in e.text]
    assert captions
    assert all("class/<img src=x onerror=alert(1)> " in caption for caption in captions)
    assert all("\\udcff.png" in caption for caption in captions)
    assert not any("onerror" in e.attributes for e in everything(root))


def test_without_its_data_the_rest_is_reported(run):
    root = assert_self_contained(report(run).read_text("utf-8"))
    assert "Not evaluated: the data of the training is not available" in root.text
    titles = [h.text for h in root.all("h2")]
    assert "Confusions" not in titles
    assert {"Learning curves", "Configuration", "Layers", "History"} <= set(titles)
    assert "validation accuracy" in root.text


def test_a_run_without_an_epoch_has_a_report(run):
    for name in ("best.keras", "history.csv", "curves.png"):
        (run.path / name).unlink()
    root = assert_self_contained(report(run.path).read_text("utf-8"))
    assert "ended before its first epoch" in root.text
    with pytest.raises(UsageError, match="not a run directory"):
        report(run.path.parent)


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 400])
def test_a_browser_shows_it(run, data, tmp_path, width):
    """Every picture decodes, nothing is wider than the window, a click sorts, and it is quiet."""
    seen = look_at(report(run, data), tmp_path, width=width, column=3)
    assert seen.inner == width
    assert seen.pictures >= 13
    assert seen.broken == 0
    assert seen.wide <= 0
    assert seen.rows == 5
    assert seen.sorted
    assert not seen.console
    assert "<button" in seen.html  # the page's own script ran under its policy
