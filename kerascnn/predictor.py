"""One class that runs any artifact, fast: the fastest runtime at hand, in proven precision."""

from __future__ import annotations

import collections
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn import runtimes
from kerascnn.classifiers import Classifier, Scores, log_probabilities, open_classifier
from kerascnn.endpoints import adopted_class_names
from kerascnn.errors import MismatchError, UsageError
from kerascnn.lazy import np
from kerascnn.predicting import Prediction, best, prepared, read, sources
from kerascnn.runs import CONFIG

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kerascnn.preprocessing import Preprocessing
    from kerascnn.runs import Run

PRECISIONS = ("auto", "float32", "bfloat16", "int8")
AGREEMENT = 0.99
"""Share of images for which a lower precision must put the same class first as float32."""
TRIAL = 100
"""Images on which that is seen; of fewer than 100 every one would have to agree."""
TIE = 1e-3
"""Probabilities that lie closer decide nothing, and their order is not counted."""
ONNX, INT8 = "model.onnx", "model-int8.onnx"


@dataclass(frozen=True)
class PredictorInfo:
    """What a predictor runs, and why.

    Attributes:
        file: what was opened.
        runtime: "openvino", "onnxruntime", "litert" or "tensorflow".
        precision: what it computes in now.
        reason: why in that precision, in a sentence.
        agreement: share of the compared images for which that precision, or else the one that was
            refused or is on trial, puts the same class first as float32; None before the first.
        compared: the number of those images.
        threads: that compute.
        batch_size: images that are computed together at most.
    """

    file: str
    runtime: str
    precision: str
    reason: str
    agreement: float | None
    compared: int
    threads: int
    batch_size: int


class _Candidate:
    """A lower precision on trial beside float32."""

    def __init__(self, name: str, scores: Scores, logits: bool) -> None:
        self.name, self.scores, self.logits = name, scores, logits
        self.same = self.decided = self.seen = 0
        self.fastest = float("inf")

    @property
    def agreement(self) -> float | None:
        return self.same / self.decided if self.decided else None

    def watch(self, batch: np.ndarray, wanted: np.ndarray) -> None:
        """Compares its answers to a batch with the probabilities of float32."""
        started = time.perf_counter()
        got = self.scores(batch)
        self.fastest = min(self.fastest, (time.perf_counter() - started) / len(batch))
        two = np.sort(wanted, axis=1)[:, -2:]
        decided = two[:, -1] - two[:, 0] >= TIE  # a single class is never decided
        self.same += int(((got.argmax(1) == wanted.argmax(1)) & decided).sum())
        self.decided += int(decided.sum())
        self.seen += len(batch)

    def hopeless(self, needed: int) -> bool:
        """Tells whether it cannot reach the agreement any more."""
        return self.decided - self.same > (1 - AGREEMENT) * max(needed, self.decided)


