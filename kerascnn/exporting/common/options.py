"""What an export can be asked for besides its formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.errors import UsageError

if TYPE_CHECKING:
    from kerascnn.exporting.common.equivalence import Questions
    from kerascnn.exporting.common.network import Network
    from kerascnn.imaging.preprocessing import Preprocessing

LAYOUTS = ("nhwc", "nchw")
CALIBRATIONS = ("minmax", "entropy", "percentile")
OPSETS = (13, 23)


@dataclass(frozen=True)
class ExportOptions:
    """How artifacts are written.

    Args:
        opset: ONNX operator set, 13 to 23. A model with layers that only tf2onnx converts takes
            13 to 18.
        layout: of ONNX files: "nhwc" as in Keras, or "nchw" for images and maps with the channels
            first, as PyTorch's users have them.
        image_bytes: give the SavedModel a second signature, `serving_bytes`, that takes encoded
            JPEG and PNG files and returns class names and scores.
        preprocess: put the preprocessing into ONNX and OpenVINO files: their input is then
            N x H x W x C, uint8, of any size where the preprocessing resizes or crops.
        calibration: how "onnx-int8" finds the range of activations: "minmax", "entropy" or
            "percentile".
        max_drop: an int8 artifact is refused when its accuracy on the evaluation data is lower
            than that of the float32 model by more than this, 0 to 1.
        evaluation: labelled data for that, as `load_data` takes; a Run's own by default.
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
    """What the module of a format is given.

    Args:
        network: the model made ready.
        metadata: to be put into the artifact.
        options: as asked for.
        preprocessing: of the model, or None.
        questions: inputs and Keras's answers; the real images calibrate LiteRT's int8.
        calibration: more real images, as model inputs; empty when none are at hand.
        evaluation: batches of (model inputs, labels); empty when there are none.
        precision: "float32", "float16", "dynamic" or "int8".
    """

    network: Network
    metadata: dict[str, Any]
    options: ExportOptions
    preprocessing: Preprocessing | None
    questions: Questions
    calibration: tuple[Any, ...]
    evaluation: tuple[tuple[Any, Any], ...]
    precision: str = "float32"
