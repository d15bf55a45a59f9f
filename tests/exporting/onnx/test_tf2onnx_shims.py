"""The shim around tf2onnx is needed as long as tf2onnx copies its graphs."""

from __future__ import annotations

import contextlib

from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.onnx import format
from support.exports import little_network


def test_the_copies_of_tf2onnx_are_still_made_and_still_avoided(monkeypatch):
    import tf2onnx.optimizer as optimizer

    copied = []
    deepcopy = optimizer.copy.deepcopy

    def counted(what):
        copied.append(type(what).__name__)
        return deepcopy(what)

    monkeypatch.setattr(optimizer.copy, "deepcopy", counted)
    ready = prepare(little_network())
    converted = format._through_tf2onnx(ready, ExportOptions())
    assert "Graph" not in copied
    monkeypatch.setattr(format, "optimise_in_place", contextlib.nullcontext)
    plain = format._through_tf2onnx(ready, ExportOptions())
    assert "Graph" in copied, "tf2onnx copies nothing any more: drop the shim"
    assert [n.op_type for n in plain.graph.node] == [n.op_type for n in converted.graph.node]
