"""Writes LiteRT (TensorFlow Lite) files, with the metadata as a zip archive behind the model."""

from __future__ import annotations

import json
import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.exporting.common.network import Network, refuse_large_weights
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.lazy import tf
from kerascnn.runtimes.contract import INPUT, LITERT_METADATA
from kerascnn.runtimes.quiet import quiet_logger, quiet_stderr


def check(network: Network, options: ExportOptions) -> None:
    """Raises MismatchError when the weights are too large for one file."""
    refuse_large_weights(network, "LiteRT")


def write(job: Job, path: Path) -> dict[str, Any]:
    """Writes one file with the signature `serving_default`.

    Raises:
        MismatchError: LiteRT has no operator for an operation of the network.
        UsageError: int8 without real images.
    """
    network, precision = job.network, job.precision
    module = tf.Module()
    module.weights = network.variables
    module.serve = network.function
    concrete = network.function.get_concrete_function()
    with (
        quiet_logger("tensorflow", logging.ERROR),
        quiet_logger("absl", logging.ERROR),
        quiet_stderr(),
    ):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
        if precision != "float32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            converter.representative_dataset = lambda: _representative(job)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        try:
            content = converter.convert()
        except Exception as error:  # the converter's class of errors is not public
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise MismatchError(
                f"LiteRT cannot express this network: {lines[-1][:200] if lines else error!r}; "
                'export it with formats=("savedmodel",)'
            ) from error
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        # With a fixed date, equal exports have equal bytes.
        entry = zipfile.ZipInfo(LITERT_METADATA, (1980, 1, 1, 0, 0, 0))
        archive.writestr(entry, json.dumps(job.metadata, indent=2, ensure_ascii=False))
    return {}


def _representative(job: Job) -> Iterator[dict[str, Any]]:
    """Yields the calibration images as the converter reads them."""
    if not job.calibration:
        raise UsageError("int8 is calibrated with real images, and there are none; give samples")
    for image in job.calibration:
        yield {INPUT: image[None]}
