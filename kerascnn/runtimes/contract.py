"""Names of the inputs, outputs and files that every export of kerascnn has."""

from __future__ import annotations

INPUT = "image"
OUTPUT = "predictions"
SIGNATURE = "serving_default"
"""The signature of SavedModel and LiteRT files that takes `INPUT` and returns `OUTPUT`."""
OPENVINO_MODEL = "model.xml"
ADAPTS = "preprocessing_adapts"
"""Key of the metadata: true if the preprocessing is adapted to the size of the images."""
LITERT_METADATA = "kerascnn.json"
"""Name of the metadata in the zip archive that follows the model in a LiteRT file."""
SAVEDMODEL_METADATA = "assets.extra/kerascnn.json"
