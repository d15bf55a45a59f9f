"""The preprocessing and the class names of a model's weights, as the model's record has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from kerascnn.lazy import keras
from kerascnn.models.identity import (
    ROW,
    TRAINING,
    UNKNOWN,
    WEIGHTS,
    Record,
    carriers,
    record_of,
    store,
)
from kerascnn.models.network import SCALING, planned_network
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import model_info


@dataclass(frozen=True)
class Known:
    """The preprocessing of a model's weights.

    Attributes:
        preprocessing: the record.
        exact: whether it is used as it is, as the one of a training is; otherwise it is adapted to
            the size of the images (`Preprocessing.for_data`).
    """

    preprocessing: Preprocessing
    exact: bool

    def for_images(
        self, shape: Sequence[int | None], input_shape: Sequence[int | None]
    ) -> Preprocessing:
        """Returns the preprocessing of images of one size.

        Args:
            shape: height, width and channels of the images.
            input_shape: those of the model's input; None for any size.
        """
        if self.exact:
            return self.preprocessing
        return Preprocessing.for_data(shape, input_shape, self.preprocessing)

    def fixed(self, image_shape: Sequence[int | None]) -> Preprocessing:
        """Returns the preprocessing of images of any size, for a file that has only one.

        Args:
            image_shape: height, width and channels of the model's input; None for any size.
        """
        if self.exact:
            return self.preprocessing
        height, width, channels = image_shape
        if height is not None and width is not None:
            return Preprocessing.for_data((None, None, channels), image_shape, self.preprocessing)
        pixel = (1, 1, channels)  # the image keeps its size
        adapted = Preprocessing.for_data(pixel, pixel, self.preprocessing)
        return replace(adapted, size=None, fit="resize", resize=None)


def adopt(
    model: keras.Model,
    preprocessing: Preprocessing | None = None,
    class_names: Sequence[str] | None = None,
    *,
    exact: bool = False,
) -> None:
    """Records the preprocessing and the class names that the model's weights were trained with.

    Args:
        model: any model.
        preprocessing: None leaves the recorded one.
        class_names: left out if the model has another number of outputs; None leaves the recorded.
        exact: whether the preprocessing is of a training, and must not be adapted to the images.
    """
    changes: dict[str, Any] = {}
    if preprocessing is not None:
        changes["preprocessing"] = preprocessing
        changes["preprocessing_of"] = TRAINING if exact else WEIGHTS
        changes["input"] = model.inputs[0]._keras_history.operation.name if exact else None
    classifier = _classifier(model)
    if class_names is not None and classifier is not None and classifier[1] == len(class_names):
        changes["class_names"], changes["classifier"] = tuple(class_names), classifier[0]
    if changes:
        store(model, replace(_record(model), **changes))


def adopt_unknown(model: keras.Model) -> None:
    """Records that nothing tells which preprocessing and classes the model's weights are for."""
    store(model, replace(_record(model), preprocessing_of=UNKNOWN, preprocessing=None))


def _record(model: keras.Model) -> Record:
    """Returns the record of a model; for a model without one, what its layers tell."""
    record = record_of(model)
    if record is not None:
        return record
    origin = provenance(model)
    if origin is None:
        return Record(preprocessing_of=UNKNOWN)
    return Record(origin.name, origin.arguments, UNKNOWN)


def _classifier(model: keras.Model) -> tuple[str, int | None] | None:
    """Returns name and number of scores of the layer that gives the main scores of classes."""
    outputs = getattr(model, "outputs", None) or []
    named = [(tensor._keras_history.operation.name, tensor.shape) for tensor in outputs]
    if len(named) > 1:
        named = [(name, shape) for name, shape in named if name.endswith("predictions")]
    return (named[0][0], named[0][1][-1]) if len(named) == 1 else None


def adopted_class_names(model: keras.Model) -> tuple[str, ...] | None:
    """Returns the class names of the model's outputs, or None if they are not known."""
    record, classifier = record_of(model), _classifier(model)
    if record is None or record.class_names is None or classifier is None:
        return None
    same = record.classifier in (None, classifier[0]) and classifier[1] == len(record.class_names)
    return record.class_names if same else None


