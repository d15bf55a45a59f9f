"""Predicts with any artifact or model, in the fastest runtime and precision that agree."""

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

from kerascnn.data.read_images import read, sources
from kerascnn.errors import DamagedFileError, KerasCNNError, MismatchError, UsageError
from kerascnn.exporting.formats import FORMATS
from kerascnn.inference.candidates import INT8, precision_candidates, runtime_candidates
from kerascnn.inference.classifier import Classifier, Scores
from kerascnn.inference.convert import convert_model
from kerascnn.inference.image_inputs import Prediction, best, prepared
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.inference.runtime_trial import Candidate, Trial
from kerascnn.lazy import np
from kerascnn.models.adopted import adopted_class_names
from kerascnn.models.scores import log_probabilities
from kerascnn.runs.run import CONFIG
from kerascnn.runtimes.available import installed, processor_count, require
from kerascnn.runtimes.onnx import ONNX_RUNTIMES

if TYPE_CHECKING:
    import keras
    import numpy as np

    from kerascnn.imaging.preprocessing import Preprocessing
    from kerascnn.runs.run import Run

PRECISIONS = ("auto", "float32", "bfloat16", "int8")
TRIAL_AFTER_SECONDS = 1.0
"""Computing time after which a trial starts; opening the candidates takes about as long."""


