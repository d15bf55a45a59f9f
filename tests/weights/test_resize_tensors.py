"""Classifiers, first convolutions and flattened maps of another size, fitted while a file loads."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.weights.load import load_weights
from kerascnn.weights.save import save_weights
from support import seeded_weights
from support.reference import convolution
from support.weight_files.keras_files import write_keras2
from support.weight_files.other_libraries import as_keras, as_torch, scrambled, values
from support.weight_loads import (
    HEAD,
    SMALL,
    changed,
    resnet,
    same,
    torch_file,
    wanted,
    without_head,
)


def test_classes_that_both_name_are_copied(tmp_path: Path, seven: keras.Model) -> None:
    before = scrambled(seven)
    theirs = [f"class {number}" for number in range(10)]
    ours = ["class 9", "new", "class 0", "other", "class 3", "class 4", "newer"]
    report = load_weights(
        seven, changed(tmp_path), head="overlap", class_names=ours, source_class_names=theirs
    )
    for name in HEAD:
        built = before[name].copy()
        for here, there in ((0, 9), (2, 0), (4, 3), (5, 4)):
            built[..., here] = wanted()[name][..., there]
        assert values(seven)[name].tobytes() == built.tobytes()
    assert [(entry.name, entry.before, entry.after) for entry in report.adapted] == [
        ("predictions/kernel", (10, 64), (64, 7)),
        ("predictions/bias", (10,), (7,)),
    ]
    assert {entry.how for entry in report.adapted} == {"4 of 7 classes copied by name"}
    assert report.fraction == 1


def test_classes_in_another_order(tmp_path: Path) -> None:
    """As many, in other places: taken by name, from a file that knows its own."""
    model = resnet()
    names = [f"class {number}" for number in range(10)]
    scrambled(model, "other ")
    path = save_weights(model, tmp_path / "x.safetensors", class_names=names)
    scrambled(model)
    report = load_weights(model, path, head="overlap", class_names=names[::-1])
    for name in HEAD:
        np.testing.assert_array_equal(values(model)[name], wanted()[name][..., ::-1])
    assert len(report.adapted) == 2
    assert load_weights(model, path, head="overlap", class_names=names).adapted == ()


def test_names_that_overlap_needs(tmp_path: Path, seven: keras.Model) -> None:
    path = changed(tmp_path)
    for names in ({}, {"class_names": ["x"] * 7}):
        with pytest.raises(UsageError, match="head='overlap' needs class_names"):
            load_weights(seven, path, head="overlap", **names)
    with pytest.raises(UsageError, match="must have 7 names and source_class_names 10, got 6"):
        load_weights(
            seven, path, head="overlap", class_names=["x"] * 6, source_class_names=["x"] * 10
        )


@pytest.mark.parametrize("style", ["torchvision", "keras"])
def test_a_background_class_is_dropped(tmp_path: Path, style: str) -> None:
    """1,001 classes of which the first is none of ImageNet's."""
    model = kerascnn.create_model("resnet18", **{**SMALL, "classes": 1000})
    before = scrambled(model)
    kernel = seeded_weights.uniform("kernel", (64, 1001))
    bias = seeded_weights.uniform("bias", (1001,))
    if style == "keras":
        layers = as_keras(model)
        layers["predictions"] = {"predictions/kernel": kernel, "predictions/bias": bias}
        path = write_keras2(tmp_path / "x.h5", layers)
    else:
        tensors = as_torch(model, "torchvision") | {"fc.weight": kernel.T, "fc.bias": bias}
        path = torch_file(tmp_path / "x.pth", tensors)
    scrambled(model, "again ")
    report = load_weights(model, path)
    result = values(model)
    np.testing.assert_array_equal(result["predictions/kernel"], kernel[:, 1:])
    np.testing.assert_array_equal(result["predictions/bias"], bias[1:])
    hows = {entry.name: entry.how for entry in report.adapted}
    assert {hows.pop(name) for name in HEAD} == {"the background class dropped"}
    if style == "torchvision":
        assert same(without_head(result), without_head(before))
        assert hows == {}


def test_eleven_classes_are_not_ten_and_a_background(tmp_path: Path) -> None:
    tensors = {"fc__weight": np.ones((11, 64), "f4"), "fc__bias": np.ones(11, "f4")}
    report = load_weights(resnet(), changed(tmp_path, **tensors))
    assert report.skipped == HEAD


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_input_channels(tmp_path: Path, channels: int) -> None:
    """An image whose channels are alike gives what it gave: the sum over the channels is kept."""
    model = kerascnn.create_model("resnet18", **{**SMALL, "input_shape": (32, 32, channels)})
    report = load_weights(model, changed(tmp_path))
    old, result = wanted()["conv1/kernel"], values(model)["conv1/kernel"]
    assert result.shape == (7, 7, channels, 8)
    image = seeded_weights.uniform("image", (1, 9, 9, 1))
    before = convolution.convolve(np.repeat(image, 3, 3), old)
    after = convolution.convolve(np.repeat(image, channels, 3), result)
    np.testing.assert_allclose(after, before, atol=1e-5)
    if channels > 3:  # each channel has the colour of its place in the repetition, rescaled
        np.testing.assert_allclose(result[:, :, 2], old[:, :, 2], atol=1e-6)
        np.testing.assert_allclose(result[:, :, 0], old[:, :, 0] / 2, atol=1e-6)
    others = {name: value for name, value in values(model).items() if name != "conv1/kernel"}
    assert same(others, {name: value for name, value in wanted().items() if name != "conv1/kernel"})
    (adapted,) = report.adapted
    assert (adapted.name, adapted.before) == ("conv1/kernel", (8, 3, 7, 7))
    assert adapted.after == (7, 7, channels, 8)
    assert str(3) in adapted.how


@pytest.mark.parametrize("style", ["torchvision", "keras"])
def test_another_size_of_the_map_that_fc6_reads(tmp_path: Path, style: str) -> None:
    """VGG-11 for 64 pixels (a map of 2 x 2) into one for 96 (3 x 3): a constant map is worth equal.

    Keras flattens position by position, PyTorch channel by channel.
    """
    small = {"width": 0.0625, "classes": 4, "classifier_activation": None}
    old = kerascnn.create_model("vgg11", input_shape=(64, 64, 3), **small)
    new = kerascnn.create_model("vgg11", input_shape=(96, 96, 3), **small)
    kernel = scrambled(old)["fc6/kernel"]
    if style == "keras":
        path = write_keras2(tmp_path / "x.h5", as_keras(old))
    else:
        path = torch_file(tmp_path / "x.pth", as_torch(old, "torchvision"))
    report = load_weights(new, path)
    result = values(new)["fc6/kernel"]
    channels = kernel.shape[0] // 4
    for channel in range(channels):
        before = kernel.reshape(4, channels, -1)[:, channel].sum(0)
        after = result.reshape(9, channels, -1)[:, channel].sum(0)
        np.testing.assert_allclose(after, before, atol=1e-5)
    # The corners keep their values but for the ratio of the areas.
    np.testing.assert_allclose(
        result.reshape(3, 3, channels, -1)[0, 0], kernel.reshape(2, 2, channels, -1)[0, 0] * 4 / 9,
        rtol=1e-5,
    )  # fmt: skip
    (adapted,) = report.adapted
    assert adapted.how == "resampled from a map of 2 x 2 to 3 x 3"
    rest = {name: value for name, value in values(old).items() if name != "fc6/kernel"}
    assert same({name: values(new)[name] for name in rest}, rest)
