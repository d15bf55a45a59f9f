"""The report on one exported artifact."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ExportReport:
    """One artifact and its comparison with the Keras model.

    Args:
        format: a name of `FORMATS`.
        path: the artifact.
        difference: largest absolute difference of an output value.
        relative: largest difference of a logit over the largest logit of the Keras model;
            probabilities are compared by their logarithms.
        tolerance: the largest `relative` that was allowed; None for int8.
        top1_agreement: share of images with the same top class, from 0 to 1; for int8 only of the
            real images, if there are any.
        ties: number of images that `top1_agreement` leaves out, because Keras's two largest scores
            differ by less than the allowed difference.
        asked_tolerance: the argument `tolerance` of `export`.
        real: number of real images compared.
        random: number of random images compared.
        bytes: size of the artifact.
        parameter_bytes: size in float32 of the weights that the output depends on.
        convert_seconds: time to write the artifact.
        prove_seconds: time to load it again, run it and compare.
        opset: ONNX operator set; None for other formats.
        nodes: number of nodes of each operator in the ONNX graph; None for other formats.
        accuracy_before: of the Keras model on the evaluation data, for int8; 0 to 1.
        accuracy_after: of the artifact.
        left_out: the nodes of an int8 ONNX file that stay in float32.
        policy: the model's precision, e.g. "mixed_float16", when the artifact was written from a
            float32 copy of it; None for a float32 model.
        policy_difference: largest absolute difference between that copy and the model itself.
    """

    format: str
    path: Path
    difference: float
    relative: float
    tolerance: float | None
    top1_agreement: float
    ties: int
    asked_tolerance: float
    real: int
    random: int
    bytes: int
    parameter_bytes: int
    convert_seconds: float
    prove_seconds: float
    opset: int | None = None
    nodes: dict[str, int] | None = None
    accuracy_before: float | None = None
    accuracy_after: float | None = None
    left_out: list[str] | None = None
    policy: str | None = None
    policy_difference: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns the fields for JSON; the path is reduced to its last part."""
        return {**asdict(self), "path": self.path.name}

    def __str__(self) -> str:
        images = " + ".join(
            f"{count} {kind}"
            for count, kind in ((self.real, "real"), (self.random, "random"))
            if count
        )
        line = (
            f"{self.format:<10}  {self.path}  {_size(self.bytes)}  "
            f"largest difference {self.difference:.1e} "
            f"({self.relative:.0e} of the logits), "
            f"top-1 agreement {self.top1_agreement:.0%} on {images} images, "
            f"{self.convert_seconds + self.prove_seconds:.1f} s"
        )
        if self.accuracy_before is not None:
            line += f"  accuracy {self.accuracy_before:.2%} -> {self.accuracy_after:.2%}"
        if self.ties:
            line += f"  ({self.ties} images left out, whose two largest scores are too close)"
        if self.policy is not None:
            line += (
                f"  (float32 copy of {self.policy}, which differs by {self.policy_difference:.1e})"
            )
        return line


def _size(count: int) -> str:
    """Returns a number of bytes with a decimal unit, such as "1.2 MB"."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} B"