@dataclass(frozen=True)
class PredictorInfo:
    """The runtime and precision of a predictor, and the reason for them.

    Attributes:
        file: name of the opened file or model.
        runtime: "openvino", "onnxruntime", "litert" or "tensorflow".
        precision: that it computes in now.
        reason: for that precision, in a sentence.
        agreement: share of the compared images with the same top class as in float32, for this
            precision, or else for the one that was refused or is on trial; None before the first
            image.
        compared: the number of those images.
        threads: that compute.
        batch_size: largest number of images in a batch.
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
    """Predicts with any artifact of `export`, run or model, on images of any kind.

    An ONNX file runs in OpenVINO if it is installed, else in onnxruntime. A Keras model is
    converted to that runtime, with its weights at that time, if its layers allow it. Then the
    following alternatives are compared on 100 images: the other runtime; bfloat16, if the processor
    computes in it; and the int8 file of an export. The images are `samples`, or those that follow
    the first second of computing. The fastest alternative whose top class is that of float32 for
    99 % of the images is used from then on. Until then, and if there is none, the predictions are
    those of float32. `info` tells what was chosen and why. All methods may be called from several
    threads.
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
        """Opens an artifact, a run or a model.

        Args:
            source: an export directory, an ONNX, LiteRT or OpenVINO file, a SavedModel, a run
                directory, a .keras file, a Keras model or a `Classifier`.
            runtime: "auto", "openvino", "onnxruntime", "litert" or "tensorflow".
            precision: "auto", "float32", "bfloat16" or "int8". All but "auto" are used from the
                first image on; with "float32" only the runtimes are compared.
            threads: to compute with; None uses all processors.
            batch_size: largest number of images in a batch, from 1.
            samples: real images, in any form that a call takes, for a comparison before the first
                prediction. Give at least a hundred images that were used neither in training nor
                to calibrate an int8 file: a network is surer of its training images than of
                others, which hides a loss of accuracy.
            preprocessing: None takes that of the artifact or of the model's weights. It must be
                given where nothing tells it.
            class_names: None takes those of the artifact.
            trust: open a SavedModel, which is a program.

        Raises:
            UsageError: the runtime is not installed or cannot read the source, or the precision is
                not available.
            MismatchError: the number of names is not that of the classes.
        """
        if precision not in PRECISIONS:
            raise UsageError(f"precision={precision!r}; choose one of {', '.join(PRECISIONS)}")
        for name, value in (("batch_size", batch_size), ("threads", threads or 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise UsageError(f"{name}={value!r}; it must be a whole number from 1")
        if runtime != "auto":
            require(runtime)
        self.batch_size = batch_size
        self._threads = threads or processor_count()
        self._lock, self._seconds = threading.Lock(), 0.0
        path = Path(source) if isinstance(source, (str, os.PathLike)) else None
        artifact = _artifact(path, runtime, precision)
        self._network = network = _open(artifact or source, runtime, threads, trust)
        self._preprocessing = preprocessing
        self.class_names = _names(network, class_names)
        self._compute = _probabilities(network.scores, network.logits)
        self._precision, self._reason = network.precision, "there is no alternative"
        self._set_precision(precision, path)
        candidates: list[Candidate] = []
        if precision in ("auto", "float32") and network.precision == "float32":
            candidates = runtime_candidates(network, runtime, artifact, threads)
            if precision == "auto":
                places = [network.runtime, *(candidate.runtime for candidate in candidates)]
                candidates += precision_candidates(network, places, path, artifact, threads)
        self._trial = Trial(candidates) if candidates else None
        if samples is not None and candidates:
            self._hold_trial(samples, candidates)

    @property
    def info(self) -> PredictorInfo:
        """The current runtime and precision, and the reason for them."""
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
        """Predicts the most probable classes of images.

        Args:
            images: a path, encoded bytes, a Pillow image or an array, or a list of them; or a
                folder; see `kerascnn.predict`.
            top: number of classes to return, at least 1; at most all are returned.

        Returns:
            One `Prediction` for each image, in order; [] for [].
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
            batch: float32, N x H x W x C, of arrays that `prepare` returns.

        Returns:
            float32, N x classes.
        """
        parts = [
            self._compute_batch(batch[start : start + self.batch_size])
            for start in range(0, len(batch), self.batch_size)
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def prepare(self, image: Any) -> np.ndarray:
        """Returns the network's input, float32 H x W x C, for one image.

        Args:
            image: a path, encoded bytes, a Pillow image or an array.
        """
        return prepared(self._network, read(image, 0)[1], self._preprocessing)

    def _batches(self, images: Any) -> Iterator[tuple[list[str], np.ndarray]]:
        """Yields names and inputs; other threads read images while a batch is computed."""

        def read_and_prepare(
            read_image: Callable[[], tuple[str, np.ndarray]],
        ) -> tuple[str, np.ndarray]:
            name, pixels = read_image()
            return name, prepared(self._network, pixels, self._preprocessing)

        readers = sources(images, self._network.image_shape[2])
        first = list(itertools.islice(readers, 2))
        if len(first) < 2:  # a single image needs no other thread
            for read_image in first:
                name, array = read_and_prepare(read_image)
                yield [name], array[np.newaxis]
            return
        with ThreadPoolExecutor(self._threads) as pool:
            futures = (
                pool.submit(read_and_prepare, read_image)
                for read_image in itertools.chain(first, readers)
            )
            for pairs in _results(futures, self.batch_size):
                for _, group in itertools.groupby(pairs, key=lambda pair: pair[1].shape):
                    names, arrays = zip(*group, strict=True)
                    yield list(names), np.stack(arrays)

    def _compute_batch(self, batch: np.ndarray) -> np.ndarray:
        """Computes a batch; a trial compares its candidates on the same batch."""
        trial = self._trial
        if trial is None or not trial.running:
            return self._compute(batch)
        started = time.perf_counter()
        result = self._compute(batch)
        elapsed = time.perf_counter() - started
        with self._lock:
            if self._seconds < TRIAL_AFTER_SECONDS:
                self._seconds += elapsed
            elif trial.running:
                trial.add(batch, result, elapsed)
                self._adopt_winner(trial)
        return result

    def _hold_trial(self, samples: Any, candidates: list[Candidate]) -> None:
        """Runs a trial on real images, twice: the first calls of a network take longer."""
        self._seconds = TRIAL_AFTER_SECONDS
        for _ in range(2):
            restarted = [candidate.restarted() for candidate in candidates]
            trial = self._trial = Trial(restarted, None)
            for _, batch in self._batches(samples):
                self.probabilities(batch)
        trial.end()
        self._adopt_winner(trial)

    def _adopt_winner(self, trial: Trial) -> None:
        """Computes with the winner of a trial from now on, if the trial has ended."""
        if trial.running:
            return
        winner = trial.winner
        if winner is not None:
            network = winner.network
            self._compute = _probabilities(network.scores, network.logits)
            self._precision = winner.precision
            # The network before is freed, as nothing else refers to it.
            self._network = replace(
                self._network,
                scores=network.scores,
                runtime=winner.runtime,
                compile_bfloat16=None,
            )
        trial.close()

    def _set_precision(self, precision: str, path: Path | None) -> None:
        """Sets the precision that the caller has chosen, if it is not "auto".

        Raises:
            UsageError: the network is not available in this precision.
        """
        network = self._network
        if precision != "auto":
            self._reason = "chosen by the caller"
        if precision == "float32" != network.precision:
            raise UsageError(
                f"{network.name} computes in {network.precision}; give the float32 file"
            )
        if precision == "int8" and network.precision != "int8":
            raise UsageError(f"there is no int8 file in {path or network.name}; export one")
        if precision == "bfloat16":
            if network.compile_bfloat16 is None:
                raise UsageError(
                    f"{network.runtime} cannot compute in bfloat16 here; it needs OpenVINO, an "
                    "ONNX or OpenVINO file, and a processor that supports bfloat16"
                )
            self._compute = _probabilities(network.compile_bfloat16(), network.logits)
            self._precision = "bfloat16"


def _artifact(path: Path | None, runtime: str, precision: str) -> Path | None:
    """Returns the best artifact of an export directory for a runtime and precision.

    Other paths are returned as they are.
    """
    if path is None or not path.is_dir() or (path / CONFIG).exists():
        return path
    if precision == "int8" and (path / INT8).exists():
        return path / INT8
    formats = {
        "openvino": ("onnx", "openvino"),
        "onnxruntime": ("onnx",),
        "litert": ("litert",),
        "tensorflow": ("savedmodel",),
    }.get(runtime, ("onnx",))
    files = (path / FORMATS[name].file for name in formats)
    return next((file for file in files if file.exists()), path)


def _open(source: Any, runtime: str, threads: int | None, trust: bool) -> Classifier:
    """Opens a source in a runtime; "auto" chooses OpenVINO if possible, else onnxruntime."""
    chosen = runtime
    if runtime == "auto":
        chosen = "openvino" if installed("openvino") else "onnxruntime"
    onnx_runtime = chosen if chosen in ONNX_RUNTIMES else None
    try:
        network = open_classifier(source, trust=trust, runtime=onnx_runtime, threads=threads)
    except DamagedFileError:
        if (runtime, chosen) != ("auto", "openvino"):
            raise
        # OpenVINO lacks some operators; a damaged file fails again in onnxruntime.
        network = open_classifier(source, trust=trust, threads=threads)
    if network.model is not None and network is not source and onnx_runtime is not None:
        try:
            return convert_model(network, runtime=chosen, threads=threads)
        except KerasCNNError:
            if runtime != "auto":
                raise
    if runtime not in ("auto", network.runtime):
        raise UsageError(
            f"{network.name} runs in {network.runtime}, not in {runtime}; export the format that "
            f'{runtime} reads, or use runtime="auto"'
        )
    return network


def _names(network: Classifier, names: Sequence[str] | None) -> tuple[str, ...]:
    """Returns the class names: given ones, else those of the network, else numbers."""
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
    """Returns a function that computes probabilities, from one that may compute logits."""
    if not logits:
        return scores
    return lambda batch: np.exp(log_probabilities(scores(batch), logits=True)).astype(np.float32)


def _results(futures: Iterable[Future[Any]], size: int) -> Iterator[list[Any]]:
    """Yields the results in lists of `size`, while the next two lists are computed."""
    waiting: collections.deque[Future[Any]] = collections.deque()
    iterator = iter(futures)
    waiting.extend(itertools.islice(iterator, 2 * size))
    while waiting:
        ready = [waiting.popleft() for _ in range(min(size, len(waiting)))]
        results = [future.result() for future in ready]
        waiting.extend(itertools.islice(iterator, size))
        yield results
