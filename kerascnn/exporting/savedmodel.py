"""SavedModel: one signature, every weight stored once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import OutputError
from kerascnn.exporting.network import INPUT, OUTPUT, Network
from kerascnn.exporting.quiet import quiet
from kerascnn.lazy import tf

if TYPE_CHECKING:
    import numpy.typing as npt

NAME = "savedmodel"
FILE = "savedmodel"
METADATA = "assets.extra/kerascnn.json"
SIGNATURE = "serving_default"


def check(network: Network) -> None:
    """Every traced network can be written."""


def write(network: Network, path: Path, metadata: Mapping[str, Any]) -> None:
    """Writes the directory `path`, the metadata in assets.extra, which TensorFlow leaves alone.

    `keras.Model.export` stores every weight twice (keras-team/keras#23553); a module with the
    variables themselves stores them once.
    """
    module = tf.Module()
    module.weights = network.variables
    with quiet("tensorflow", logging.ERROR):
        try:
            tf.saved_model.save(module, str(path), signatures={SIGNATURE: network.function})
        except tf.errors.OpError as error:  # TensorFlow's way to report a full disk
            raise OutputError(f"cannot write the SavedModel: {str(error)[:200]}") from error
    target = path / METADATA
    target.parent.mkdir()
    target.write_text(json.dumps(metadata, indent=2, ensure_ascii=False) + "\n", "utf-8")


def open_runtime(path: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Loads the SavedModel and returns its signature as a function of a batch."""
    loaded = tf.saved_model.load(str(path))

    def run(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        # `loaded` is kept alive by this line: its variables die with it.
        outputs = loaded.signatures[SIGNATURE](**{INPUT: tf.constant(images)})
        return outputs[OUTPUT].numpy()

    return run
