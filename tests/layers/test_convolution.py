"""GroupedConv2D against keras.layers.Conv2D(groups=…) and a convolution in NumPy."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.layers import GroupedConv2D
from kerascnn.layers import convolution as module
from support.processes import run_python
from support.reference.convolution import convolve, same

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(2, 7, 8, 12)).astype("float32")


def numpys(x, kernel, config):
    """The same convolution, window by window in float64."""
    stride, dilation = config.get("strides", 1), config.get("dilation_rate", 1)
    reach = 2 * dilation + 1
    pad = 0 if config["padding"] == "valid" else same(x.shape[1:3], reach, stride)
    return convolve(x, kernel, stride=stride, dilation=dilation, groups=config["groups"], pad=pad)


def run(layer, x, weights):
    """Returns the output, and the gradients of its weighted sum by input and kernel."""
    x = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = tf.reduce_sum(y * weights(y.shape))
    return [np.asarray(array) for array in (y, *tape.gradient(loss, [x, layer.kernel.value]))]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("more", [{}, {"strides": 2}, {"dilation_rate": 2}])
def test_values_and_gradients(more, padding, groups, split, monkeypatch):
    monkeypatch.setattr(module, "plain_operator_trains", lambda dtype: not split)
    config = {"filters": 8, "kernel_size": 3, "padding": padding, "groups": groups, **more}
    config["use_bias"] = False
    draw = np.random.default_rng(1)
    weight = {}

    def weights(shape):
        return weight.setdefault("w", draw.normal(size=shape).astype("float32"))

    ours, stock = GroupedConv2D(**config), keras.layers.Conv2D(**config)
    for layer in (ours, stock):
        layer.build(X.shape)
    kernel = draw.normal(size=(3, 3, 12 // groups, 8)).astype("float32")
    ours.kernel.assign(kernel)
    stock.kernel.assign(kernel)
    y, by_input, by_kernel = run(ours, X, weights)
    for got, wanted in zip((y, by_input, by_kernel), run(stock, X, weights), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-6 * np.abs(wanted).max())
    wanted = numpys(X, kernel, config)
    np.testing.assert_allclose(y, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())
    # The convolution is linear in the input and in the kernel: what a step along a direction
    # changes is the convolution of that direction.
    for _ in range(3):
        step = draw.normal(size=X.shape)
        change = (weight["w"] * numpys(step, kernel, config)).sum()
        assert (by_input * step).sum() == pytest.approx(change, rel=1e-4, abs=1e-3)
        step = draw.normal(size=kernel.shape)
        change = (weight["w"] * numpys(X, step, config)).sum()
        assert (by_kernel * step).sum() == pytest.approx(change, rel=1e-4, abs=1e-3)


def test_bias_activation_and_saving(tmp_path):
    image = keras.Input((None, None, 12))
    built = GroupedConv2D(6, (1, 3), groups=3, padding="same", activation="relu", name="g")(image)
    model = keras.Model(image, built)
    model.get_layer("g").bias.assign(np.linspace(-1, 1, 6))
    kernel, bias = (np.asarray(variable) for variable in model.get_layer("g").weights)
    wanted = np.maximum(convolve(X, kernel, bias, groups=3, pad=(0, 1)), 0)
    np.testing.assert_allclose(model(X), wanted, rtol=0, atol=1e-6 * wanted.max())
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded.get_layer("g"), GroupedConv2D)
    np.testing.assert_array_equal(loaded(X), model(X))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_a_step_under_mixed_policies_is_near_that_in_float32(policy):
    steps = []
    for dtype in ("float32", policy):
        keras.utils.set_random_seed(0)  # a processor without float16 of its own convolves in parts
        layer = GroupedConv2D(8, 3, groups=4, padding="same", dtype=dtype)
        layer.build(X.shape)
        with tf.GradientTape() as tape:
            y = tf.cast(layer(X), tf.float32)
            loss = tf.reduce_mean(y * y)
        steps.append((y, tape.gradient(loss, layer.kernel.value)))
    for got, wanted in zip(steps[1], steps[0], strict=True):
        wanted = np.asarray(wanted)
        np.testing.assert_allclose(got, wanted, rtol=0, atol=2e-2 * np.abs(wanted).max())


def test_without_onednn_the_groups_are_convolved_one_by_one():
    """TensorFlow's own kernels have no gradient for groups on a CPU; ours trains all the same.

    Nor can they fuse a bias into a grouped convolution, which fails in a graph only.
    """
    code = (
        "import numpy as np, tensorflow as tf, keras\n"
        "from kerascnn.layers import GroupedConv2D, convolution\n"
        "model = keras.Sequential([keras.Input((6, 6, 8)), GroupedConv2D(4, 3, groups=4),\n"
        "                          keras.layers.GlobalAveragePooling2D()])\n"
        "model.compile('sgd', 'mse')\n"
        "x = np.ones((4, 6, 6, 8), 'float32')\n"
        "losses = [model.train_on_batch(x, np.full((4, 4), 2.0)) for _ in range(5)]\n"
        "print(convolution.plain_operator_trains('float32'), losses[-1] < losses[0])\n"
    )
    done = run_python("-c", code, TF_ENABLE_ONEDNN_OPTS="0", TF_CPP_MIN_LOG_LEVEL="3")
    assert done.stdout.split() == ["False", "True"], done.stderr[-2000:]
