"""Networks whose answers NumPy knows: the pixels of a small grey image times a matrix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from kerascnn.imaging.preprocessing import Preprocessing

PIXELS = Preprocessing(size=(2, 2), fit="none", channels="grey")
NAMES = ("north", "east", "south", "west")
FACTORS = np.diag([3.0, 4.0, 5.0, 6.0]).astype("float32")


def direct_model(size: tuple[int, int], classes: int, activation: str | None = None) -> keras.Model:
    """Returns a model whose scores are the first pixels of its grey image."""
    pixels = size[0] * size[1]
    image = keras.Input((*size, 1), name="image")
    features = keras.layers.Reshape((pixels,), name="features")(image)
    dense = keras.layers.Dense(classes, activation=activation, use_bias=False, name="predictions")
    model = keras.Model(image, dense(features), name="direct")
    dense.set_weights([np.eye(pixels, classes, dtype="float32")])
    return model


def write_onnx(
    path: Path,
    *,
    factors: np.ndarray = FACTORS,
    softmax: bool = True,
    layout: str = "nhwc",
    dtype: str = "float32",
    **metadata: Any,
) -> Path:
    """Writes a network whose logits are the pixels of its grey 2 x 2 image times `factors`."""
    kinds = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "float16": 10}
    shape = ["batch", 2, 2, 1] if layout == "nhwc" else ["batch", 1, 2, 2]
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "scale"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits" if softmax else "predictions"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["predictions"], axis=-1))
    scale = np.float32(1 / 255 if dtype == "uint8" else 1)
    graph = helper.make_graph(
        nodes,
        "direct",
        [helper.make_tensor_value_info("image", kinds[dtype], shape)],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(scale, "scale"), numpy_helper.from_array(factors, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    described = {
        "class_names": NAMES,
        "preprocessing": PIXELS.to_json(),
        "input": {"layout": layout, "preprocessed": dtype != "uint8" and None},
        **metadata,
    }
    helper.set_model_props(model, {key: json.dumps(value) for key, value in described.items()})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def softmax(image: np.ndarray, factors: np.ndarray = FACTORS) -> np.ndarray:
    """Returns the file's answer to an image."""
    powers = np.exp((image.reshape(-1) / 255.0) @ factors.astype("float64"))
    return powers / powers.sum()
