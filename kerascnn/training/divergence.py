"""What stops a training run that cannot go well: values that are not finite, too little memory."""

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
"""So many samples of a bad batch stand in the message; all of them in diverged.json."""


class DivergenceGuard(keras.callbacks.Callback):
    """Stops at the first step whose loss is not finite, before anything else is saved.

    Keras would train on with NaN weights and write them over the good files. The weights of the
    model go back to the last ones that are whole.

    Args:
        run: whose files are named.
        clock: tells the step.
        split: the training samples.
        batch_size, seed: what made the batches.

    Raises:
        DivergedError: from `fit`, naming the step, its samples and the files that are kept.
    """

    def __init__(self, run: Run, clock: Clock, split: Split, batch_size: int, seed: int) -> None:
        super().__init__()
        self.run, self.clock, self.split = run, clock, split
        self.batch_size, self.seed = batch_size, seed

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        # Keras reports the epoch's running mean, which stays non-finite from that step on.
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            self.stop(f"the loss became {loss} in step {self.clock.step}", self._batch(loss))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        loss = (logs or {}).get("val_loss", 0.0)
        if not math.isfinite(loss):
            self.stop(f"the validation loss became {loss} at the end")

    def check(self, arrays: dict[str, np.ndarray], when: str) -> None:
        """Stops the run when an array of `capture` is not finite."""
        name = not_finite(arrays)
        if name is not None:
            self.stop(f"{name.split('/', 2)[-1]} holds values that are not finite {when}")

    def stop(self, cause: str, samples: str = "") -> None:
        """Puts whole weights back and raises DivergedError."""
        back = self._put_back()
        raise DivergedError(
            f"{cause} of epoch {self.clock.epoch + 1}{samples}; {back}{kept_files(self.run.path)}; "
            "lower the learning rate, or look for broken values in the data"
        )

    def _put_back(self) -> str:
        if not_finite(capture(self.model)) is None:
            return ""
        checkpoint, _ = newest(self.run.path / CHECKPOINTS)
        if checkpoint is None:
            return ""
        restore(self.model, checkpoint.arrays)
        return f"the weights are those of {checkpoint.position} again; "

    def _batch(self, loss: float) -> str:
        """Writes down the samples of the step and returns a clause that names some."""
        position = {"epoch": self.clock.epoch, "step": self.clock.step - 1}
        indices = batch_indices(
            self.split, batch_size=self.batch_size, seed=self.seed, **position
        ).tolist()
        samples = [self._sample(index) for index in indices]
        broken = [sample for sample in samples if not sample.get("finite", True)]
        # NaN and infinity are no JSON, which other programs read.
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
    """Around `fit`: says which batch size did not fit, and one that may.

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
            advice = "one image is too much: take a smaller network, input or precision"
        else:
            advice = f"try batch_size={batch_size // 2}"
        raise UsageError(
            f"batch_size={batch_size} does not fit into the memory: {advice}"
        ) from error
