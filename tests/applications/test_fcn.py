"""FCN: sizes, bilinear enlargement, skips, and figures by arithmetic."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.applications import fcn
from kerascnn.errors import UsageError
from kerascnn.layers import Bilinear
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import entries_of, plan_of

NAMES = ["fcn32s", "fcn16s", "fcn8s"]


CLASSES = 21


def vgg_convolutions(side):
    """(weights, biases, MACs) of VGG-16's convolutions on a square image, pools rounding up."""
    weights = biases = macs = 0
    inputs = 3
    for maps, count in (64, 2), (128, 2), (256, 3), (512, 3), (512, 3):
        for _ in range(count):
            weights += 9 * inputs * maps
            biases += maps
            macs += 9 * inputs * maps * side * side
            inputs = maps
        side = -(-side // 2)
    return weights, biases, macs


def test_parameters_and_macs_by_arithmetic():
    weights, biases, macs = vgg_convolutions(500)
    fc6, fc7, score = 49 * 512 * 4096, 4096 * 4096, 4096 * CLASSES
    params = weights + biases + fc6 + fc7 + score + 2 * 4096 + CLASSES
    macs += 16 * 16 * (fc6 + fc7 + score)  # 500 -> 250 -> 125 -> 63 -> 32 -> 16
    pairs = CLASSES * CLASSES

    def last(side, factor):
        return side * side * (2 * factor) ** 2 * pairs

    assert plan_of("fcn32s").trainable == params == 134_346_581
    assert plan_of("fcn32s").macs == macs + last(16, 32) == 108_255_955_968
    params += 16 * pairs + 512 * CLASSES + CLASSES
    macs += 16 * 16 * 16 * pairs + 32 * 32 * 512 * CLASSES
    assert plan_of("fcn16s").trainable == params == 134_364_410
    assert plan_of("fcn16s").macs == macs + last(32, 16) == 108_268_772_352
    params += 16 * pairs + 256 * CLASSES + CLASSES
    macs += 32 * 32 * 16 * pairs + 63 * 63 * 256 * CLASSES
    assert plan_of("fcn8s").trainable == params == 134_376_863
    assert plan_of("fcn8s").macs == macs + last(63, 8) == 108_282_997_248
    assert [plan_of(f"fcn{s}s").fixed for s in (32, 16, 8)] == [
        4 * s * s * pairs for s in (32, 16, 8)
    ]


def test_fc6_and_fc7_are_convolutions_and_the_skips_have_the_papers_names():
    entries = plan_of("fcn8s", input_shape=(64, 96, 3)).entries
    shapes = {key: entry.cost.shape[1:] for key, entry in entries.items()}
    assert entries["fc6"].config["kernel_size"] == 7
    assert shapes["fc6"] == shapes["fc7"] == (2, 3, 4096)
    assert shapes["score_fr"] == (2, 3, 21)
    assert shapes["upscore2"] == shapes["score_pool4"] == shapes["fuse_pool4"] == (4, 6, 21)
    assert shapes["upscore_pool4"] == shapes["score_pool3"] == shapes["fuse_pool3"] == (8, 12, 21)
    assert shapes["upscore8"] == shapes["predictions"] == (64, 96, 21)
    assert entries["score_pool4"].inputs[0].source == "pool4"
    assert entries["score_pool3"].inputs[0].source == "pool3"
    vgg = entries_of("vgg16")
    assert [key for key in entries if key.startswith("conv")] == [
        key for key in vgg if key.startswith("conv")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_output_has_the_size_of_any_image(name):
    variant = model_info(name)
    model = variant(input_shape=(None, None, 3), width=0.05, classes=4)
    assert model.output_shape == (None, None, None, 4)
    for side in (1, 1), (33, 50), (64, 96), (97, 31):
        y = model(np.zeros((1, *side, 3), "float32"))
        assert y.shape == (1, *side, 4)
        np.testing.assert_allclose(np.asarray(y).sum(-1), 1, atol=1e-5)
        fixed = plan_of(name, input_shape=(*side, 3), classes=4, width=0.05).entries["predictions"]
        assert fixed.cost.shape == (None, *side, 4)
    assert minimum_size(variant, Request()) == 1


def test_fixed_and_open_sizes_are_the_same_network():
    open_size = model_info("fcn8s")(input_shape=(None, None, 3), width=0.05)
    fixed = model_info("fcn8s")(input_shape=(50, 37, 3), width=0.05)
    fixed.set_weights(open_size.get_weights())
    x = np.random.default_rng(0).normal(size=(1, 50, 37, 3)).astype("float32")
    np.testing.assert_allclose(np.asarray(fixed(x)), np.asarray(open_size(x)), atol=1e-6)


@pytest.mark.parametrize("factor", [2, 8, 16, 32])
def test_enlarging_interpolates_between_the_centres_of_the_cells(factor):
    """A value of a map covers factor x factor pixels and stands in their middle."""
    image = keras.Input((3, 5, 2))
    model = keras.Model(image, fcn.enlarge(image, factor, "up"))
    x = np.random.default_rng(0).normal(size=(1, 3, 5, 2)).astype("float32")
    y = np.asarray(model(x))
    assert y.shape == (1, 3 * factor, 5 * factor, 2)

    def along(count):
        """The matrix that interpolates `count` values at every pixel's centre; beyond, zeros."""
        at = (np.arange(count * factor) + 0.5) / factor - 0.5
        return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(count)))

    wanted = np.einsum("yh,nhwc,xw->nyxc", along(3), x, along(5))
    np.testing.assert_allclose(y, wanted, atol=1e-5)


def test_only_the_last_enlargement_is_fixed():
    model = kerascnn.create_model("fcn8s", input_shape=(32, 32, 3), width=0.05, classes=3)
    fixed = [layer.name for layer in model.layers if not layer.trainable]
    assert fixed == ["upscore8"]
    assert [w.path for w in model.non_trainable_weights if "seed" not in w.path] == [
        "upscore8/kernel"
    ]
    for name in "upscore2", "upscore_pool4", "upscore8":
        kernel = model.get_layer(name).kernel
        np.testing.assert_array_equal(np.asarray(kernel), np.asarray(Bilinear()(kernel.shape)))


def test_saving_keeps_the_crop_and_the_initialiser(tmp_path):
    model = kerascnn.create_model("fcn16s", input_shape=(None, None, 3), width=0.05)
    model.save(tmp_path / "fcn.keras")
    loaded = keras.models.load_model(tmp_path / "fcn.keras")
    assert isinstance(loaded.get_layer("upscore2").kernel_initializer, Bilinear)
    assert not loaded.get_layer("upscore16").trainable
    x = np.random.default_rng(0).normal(size=(1, 35, 44, 3)).astype("float32")
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(loaded(x)))


def test_depth_width_and_kernel():
    for depth in 0.5, 1, 2:
        for width in 0.25, 1, 2:
            for kernel in 3, 5, 7:
                changed = {"depth": depth, "width": width, "kernel_size": kernel}
                entries = plan_of("fcn8s", input_shape=(40, 40, 3), **changed).entries
                assert entries["predictions"].cost.shape == (None, 40, 40, 21)
                assert entries["fc7"].cost.shape[-1] == 4096 * width
    with pytest.raises(UsageError, match="32, 16 or 8, got 4"):
        plan_of("fcn8s", columns={"stride": 4})


def test_logits_and_the_backbone_alone():
    assert entries_of("fcn32s", include_top=False)["features"].cost.shape[-1] == 512
    entries = entries_of("fcn32s", classifier_activation=None)
    assert entries["predictions"].config == {"activation": "linear", "dtype": "float32"}
