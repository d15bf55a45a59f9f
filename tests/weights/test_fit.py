"""Fitting weights to another head, other channels, another size; and what the report says of it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError, LoadReport
from kerascnn.weights.save import save_weights
from support import seeded_weights
from support.reference import convolution
from support.weight_files.keras_files import write_keras2
from support.weight_files.other_libraries import as_keras, as_torch, scrambled, values
from support.weight_loads import SMALL, changed, refused, resnet, same, torch_file, wanted

HEAD = ("predictions/kernel", "predictions/bias")


def body(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: one for name, one in found.items() if name not in HEAD}


@pytest.fixture(scope="module")
def seven() -> keras.Model:
    """The network of `stored`, but for seven classes."""
    return kerascnn.create_model("resnet18", **{**SMALL, "classes": 7})


def check_body(report: LoadReport, model: keras.Model) -> None:
    assert same(body(values(model)), body(wanted()))
    assert report.skipped == HEAD
    assert report.missing == report.unexpected == ()
    head = sum(values(model)[name].size for name in HEAD)
    total = sum(one.size for one in values(model).values())
    assert report.fraction == pytest.approx(1 - head / total)


def test_a_head_for_other_classes_starts_afresh(tmp_path: Path, seven: keras.Model) -> None:
    before = scrambled(seven)
    drawn = []
    for _ in range(2):
        check_body(load_weights(seven, changed(tmp_path)), seven)
        drawn.append(values(seven)["predictions/kernel"])
        assert np.all(values(seven)["predictions/bias"] == 0)
    assert not np.array_equal(drawn[0], before["predictions/kernel"])
    assert not np.array_equal(drawn[0], drawn[1])


def test_a_head_that_is_kept(tmp_path: Path, seven: keras.Model) -> None:
    before = scrambled(seven)
    check_body(load_weights(seven, changed(tmp_path), head="keep"), seven)
    for name in HEAD:
        assert values(seven)[name].tobytes() == before[name].tobytes()


def test_a_head_that_must_fit(tmp_path: Path, seven: keras.Model) -> None:
    error = refused(seven, changed(tmp_path), head="strict")
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert [one.name for one in error.report.mismatched] == list(HEAD)
    error = refused(seven, changed(tmp_path, fc__weight=None, fc__bias=None), head="strict")
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert error.report.missing == HEAD


def test_classes_that_both_name_are_copied(tmp_path: Path, seven: keras.Model) -> None:
    before = scrambled(seven)
    theirs = [f"class {number}" for number in range(10)]
    ours = ["class 9", "new", "class 0", "other", "class 3", "class 4", "newer"]
    report = load_weights(
        seven, changed(tmp_path), head="overlap", class_names=ours, source_class_names=theirs
    )
    for name in HEAD:
        made = before[name].copy()
        for here, there in ((0, 9), (2, 0), (4, 3), (5, 4)):
            made[..., here] = wanted()[name][..., there]
        assert values(seven)[name].tobytes() == made.tobytes()
    assert [(one.name, one.before, one.after) for one in report.adapted] == [
        ("predictions/kernel", (10, 64), (64, 7)),
        ("predictions/bias", (10,), (7,)),
    ]
    assert {one.how for one in report.adapted} == {"4 of 7 classes copied by name"}
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
    found = values(model)
    np.testing.assert_array_equal(found["predictions/kernel"], kernel[:, 1:])
    np.testing.assert_array_equal(found["predictions/bias"], bias[1:])
    hows = {one.name: one.how for one in report.adapted}
    assert {hows.pop(name) for name in HEAD} == {"the background class dropped"}
    if style == "torchvision":
        assert same(body(found), body(before))
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
    old, found = wanted()["conv1/kernel"], values(model)["conv1/kernel"]
    assert found.shape == (7, 7, channels, 8)
    image = seeded_weights.uniform("image", (1, 9, 9, 1))
    before = convolution.convolve(np.repeat(image, 3, 3), old)
    after = convolution.convolve(np.repeat(image, channels, 3), found)
    np.testing.assert_allclose(after, before, atol=1e-5)
    if channels > 3:  # each channel has the colour of its place in the repetition, rescaled
        np.testing.assert_allclose(found[:, :, 2], old[:, :, 2], atol=1e-6)
        np.testing.assert_allclose(found[:, :, 0], old[:, :, 0] / 2, atol=1e-6)
    others = {name: one for name, one in values(model).items() if name != "conv1/kernel"}
    assert same(others, {name: one for name, one in wanted().items() if name != "conv1/kernel"})
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
    found = values(new)["fc6/kernel"]
    channels = kernel.shape[0] // 4
    for channel in range(channels):
        before = kernel.reshape(4, channels, -1)[:, channel].sum(0)
        after = found.reshape(9, channels, -1)[:, channel].sum(0)
        np.testing.assert_allclose(after, before, atol=1e-5)
    # The corners keep their values but for the ratio of the areas.
    np.testing.assert_allclose(
        found.reshape(3, 3, channels, -1)[0, 0], kernel.reshape(2, 2, channels, -1)[0, 0] * 4 / 9,
        rtol=1e-5,
    )  # fmt: skip
    (adapted,) = report.adapted
    assert adapted.how == "resampled from a map of 2 x 2 to 3 x 3"
    rest = {name: one for name, one in values(old).items() if name != "fc6/kernel"}
    assert same({name: values(new)[name] for name in rest}, rest)


def test_a_head_in_the_file_alone(tmp_path: Path) -> None:
    model = kerascnn.create_model("resnet18", **SMALL, include_top=False, pooling="avg")
    report = load_weights(model, changed(tmp_path))
    assert same(values(model), body(wanted()))
    assert report.ignored == ("fc.weight", "fc.bias")
    assert report.unexpected == ()
    assert report.fraction == 1


def test_a_head_in_the_model_alone(tmp_path: Path, seven: keras.Model) -> None:
    scrambled(seven)
    path = changed(tmp_path, fc__weight=None, fc__bias=None)
    check_body(load_weights(seven, path), seven)


def test_a_body_of_ours_into_a_model_with_a_head(tmp_path: Path) -> None:
    bare = kerascnn.create_model("resnet18", **SMALL, include_top=False)
    scrambled(bare, "other ")
    path = save_weights(bare, tmp_path / "x.weights.h5")
    model = resnet()
    check_body(load_weights(model, path), model)


def test_half_a_head_is_no_head(tmp_path: Path) -> None:
    """A kernel without its bias, or fc6 missing before an fc7 that is there."""
    error = refused(resnet(), changed(tmp_path, fc__bias=None))
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert error.report.missing == ("predictions/bias",)
    small = {"width": 0.0625, "classes": 4, "input_shape": (32, 32, 3)}
    model = kerascnn.create_model("vgg11", **small)
    tensors = as_torch(model, "torchvision")
    for names, skipped in (
        (("classifier.0",), None),
        (("classifier.6",), 2),
        (("classifier.3", "classifier.6"), 4),
        (("classifier.0", "classifier.3", "classifier.6"), 6),
    ):
        left = {key: one for key, one in tensors.items() if not key.startswith(names)}
        path = torch_file(tmp_path / "x.pth", left)
        if skipped is None:
            error = refused(model, path)
            assert isinstance(error, LoadError)
            assert error.report is not None
            assert error.report.missing == ("fc6/kernel", "fc6/bias")
        else:
            assert len(load_weights(model, path).skipped) == skipped


def test_auxiliary_heads(tmp_path: Path) -> None:
    """GoogLeNet's training heads: ignored where the model has none, afresh where the file has."""
    small = {"width": 0.125, "depth": 0.5, "classes": 4, "input_shape": (96, 96, 3)}
    plain = kerascnn.create_model("googlenet_bn", **small)
    full = kerascnn.create_model("googlenet_bn", **small, auxiliary=True)
    wanted_plain, wanted_full = scrambled(plain), scrambled(full)
    path = torch_file(tmp_path / "full.pth", as_torch(full, "torchvision"))
    report = load_weights(plain, path)
    assert report.unexpected == ()
    assert report.ignored
    assert all(name.startswith("aux") for name in report.ignored)
    assert same(values(plain), wanted_plain)
    path = torch_file(tmp_path / "plain.pth", as_torch(plain, "torchvision"))
    report = load_weights(full, path)
    assert report.missing == ()
    assert report.skipped
    assert all(name.startswith("aux") for name in report.skipped)
    for name in wanted_plain:
        assert values(full)[name].tobytes() == wanted_full[name].tobytes()
