"""Costs and receptive fields against hand-made arithmetic."""

from __future__ import annotations

import keras
import pytest

import kerascnn
from kerascnn.errors import UsageError


def test_lenet_as_the_lecture_counts_it():
    summary = kerascnn.summarize("lenet5")
    layers = {layer.name: layer for layer in summary.layers}
    assert (summary.params, summary.macs, summary.fixed) == (61_706, 416_520, 0)
    assert layers["c3"].macs == 10 * 10 * 16 * 5 * 5 * 6
    # 5; 5 + 1; 6 + 4 * 2; 14 + 2; 16 + 4 * 4: C5 sees the whole image.
    sees = [layers[name].receptive_field for name in ("c1", "s2", "c3", "s4", "c5")]
    assert sees == [(5, 5), (6, 6), (14, 14), (16, 16), (32, 32)]
    assert layers["f6"].receptive_field is None
    outputs = 28 * 28 * 6 + 14 * 14 * 6 + 10 * 10 * 16 + 5 * 5 * 16 + 120 * 3 + 84 + 10
    assert summary.activation_bytes == 4 * outputs


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
def test_a_built_model_costs_what_its_plan_says(name):
    planned, built = kerascnn.summarize(name), kerascnn.summarize(kerascnn.create_model(name))
    assert built.layers == planned.layers
    assert (built.params, built.fixed, built.macs) == (planned.params, planned.fixed, planned.macs)


def test_any_functional_model_and_an_open_size():
    image = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, dilation_rate=1)(image)
    a = keras.layers.DepthwiseConv2D(5, padding="same")(x)
    b = keras.layers.Conv2DTranspose(8, 4, strides=2, padding="same", name="up")(x)
    a = keras.layers.UpSampling2D(2)(a)  # not a layer of ours: it costs nothing
    x = keras.layers.Add()([a, b])
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))
    summary = kerascnn.summarize(model)
    assert summary.params == model.count_params()
    assert summary.macs is None
    assert "multiply-accumulates for one image open" in summary.table()


def test_a_layer_used_twice_is_refused():
    image = keras.Input((8, 8, 3))
    twice = keras.layers.Conv2D(3, 3, padding="same")
    with pytest.raises(UsageError, match="called once"):
        kerascnn.summarize(keras.Model(image, twice(twice(image))))


def test_the_table_prints_every_layer_and_the_totals():
    text = kerascnn.summarize("lenet5").table()
    assert "c5           Conv2D             1 x 1 x 120      48,120   48,000  32 x 32" in text
    assert text.endswith("activations of one image 0.0 MB")
