"""Options of an export, and the input of the code that writes a format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError

if TYPE_CHECKING:
    from kerascnn.exporting.common.equivalence import Reference
    from kerascnn.exporting.common.network import Network
    from kerascnn.imaging.preprocessing import Preprocessing

LAYOUTS = ("nhwc", "nchw")
CALIBRATIONS = ("minmax", "entropy", "percentile")
OPSETS = (13, 23)


@dataclass(frozen=True)
class ExportOptions:
    """Options of the artifacts that `export` writes.

    Args:
        opset: ONNX operator set, 13 to 23; 13 to 18 for a model with layers that only tf2onnx
            converts.
        layout: of ONNX files: "nhwc" as in Keras, or "nchw" for inputs and output maps with the
            channels first, as in PyTorch.
        image_bytes: give the SavedModel a second signature, `serving_bytes`, that takes encoded
            JPEG and PNG files and returns class names and scores.
        preprocess: put the preprocessing into ONNX and OpenVINO files. Their input is then
            N x H x W x C, uint8, and of any size when the preprocessing resizes or crops.
        calibration: how "onnx-int8" determines the range of activations: "minmax", "entropy" or
            "percentile".
        max_drop: largest accepted drop in accuracy, 0 to 1, of an int8 artifact below the float32
            model on the evaluation data.
        evaluation: labelled data for that, in any form that `load_data` takes; by default the
            data of a Run.
    """

    opset: int = 17
    layout: str = "nhwc"
    image_bytes: bool = False
    preprocess: bool = False
    calibration: str = "minmax"
    max_drop: float = 0.005
    evaluation: Any = None

    def __post_init__(self) -> None:
        low, high = OPSETS
        if not (isinstance(self.opset, int) and low <= self.opset <= high):
            raise UsageError(f"opset is {self.opset!r}; choose {low} to {high}")
        for name, allowed in (("layout", LAYOUTS), ("calibration", CALIBRATIONS)):
            if getattr(self, name) not in allowed:
                raise UsageError(
                    f"{name} is {getattr(self, name)!r}; choose from {', '.join(allowed)}"
                )
        if not 0 <= self.max_drop <= 1:
            raise UsageError(f"max_drop is {self.max_drop!r}; it must be 0 to 1")


@dataclass(frozen=True)
class Job:
    """The input of the code that writes an artifact.

    Args:
        network: the model, prepared for export.
        metadata: to store in the artifact.
        options: of the export.
        preprocessing: of the model, or None.
        reference: inputs and Keras's outputs for them.
        calibration: real images, as model inputs, that calibrate int8; may be empty.
        evaluation: batches of (model inputs, labels); may be empty.
        precision: "float32", "float16", "dynamic" or "int8".
    """

    network: Network
    metadata: dict[str, Any]
    options: ExportOptions
    preprocessing: Preprocessing | None
    reference: Reference
    calibration: tuple[Any, ...]
    evaluation: tuple[tuple[Any, Any], ...]
    precision: str = "float32"
