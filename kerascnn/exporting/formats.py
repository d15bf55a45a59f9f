"""The formats that `export` writes, with the code that writes and opens each of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from kerascnn.exporting.common.network import Network
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.runtimes import litert, onnx, openvino, savedmodel
from kerascnn.runtimes.artifact import Artifact


class Writer(Protocol):
    """What the module of a format provides."""

    def check(self, network: Network, options: ExportOptions) -> None:
        """Raises MismatchError or UsageError when the format cannot hold a network."""

    def write(self, job: Job, path: Path) -> dict[str, Any]:
        """Writes an artifact, and returns further fields of its `ExportReport`."""


@dataclass(frozen=True)
class Format:
    """A format of artifacts.

    Args:
        kind: the file format.
        file: name of the file or directory in an export.
        precision: "float32", "float16", "dynamic" (int8 weights) or "int8".
        takes_preprocessing: whether `ExportOptions.preprocess` puts the preprocessing into it.
    """

    kind: Literal["savedmodel", "onnx", "litert", "openvino"]
    file: str
    precision: str = "float32"
    takes_preprocessing: bool = False

    @property
    def is_program(self) -> bool:
        """Whether opening an artifact runs code that it holds."""
        return self.kind == "savedmodel"

    @property
    def has_layout(self) -> bool:
        """Whether `ExportOptions.layout` chooses the order of the input's axes."""
        return self.kind in ("onnx", "openvino")

    def writer(self) -> Writer:
        """Returns the module that writes the format; it is imported at the first call."""
        if self.kind == "savedmodel":
            from kerascnn.exporting import savedmodel as savedmodel_writer

            return savedmodel_writer
        if self.kind == "onnx":
            from kerascnn.exporting.onnx import format as onnx_writer

            return onnx_writer
        if self.kind == "litert":
            from kerascnn.exporting import litert as litert_writer

            return litert_writer
        from kerascnn.exporting import openvino as openvino_writer

        return openvino_writer

    def open_artifact(self, path: Path) -> Artifact:
        """Loads an artifact in its own runtime; a SavedModel is trusted."""
        if self.kind == "savedmodel":
            return savedmodel.open_artifact(path, trust=True)
        return {"onnx": onnx, "litert": litert, "openvino": openvino}[self.kind].open_artifact(path)

    def read_metadata(self, path: Path) -> dict[str, Any]:
        """Returns the metadata of an artifact, without running it."""
        readers = {"savedmodel": savedmodel, "onnx": onnx, "litert": litert, "openvino": openvino}
        return readers[self.kind].read_metadata(path)


FORMATS = {
    "savedmodel": Format("savedmodel", "savedmodel"),
    "onnx": Format("onnx", "model.onnx", takes_preprocessing=True),
    "onnx-float16": Format("onnx", "model-float16.onnx", "float16"),
    "onnx-int8": Format("onnx", "model-int8.onnx", "int8"),
    "litert": Format("litert", "model.tflite"),
    "litert-float16": Format("litert", "model-float16.tflite", "float16"),
    "litert-dynamic": Format("litert", "model-dynamic.tflite", "dynamic"),
    "litert-int8": Format("litert", "model-int8.tflite", "int8"),
    "openvino": Format("openvino", "openvino", takes_preprocessing=True),
}
REPORT = "report.json"
"""The file in an export that has the reports of its artifacts."""
PROOF = "proof.npz"
"""The file in an export that has Keras's outputs for the random images."""
