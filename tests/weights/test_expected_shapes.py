"""What a plan expects of a file: the variables that Keras makes, with their shapes."""

from __future__ import annotations

import math

import keras

from kerascnn.applications import blocks
from kerascnn.applications.blocks import Norm
from kerascnn.models.costs import Plan
from kerascnn.weights.expected_shapes import expected
from support.plans import plan_of


def test_what_a_plan_expects_is_what_keras_makes() -> None:
    def network(x: blocks.Tensor) -> blocks.Tensor:
        x = blocks.conv_norm(x, 6, (3, 1), name="plain", norm=Norm(scale=False))
        x = blocks.conv(x, 4, 3, name="grouped", groups=2)
        x = blocks.depthwise(x, 3, name="deep")
        x = blocks.layer("Conv2DTranspose", x, "up", filters=5, kernel_size=4, strides=2)
        x = blocks.batch_norm(x, "norm", Norm(epsilon=1e-3))
        x = blocks.dropout(blocks.flatten(x), 0.5, "drop")
        x = blocks.dense(x, 7, name="fc1")
        return blocks.dense(x, 3, name="fc2")

    planned = Plan().image((4, 5, 2))
    network(planned)
    wanted = expected(planned.plan)
    image = keras.Input((4, 5, 2))
    model = keras.Model(image, network(image))
    built = {
        layer.name: {variable.name: tuple(variable.shape) for variable in layer.weights}
        for layer in model.layers
        if layer.weights and type(layer).__name__ != "Dropout"
    }
    assert {name: value.variables for name, value in wanted.items()} == built
    assert wanted["fc1"].flattened == (10, 12, 5)
    assert wanted["fc2"].flattened is None
    assert wanted["plain_bn"].normalizes == "plain"
    assert wanted["norm"].normalizes == "up"
    assert wanted["norm"].epsilon == 1e-3


def test_lenet5_of_1998() -> None:
    """60,000 trainable parameters (LeCun 1998, II.B), and the 84 x 10 codes that are fixed."""
    wanted = expected(plan_of("lenet5_1998"))
    sizes = [math.prod(shape) for item in wanted.values() for shape in item.variables.values()]
    assert sum(sizes) == 60_000 + 84 * 10
