"""Every row of the registry is written as ONNX by kerascnn itself; tf2onnx is for foreign layers.

One row of every family is asked the same, and for its answers, in test_writer.py.
"""

from __future__ import annotations

import collections

import keras
import pytest

import kerascnn
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.onnx.writer import first_without_rule, write_graph


@pytest.mark.long
@pytest.mark.parametrize("name", kerascnn.list_models())
def test_no_row_needs_tf2onnx(name):
    """The graph is written and not only looked up: a rule may refuse a layer's arguments."""
    keras.backend.clear_session()
    model = kerascnn.create_model(name, **({} if name == "lenet5_1998" else {"width": 0.25}))
    assert first_without_rule(model) is None
    maps = len(prepare(model).model.outputs[0].shape) == 4  # FCN's are turned back
    for layout, most in (("nhwc", 1 + maps), ("nchw", 0)):
        graph = write_graph(prepare(model), 17, layout).graph
        assert collections.Counter(node.op_type for node in graph.node)["Transpose"] == most
