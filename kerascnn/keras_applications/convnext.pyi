"""The types of keras.applications.convnext, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from typing import Any

from kerascnn.keras_applications import ConvNeXtBase as ConvNeXtBase
from kerascnn.keras_applications import ConvNeXtLarge as ConvNeXtLarge
from kerascnn.keras_applications import ConvNeXtSmall as ConvNeXtSmall
from kerascnn.keras_applications import ConvNeXtTiny as ConvNeXtTiny
from kerascnn.keras_applications import ConvNeXtXLarge as ConvNeXtXLarge
from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions

def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
