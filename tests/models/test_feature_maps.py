"""Multi-scale maps of networks of every kind."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.models.feature_maps import Level, pyramid

# Channels at strides 2, 4, 8, 16 and 32, as timm's feature_info has them.
TIMM = {
    "resnet18": (64, 64, 128, 256, 512),
    "resnet50_v1_5": (64, 256, 512, 1024, 2048),
    "vgg16": (128, 256, 512, 512, 512),
    "inception_v3": (64, 192, 288, 768, 2048),
}


def backbone(name, size=64, **arguments):
    shape = size if isinstance(size, tuple) else (size, size, 3)
    return kerascnn.create_model(name, include_top=False, input_shape=shape, **arguments)


@pytest.mark.parametrize("name", TIMM)
def test_channels_are_those_of_timm(name):
    model = backbone(name, 96)
    pyramid_of_maps = pyramid(model)
    assert tuple(pyramid_of_maps[stride].channels for stride in (2, 4, 8, 16, 32)) == TIMM[name]


def test_a_level_is_the_end_of_its_stage():
    levels = kerascnn.features(backbone("resnet50", width=0.25)).levels
    assert [level.layer for level in levels] == [
        "conv2_3_out", "conv3_4_out", "conv4_6_out", "features",
    ]  # fmt: skip
    assert levels[0] == Level(stride=4, channels=64, layer="conv2_3_out")


def test_the_maps_are_the_models_own():
    model = backbone("resnet18", 64, width=0.25)
    tapped = kerascnn.features(model, levels=(8, 32))
    x = np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32")
    fine, coarse = tapped(x)
    assert (fine.shape, coarse.shape) == ((2, 8, 8, 32), (2, 2, 2, 128))
    np.testing.assert_array_equal(np.asarray(coarse), np.asarray(model(x)))
    assert tapped.get_layer("conv1") is model.get_layer("conv1")


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet18", (None, None, 3)),
        ("densenet121", 64),
        ("mobilenet_v2", (None, None, 3)),
        ("shufflenet_v1_g3", 64),
    ],
)
def test_strides_are_those_that_images_show(name, size):
    tapped = kerascnn.features(backbone(name, size, width=0.25))
    small = tapped(np.zeros((1, 64, 64, 3), "float32"))
    for level, array in zip(tapped.levels, small, strict=True):
        assert array.shape[1:] == (64 // level.stride, 64 // level.stride, level.channels)
    assert [level.stride for level in tapped.levels] == [4, 8, 16, 32]


def test_sizes_need_not_be_multiples_of_the_strides():
    model = backbone("alexnet", 227, width=0.25)
    tapped = kerascnn.features(model)
    assert [(level.stride, level.layer) for level in tapped.levels] == [
        (4, "norm1"), (8, "norm2"), (16, "conv5"), (32, "features"),
    ]  # fmt: skip
    assert [output.shape[1] for output in tapped.outputs] == [55, 27, 13, 6]


def test_auxiliary_heads_and_the_classifier_are_left_aside():
    model = kerascnn.create_model("googlenet", auxiliary=True, input_shape=(96, 96, 3), width=0.25)
    levels = kerascnn.features(model).levels
    # Table 1 at a quarter of the width; the last layers at 4, 8 and 16 before the pools.
    assert [(level.layer, level.channels) for level in levels] == [
        ("norm2", 48), ("inception_3b", 120), ("inception_4e", 208), ("features", 256),
    ]  # fmt: skip


def test_gates_and_padding_are_no_maps():
    pyramid_of_maps = pyramid(backbone("se_resnet50", width=0.25))
    assert [pyramid_of_maps[stride].layer for stride in (4, 8, 16)] == [
        "conv2_3_out", "conv3_4_out", "conv4_6_out",
    ]  # fmt: skip
    assert set(pyramid_of_maps) == {2, 4, 8, 16, 32}


def overlapping():
    """Each stage reads the two maps before it, as NASNet's cells do; the first image is reused."""
    image = x = before = keras.Input((32, 32, 3))
    for stage in range(3):
        now = keras.layers.Conv2D(4, 3, strides=2, padding="same", name=f"down{stage}")(x)
        skip = keras.layers.AveragePooling2D(2 if before is x else 4, name=f"skip{stage}")(before)
        joined = keras.layers.Concatenate(name=f"join{stage}")([now, skip])
        x, before = joined, x
    return keras.Model(image, x)


def test_where_paths_overlap_the_last_join_counts():
    assert {stride: level.layer for stride, level in pyramid(overlapping()).items()} == {
        2: "join0", 4: "join1", 8: "join2",
    }  # fmt: skip


def test_layers_that_no_table_knows():
    image = keras.Input((None, None, 3))
    x = keras.layers.SeparableConv2D(5, 3, strides=2, name="separable")(image)
    x = keras.layers.Conv2D(6, 5, strides=4, dilation_rate=1, name="far")(x)
    x = keras.layers.UpSampling2D(4, name="up")(x)
    pyramid_of_maps = pyramid(keras.Model(image, x))
    assert pyramid_of_maps == {2: Level(2, 6, "up"), 8: Level(8, 6, "far")}


def test_a_fixed_reshape_keeps_the_stride():
    image = keras.Input((16, 16, 4))
    x = keras.layers.Conv2D(6, 3, strides=2, padding="same")(image)
    x = keras.layers.Reshape((8, 8, 2, 3))(x)
    x = keras.layers.Permute((1, 2, 4, 3))(x)
    x = keras.layers.Reshape((8, 8, 6), name="shuffled")(x)
    assert pyramid(keras.Model(image, x)) == {2: Level(2, 6, "shuffled")}


def test_a_stride_that_is_not_there():
    model = backbone("resnet20_cifar", 32)
    with pytest.raises(UsageError, match=r"no map of stride 8, 16; its strides are: 1, 2, 4"):
        kerascnn.features(model, levels=(4, 8, 16))
    with pytest.raises(UsageError, match="none was given"):
        kerascnn.features(model, levels=())


def test_models_inside_models_are_refused():
    image = keras.Input((32, 32, 3))
    nested = keras.Model(image, backbone("lenet5", (32, 32, 3))(image))
    with pytest.raises(UsageError, match="without nested models"):
        kerascnn.features(nested)


def test_a_loaded_model_has_the_same_levels(tmp_path):
    model = backbone("resnet18", width=0.25)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert kerascnn.features(loaded).levels == kerascnn.features(model).levels
