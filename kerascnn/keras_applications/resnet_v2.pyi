"""The types of keras.applications.resnet_v2, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from typing import Any

from kerascnn.keras_applications import ResNet50V2 as ResNet50V2
from kerascnn.keras_applications import ResNet101V2 as ResNet101V2
from kerascnn.keras_applications import ResNet152V2 as ResNet152V2
from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions

def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
