"""The types of keras.applications.densenet, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from typing import Any

from kerascnn.keras_applications import DenseNet121 as DenseNet121
from kerascnn.keras_applications import DenseNet169 as DenseNet169
from kerascnn.keras_applications import DenseNet201 as DenseNet201
from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions

def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
