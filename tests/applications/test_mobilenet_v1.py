"""MobileNet v1 against Tables 1, 6 and 7 of its paper."""

from __future__ import annotations

import pytest

from support.plans import entries_of, plan_of, squares

# Howard 2017, Table 1: input sizes of the depthwise convolutions; the last line's stride of 2 is a
# slip, for its output is the 7x7 of the line below.
V1_DEPTHWISE = (
    "112x32 112x64 56x128 56x128 28x256 28x256 14x512 14x512 14x512 14x512 14x512 14x512 7x1024"
)


def test_v1_sizes_are_those_of_table_1():
    entries = entries_of("mobilenet_v1")
    depthwise = [entry for layer, entry in entries.items() if layer.endswith("_dw")]
    before = [entries["conv1_act"].cost.shape[1:]]
    before += [entry.cost.shape[1:] for layer, entry in entries.items() if layer.endswith("pw_act")]
    assert before[:-1] == squares(V1_DEPTHWISE)
    assert before[-1] == (7, 7, 1024)
    strides = [entry.config["strides"] for entry in depthwise]
    assert strides == [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]


@pytest.mark.parametrize(
    ("width", "side", "macs", "params"),
    [
        (1.0, 224, 569, 4.2), (0.75, 224, 325, 2.6), (0.5, 224, 149, 1.3), (0.25, 224, 41, 0.5),
        (1.0, 192, 418, 4.2), (1.0, 160, 290, 4.2), (1.0, 128, 186, 4.2),
    ],
)  # fmt: skip
def test_v1_costs_are_those_of_tables_6_and_7(width, side, macs, params):
    costs = plan_of("mobilenet_v1", width=width, input_shape=(side, side, 3))
    assert costs.macs == pytest.approx(macs * 1e6, rel=0.01)
    assert round(costs.trainable / 1e6, 1) == params
