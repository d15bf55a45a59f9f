"""SavedModel: every weight stored once, and a second signature for encoded images on request."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from kerascnn.errors import OutputError, UsageError
from kerascnn.exporting.common.network import Network
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.fileio.json import write_json
from kerascnn.lazy import tf
from kerascnn.runtimes.contract import SAVEDMODEL_METADATA, SIGNATURE
from kerascnn.runtimes.quiet import quiet_logger

BYTES_SIGNATURE = "serving_bytes"


def check(network: Network, options: ExportOptions) -> None:
    """Every traced network can be written."""


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes the directory `path`, the metadata in assets.extra, which TensorFlow leaves alone.

    `keras.Model.export` stores every weight twice (keras-team/keras#23553); a module with the
    variables themselves stores them once.

    Raises:
        UsageError: encoded images without preprocessing, or of a model that gives no classes.
    """
    network = job.network
    module = tf.Module()
    module.weights = network.variables
    signatures = {SIGNATURE: network.function}
    if job.options.image_bytes:
        from kerascnn.exporting.savedmodel_bytes import serving_bytes

        if job.preprocessing is None:
            raise UsageError("image_bytes needs a preprocessing, which turns images into inputs")
        if len(network.model.outputs[0].shape) != 2:
            raise UsageError("image_bytes is for models that give one class for an image")
        signatures[BYTES_SIGNATURE] = serving_bytes(
            network, job.preprocessing, job.metadata["class_names"]
        )
    with quiet_logger("tensorflow", logging.ERROR):
        try:
            tf.saved_model.save(module, str(path), signatures=signatures)
        except tf.errors.OpError as error:  # TensorFlow's way to report a full disk
            raise OutputError(f"cannot write the SavedModel: {str(error)[:200]}") from error
    target = path / SAVEDMODEL_METADATA
    target.parent.mkdir()
    write_json(target, job.metadata)
    return {}
