"""Stops a training run whose values are not finite, or that needs too much memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerascnn.data.pipeline import batch_indices
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import DivergedError, OutputError, UsageError
from kerascnn.fileio.json import write_json
from kerascnn.runs.run import CHECKPOINTS, DIVERGED, Run, kept_files
from kerascnn.training.callbacks import Clock, Logs
from kerascnn.training.checkpoints import capture, newest, not_finite, restore

NAMED = 3
"""Number of samples that an error message names; diverged.json lists all of the batch."""


class DivergenceGuard(keras.callbacks.Callback):
    """Stops at the first step whose loss is not finite, before any other callback saves.

    Keras would continue with NaN weights and overwrite the good files. The model gets the last
    finite weights back.

    Args:
        run: the run, whose files the message names.
        clock: counts epochs and steps.
        split: the training images.
        batch_size, seed: determine which images are in the batch.

    Raises:
        DivergedError: from `fit`; names the step, its images and the files that are kept.
    """

    def __init__(self, run: Run, clock: Clock, split: Split, batch_size: int, seed: int) -> None:
        super().__init__()
        self.run, self.clock, self.split = run, clock, split
        self.batch_size, self.seed = batch_size, seed

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        # Keras passes the running mean of the epoch, which is not finite from that step on.
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            self.stop(f"the loss became {loss} in step {self.clock.step}", self._batch(loss))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("val_loss", 0.0)
        if not math.isfinite(loss):
            self.stop(f"the validation loss became {loss} at the end")

    def check(self, arrays: dict[str, np.ndarray], when: str) -> None:
        """Stops the run if an array of `capture` is not finite."""
        name = not_finite(arrays)
        if name is not None:
            self.stop(f"{name.split('/', 2)[-1]} has values that are not finite {when}")

    def stop(self, cause: str, samples: str = "") -> None:
        """Restores finite weights and raises DivergedError."""
        back = self._put_back()
        raise DivergedError(
            f"{cause} of epoch {self.clock.epoch + 1}{samples}; {back}{kept_files(self.run.path)}; "
            "lower the learning rate, or look for NaN in the data"
        )

    def _put_back(self) -> str:
        """Restores the newest checkpoint if weights are not finite; returns a clause about it."""
        if not_finite(capture(self.model)) is None:
            return ""
        checkpoint, _ = newest(self.run.path / CHECKPOINTS)
        if checkpoint is None:
            return ""
        restore(self.model, checkpoint.arrays)
        return f"the weights of {checkpoint.position} are restored; "

    def _batch(self, loss: float) -> str:
        """Writes the images of the step to diverged.json; returns a clause that names some."""
        position = {"epoch": self.clock.epoch, "step": self.clock.step - 1}
        indices = batch_indices(
            self.split, batch_size=self.batch_size, seed=self.seed, **position
        ).tolist()
        samples = [self._sample(index) for index in indices]
        broken = [sample for sample in samples if not sample.get("finite", True)]
        # NaN and infinity are not valid JSON, so the loss is written as text.
        write_json(
            self.run.path / DIVERGED,
            {"epoch": position["epoch"] + 1, "step": position["step"] + 1, "loss": str(loss),
             "samples": samples},
        )  # fmt: skip
        names = [str(sample.get("file", sample["index"])) for sample in broken or samples]
        kind = "broken images" if broken else "images"
        more = f" … {len(names)} in all, see {DIVERGED}" if len(names) > NAMED else ""
        return f" ({kind} {', '.join(_ending(name) for name in names[:NAMED])}{more})"

    def _sample(self, index: int) -> dict[str, Any]:
        sample: dict[str, Any] = {"index": index}
        images = self.split.images
        if self.split.labels is not None:
            sample["label"] = int(self.split.labels[index])
        if isinstance(images, tuple):
            sample["file"] = str(images[index])
        elif isinstance(images, np.ndarray) and images.dtype.kind == "f":
            sample["finite"] = bool(np.isfinite(images[index]).all())
        return sample


def _ending(name: str) -> str:
    return name if len(name) <= 40 else "…" + name[-39:]


@contextmanager
def memory_errors(batch_size: int) -> Iterator[None]:
    """Turns out-of-memory errors of the block into a message with a batch size that may fit.

    Raises:
        UsageError: the device or the machine has too little memory.
        OutputError: TensorFlow could not write its events.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        text = str(error)
        if "No space left" in text:
            raise OutputError(f"cannot write: {text.splitlines()[0][:200]}; make room") from error
        if batch_size == 1:
            advice = "a single image is too much: use a smaller network, input or precision"
        else:
            advice = f"try batch_size={batch_size // 2}"
        raise UsageError(f"batch_size={batch_size} does not fit into memory: {advice}") from error
