"""The types of keras.applications.resnet, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from typing import Any

from kerascnn.keras_applications import ResNet50 as ResNet50
from kerascnn.keras_applications import ResNet101 as ResNet101
from kerascnn.keras_applications import ResNet152 as ResNet152
from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions

def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
