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
    """Architectures of the registry whose sizes and training are hyper-parameters.

    A plain keras-tuner `HyperModel`: `build` and `fit` work with any tuner.
    `kerascnn.tuning.search` adds data, recipes, and tuners that only propose what keeps the budget.

    Each axis is given by keyword as a list of values or a `Range`:

    - `depth`, `width`, `kernel_size`, `stem`, `dropout` as `create_model` takes them, and any
      column of the row's table (`n`, `filters`, `pre_activation`, `reduction` …);
    - `head`: "paper", or "linear": pooled features and one dense layer; `pooling` of that one is
      "avg", "max" or "flatten";
    - `optimizer`, `learning_rate`, `momentum`, `weight_decay`, `batch_size` and every other field
      of a `Recipe`, and `augmentation`: "none", "shift", "distort" or "mirror".

    What has no axis stays as the paper's table and the recipe have it. Without any axis the space
    is depth and width 0.5, 1 and 2 and a learning rate from 3e-4 to 1e-2; convnet's is the letters
    of its form, n, m, k, filters and filter_size.

    Args:
        rows: an architecture's name, or several: then "model" is an axis too, and an axis that a
            row does not take is conditional on those that do.
        input_shape: (height, width, channels), for all or a dict by row; None for the papers'.
        classes: number of classes; None for the papers', or the data's in `search`.
        budget: upper bounds that every candidate keeps.
        per_stage: which of "depth", "width" and "kernel_size" each stage has for itself
            (`stages.stage_column` says which families can).
        **axes: the domains.

    Raises:
        UsageError: an axis is empty or unknown, an architecture takes none of its values, or no
            network keeps the budget.
        MismatchError: the image is too small for every network.
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
        """Enters every axis, under the condition that it has."""
        for axis in self.axes:
            if axis.parent is None:
                _declare(hp, axis)
            else:
                name, labels = axis.parent
                with hp.conditional_scope(name, list(labels)):
                    _declare(hp, axis)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the compiled model for the values that `hp` chooses.

        The learning rate is constant, since the number of steps is not known here.

        Raises:
            keras_tuner.errors.FailedTrialError: the values do not go together, or the network is
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
        """Trains one candidate as `model.fit` does.

        With an axis for the batch size or the augmentation the images have to come as arrays
        (x, y), since a dataset has its batches already.

        Raises:
            keras_tuner.errors.FailedTrialError: the loss became NaN or infinite, so that the trial
                counts as failed and never as best.
        """
        changes = self.training(hp.values)
        if "batch_size" in changes or any(name in changes for name in AUGMENTATIONS["none"]):
            args, kwargs = self._fed(changes, args, kwargs)
        history = model.fit(*args, **kwargs)
        if not all(math.isfinite(loss) for loss in history.history["loss"]):
            raise keras_tuner.errors.FailedTrialError("the loss became NaN or infinite")
        return history

    def network_of(self, values: Mapping[str, Any]) -> keras.Model:
        """Builds the network of a candidate, not compiled.

        Raises:
            keras_tuner.errors.FailedTrialError: the values do not go together, or the network is
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
        """Returns how a candidate is trained: the base recipe with what its axes set."""
        return replace(base or RECIPES["default"], **self.training(values))

    def _fed(
        self, changes: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        names = dict(zip(("x", "y"), args, strict=False))
        options = {**names, **kwargs}
        x, y = options.pop("x", None), options.pop("y", None)
        if not hasattr(x, "__getitem__") or y is None or len(args) > 2:
            raise UsageError(
                "the axes batch_size and augmentation need arrays: fit(hp, model, x=…, y=…); a "
                "dataset has its batches already, so leave these axes out"
            )
        batch = changes.get("batch_size", options.pop("batch_size", self.batch_size))
        distort = {name: changes[name] for name in AUGMENTATIONS["none"] if name in changes}
        distortion = Distortion.of(Recipe("fit", **distort))
        as_is = Preprocessing(size=None, fit="none", channels="any", scale=1.0)
        options["x"] = pipeline(
            Split(x, y), as_is, batch_size=batch, training=True, distortion=distortion
        )
        options["steps_per_epoch"] = math.ceil(len(x) / batch)
        options["shuffle"] = False
        return (), options


def _declare(hp: keras_tuner.HyperParameters, axis: Axis) -> None:
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
