"""One class that runs any artifact, fast: the fastest runtime at hand, in proven precision."""

from __future__ import annotations

import collections
import functools
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, KerasCNNError, MismatchError, UsageError
from kerascnn.inference.classifier import Classifier, Scores
from kerascnn.inference.convert import converted
from kerascnn.inference.image_inputs import Prediction, best, prepared, read, sources
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.inference.runtime_trial import Candidate, Trial
from kerascnn.lazy import np
from kerascnn.models.scores import log_probabilities
from kerascnn.models.signature import adopted_class_names
from kerascnn.runs.run import CONFIG
from kerascnn.runtimes import load

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kerascnn.imaging.preprocessing import Preprocessing
    from kerascnn.runs.run import Run

PRECISIONS = ("auto", "float32", "bfloat16", "int8")
ONNX, INT8 = "model.onnx", "model-int8.onnx"
WORTH = 1.0
"""Seconds of computing after which a trial begins: to open the candidates takes about as long."""


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


class Predictor:
    """Runs any artifact of `export`, or a run, on images of any kind.

    It takes OpenVINO for an ONNX file where that is installed, else onnxruntime; a Keras model is
    moved there too if its layers allow it, with the weights that it has then. The other runtime,
    bfloat16 where the processor computes in it, and the int8 file of an export then take part in a
    trial of 100 images, which are `samples` or else those that come after a second of computing:
    the fastest that puts the same class first as float32 for 99 % of them is used from there on.
    Until then and otherwise the answers are those of float32. `info` tells what was chosen and why.
    All methods may be called from several threads.
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
            precision: "auto", "float32", "bfloat16" or "int8"; the last three hold from the first
                image on, and of float32 only the runtime is on trial.
            threads: to compute with; None for as many as there are processors.
            batch_size: images that are computed together at most, from 1.
            samples: real images (as for a call) for the trial, which is then over when the
                predictor has been made. Give images that neither the training nor
                the calibration of an int8 file has seen, and a hundred or more: on its own
                training images a network is surer than on others, and hides what is lost.
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
            load.require(runtime)
        self.batch_size = batch_size
        self._threads = threads or load.cores()
        self._lock, self._spent = threading.Lock(), 0.0
        path = Path(source) if isinstance(source, (str, os.PathLike)) else None
        chosen = _artifact(path, runtime, precision)
        self._network = network = _open(chosen or source, runtime, threads, trust)
        self._preprocessing = preprocessing
        self.class_names = _names(network, class_names)
        self._compute = _probabilities(network.scores, network.logits)
        self._precision, self._reason = network.precision, "nothing else is at hand"
        self._settle(precision, path)
        candidates = self._candidates(precision, runtime, path, chosen, threads)
        self._trial = Trial(candidates) if candidates else None
        if samples is not None and candidates:
            self._try(samples, candidates)

    @property
    def info(self) -> PredictorInfo:
        """What runs now."""
        trial = self._trial
        return PredictorInfo(
            file=self._network.name,
            runtime=self._network.runtime,
            precision=self._precision,
            reason=trial.reason if trial else self._reason,
            agreement=trial.judged.agreement if trial else None,
            compared=trial.judged.decided if trial else 0,
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
        trial = self._trial
        if trial is None or not trial.running:
            return self._compute(batch)
        started = time.perf_counter()
        answer = self._compute(batch)
        elapsed = time.perf_counter() - started
        with self._lock:
            if self._spent < WORTH:
                self._spent += elapsed
            elif trial.running:
                trial.show(batch, answer, elapsed)
                self._take(trial)
        return answer

    def _take(self, trial: Trial) -> None:
        """Goes over to what a trial has found best, once it is over."""
        if trial.running:
            return
        winner = trial.winner
        if winner is not None:
            taken = winner.network
            self._compute = _probabilities(taken.scores, taken.logits)
            self._precision = winner.precision
            # Frees what ran until now.
            self._network = replace(
                self._network, scores=taken.scores, runtime=winner.runtime, half=None
            )
        trial.close()

    def _settle(self, wanted: str, path: Path | None) -> None:
        """Takes the precision that was asked for."""
        network = self._network
        if wanted != "auto":
            self._reason = "asked for"
        if wanted == "float32" != network.precision:
            raise UsageError(
                f"{network.name} computes in {network.precision}; give the float32 file"
            )
        if wanted == "int8" and network.precision != "int8":
            raise UsageError(f"there is no int8 file in {path or network.name}; export one")
        if wanted == "bfloat16":
            if network.half is None:
                raise UsageError(
                    f"{network.runtime} cannot compute in bfloat16 here; it needs OpenVINO, an "
                    "ONNX or OpenVINO file, and a processor with units for it"
                )
            self._compute = _probabilities(network.half(), network.logits)
            self._precision = "bfloat16"

    def _candidates(
        self,
        precision: str,
        runtime: str,
        path: Path | None,
        chosen: Path | None,
        threads: int | None,
    ) -> list[Candidate]:
        """Returns what comes on trial beside what runs now."""
        network = self._network
        if precision not in ("auto", "float32") or network.precision != "float32":
            return []

        opened = functools.partial(open_classifier, threads=threads)
        onnx = chosen if chosen is not None and chosen.suffix == ".onnx" else None
        places, found = [network.runtime], []
        # The other way round OpenVINO is not installed, or could not read it.
        if runtime == "auto" and network.runtime == "openvino" and (onnx or network.model):
            moved = functools.partial(converted, network, threads=threads)
            make = functools.partial(opened, onnx) if onnx else moved
            places.append("onnxruntime")
            found.append(
                Candidate("float32", "onnxruntime", functools.partial(make, runtime="onnxruntime"))
            )
        if precision == "float32":
            return found
        if network.half is not None:
            half = functools.partial(_half, network)
            found.append(Candidate("bfloat16", network.runtime, half))
        small = path / INT8 if path is not None and onnx and path != onnx else None
        if small is not None and small.exists():
            for place in places:
                make = functools.partial(opened, small, runtime=place)
                found.append(Candidate("int8", place, make))
        return found

    def _try(self, samples: Any, candidates: list[Candidate]) -> None:
        """Holds the trial on real images, twice, since what is new takes longer."""
        self._spent = WORTH
        for _ in range(2):
            trial = self._trial = Trial([one.again() for one in candidates], None)
            for _, batch in self._batches(samples):
                self.probabilities(batch)
        trial.end()
        self._take(trial)


def _half(network: Classifier) -> Classifier:
    assert network.half is not None  # asked before
    return replace(network, scores=network.half())


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
        reader = "openvino" if load.installed("openvino") else "onnxruntime"
    reads = reader if reader in _READERS else None
    try:
        network = open_classifier(source, trust=trust, runtime=reads, threads=threads)
    except DamagedFileError:
        if (runtime, reader) != ("auto", "openvino"):
            raise
        # OpenVINO lacks some operators; what is really damaged fails again.
        network = open_classifier(source, trust=trust, threads=threads)
    if network.model is not None and network is not source and reader in _READERS:
        try:
            return converted(network, runtime=reader, threads=threads)
        except KerasCNNError:
            if runtime != "auto":
                raise
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


def _probabilities(scores: Scores, logits: bool) -> Scores:
    """Returns a function to probabilities; those that scores are already are left as they are."""
    if not logits:
        return scores
    return lambda batch: np.exp(log_probabilities(scores(batch), logits=True)).astype(np.float32)


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
