"""The types of keras.applications.efficientnet_v2, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from typing import Any

from kerascnn.keras_applications import EfficientNetV2B0 as EfficientNetV2B0
from kerascnn.keras_applications import EfficientNetV2B1 as EfficientNetV2B1
from kerascnn.keras_applications import EfficientNetV2B2 as EfficientNetV2B2
from kerascnn.keras_applications import EfficientNetV2B3 as EfficientNetV2B3
from kerascnn.keras_applications import EfficientNetV2L as EfficientNetV2L
from kerascnn.keras_applications import EfficientNetV2M as EfficientNetV2M
from kerascnn.keras_applications import EfficientNetV2S as EfficientNetV2S
from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions

def preprocess_input(x: Any, data_format: str | None = None) -> Any: ...