class Predictor:
    """Runs any artifact of `export`, or a run, on images of any kind.

    It takes OpenVINO for an ONNX file where that is installed, else onnxruntime. Where the
    processor computes faster in bfloat16, or an export has an int8 file, that is used once it has
    put the same class first as float32 for 99 % of 100 images, which are `samples` or else the
    first that come; until then and otherwise the answers are those of float32. `info` tells what
    was chosen and why. All methods may be called from several threads.
    """

    def __init__(
        self,
        source: Classifier | keras.Model | Run | str | os.PathLike[str],
        *,
        runtime: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        batch_size: int = 16,
        samples: Any = None,
        preprocessing: Preprocessing | None = None,
        class_names: Sequence[str] | None = None,
        trust: bool = False,
    ) -> None:
        """Opens an artifact.

        Args:
            source: what `open_classifier` takes: an export directory, an ONNX, LiteRT or OpenVINO
                file, a SavedModel, a run directory, a .keras file, a Keras model.
            runtime: "auto", "openvino", "onnxruntime", "litert" or "tensorflow".
            precision: "auto", "float32", "bfloat16" or "int8"; the last three without a trial.
            threads: to compute with; None for as many as there are processors.
            batch_size: images that are computed together at most, from 1.
            samples: real images (as for a call) for the trial of lower precisions, which is then
                over when the predictor has been made.
            preprocessing: the artifact's own when None.
            class_names: the artifact's own when None.
            trust: open a SavedModel, which is a program.

        Raises:
            UsageError: the runtime is not installed or does not read this, or the precision is not
                to be had.
            MismatchError: the number of names is not that of the classes.
        """
        if precision not in PRECISIONS:
            raise UsageError(f"precision={precision!r}; choose {', '.join(PRECISIONS)}")
        for name, value in (("batch_size", batch_size), ("threads", threads or 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{name}={value!r}; it must be a whole number from 1")
        if runtime != "auto":
            runtimes.require(runtime)
        self.batch_size = batch_size
        self._threads = threads or runtimes.cores()
        self._lock = threading.Lock()
        path = Path(source) if isinstance(source, (str, os.PathLike)) else None
        chosen = _artifact(path, runtime, precision)
        self._network = network = _open(chosen or source, runtime, threads, trust)
        self._preprocessing = preprocessing
        self.class_names = _names(network, class_names)
        self._scores, self._logits = network.scores, network.logits
        self._precision, self._reason = network.precision, f"{network.runtime} was opened so"
        self._fastest = float("inf")
        self._trials: list[_Candidate] = []
        self._judged: _Candidate | None = None
        self._needed = TRIAL
        self._lower(precision, path, chosen, threads)
        if samples is not None and self._trials:
            self._try(samples)

    @property
    def info(self) -> PredictorInfo:
        """What runs now."""
        judged = self._judged or (self._trials[0] if self._trials else None)
        return PredictorInfo(
            file=self._network.name,
            runtime=self._network.runtime,
            precision=self._precision,
            reason=self._reason,
            agreement=judged.agreement if judged else None,
            compared=judged.decided if judged else 0,
            threads=self._threads,
            batch_size=self.batch_size,
        )

    def __call__(self, images: Any, *, top: int = 5) -> list[Prediction]:
        """Names the likeliest classes of images; see `kerascnn.predict` for what may be given.

        Args:
            images: paths, bytes, Pillow images or arrays, one or many; or a folder.
            top: number of classes to name, at least 1; at most all.

        Returns:
            One `Prediction` an image, in order; [] for [].
        """
        if isinstance(top, bool) or not isinstance(top, int) or top < 1:
            raise UsageError(f"top={top!r}; it must be a whole number from 1")
        return [
            best(name, scores, self.class_names, top)
            for names, batch in self._batches(images)
            for name, scores in zip(names, self.probabilities(batch), strict=True)
        ]

    def probabilities(self, batch: np.ndarray) -> np.ndarray:
        """Returns the probability of every class for prepared images.

        Args:
            batch: float32, N x H x W x C, as `prepare` makes them.

        Returns:
            float32, N x classes.
        """
        parts = [
            self._answer(batch[start : start + self.batch_size])
            for start in range(0, len(batch), self.batch_size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def prepare(self, image: Any) -> np.ndarray:
        """Returns the network's input, float32 H x W x C, for one path, bytes, Pillow or array."""
        return prepared(self._network, read(image, 0)[1], self._preprocessing)

    def _batches(self, images: Any) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yields names and inputs, decoded by other threads while a batch is computed."""

        def ready(item: Callable[[], tuple[str, np.ndarray]]) -> tuple[str, np.ndarray]:
            name, pixels = item()
            return name, prepared(self._network, pixels, self._preprocessing)

        items = sources(images)
        first = list(itertools.islice(items, 2))
        if len(first) < 2:  # no other thread has to be started for one image
            for item in first:
                name, array = ready(item)
                yield [name], array[np.newaxis]
            return
        with ThreadPoolExecutor(self._threads) as pool:
            coming = (pool.submit(ready, item) for item in itertools.chain(first, items))
            for pairs in _ahead(coming, self.batch_size):
                for _, group in itertools.groupby(pairs, key=lambda pair: pair[1].shape):
                    names, arrays = zip(*group, strict=True)
                    yield list(names), np.stack(arrays)

    def _answer(self, batch: np.ndarray) -> np.ndarray:
        if not self._trials:
            return _probabilities(self._scores(batch), self._logits)
        started = time.perf_counter()
        answer = _probabilities(self._scores(batch), self._logits)
        elapsed = (time.perf_counter() - started) / len(batch)
        with self._lock:
            if self._trials:
                self._fastest = min(self._fastest, elapsed)
                self._watch(batch, answer)
        return answer

    def _watch(self, batch: np.ndarray, answer: np.ndarray) -> None:
        """Shows a batch to the precisions on trial, and ends the trial when it is decided."""
        for candidate in list(self._trials):
            candidate.watch(batch, answer)
            if candidate.hopeless(self._needed):
                self._trials.remove(candidate)
                self._refuse(candidate)
        if self._trials and self._trials[0].decided >= self._needed:
            self._decide()

    def _refuse(self, candidate: _Candidate) -> None:
        self._judged = candidate
        self._reason = (
            f"{candidate.name} puts the same class first as float32 for only {candidate.same} of "
            f"{candidate.decided} images"
        )

    def _decide(self) -> None:
        passed = [one for one in self._trials if one.agreement and one.agreement >= AGREEMENT]
        failed = [one for one in self._trials if one not in passed]
        self._trials = []
        for one in failed:
            self._refuse(one)
        if not passed:
            return
        fastest = self._judged = min(passed, key=lambda one: one.fastest)
        if fastest.fastest >= self._fastest:
            self._reason = f"{fastest.name} agrees, but is not faster here"
            return
        self._scores, self._logits = fastest.scores, fastest.logits
        self._network = replace(self._network, scores=fastest.scores, half=None)  # frees float32
        self._precision = fastest.name
        self._reason = (
            f"{fastest.name} puts the same class first as float32 for {fastest.same} of "
            f"{fastest.decided} images and takes {fastest.fastest / self._fastest:.0%} of the time"
        )

    def _lower(
        self, wanted: str, path: Path | None, chosen: Path | None, threads: int | None
    ) -> None:
        """Takes the precision that was asked for, or begins the trial of those at hand."""
        network = self._network
        if wanted == network.precision or (wanted == "float32" and network.precision == "float16"):
            self._reason = "asked for"
            return
        if wanted == "float32":
            if network.precision == "int8":
                raise UsageError(f"{network.name} computes in int8; give the float32 file")
            return
        if wanted == "bfloat16":
            if network.half is None:
                raise UsageError(
                    f"{network.runtime} cannot compute in bfloat16 here; it needs OpenVINO, an "
                    "ONNX or OpenVINO file, and a processor with units for it"
                )
            self._scores, self._precision = network.half(), "bfloat16"
            self._reason = "asked for"
            return
        if wanted == "int8":
            raise UsageError(f"there is no int8 file in {path or network.name}; export one")
        if network.half is not None:
            self._trials.append(_Candidate("bfloat16", network.half(), network.logits))
        small = path / INT8 if path is not None and path.is_dir() else None
        if small is not None and small.exists() and chosen is not None and chosen.name == ONNX:
            other = open_classifier(small, runtime=network.runtime, threads=threads)
            self._trials.append(_Candidate("int8", other.scores, other.logits))
        if self._trials:
            on_trial = " and ".join(one.name for one in self._trials)
            self._reason = f"{on_trial} on trial until {TRIAL} images have been seen"
        elif network.precision == "float32":
            self._reason = "nothing lower is at hand"

    def _try(self, samples: Any) -> None:
        """Holds the trial on real images."""
        for _ in range(2):  # the first pass also warms up, and only the second is quick
            for candidate in self._trials:
                candidate.same = candidate.decided = candidate.seen = 0
            self._needed = 10**9
            for _, batch in self._batches(samples):
                self.probabilities(batch)
            if not self._trials:
                return
        if not self._trials[0].decided:
            self._trials = []
            self._reason = "no sample was decided enough to compare precisions"
            return
        self._decide()


def _artifact(path: Path | None, runtime: str, precision: str) -> Path | None:
    """Returns the file of an export directory that serves a runtime and a precision best."""
    if path is None or not path.is_dir() or (path / CONFIG).exists():
        return path
    if precision == "int8" and (path / INT8).exists():
        return path / INT8
    names = {
        "openvino": (ONNX, "openvino"),
        "onnxruntime": (ONNX,),
        "litert": ("model.tflite",),
        "tensorflow": ("savedmodel",),
    }.get(runtime, (ONNX,))
    return next((path / name for name in names if (path / name).exists()), path)


def _open(source: Any, runtime: str, threads: int | None, trust: bool) -> Classifier:
    reader = runtime
    if runtime == "auto":
        reader = "openvino" if runtimes.installed("openvino") else "onnxruntime"
    network = open_classifier(
        source, trust=trust, runtime=reader if reader in _READERS else None, threads=threads
    )
    if runtime not in ("auto", network.runtime):
        raise UsageError(
            f"{network.name} runs in {network.runtime}, not in {runtime}; export the format that "
            "it reads, or leave the runtime out"
        )
    return network


_READERS = ("openvino", "onnxruntime")


def _names(network: Classifier, names: Sequence[str] | None) -> tuple[str, ...]:
    if names is None:
        adopted = None if network.model is None else adopted_class_names(network.model)
        return network.class_names or adopted or tuple(map(str, range(network.classes)))
    if len(names) != network.classes:
        raise MismatchError(
            f"{len(names)} class names for a model of {network.classes} classes; give one for each "
            "output"
        )
    return tuple(names)


def _probabilities(scores: np.ndarray, logits: bool) -> np.ndarray:
    if not logits:
        return scores
    return np.exp(log_probabilities(scores, logits=True)).astype(np.float32)


def _ahead(coming: Iterable[Future[Any]], size: int) -> Iterator[list[Any]]:
    """Yields the results in lists of `size`; two lists are on their way beyond the one in use."""
    waiting: collections.deque[Future[Any]] = collections.deque()
    iterator = iter(coming)
    waiting.extend(itertools.islice(iterator, 2 * size))
    while waiting:
        ready = [waiting.popleft() for _ in range(min(size, len(waiting)))]
        results = [one.result() for one in ready]
        waiting.extend(itertools.islice(iterator, size))
        yield results
