"""The types of keras.applications.mobilenet, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from typing import Any

from kerascnn.keras_applications import MobileNet as MobileNet
from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions

def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
