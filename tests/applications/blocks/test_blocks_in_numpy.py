"""Every block kind against an independent NumPy forward pass, written from the papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from kerascnn import create_model
from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.applications.lenet import C3_TABLE
from support import seeded_weights
from support.reference import activations, convolution, lenet, normalization, pooling

TOLERANCE = 1e-5


def built(make: Callable[[Any], Any], shape: tuple[int, ...]) -> tuple[keras.Model, Any, Any]:
    """Returns a model of one block with seeded weights, these by name, and two seeded images."""
    image = keras.Input(shape)
    model = keras.Model(image, make(image))
    return model, seeded_weights.fill(model), seeded_weights.images("blocks", (2, *shape))


def assert_equal(got: Any, wanted: np.ndarray) -> None:
    got = np.asarray(got)
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=0, atol=TOLERANCE * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("kernel", "stride", "pad", "wanted_pad", "groups", "dilation"),
    [
        (3, 1, None, 1, 1, 1),
        (3, 2, None, 1, 1, 1),
        (3, 2, "same", ((0, 1), (1, 1)), 1, 1),  # 8 x 7: the odd zero on the far side
        (5, 2, 2, 2, 1, 1),
        (3, 1, 0, 0, 1, 1),
        (3, 1, -1, -1, 1, 1),
        (3, 2, (-1, 1), (-1, 1), 1, 1),
        ((1, 3), 1, (0, 1), (0, 1), 1, 1),
        (3, 1, None, 2, 1, 2),
        (3, 1, None, 1, 3, 1),
        (3, 2, 1, 1, 2, 1),
        (1, 2, 0, 0, 1, 1),
    ],
)
def test_convolution(
    kernel: Any, stride: int, pad: Any, wanted_pad: Any, groups: int, dilation: int
) -> None:
    model, w, x = built(
        lambda x: blocks.conv(
            x, 6, kernel, stride, name="c", pad=pad, groups=groups, dilation=dilation
        ),
        (8, 7, 6),
    )
    wanted = convolution.convolve(
        x, w["c/kernel"], w["c/bias"], stride=stride, pad=wanted_pad, groups=groups,
        dilation=dilation,
    )  # fmt: skip
    assert_equal(model(x), wanted)


@pytest.mark.parametrize(("kernel", "stride", "pad"), [(3, 1, None), (3, 2, None), (5, 2, "same")])
def test_depthwise(kernel: int, stride: int, pad: Any) -> None:
    model, w, x = built(
        lambda x: blocks.depthwise(x, kernel, stride, name="d", pad=pad, bias=True), (8, 7, 5)
    )
    border = convolution.same((8, 7), kernel, stride) if pad == "same" else kernel // 2
    wanted = convolution.depthwise(x, w["d/kernel"], w["d/bias"], stride=stride, pad=border)
    assert_equal(model(x), wanted)


def test_transposed_convolution() -> None:
    model, w, x = built(
        lambda x: blocks.layer(
            "Conv2DTranspose", x, "t", filters=3, kernel_size=4, strides=2, padding="same"
        ),
        (5, 4, 6),
    )
    whole = convolution.transposed(x, w["t/kernel"], w["t/bias"], stride=2)
    assert_equal(model(x), whole[:, 1:-1, 1:-1])


def test_dense_after_flatten_reads_row_by_row() -> None:
    model, w, x = built(lambda x: blocks.dense(blocks.flatten(x), 7, name="fc"), (3, 4, 5))
    kernel = w["fc/kernel"].reshape(3, 4, 5, 7).astype(np.float64)
    assert_equal(model(x), np.einsum("nhwc,hwcf->nf", x, kernel) + w["fc/bias"])


@pytest.mark.parametrize("scale", [True, False])
def test_batch_norm_at_inference(scale: bool) -> None:
    norm = Norm(epsilon=1e-3, scale=scale)
    model, w, x = built(lambda x: blocks.batch_norm(x, "bn", norm), (4, 5, 6))
    wanted = normalization.normalized(
        x, w["bn/moving_mean"], w["bn/moving_variance"], w.get("bn/gamma", 1.0), w["bn/beta"], 1e-3
    )
    assert_equal(model(x), wanted)


def test_one_training_step_of_batch_norm() -> None:
    norm = Norm(epsilon=1e-3, momentum=0.9)
    model, w, x = built(lambda x: blocks.batch_norm(x, "bn", norm), (4, 5, 6))
    mean, variance = normalization.batch_statistics(x)
    wanted = normalization.normalized(x, mean, variance, w["bn/gamma"], w["bn/beta"], 1e-3)
    assert_equal(model(x, training=True), wanted)
    bn = model.get_layer("bn")
    assert_equal(bn.moving_mean, normalization.moved(w["bn/moving_mean"], mean, 0.9))
    assert_equal(bn.moving_variance, normalization.moved(w["bn/moving_variance"], variance, 0.9))


@pytest.mark.parametrize(
    ("size", "stride", "pad", "border"),
    [
        (2, 2, 0, 0),
        (3, 2, 0, 0),
        (3, 2, 1, 1),
        (3, 1, 1, 1),
        (3, 2, "same", ((0, 1), (1, 1))),
    ],
)
def test_max_pooling(size: int, stride: int, pad: Any, border: Any) -> None:
    model, _, x = built(
        lambda x: blocks.max_pool(blocks.activation(x, "relu", "r"), size, stride, name="p",
                                  pad=pad),
        (8, 7, 3),
    )  # fmt: skip
    assert_equal(model(x), pooling.maximum(activations.relu(x), size, stride, border))


@pytest.mark.parametrize(
    ("size", "stride", "pad", "border"),
    [(2, 2, 0, 0), (3, 2, 0, 0), (3, 1, 1, 1), (3, 2, "same", ((0, 1), (1, 1)))],
)
def test_average_pooling(size: int, stride: int, pad: Any, border: Any) -> None:
    model, _, x = built(lambda x: blocks.avg_pool(x, size, stride, name="p", pad=pad), (8, 7, 3))
    assert_equal(model(x), pooling.average(x, size, stride, border))


@pytest.mark.parametrize("keepdims", [True, False])
def test_global_average_pooling(keepdims: bool) -> None:
    model, _, x = built(lambda x: blocks.global_avg_pool(x, "p", keepdims=keepdims), (5, 4, 3))
    wanted = pooling.everywhere(x)
    assert_equal(model(x), wanted[:, None, None] if keepdims else wanted)


@pytest.mark.parametrize("alpha", [1e-4, 1.0])
def test_local_response_normalization(alpha: float) -> None:
    model, _, x = built(lambda x: blocks.lrn(x, "n", alpha=alpha), (3, 4, 8))
    assert_equal(model(x), normalization.across_channels(x, 5, 2.0, alpha, 0.75))


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("relu", activations.relu),
        ("relu6", activations.relu6),
        ("sigmoid", activations.sigmoid),
        ("hard_sigmoid", activations.hard_sigmoid),
        ("hard_swish", activations.hard_swish),
        ("silu", activations.silu),
        ("gelu", activations.gelu),
        ("tanh", np.tanh),
        ("ScaledTanh", activations.scaled_tanh),
        ("softmax", activations.softmax),
    ],
)
def test_activation(kind: str, wanted: Callable[[np.ndarray], np.ndarray]) -> None:
    model, _, x = built(lambda x: blocks.activation(x, kind, "a"), (6, 6, 4))
    x = 5 * x  # reaches beyond both bends of the hard sigmoid and of ReLU6
    assert x.min() < -6
    assert x.max() > 6
    assert_equal(model(x), wanted(x))


def test_squeeze_excite() -> None:
    model, w, x = built(lambda x: blocks.squeeze_excite(x, 2, name="se"), (5, 4, 8))
    squeezed = pooling.everywhere(x)
    hidden = activations.relu(squeezed @ w["se_reduce/kernel"][0, 0] + w["se_reduce/bias"])
    gate = activations.sigmoid(hidden @ w["se_expand/kernel"][0, 0] + w["se_expand/bias"])
    assert_equal(model(x), x * gate[:, None, None])


def test_the_textbook_lenet5() -> None:
    model = create_model("lenet5")
    w = seeded_weights.fill(model)
    x = seeded_weights.images("lenet", (2, 32, 32, 1))
    assert_equal(model(x), lenet.textbook(x, w))


def test_the_lenet5_of_1998() -> None:
    model = create_model("lenet5_1998", classifier_activation=None)
    w = seeded_weights.fill(model)
    x = seeded_weights.images("lenet", (2, 32, 32, 1))
    codes = np.asarray(model.get_layer("rbf").codes)
    assert_equal(model(x), -lenet.paper(x, {**w, "rbf/codes": codes}, C3_TABLE))


@pytest.mark.parametrize("shape", [(110, 110), (109, 26), (13, 13), (7, 2), (None, None)])
@pytest.mark.parametrize("size", [2, 3])
def test_a_pool_may_hang_over_the_far_edge(shape, size):
    """Caffe's and PyTorch's ceil mode, whatever is known of the size."""
    image = keras.Input((*shape, 2))
    model = keras.Model(image, blocks.max_pool(image, size, 2, name="p", ceil=True))
    height, width = (9 if side is None else side for side in shape)
    x = np.random.default_rng(0).random((1, height, width, 2), dtype="float32")
    rows = [slice(2 * i, 2 * i + size) for i in range(-(-(height - size) // 2) + 1)]
    columns = [slice(2 * i, 2 * i + size) for i in range(-(-(width - size) // 2) + 1)]
    wanted = [[x[:, row, column].max((1, 2)) for column in columns] for row in rows]
    np.testing.assert_array_equal(np.asarray(model(x)), np.array(wanted).transpose(2, 0, 1, 3))
