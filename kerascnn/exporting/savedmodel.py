"""Writes SavedModels, optionally with a second signature for encoded images."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from kerascnn.errors import OutputError, UsageError
from kerascnn.exporting.common.network import Network
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.savedmodel_bytes import serving_bytes
from kerascnn.fileio.json import write_json
from kerascnn.lazy import tf
from kerascnn.runtimes.contract import SAVEDMODEL_METADATA, SIGNATURE
from kerascnn.runtimes.quiet import quiet_logger

BYTES_SIGNATURE = "serving_bytes"


def check(network: Network, options: ExportOptions) -> None:
    """Accepts every network."""


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes the directory `path`, with the metadata in assets.extra, which TensorFlow ignores.

    `keras.Model.export` stores every weight twice (keras-team/keras#23553). A module that has the
    variables as attributes stores them once.

    Raises:
        UsageError: `image_bytes` without a preprocessing, or for a model that does not classify.
        OutputError: the directory cannot be written.
    """
    network = job.network
    module = tf.Module()
    module.weights = network.variables
    signatures = {SIGNATURE: network.function}
    if job.options.image_bytes:
        if job.preprocessing is None:
            raise UsageError(
                "image_bytes needs a preprocessing, which turns images into inputs; give one"
            )
        if len(network.model.outputs[0].shape) != 2:
            raise UsageError(
                "image_bytes is for models with one row of scores for each image; leave it out"
            )
        signatures[BYTES_SIGNATURE] = serving_bytes(
            network, job.preprocessing, job.metadata["class_names"]
        )
    with quiet_logger("tensorflow", logging.ERROR):
        try:
            tf.saved_model.save(module, str(path), signatures=signatures)
        except tf.errors.OpError as error:  # of which a full disk is one
            raise OutputError(f"cannot write the SavedModel: {str(error)[:200]}") from error
    target = path / SAVEDMODEL_METADATA
    target.parent.mkdir()
    write_json(target, job.metadata)
    return {}
