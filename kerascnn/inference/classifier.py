"""An image classifier, whatever its file format.

A `Classifier` maps a batch of prepared images to a score for each class. Evaluation and prediction
use nothing else of a network, so they treat Keras models, SavedModels and ONNX files alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kerascnn.errors import MismatchError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np
from kerascnn.models.adopted import unknown_preprocessing
from kerascnn.models.request import ImageShape
from kerascnn.models.scores import log_probabilities

if TYPE_CHECKING:
    import keras
    import numpy as np


Scores = Callable[["np.ndarray"], "np.ndarray"]


@dataclass(frozen=True, eq=False)
class Classifier:
    """An image classifier, whatever its file format.

    Attributes:
        name: for messages.
        scores: maps a float32 batch (N, H, W, C) of prepared images to scores (N, classes).
        logits: True when the scores are logits, False when they are probabilities.
        image_shape: height, width, channels of its input; None where any size is accepted.
        classes: the number of classes.
        class_names: one for each class; None when the file does not store them.
        preprocessing: how an image becomes its input; None when nothing tells it exactly.
        base: a preprocessing of its weights or its row that is adapted to the size of the images;
            None when nothing tells it.
        model: its Keras model; None for exported files.
        runtime: that computes, one of `runtimes.available.RUNTIMES`.
        precision: of its weights and computations: "float32", "float16", "dynamic" or "int8".
        compile_bfloat16: returns another `scores` that computes in bfloat16; None when the runtime
            or the processor does not support it.
    """

    name: str
    scores: Scores
    logits: bool
    image_shape: ImageShape
    classes: int
    class_names: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    base: Preprocessing | None = None
    model: keras.Model | None = None
    runtime: str = "tensorflow"
    precision: str = "float32"
    compile_bfloat16: Callable[[], Scores] | None = None

    def log_probabilities(self, batch: np.ndarray) -> np.ndarray:
        """Returns ln p of each class for each image, float64 (N, classes)."""
        return log_probabilities(self.scores(batch), logits=self.logits)

    def preprocessing_for(self, data_shape: ImageShape) -> Preprocessing:
        """Returns the preprocessing that turns images of some data into its input.

        Args:
            data_shape: height, width, channels of the images; None where they vary.

        Raises:
            UsageError: nothing tells which preprocessing its weights need.
            MismatchError: the channels cannot be converted.
        """
        if self.preprocessing is not None:
            return self.preprocessing
        if self.base is None:
            raise unknown_preprocessing(self.name, self.image_shape)
        return Preprocessing.for_data(data_shape, self.image_shape, self.base)

    def check_classes(self, names: tuple[str, ...], source: str) -> None:
        """Raises MismatchError unless its classes are the given ones, in the same order.

        Args:
            names: of the classes.
            source: of the names, for messages.
        """
        if self.class_names is not None and self.class_names != names:
            raise MismatchError(
                f"{self.name} was trained on the classes {_first_names(self.class_names)}, but "
                f"{source} has {_first_names(names)}; names and order must be the same"
            )
        if self.classes == len(names) == 1:
            raise MismatchError(
                f"{self.name} has one output and {source} one class: every answer is right; give "
                "data and a model of at least two classes"
            )
        if self.classes != len(names):
            raise MismatchError(
                f"{self.name} has {self.classes} outputs, but {source} has {len(names)} classes; "
                f"build the model with classes={len(names)}"
            )


def _first_names(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f", … ({len(names)})" if len(names) > 5 else "")
