"""What an export found out about itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ExportReport:
    """One artifact and its comparison with the Keras model.

    Args:
        format: "savedmodel" or "onnx".
        path: of the artifact.
        difference: largest absolute difference of an output value.
        relative: `difference` over the largest absolute output of the Keras model.
        tolerance: the largest `difference` that was allowed.
        top1_agreement: share of images with the same top class, from 0 to 1.
        ties: images left out of `top1_agreement`, since Keras's own two best scores lie closer
            together than `tolerance`.
        real: number of real images compared.
        random: number of random images compared.
        bytes: size of the artifact.
        parameter_bytes: size of the weights that the outputs depend on, in float32.
        convert_seconds: time to write the artifact.
        prove_seconds: time to load it again, run it and compare.
        opset: ONNX operator set; None for other formats.
        policy: the model's precision, e.g. "mixed_float16", when the artifact was written from a
            float32 copy of it; None when it is a float32 model.
        policy_difference: largest absolute difference between that copy and the model itself.
    """

    format: str
    path: Path
    difference: float
    relative: float
    tolerance: float
    top1_agreement: float
    ties: int
    real: int
    random: int
    bytes: int
    parameter_bytes: int
    convert_seconds: float
    prove_seconds: float
    opset: int | None = None
    policy: str | None = None
    policy_difference: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the fields; the path is its last part, so that the report can travel."""
        return {**asdict(self), "path": self.path.name}

    def __str__(self) -> str:
        images = " + ".join(
            f"{count} {kind}"
            for count, kind in ((self.real, "real"), (self.random, "random"))
            if count
        )
        line = (
            f"{self.format:<10}  {self.path}  {_size(self.bytes)}  "
            f"largest difference {self.difference:.1e}, "
            f"top-1 agreement {self.top1_agreement:.0%} on {images} images, "
            f"{self.convert_seconds + self.prove_seconds:.1f} s"
        )
        if self.ties:
            line += f"  ({self.ties} images left out, where Keras itself hardly decides)"
        if self.policy is not None:
            line += f"  (float32 copy of {self.policy}: {self.policy_difference:.1e} from it)"
        return line


def _size(count: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"
