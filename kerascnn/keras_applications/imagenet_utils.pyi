"""The types of keras.applications.imagenet_utils, for editors and type checkers.

Written by tools/keras_applications_stubs.py; run it again instead of editing this.
"""

from kerascnn.keras_applications.preprocessing import decode_predictions as decode_predictions
from kerascnn.keras_applications.preprocessing import preprocess_input as preprocess_input
