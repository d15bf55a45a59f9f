"""An exported file that a runtime has loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.lazy import np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Run = Callable[[Array], Array]


@dataclass(frozen=True, eq=False)
class Artifact:
    """An exported file, loaded in a runtime and ready to run.

    Call it with images N x H x W x C to get its outputs with the channels last, whatever the
    layout of the file.

    Attributes:
        runtime: one of `available.RUNTIMES`.
        run: computes the outputs for a batch in the layout and type of the file's own input; may
            be called from any thread.
        input_shape: sizes of the input without the batch, in the file's order; None where any
            size is accepted.
        dtype: NumPy's name of the input's type.
        metadata: what `export` stored in the file; empty for files from other programs.
        logits: True when `run` returns the logits in front of the file's softmax; None when it
            returns the file's own output.
        compile_bfloat16: returns a `run` that computes in bfloat16; None when the processor or
            the runtime does not support it.
        usual_layout: the layout of this format when the metadata does not say it; None when the
            format has no usual one.
    """

    runtime: str
    run: Run
    input_shape: tuple[int | None, ...]
    dtype: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    logits: bool | None = None
    compile_bfloat16: Callable[[], Run] | None = None
    usual_layout: str | None = None

    def __call__(self, images: Array) -> Array:
        return channels_last(self.run, self.layout or "nhwc")(images)

    @property
    def layout(self) -> str | None:
        """Layout of the input, "nhwc" or "nchw"; None when it is unknown."""
        return self.input_metadata.get("layout", self.usual_layout)

    @property
    def preprocesses(self) -> bool:
        """Whether the file applies the preprocessing itself."""
        return self.input_metadata.get("preprocessed") is False

    @property
    def input_metadata(self) -> Mapping[str, Any]:
        """The metadata's description of the input; empty when there is none."""
        description = self.metadata.get("input")
        return description if isinstance(description, dict) else {}


def channels_last(run: Run, layout: str) -> Run:
    """Returns a function that takes and returns the channels last, for a `run` of any layout."""
    if layout != "nchw":
        return run

    def run_transposed(images: Array) -> Array:
        outputs = run(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return outputs.transpose(0, 2, 3, 1) if outputs.ndim == 4 else outputs

    return run_transposed


def require_one_image_input(inputs: list[tuple[Any, Any, Any]]) -> None:
    """Raises MismatchError unless there is exactly one input, with four axes.

    Args:
        inputs: (name, type, shape) of each input.
    """
    if len(inputs) != 1 or len(inputs[0][2]) != 4:
        raise MismatchError(f"the file takes {inputs}; it must take one batch of images"[:400])
