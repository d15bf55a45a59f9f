"""What holds for every row of the registry, against tests/support/reference/architectures.csv.

The figures are the papers' and other libraries'; the file's last column says where each is from.
"""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.models.costs import FixedSizeError
from kerascnn.models.planning import minimum_size, plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.weights.expected_shapes import expected
from support.network_checks import FIGURES, check_figures

NAMES = list_models()
FIRST_OF_FAMILY = list({model_info(name).family: name for name in reversed(NAMES)}.values())
# One row of every family, the smallest to build; all the others are marked long.
SMALL = [
    "alexnet_owt", "alphago_policy", "convnet", "densenet_bc100_12", "efficientnet_b0", "fcn32s",
    "googlenet", "inception_v3", "lenet5", "lenet5_1998", "mobilenet_v2", "mobilenet_v3_small",
    "nasnet_mobile", "resnet18", "resnet20_cifar", "resnet50_v2", "resnext50_32x4d", "se_resnet18",
    "shufflenet_v1_g3", "shufflenet_v2_x0_5", "vgg11_bn", "wrn16_8", "zfnet",
]  # fmt: skip


def rows(names=NAMES):
    """Every name as a parameter, those that are not in SMALL marked long."""
    return [name if name in SMALL else pytest.param(name, marks=pytest.mark.long) for name in names]


def least_shape(variant, request=None):
    """The smallest square input of a row, its channels kept."""
    side = minimum_size(variant, request or Request())
    return (side, side, variant.input_shape[2])


def test_the_registry_and_the_table_of_figures_have_the_same_rows():
    assert set(NAMES) == set(FIGURES)
    assert {model_info(name).family for name in SMALL} == {
        model_info(name).family for name in NAMES
    }


@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_macs_are_those_of_the_table(name):
    check_figures(name)


@pytest.mark.parametrize("name", rows())
def test_the_built_model_is_the_planned_one(name):
    """Layer by layer, the arithmetic's shapes and weights are those that Keras makes."""
    variant = model_info(name)
    model = variant()
    ledger = plan(variant, Request())
    built = {layer.name: layer for layer in model.layers}
    assert [*built] == ["image", *ledger.entries] or set(built) == {"image", *ledger.entries}
    for layer, entry in ledger.entries.items():
        weights = [weight for weight in built[layer].weights if "seed_generator" not in weight.path]
        trainable = sum(int(np.prod(w.shape)) for w in weights if w.trainable)
        fixed = sum(int(np.prod(w.shape)) for w in weights if not w.trainable)
        assert tuple(built[layer].output.shape) == entry.cost.shape, layer
        assert (trainable, fixed) == (entry.cost.trainable, entry.cost.fixed), layer
    wanted = {name: layer.variables for name, layer in expected(ledger).items()}
    assert wanted == {
        layer.name: {variable.name: tuple(variable.shape) for variable in layer.weights}
        for layer in model.layers
        if any("seed_generator" not in variable.path for variable in layer.weights)
    }
    assert model.name == name
    assert {"image", "features", "predictions"} <= set(built)
    assert model.get_layer("predictions").output.dtype == "float32"
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_image_is_the_smallest(name):
    variant = model_info(name)
    side, _, channels = least_shape(variant)
    plan(variant, Request(input_shape=(side, side, channels)))
    if side > 1:
        with pytest.raises(KerasCNNError, match=f"at least {side} x {side} pixels"):
            plan(variant, Request(input_shape=(side - 1, side - 1, channels)))


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("name", FIRST_OF_FAMILY)
def test_any_number_of_channels(name, channels):
    variant = model_info(name)
    height, width, _ = variant.input_shape
    ledger = plan(variant, Request(input_shape=(height, width, channels)))
    assert ledger.trainable > 0


