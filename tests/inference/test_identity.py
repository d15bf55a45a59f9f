"""Predict, evaluate and export give the same before and after a model was saved or trained."""

from __future__ import annotations

import json
import re
import shutil

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.named_preprocessing import named_preprocessing
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.models.adopted import adopt, weights_preprocessing
from support.weight_files.other_libraries import as_torch
from support.weight_files.torch_files import state_dict, write_zip

NAMES = ("ant", "bee", "cat")
OWN = Preprocessing(size=(24, 24), fit="crop", resize=30, mean=(0.6,), std=(0.1,))


def small(**changes):
    arguments = {"classes": 3, "width": 0.25, "input_shape": (24, 24, 3), **changes}
    model = kerascnn.create_model("resnet20_cifar", **arguments)
    generator = np.random.default_rng(3)
    model.set_weights([generator.normal(0.05, 0.3, w.shape) ** 2 for w in model.weights])
    return model


@pytest.fixture(scope="module")
def images():
    generator = np.random.default_rng(5)
    sizes = ((24, 24), (22, 23), (40, 33), (20, 60), (100, 90))
    return [generator.integers(0, 256, (*size, 3), np.uint8) for size in sizes]


def results(source, images, **arguments):
    predictions = kerascnn.predict(source, images, **arguments)
    return [(entry.labels, [round(score, 4) for score in entry.scores]) for entry in predictions]


@pytest.mark.parametrize("own", [False, True], ids=["row", "weights"])
def test_every_form_of_a_model_predicts_the_same(own, images, tmp_path):
    model = small()
    if own:
        adopt(model, OWN, NAMES)
    expected = results(model, images)
    assert (expected[0][0][0] in NAMES) == own
    model.save(tmp_path / "x.keras")
    assert results(tmp_path / "x.keras", images) == expected
    assert results(keras.models.load_model(tmp_path / "x.keras"), images) == expected
    for file in ("x.weights.h5", "x.npz", "x.safetensors"):
        kerascnn.save_weights(model, tmp_path / file)
        assert results(tmp_path / file, images) == expected
        fresh = small()
        kerascnn.load_weights(fresh, tmp_path / file)
        assert results(fresh, images) == expected
    fresh = small()
    report = kerascnn.load_weights(fresh, tmp_path / "x.keras")
    assert report.preprocessing == "the file's record"
    assert results(fresh, images) == expected
    twin = keras.models.load_model(tmp_path / "x.keras")
    kerascnn.export(twin, tmp_path / "out", formats=("onnx",))
    assert results(tmp_path / "out", images) == expected


def test_the_best_model_of_a_run_keeps_what_it_was_trained_with(images, tmp_path):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (16, 22, 22, 3), np.uint8)
    labels = np.arange(8) % 3
    data = kerascnn.load_data(((pixels[:8], labels), (pixels[8:], labels)))
    model = small()
    run = kerascnn.train(
        model, data, epochs=1, batch_size=8, run_dir=tmp_path / "run", report=False, verbose=False
    )
    expected = results(run, images)
    shutil.copy(run.path / "best.keras", tmp_path / "copied.keras")
    assert results(tmp_path / "copied.keras", images) == expected
    known = weights_preprocessing(keras.models.load_model(tmp_path / "copied.keras"))
    assert known.exact
    assert known.preprocessing == run.preprocessing
    assert weights_preprocessing(model).preprocessing == run.preprocessing
    loaded = open_classifier(tmp_path / "copied.keras")
    assert loaded.class_names == run.class_names
    own = kerascnn.evaluate(run, data)
    copied = kerascnn.evaluate(tmp_path / "copied.keras", data)
    assert (own["loss"], own["accuracy"]) == (copied["loss"], copied["accuracy"])
    kerascnn.save_weights(keras.models.load_model(tmp_path / "copied.keras"), tmp_path / "w.npz")
    assert results(tmp_path / "w.npz", images) == expected
    kerascnn.export(tmp_path / "run", tmp_path / "a", formats=("onnx",))
    kerascnn.export(loaded.model, tmp_path / "b", formats=("onnx",))
    assert results(tmp_path / "a", images) == results(tmp_path / "b", images) == expected


def test_a_file_that_does_not_say_its_preprocessing_is_asked_for_it(images, tmp_path):
    model = small()
    path = tmp_path / "x.h5"
    model.save(path)  # Keras's older format has no place for the record
    old = keras.models.load_model(path)
    assert kerascnn.provenance(old).name == "resnet20_cifar"
    with pytest.raises(UsageError, match="nothing tells how images are prepared") as caught:
        kerascnn.predict(old, images)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="give preprocessing="):
        kerascnn.export(old, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    fresh = small()
    report = kerascnn.load_weights(fresh, path)
    assert report.preprocessing == ""
    assert str(report).startswith("warning: the file does not say how images are prepared")
    with pytest.raises(UsageError, match=r"--preprocessing .*24, 24"):
        kerascnn.predict(fresh, images)
    # The advice, followed:
    row = kerascnn.model_info("resnet20_cifar").preprocessing
    sized = Preprocessing.from_json({**row.to_json(), "size": [24, 24]})
    expected = results(model, images, preprocessing=sized)
    assert results(fresh, images, preprocessing=sized) == expected
    assert results(old, images, preprocessing=sized) == expected


def test_a_preprocessing_is_named(tmp_path):
    row = kerascnn.model_info("resnet50").preprocessing
    assert named_preprocessing("resnet50") == row
    assert named_preprocessing("torchvision/resnet50.v2").resize == 232
    assert named_preprocessing(json.dumps(OWN.to_json())) == OWN
    (tmp_path / "config.json").write_text(json.dumps({"preprocessing": OWN.to_json()}))
    assert named_preprocessing(str(tmp_path / "config.json")) == OWN
    for wrong in ("resnet", "{", '{"mean": 1}', str(tmp_path / "no.json")):
        with pytest.raises(UsageError):
            named_preprocessing(wrong)


@pytest.mark.parametrize(("classes", "known"), [(1000, True), (4, False)])
def test_only_published_classes_bring_the_published_preprocessing(tmp_path, classes, known):
    """A user who trained on other classes may have prepared the images in any way."""
    arguments = {"width": 0.125, "depth": 0.5, "input_shape": (64, 64, 3), "classes": classes}
    model = kerascnn.create_model("resnet18", **arguments)
    path = write_zip(tmp_path / "best.pth", state_dict(as_torch(model, "torchvision")))
    report = kerascnn.load_weights(model, path)
    assert bool(report.preprocessing) is known
    image = np.zeros((64, 64, 3), "uint8")
    if known:
        assert len(kerascnn.predict(model, [image])) == 1
        return
    with pytest.raises(UsageError, match="nothing tells how images are prepared") as info:
        kerascnn.predict(model, [image])
    # What the error advises works as it stands, in Python and in a shell.
    call = re.search(r"kerascnn\.Preprocessing\(.*?\)\)", str(info.value))
    option = re.search(r"--preprocessing '(.*)'", str(info.value))
    assert call is not None
    assert option is not None
    preprocessing = eval(call[0], {"kerascnn": kerascnn})
    assert preprocessing == named_preprocessing(option[1])
    assert len(kerascnn.predict(model, [image], preprocessing=preprocessing)) == 1
