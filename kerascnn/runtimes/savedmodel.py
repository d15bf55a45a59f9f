"""Opens SavedModel directories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.lazy import tf
from kerascnn.runtimes.contract import INPUT, OUTPUT, SIGNATURE

if TYPE_CHECKING:
    import numpy.typing as npt


def open_runtime(path: Path) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Loads the SavedModel and returns its signature as a function of a batch."""
    loaded = tf.saved_model.load(str(path))

    def run(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        # `loaded` is kept alive by this line: its variables die with it.
        outputs = loaded.signatures[SIGNATURE](**{INPUT: tf.constant(images)})
        return outputs[OUTPUT].numpy()

    return run
