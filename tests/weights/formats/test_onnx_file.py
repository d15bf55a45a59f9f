"""Our reader of ONNX files beside the official library."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from kerascnn.errors import UnsafeFileError
from kerascnn.weights.formats.checkpoint import open_checkpoint
from support.weight_files.reading import tensors_of


def onnx_model(tensors: list[onnx.TensorProto]) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("x", 1, [1])]
    nodes = [helper.make_node("Identity", ["x"], ["y"])] * 100
    outputs = [helper.make_tensor_value_info("y", 1, [1])]
    return helper.make_model(helper.make_graph(nodes, "g", inputs, outputs, tensors))


def test_onnx_beside_the_official_library(tmp_path: Path) -> None:
    arrays = {
        kind: np.arange(6).astype(kind).reshape(3, 2) for kind in ("f2", "f4", "f8", "i4", "i8")
    }
    arrays["scalar"], arrays["long/name.weight"] = np.array(2.5), np.ones(100_000, "f4")
    tensors = [numpy_helper.from_array(values, name) for name, values in arrays.items()]
    tensors.append(helper.make_tensor("listed", onnx.TensorProto.FLOAT, [2, 2], [1.0, 2, 3, 4]))
    tensors.append(helper.make_tensor("doubles", onnx.TensorProto.DOUBLE, [2], [1.0, 2]))
    half = helper.make_tensor("bf", onnx.TensorProto.BFLOAT16, [2], b"\x80\x3f\x00\x40", raw=True)
    tensors.append(half)
    tensors.append(helper.make_tensor("shape", onnx.TensorProto.INT64, [2], [3, 4]))
    onnx.save(onnx_model(tensors), tmp_path / "x.onnx")
    with open_checkpoint(tmp_path / "x.onnx") as checkpoint:
        assert list(checkpoint.tensors) == [tensor.name for tensor in tensors]
        with pytest.raises(UnsafeFileError, match="number by number"):
            checkpoint.raw("shape")
        for name, values in arrays.items():
            np.testing.assert_array_equal(checkpoint.raw(name), values)
        np.testing.assert_array_equal(checkpoint.raw("listed"), [[1, 2], [3, 4]])
        np.testing.assert_array_equal(checkpoint.raw("doubles"), [1, 2])
        assert checkpoint.raw("bf").view(ml_dtypes.bfloat16).tolist() == [1, 2]


def test_onnx_with_its_tensors_elsewhere(tmp_path: Path) -> None:
    model = onnx_model([numpy_helper.from_array(np.ones(5000, "f4"), "w")])
    onnx.save(model, tmp_path / "x.onnx", save_as_external_data=True, location="w.bin")
    with pytest.raises(UnsafeFileError, match="another file"):
        tensors_of(tmp_path / "x.onnx")
