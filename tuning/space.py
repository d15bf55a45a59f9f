"""The search space: an architecture whose depth, width and filter size are hyper-parameters."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import keras_tuner

from kerascnn.assemble import Request, plan
from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.registry import ImageShape, create_model, model_info


class SearchSpace(keras_tuner.HyperModel):
    """An architecture of the registry as a keras-tuner `HyperModel`; any tuner of it will do.

    An axis with one value is fixed; the hyper-parameters are called "depth", "width",
    "kernel_size" and "learning_rate".

    Args:
        name: the architecture, one of `kerascnn.list_models()`.
        input_shape: (height, width, channels); None for the paper's.
        classes: number of classes; None for the paper's, or the data's in `search`.
        depth: multipliers on the repeats of every stage, each > 0.
        width: multipliers on every channel count, each > 0.
        kernel_size: odd sizes in place of the family's spatial filter; empty keeps the paper's.
        learning_rate: lowest and highest, sampled on a logarithmic scale; Adam's.

    Raises:
        UsageError: an axis is empty, or the architecture does not take one of its values.
        MismatchError: the image is too small for one of the values.
    """

    def __init__(
        self,
        name: str,
        *,
        input_shape: ImageShape | None = None,
        classes: int | None = None,
        depth: Sequence[float] = (1.0, 2.0),
        width: Sequence[float] = (0.5, 1.0, 2.0),
        kernel_size: Sequence[int] = (),
        learning_rate: tuple[float, float] = (3e-4, 1e-2),
    ) -> None:
        variant = model_info(name)
        super().__init__(name=variant.name)
        self.input_shape = input_shape
        self.classes = classes
        self.axes: dict[str, list[Any]] = {
            "depth": [float(value) for value in depth],
            "width": [float(value) for value in width],
        }
        if kernel_size:
            self.axes["kernel_size"] = list(kernel_size)
        self.learning_rate = learning_rate
        low, high = learning_rate
        if not 0 < low <= high < math.inf:
            raise UsageError(
                f"learning_rate must be (lowest, highest), both > 0, got {low}, {high}"
            )
        # Every value is priced alone; a combination that does not fit fails its own trial.
        for axis, values in self.axes.items():
            if not values:
                raise UsageError(f"{axis} is empty; give at least one value, 1.0 for the paper's")
            for value in values:
                plan(variant, Request(input_shape=input_shape, classes=classes, **{axis: value}))

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled model for the values that `hp` chooses.

        Raises:
            keras_tuner.errors.FailedTrialError: the values do not go together.
        """
        chosen = {axis: hp.Choice(axis, values) for axis, values in self.axes.items()}
        low, high = self.learning_rate
        rate = hp.Float("learning_rate", low, high, sampling="log") if low < high else low
        try:
            model = create_model(
                self.name, input_shape=self.input_shape, classes=self.classes, **chosen
            )
        except KerasCNNError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        model.compile(
            optimizer=keras.optimizers.Adam(rate),
            loss=keras.losses.SparseCategoricalCrossentropy(),
            metrics=["accuracy"],
        )
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains one candidate.

        Raises:
            keras_tuner.errors.FailedTrialError: the loss became NaN or infinite, so that the trial
                counts as failed and never as best.
        """
        history = model.fit(*args, **kwargs)
        if not all(math.isfinite(loss) for loss in history.history["loss"]):
            raise keras_tuner.errors.FailedTrialError("the loss became NaN or infinite")
        return history
