"""What an artifact says of its model, in both formats alike."""

from __future__ import annotations

import json

import keras
import onnxruntime
import tensorflow as tf

from kerascnn.imaging.preprocessing import Preprocessing
from support.exports import LITTLE_NAMES, LITTLE_PREPROCESSING
from support.onnx_graphs import session_of


def test_metadata_travels_with_both(exported):
    _, out = exported
    properties = session_of(out / "model.onnx").get_modelmeta().custom_metadata_map
    in_file = {key: json.loads(value) for key, value in properties.items()}
    beside = json.loads((out / "savedmodel" / "assets.extra" / "kerascnn.json").read_text("utf-8"))
    assert in_file["input"].pop("layout") == "nhwc"
    assert in_file == beside
    assert in_file["class_names"] == LITTLE_NAMES
    assert Preprocessing.from_json(in_file["preprocessing"]) == LITTLE_PREPROCESSING
    assert in_file["model"] == {"name": "little", "arguments": {}}
    assert in_file["versions"]["tensorflow"] == tf.__version__
    assert in_file["versions"]["keras"] == keras.__version__
    assert in_file["versions"]["onnxruntime"] == onnxruntime.__version__
