"""ONNX files, measured through onnxruntime without our own code."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import pytest

from kerascnn.errors import KerasCNNError, MismatchError
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import format
from kerascnn.exporting.onnx.writer import first_without_rule
from support.exports import (
    little_inputs,
    little_network,
    small_of_family,
)
from support.onnx_graphs import session_of


@pytest.mark.parametrize("count", [1, 2, 5])
def test_onnx_answers_as_keras(exported, count):
    model, out = exported
    (got,) = session_of(out / "model.onnx").run(None, {"image": little_inputs(count)})
    wanted = model.predict(little_inputs(count), verbose=0)
    assert (got.dtype, got.shape) == (np.float32, (count, 7))
    assert np.ptp(wanted) > 0.05, "the test model decides nothing"
    assert np.abs(got - wanted).max() < 1e-6


def test_the_names_and_dimensions_of_the_onnx_file(exported):
    session = session_of(exported[1] / "model.onnx")
    (image,), (predictions,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == (
        "image",
        "tensor(float)",
        ["batch", 24, 24, 3],
    )
    assert (predictions.name, predictions.shape) == ("predictions", ["batch", 7])


def test_the_onnx_graph_is_clean(exported):
    model = onnx.load(exported[1] / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    kinds = [node.op_type for node in model.graph.node]
    # Batch norm is folded into the first convolution, the only transpose is the input's, LRN is
    # the operator, the grouped convolution is native, dropout is gone.
    assert [kinds.count(kind) for kind in ("Transpose", "Conv", "LRN")] == [1, 3, 1]
    assert not {"BatchNormalization", "Mul", "Dropout", "Split"} & set(kinds)
    groups = [
        attribute.i
        for node in model.graph.node
        for attribute in node.attribute
        if node.op_type == "Conv" and attribute.name == "group"
    ]
    assert groups == [1, 4, 1]


def test_too_large_for_one_onnx_file(tmp_path, monkeypatch):
    monkeypatch.setattr("kerascnn.exporting.common.network._LARGEST_WEIGHTS", 80_000)
    with pytest.raises(MismatchError, match="one ONNX file holds less"):
        export(little_network(), tmp_path / "out")


layers = keras.layers


def test_models_of_other_layers_go_through_tf2onnx(tmp_path):
    class Doubling(layers.Layer):
        def call(self, x):
            return 2 * x

    image = keras.Input((8, 8, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(Doubling()(image)))
    model = keras.Model(image, x)
    assert "Doubling" in (first_without_rule(model) or "")
    (report,) = export(model, tmp_path / "out", ["onnx"])
    assert report.relative < 1e-5
    with pytest.raises(KerasCNNError, match="opset 21 needs layers that kerascnn writes itself"):
        export(model, tmp_path / "two", ["onnx"], options=ExportOptions(opset=21))


def test_names_in_the_file_are_the_layers(tmp_path):
    proto = format.convert(prepare(small_of_family("resnet")), ExportOptions())
    names = {node.name for node in proto.graph.node}
    assert {"conv1", "predictions"} & names
    assert "conv1.weight" in {entry.name for entry in proto.graph.initializer}
