"""`preprocess_input` and `decode_predictions`, as in keras.applications.

Unlike Keras, `preprocess_input` leaves the array that it gets unchanged, and `decode_predictions`
needs no download.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import HALF, IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from kerascnn.lazy import keras, np
from kerascnn.published.imagenet_classes import CLASS_NAMES
from kerascnn.published.imagenet_synsets import SYNSETS

CAFFE_MEAN = (103.939, 116.779, 123.68)
# Keras repeats these names; ours are all different.
KERAS_NAMES = {134: "crane", 639: "maillot"}


def preprocess_input(x: Any, data_format: str | None = None, mode: str = "caffe") -> Any:
    """Returns pixels from 0 to 255 as the weights of a model need them.

    Args:
        x: an array or a tensor of images in RGB, 3 or 4 axes; never changed.
        data_format: "channels_last" or "channels_first"; None for Keras's setting.
        mode: "caffe" (BGR, minus ImageNet's mean), "tf" (from -1 to 1) or "torch" (from 0 to 1,
            then ImageNet's mean and deviation).

    Returns:
        An array or tensor of the same shape; arrays of integers give floats.

    Raises:
        ValueError: `mode` or `data_format` is unknown.
    """
    if isinstance(x, np.ndarray):
        x = np.array(x)
    return keras.applications.imagenet_utils.preprocess_input(x, data_format, mode)


def preprocessor(mode: str) -> Callable[..., Any]:
    """Returns the `preprocess_input` of a submodule; the mode "none" leaves pixels unchanged."""

    def of_module(x: Any, data_format: str | None = None) -> Any:
        return x if mode == "none" else preprocess_input(x, data_format, mode)

    of_module.__name__ = of_module.__qualname__ = "preprocess_input"
    of_module.__doc__ = preprocess_input.__doc__
    return of_module


def row_preprocessor(preprocessing: Preprocessing) -> Callable[..., Any]:
    """Returns the `preprocess_input` for a row of ours: scale and offset of every channel."""

    def of_row(x: Any, data_format: str | None = None) -> Any:
        scale, offset = (np.array(numbers, np.float32) for numbers in preprocessing.affine())
        if _channels_first(data_format):
            scale, offset = (numbers.reshape(-1, 1, 1) for numbers in (scale, offset))
        return x * scale + offset

    of_row.__name__ = of_row.__qualname__ = "preprocess_input"
    of_row.__doc__ = (
        "Returns pixels from 0 to 255 as the model's weights need them, in a new array or tensor."
    )
    return of_row


def _channels_first(data_format: str | None) -> bool:
    data_format = keras.config.image_data_format() if data_format is None else data_format
    if data_format not in ("channels_first", "channels_last"):
        raise UsageError(
            "Expected data_format to be one of `channels_first` or `channels_last`. Received: "
            f"data_format={data_format!r}"
        )
    return data_format == "channels_first"


def values(mode: str, channels: int) -> dict[str, Any]:
    """Returns the fields of `Preprocessing` for the values of a mode."""
    if mode == "none" or channels != 3:
        return {"scale": 1 / 127.5, "mean": (1.0,)} if channels != 3 else {"scale": 1.0}
    if mode == "caffe":
        return {"channels": "bgr", "scale": 1.0, "mean": CAFFE_MEAN}
    if mode == "tf":
        return {"mean": HALF, "std": HALF}
    return {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}


def decode_predictions(preds: Any, top: int = 5) -> list[list[tuple[str, str, float]]]:
    """Returns the best classes of ImageNet for every image.

    Args:
        preds: (N, 1000), an array or a tensor.
        top: number of classes for each image.

    Returns:
        For each image `top` triples (synset, name, score), the highest score first, such as
        ("n02504458", "African_elephant", 0.9).

    Raises:
        UsageError: `preds` has another shape.
    """
    shape = tuple(preds.shape)
    if len(shape) != 2 or shape[1] != len(SYNSETS):
        raise UsageError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape "
            f"(samples, 1000)). Received array with shape: {shape}"
        )
    scores = keras.ops.convert_to_numpy(preds)
    return [
        [(SYNSETS[index], keras_name(index), row[index]) for index in np.argsort(row)[-top:][::-1]]
        for row in scores
    ]


def keras_name(index: int) -> str:
    """Returns the name of a class of ImageNet as Keras spells it."""
    return KERAS_NAMES.get(index, CLASS_NAMES[index].replace(" ", "_"))
