"""One view of everything that tells classes apart: models, runs, saved files and artifacts.

A `Classifier` maps a batch of prepared images to a score for each class. Evaluating and predicting
know nothing else of a network, so that they treat Keras models, SavedModels and ONNX files alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np
from kerascnn.models import signature
from kerascnn.models.request import ImageShape
from kerascnn.models.scores import log_probabilities

if TYPE_CHECKING:
    import keras
    import numpy as np


Scores = Callable[["np.ndarray"], "np.ndarray"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """Something that tells classes apart.

    Attributes:
        name: what to call it in messages.
        scores: from a float32 batch (N, H, W, C) of prepared images to scores (N, classes).
        logits: whether a softmax makes the scores probabilities; otherwise they are.
        image_shape: height, width, channels of its input; None where any size is taken.
        classes: how many it tells apart.
        class_names: their names, where what it was read from says them.
        preprocessing: how an image becomes its input, likewise.
        model: the Keras model behind it, if there is one.
        runtime: what it runs in, one of `runtimes.RUNTIMES`.
        precision: of its weights and of what it computes.
        half: makes another `scores` that computes in bfloat16; None where the runtime or the
            processor cannot.
    """

    name: str
    scores: Scores
    logits: bool
    image_shape: ImageShape
    classes: int
    class_names: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    model: keras.Model | None = None
    runtime: str = "tensorflow"
    precision: str = "float32"
    half: Callable[[], Scores] | None = None

    def log_probabilities(self, batch: np.ndarray) -> np.ndarray:
        """Returns ln p of each class for each image, float64 (N, classes)."""
        return log_probabilities(self.scores(batch), logits=self.logits)

    def preprocessing_for(self, data_shape: ImageShape) -> Preprocessing:
        """Returns how images of height, width, channels (None where they vary) become its input.

        Raises:
            MismatchError: the channels cannot be converted.
        """
        if self.preprocessing is not None:
            return self.preprocessing
        if self.model is not None:
            return signature.preprocessing_for(self.model, data_shape)
        return Preprocessing.for_data(data_shape, self.image_shape)

    def check_classes(self, names: tuple[str, ...], source: str) -> None:
        """Raises MismatchError unless it tells just these classes apart, in this order."""
        if self.class_names is not None and self.class_names != names:
            raise MismatchError(
                f"{self.name} was trained on the classes {_some(self.class_names)}, but {source} "
                f"has {_some(names)}; names and order must be the same"
            )
        if self.classes != len(names):
            raise MismatchError(
                f"{self.name} has {self.classes} outputs, but {source} has {len(names)} classes; "
                f"build the model with classes={len(names)}"
            )


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")