def weights_preprocessing(model: keras.Model) -> Known | None:
    """Returns the preprocessing of the model's weights, or None if nothing tells it.

    That of its row counts for weights that this package has initialised. It is not known for the
    model's input if layers between the input and the network change the values of pixels.
    """
    record = record_of(model)
    if record is None or record.preprocessing_of == UNKNOWN:
        return None
    preprocessing = record.preprocessing
    exact = record.preprocessing_of == TRAINING
    if exact and [tensor._keras_history.operation.name for tensor in model.inputs] == [
        record.input
    ]:
        return None if preprocessing is None else Known(preprocessing, exact)
    if record.preprocessing_of == ROW:
        try:
            preprocessing = None if record.row is None else model_info(record.row).preprocessing
        except UsageError:
            preprocessing = None
    if preprocessing is None or not _takes_images(model, record):
        return None
    if record.arguments.get("include_preprocessing"):
        preprocessing = unscaled(preprocessing)
    return Known(preprocessing, exact)


def unknown_preprocessing(name: str, image_shape: Sequence[int | None]) -> UsageError:
    """Returns the error for a model that is used without the preprocessing of its weights.

    Args:
        name: of the model.
        image_shape: height, width and channels of its input, for the example.
    """
    height, width, channels = image_shape
    values: dict[str, Any] = {"size": None if None in (height, width) else (height, width)}
    if channels == 3:
        values |= {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    else:
        values["channels"] = "grey" if channels == 1 else "any"
    python = ", ".join(f"{key}={value!r}" for key, value in values.items())
    return UsageError(
        f"nothing tells how images are prepared for the weights of {name}; give preprocessing=, "
        f"for example kerascnn.Preprocessing({python}), or in a shell "
        f"--preprocessing '{json.dumps(values)}'"
    )


def unscaled(preprocessing: Preprocessing) -> Preprocessing:
    """Returns the preprocessing for a model that scales the values itself."""
    return replace(preprocessing, scale=1.0, mean=(0.0,), std=(1.0,))


def _takes_images(model: keras.Model, record: Record) -> bool:
    """Returns whether the recorded network, or the model inside `model`, reads the model's input.

    Layers that change images in training only may stand between.
    """
    inputs = _inputs_of_layers(model)
    inner = [layer for layer in model.layers if isinstance(layer, keras.Model) and carriers(layer)]
    if inner:
        return all(
            all(map(_is_image, inputs.get(part.name, ()))) and _takes_images(part, record)
            for part in inner
        )
    if record.row is None:
        return True  # adopted for this model
    planned = planned_network(record.row, record.arguments)
    scales = bool(record.arguments.get("include_preprocessing"))
    return planned is not None and _reads_input(inputs, planned[0], scales)


def _inputs_of_layers(model: keras.Model) -> dict[str, list[Any]]:
    """Returns the tensors that each layer is called with in this model, not in others."""
    inputs: dict[str, list[Any]] = {}
    waiting, seen = list(getattr(model, "outputs", None) or []), set()
    while waiting:
        operation, node_index, _ = waiting.pop()._keras_history
        node = operation._inbound_nodes[node_index]
        if id(node) not in seen:
            seen.add(id(node))
            inputs.setdefault(operation.name, []).extend(node.input_tensors)
            waiting += node.input_tensors
    return inputs


def _reads_input(inputs: Mapping[str, list[Any]], planned: Mapping[str, Any], scales: bool) -> bool:
    """Returns whether the layers that read the image of a plan read images in a model."""
    for name, entry in planned.items():
        for position, source in enumerate(entry.inputs):
            if source.source != "image":
                continue
            if len(inputs.get(name, ())) != len(entry.inputs):
                return False
            tensor = inputs[name][position]
            operation = tensor._keras_history.operation
            if scales and operation.name.endswith(SCALING):
                tensor = inputs[operation.name][0]
            if not _is_image(tensor):
                return False
    return True


def _is_image(tensor: Any) -> bool:
    """Returns whether a tensor is an input, or one after layers that work in training only."""
    operation, node_index, _ = tensor._keras_history
    if isinstance(operation, keras.layers.InputLayer):
        return True
    inputs = operation._inbound_nodes[node_index].input_tensors
    return type(operation).__name__.startswith("Random") and all(map(_is_image, inputs))
