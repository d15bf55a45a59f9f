"""Names of inputs, outputs and metadata in exported files."""

from __future__ import annotations

LITERT_METADATA = "kerascnn.json"


INPUT = "image"


OUTPUT = "predictions"


OPENVINO_MODEL = "model.xml"


SAVEDMODEL_METADATA = "assets.extra/kerascnn.json"


SIGNATURE = "serving_default"
