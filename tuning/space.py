"""The search space as a keras-tuner `HyperModel`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Unpack

import keras
import keras_tuner

from kerascnn.create import create_model
from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.pipeline import pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import KerasCNNError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.request import ImageShape
from kerascnn.models.signature import gives_logits
from kerascnn.recipes.lookup import RECIPES, Recipe
from kerascnn.recipes.optimizers import make_optimizer
from kerascnn.tuning.axes import Axis, Range
from kerascnn.tuning.axis_factory import AUGMENTATIONS
from kerascnn.tuning.budget import Budget
from kerascnn.tuning.candidates import Candidates

if TYPE_CHECKING:
    from kerascnn.tuning.axis_names import Axes


class SearchSpace(Candidates, keras_tuner.HyperModel):
    """Architectures whose sizes and training settings are hyper-parameters.

    It is a keras-tuner `HyperModel`: `build` and `fit` work with any tuner.
    `kerascnn.tuning.search` adds data, recipes, and tuners that propose only candidates within the
    budget.

    Each axis is a keyword with a list of values or a `Range`:

    - `depth`, `width`, `kernel_size`, `stem`, `dropout` as in `create_model`, and any column of the
      architecture's table (`n`, `filters`, `pre_activation`, `reduction` …);
    - `head`: "paper", or "linear" for pooled features and one dense layer; `pooling` of the linear
      head is "avg", "max" or "flatten";
    - `optimizer`, `learning_rate`, `momentum`, `weight_decay`, `batch_size` and every other field
      of a `Recipe`, and `augmentation`: "none", "shift", "distort" or "mirror".

    Settings without an axis keep the values of the paper's table and of the recipe. Without any
    axis the space has depth and width 0.5, 1 and 2, and a learning rate from 3e-4 to 1e-2; convnet
    has the axes n, m, k, filters, filter_size and learning_rate.

    Args:
        rows: an architecture's name, or several. With several, "model" is an axis too, and an axis
            that only some architectures take applies only to those.
        input_shape: (height, width, channels) for all, or a dict by architecture; None for the
            papers' shapes.
        classes: number of classes; None for the papers', or for the data's in `search`.
        budget: upper bounds for every candidate.
        per_stage: which of "depth", "width" and "kernel_size" each stage has separately;
            `per_stage.stage_column` lists the families that can.
        **axes: the domains of the axes.

    Raises:
        UsageError: an axis is empty or unknown, no architecture takes its values, or no network is
            within the budget.
        MismatchError: the image is too small for all networks.
    """

    def __init__(
        self,
        rows: str | Sequence[str],
        *,
        input_shape: ImageShape | Mapping[str, ImageShape] | None = None,
        classes: int | None = None,
        budget: Budget | None = None,
        per_stage: Sequence[str] = (),
        **axes: Unpack[Axes],
    ) -> None:
        Candidates.__init__(self, rows, input_shape, classes, budget, per_stage, axes)
        keras_tuner.HyperModel.__init__(self, name="_".join(self.rows))

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> None:
        """Declares every axis in keras-tuner's `hp`, with its condition."""
        for axis in self.axes:
            if axis.parent is None:
                _declare(hp, axis)
            else:
                name, labels = axis.parent
                with hp.conditional_scope(name, list(labels)):
                    _declare(hp, axis)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled model for the values in `hp`.

        The learning rate is constant, since the number of steps is not known here.

        Raises:
            keras_tuner.errors.FailedTrialError: the values contradict each other, or the network is
                beyond the budget; it is not built then.
        """
        declared = {hyperparameter.name for hyperparameter in hp.space}
        if not {axis.name for axis in self.axes} <= declared:
            self.declare_hyperparameters(hp)
        model = self.network_of(hp.values)
        model.compile(
            optimizer=make_optimizer(self.recipe(hp.values), model),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=gives_logits(model)),
            metrics=["accuracy"],
        )
        return model

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> keras.callbacks.History:
        """Trains a candidate; other arguments as in `model.fit`.

        With an axis for the batch size or the augmentation, the images must be arrays (x, y): a
        dataset already has its batches.

        Raises:
            keras_tuner.errors.FailedTrialError: the loss became NaN or infinite, so the trial
                counts as failed and is never the best.
        """
        changes = self.training(hp.values)
        if "batch_size" in changes or any(name in changes for name in AUGMENTATIONS["none"]):
            args, kwargs = self._with_batches(changes, args, kwargs)
        history = model.fit(*args, **kwargs)
        if not all(math.isfinite(loss) for loss in history.history["loss"]):
            raise keras_tuner.errors.FailedTrialError("the loss became NaN or infinite")
        return history

    def network_of(self, values: Mapping[str, Any]) -> keras.Model:
        """Returns the network of a candidate, not compiled.

        Raises:
            keras_tuner.errors.FailedTrialError: the values contradict each other, or the network is
                beyond the budget.
        """
        try:
            price = self.price(values)
        except KerasCNNError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        if not self.fits(values):
            raise keras_tuner.errors.FailedTrialError(
                f"{price.params:,} parameters and {price.macs or 0:,} multiply-accumulates are "
                f"beyond the budget: {self.budget}"
            )
        row, arguments = self.network(values)
        model = create_model(row, **arguments)
        if values.get("head") != "linear":
            return model
        x = model.output
        if arguments.get("dropout"):
            x = keras.layers.Dropout(arguments["dropout"], name="dropout")(x)
        x = keras.layers.Dense(
            self.classes_of(row), activation="softmax", name="predictions", dtype="float32"
        )(x)
        return keras.Model(model.input, x, name=row)

    def recipe(self, values: Mapping[str, Any], base: Recipe | None = None) -> Recipe:
        """Returns the base recipe with the fields that a candidate sets."""
        return replace(base or RECIPES["default"], **self.training(values))

    def _with_batches(
        self, changes: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Returns the arguments of `fit` with the batches and the augmentation of a candidate."""
        names = dict(zip(("x", "y"), args, strict=False))
        options = {**names, **kwargs}
        x, y = options.pop("x", None), options.pop("y", None)
        if not hasattr(x, "__getitem__") or y is None or len(args) > 2:
            raise UsageError(
                "the axes batch_size and augmentation need arrays: fit(hp, model, x=…, y=…); a "
                "dataset has its batches already, so omit these axes"
            )
        batch = changes.get("batch_size", options.pop("batch_size", self.batch_size))
        distort = {name: changes[name] for name in AUGMENTATIONS["none"] if name in changes}
        distortion = Distortion.of(Recipe("fit", **distort))
        unchanged = Preprocessing(size=None, fit="none", channels="any", scale=1.0)
        options["x"] = pipeline(
            Split(x, y), unchanged, batch_size=batch, training=True, distortion=distortion
        )
        options["steps_per_epoch"] = math.ceil(len(x) / batch)
        options["shuffle"] = False
        return (), options


def _declare(hp: keras_tuner.HyperParameters, axis: Axis) -> None:
    """Declares an axis in keras-tuner's `hp`."""
    domain = axis.domain
    if not isinstance(domain, Range):
        hp.Choice(axis.name, list(axis.labels), default=axis.start())
        return
    make = hp.Int if domain.whole else hp.Float
    sampling = "log" if domain.log else "linear"
    make(
        axis.name, domain.low, domain.high, step=domain.step, sampling=sampling,
        default=axis.start(),
    )  # fmt: skip
