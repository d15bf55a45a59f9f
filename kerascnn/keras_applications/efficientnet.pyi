"""The types of keras.applications.efficientnet, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from typing import Any

from kerascnn.keras_applications import EfficientNetB0 as EfficientNetB0
from kerascnn.keras_applications import EfficientNetB1 as EfficientNetB1
from kerascnn.keras_applications import EfficientNetB2 as EfficientNetB2
from kerascnn.keras_applications import EfficientNetB3 as EfficientNetB3
from kerascnn.keras_applications import EfficientNetB4 as EfficientNetB4
from kerascnn.keras_applications import EfficientNetB5 as EfficientNetB5
from kerascnn.keras_applications import EfficientNetB6 as EfficientNetB6
from kerascnn.keras_applications import EfficientNetB7 as EfficientNetB7
from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions

def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
