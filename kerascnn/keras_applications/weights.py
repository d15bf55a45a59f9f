"""Loads weights into the models of keras.applications.

A file of Keras's own code has the names of the model and is loaded directly. Any other file is
loaded into a model of our row, which knows the names of all libraries, and copied from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kerascnn.fileio.cache import home
from kerascnn.imaging.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from kerascnn.keras_applications.checks import IMAGENET
from kerascnn.keras_applications.table import Application
from kerascnn.keras_applications.translation import Translation
from kerascnn.lazy import keras, np
from kerascnn.models.build import build_model
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.published.imagenet_classes import CLASS_NAMES
from kerascnn.published.keras_applications import FILES
from kerascnn.weights.axis_order import with_epsilon
from kerascnn.weights.download.digests import Digest
from kerascnn.weights.download.fetch import fetch
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.load import SCALING, load_weights
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.locate import locate

# The files of other widths and sizes, for which the catalogue has no row.
OTHER_FILES = {
    "MobileNet": "mobilenet/mobilenet_{width}_{side}_tf.h5",
    "MobileNetV2": (
        "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{side}.h5"
    ),
    "MobileNetV3Small": "mobilenet_v3/weights_mobilenet_v3_small{kind}_224_{alpha}_float.h5",
    "MobileNetV3Large": "mobilenet_v3/weights_mobilenet_v3_large{kind}_224_{alpha}_float.h5",
}
MD5 = {
    "weights_mobilenet_v3_large_224_0.75_float.h5": "765b44a33ad4005b3ac83185abf1d0eb",
    "weights_mobilenet_v3_large_minimalistic_224_1.0_float.h5": "675e7b876c45c57e9e63e6d90a36599c",
    "weights_mobilenet_v3_small_224_0.75_float.h5": "cb65d4e5be93758266aa0a7f2c6708b7",
    "weights_mobilenet_v3_small_minimalistic_224_1.0_float.h5": "99cd97fb2fcdad2bf028eb838de69e37",
}


def load(
    model: keras.Model,
    translation: Translation,
    application: Application,
    arguments: Mapping[str, Any],
    request: Request,
    side: int,
) -> None:
    """Loads the weights that the arguments ask for.

    Args:
        model: a model of keras.applications.
        translation: the one that added its layers.
        application: its entry in the table.
        arguments: of its function.
        request: the request for the model of our row.
        side: the side of the images for which the published weights were trained.

    Raises:
        MismatchError, DamagedFileError, UnsafeFileError, DownloadError: as `load_weights`.
    """
    weights = arguments["weights"]
    path = (
        published_file(application, arguments, side)
        if weights == IMAGENET
        else locate(weights, application.row)
    )
    if not _loaded_by_name(model, path):
        base = build_model(model_info(application.row), replace(request, input_shape=None))
        load_weights(base, path, head="strict")
        copy(base, translation)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            _set_scaling(layer, path, weights == IMAGENET)


def class_names(arguments: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Returns the names of the classes, if the weights are ImageNet's."""
    return CLASS_NAMES if arguments["weights"] == IMAGENET and arguments["include_top"] else None


def published_file(application: Application, arguments: Mapping[str, Any], side: int) -> Path:
    """Returns Keras's published file, downloaded if needed."""
    alpha, minimalistic = arguments.get("alpha", 1.0), arguments.get("minimalistic", False)
    if alpha == 1.0 and not minimalistic and side == application.side:
        return locate(f"keras/{application.row}")
    file = OTHER_FILES[application.builder].format(
        width=f"{alpha if alpha >= 1 else 10 * alpha:.1f}".replace(".", "_"),
        alpha=float(alpha),
        side=side,
        kind="_minimalistic" if minimalistic else "",
    )
    name = file.rpartition("/")[2]
    return fetch(FILES + file, home() / "weights" / "keras" / name, Digest(md5=MD5.get(name)))


def copy(base: keras.Model, translation: Translation) -> None:
    """Copies the weights of our model into the layers of a model of keras.applications."""
    for layer, names in translation.layers:
        sources = [base.get_layer(name) for name in names]
        values = [value for source in sources for value in _values(source, layer)]
        shapes = [tuple(variable.shape) for variable in layer.weights]
        if len(values) == len(shapes) - 1:
            values.append(np.zeros(shapes[-1], np.float32))  # our convolution has no bias
        layer.set_weights(
            [value.reshape(shape) for value, shape in zip(values, shapes, strict=True)]
        )


def _values(source: keras.layers.Layer, target: keras.layers.Layer) -> list[np.ndarray]:
    """Returns the weights of a layer for another, whose epsilon may differ, in their order.

    The load has folded the file's epsilon into the variances of the source; this is undone.
    """
    values = {variable.name: np.asarray(variable) for variable in source.weights}
    if isinstance(source, keras.layers.BatchNormalization) and source.epsilon != target.epsilon:
        variance, scale = with_epsilon(values["moving_variance"], source.epsilon, target.epsilon)
        values["moving_variance"] = variance.astype(np.float32)
        if "gamma" in values:
            values["gamma"] = (values["gamma"] * scale).astype(np.float32)
    return list(values.values())


def _loaded_by_name(model: keras.Model, path: Path) -> bool:
    """Loads a file whose tensors have the names of the model's layers; returns False for others."""
    try:
        report = load_weights(model, path, head="strict", strict=False)
    except LoadError:
        return False
    heads = ("predictions", "fc1", "fc2", "conv_preds", "conv_2", "logits")
    unexpected = [key for key in report.unexpected if key.partition("/")[0] not in heads]
    # The layer that scales pixels has a running number; `_set_scaling` finds its tensors.
    return not any(name for name in [*report.missing, *unexpected] if not SCALING.match(name))


def _set_scaling(layer: keras.layers.Normalization, path: Path, published: bool) -> None:
    """Sets the mean and variance of the layer that scales the pixels of an EfficientNet.

    Args:
        layer: the layer.
        path: a file, whose values are taken if it has some; otherwise those of ImageNet are.
        published: whether a layer after it divides by the root of the deviation once more.
    """
    deviation = np.array(IMAGENET_STD, np.float32)
    values = {
        "mean": np.array(IMAGENET_MEAN, np.float32),
        "variance": deviation if published else deviation**2,
    }
    # Keras 3 stores the variables of a layer by number.
    names = {"0": "mean", "1": "variance"}
    with open_checkpoint(path) as checkpoint:
        for key in filter(SCALING.match, checkpoint.tensors):
            variable = key.rpartition("/")[2].partition(":")[0]
            variable = names.get(variable, variable)
            if variable in values:
                values[variable] = checkpoint.raw(key).astype(np.float32).reshape(-1)
    layer.set_weights([*values.values(), *layer.get_weights()[2:]])
    layer.finalize_state()  # it computes with copies of its variables