@pytest.mark.parametrize("kernel", [None, 3, 5, 7])
@pytest.mark.parametrize("width", [0.25, 1, 2])
@pytest.mark.parametrize("depth", [0.5, 1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_every_depth_width_and_kernel(name, depth, width, kernel):
    """A request is planned, or refused with the reason; more is never fewer parameters."""
    variant = model_info(name)
    request = Request(depth=depth, width=width, kernel_size=kernel)
    try:
        ledger = plan(variant, request)
    except UsageError as error:
        reason = str(error)
        ledger = None
    if ledger is None:
        assert len(reason) > 40
        assert name == "lenet5_1998" or kernel is not None, reason
        return
    if kernel is None:
        ratio = ledger.trainable / variant.params
        assert (width < 1, width > 1)[0] <= (ratio < 1)
        if width == 1 and depth == 1:
            assert ratio == 1
        if width >= 1 and depth >= 1 and (width, depth) != (1, 1):
            assert ratio >= 1


@pytest.mark.parametrize("name", rows())
def test_every_trainable_variable_gets_a_gradient(name):
    """Finite and not zero everywhere: nothing is cut off, nothing is dead from the start."""
    import tensorflow as tf

    variant = model_info(name)
    keras.utils.set_random_seed(1)
    # Narrow, with images small enough to be quick and large enough for statistics.
    request = Request() if name == "lenet5_1998" else Request(width=0.25)
    side = max(least_shape(variant, request)[0], min(variant.input_shape[0], 64))
    shape = (side, side, variant.input_shape[2])
    classes = None if name == "alphago_policy" else 7  # the points of a board cannot be chosen
    model = variant(input_shape=shape, width=request.width, classes=classes)
    generator = np.random.default_rng(0)
    images = generator.normal(size=(4, *model.input_shape[1:])).astype("float32")
    with tf.GradientTape() as tape:
        scores = model(images, training=True)
        target = generator.integers(0, scores.shape[-1], scores.shape[:-1])
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(target, scores))
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    for variable, gradient in zip(model.trainable_variables, gradients, strict=True):
        assert gradient is not None, variable.path
        values = np.asarray(gradient)
        assert np.isfinite(values).all(), variable.path
        assert np.abs(values).max() > 0, variable.path


@pytest.mark.parametrize("name", rows())
def test_saved_and_loaded_rows_are_equal(name, tmp_path):
    variant = model_info(name)
    request = Request() if name == "lenet5_1998" else Request(width=0.25)
    model = variant(input_shape=least_shape(variant, request), width=request.width)
    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.models.load_model(path)
    # Not `variables`: a file does not hold the state of a dropout's random numbers.
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    x = np.random.default_rng(0).normal(size=(2, *model.input_shape[1:])).astype("float32")
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(loaded(x)))


def test_a_very_deep_network_is_planned_in_linear_time():
    """ResNet-1082 takes ten times the function calls of ResNet-110: counted, since times vary."""
    import cProfile
    import pstats

    def calls(depth):
        profile = cProfile.Profile()
        profile.runcall(plan, model_info("resnet110_cifar"), Request(depth=depth))
        return pstats.Stats(profile).total_calls

    assert calls(10) < 10 * calls(1)


@pytest.mark.parametrize("name", ["resnet18", "vgg11_bn"])
def test_without_the_top_the_features_are_the_output(name):
    model = kerascnn.create_model(name, include_top=False, width=0.25, input_shape=(64, 64, 3))
    assert model.output is model.get_layer("features").output


@pytest.mark.parametrize("name", NAMES)
def test_pooled_features_of_every_row(name):
    variant = model_info(name)
    features = plan(variant, Request(include_top=False)).entries["features"]
    _, height, width, channels = features.cost.shape
    for pooling, count in (
        ("avg", channels),
        ("max", channels),
        ("flatten", height * width * channels),
    ):
        entries = plan(variant, Request(include_top=False, pooling=pooling)).entries
        assert [*entries][-2:] == ["features", "pool"]
        assert entries["pool"].cost.shape == (None, count)


@pytest.mark.parametrize("name", NAMES)
def test_open_sizes_wherever_the_head_allows(name):
    variant = model_info(name)
    features = Request(input_shape=(None, None, variant.input_shape[2]), include_top=False)
    assert plan(variant, features).trainable > 0
    whole = replace(features, include_top=True)
    if variant.family in ("alexnet", "alphago", "convnet", "lenet", "vgg", "zfnet"):
        # Fully connected layers over the whole map, or a bias for each of its points.
        with pytest.raises(FixedSizeError, match=r"needs? .*height and width"):
            plan(variant, whole)
    else:
        assert plan(variant, whole).trainable == variant.params
