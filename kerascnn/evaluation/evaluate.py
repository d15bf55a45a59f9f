"""Loss, accuracy and calibration of networks on held-out images."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kerascnn.data.load import load_data
from kerascnn.data.pipeline import data_errors, pipeline
from kerascnn.data.sources.dataset import Data
from kerascnn.errors import DataError, DivergedError, UsageError
from kerascnn.evaluation.metrics import Outcomes
from kerascnn.evaluation.test_time_views import Views, answers
from kerascnn.inference.classifier import Classifier
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.lazy import np
from kerascnn.models.scores import mean_log_probabilities
from kerascnn.runs.run import CONFIG, Run, load_run, write_metrics

if TYPE_CHECKING:
    import numpy as np

    from kerascnn.imaging.preprocessing import Preprocessing


class Evaluation(dict[str, float]):
    """The metrics of an evaluation, and the predictions that they are computed from.

    As a dictionary: loss (mean cross-entropy, natural logarithm), accuracy, top5 (with more than 5
    classes) and ece (expected calibration error, 15 bins), the last three in [0, 1];
    images_per_second, reading included; count.

    Attributes:
        outcomes: the prediction for each image; computes the tables and curves.
        data: the data set of the evaluation.
        views: the views of each image (crops, reflections, sizes).
        members: the metrics of each single network, by its name.
    """

    def __init__(
        self,
        figures: dict[str, float],
        outcomes: Outcomes,
        data: Data,
        views: Views,
        members: dict[str, dict[str, float]],
    ) -> None:
        super().__init__(figures)
        self.outcomes = outcomes
        self.data = data
        self.views = views
        self.members = members


def evaluate(
    model_or_run: Any,
    data: Any,
    *,
    batch_size: int = 256,
    preprocessing: Preprocessing | None = None,
    views: Views | None = None,
    trust: bool = False,
) -> Evaluation:
    """Evaluates a network, or an ensemble of networks, on held-out images.

    The probabilities of an ensemble are averaged, as AlexNet, VGG, GoogLeNet and ResNet did in
    their competitions. The networks may differ in architecture, size and preprocessing; their
    classes must be the same.

    Args:
        model_or_run: a model, a `Run` (its best model), the path of a run directory, .keras file,
            file of `save_weights`, ONNX file, SavedModel or export; or a list of these.
        data: what `load_data` takes. If the data has no test split, it is split with the seed of
            the run, so that no training image of the run is held out.
        batch_size: images at a time.
        preprocessing: of every network; None for that of each network's weights. It must be given
            where nothing tells that.
        views: crops, reflections or sizes of each image whose probabilities are averaged.
        trust: open SavedModels, which can run code.

    Returns:
        The `Evaluation`, a dictionary of metrics. For one run with plain views, they are also
        written to its metrics.json. The loss is exact, as in training, if the network ends in a
        softmax; otherwise a probability of 0 counts as 1e-38.

    Raises:
        UsageError: there is no model, or the splits of the runs differ.
        DataError: there are no held-out images, or they have no labels.
        MismatchError: classes or image shape of a model and the data do not fit.
        DivergedError: a model gives scores that are not finite.
        UnsafeFileError, DamagedFileError: a file cannot be used.
    """
    sources = list(model_or_run) if isinstance(model_or_run, list | tuple) else [model_or_run]
    if not sources:
        raise UsageError("there is no model to evaluate; give at least one")
    runs = [run_of(source) for source in sources]
    data = held_out_of(data, [run for run in runs if run is not None])
    networks = [
        open_classifier(run or source, trust=trust)
        for run, source in zip(runs, sources, strict=True)
    ]
    for network in networks:
        network.check_classes(data.class_names, data.name)
    members = [_Member(network, data, preprocessing) for network in networks]
    views = views or Views()
    result = _measure(members, data, views, batch_size)
    if len(sources) == 1 and runs[0] is not None and views.plain:
        write_metrics(runs[0], data.name, result)
    return result


def run_of(source: Any) -> Run | None:
    """Returns the run of a source (a `Run` or its directory); None for other sources."""
    if isinstance(source, Run):
        return source
    if isinstance(source, str | os.PathLike) and os.path.exists(os.path.join(source, CONFIG)):
        return load_run(source)
    return None


def held_out_of(data: Any, runs: Sequence[Run]) -> Data:
    """Returns the data with a test split that no run has trained on.

    Raises:
        UsageError: the runs split the data with different seeds.
        DataError: there are no held-out images, or they have no labels.
    """
    seeds = {_split_seed(run): run.path for run in runs}
    if len(seeds) > 1 and not isinstance(data, Data):
        loaded = [load_data(data, seed=seed) for seed in seeds]
        if len({drawn.fingerprint for drawn in loaded}) > 1:
            (seed, run_dir), (other_seed, other_dir) = list(seeds.items())[:2]
            raise UsageError(
                f"{run_dir} held out other images (seed {seed}) than {other_dir} (seed "
                f"{other_seed}), so each was trained on some of the other's; give data with a test "
                "set of its own"
            )
        data = loaded[0]
    data = load_data(data, seed=next(iter(seeds), 0))
    if len(data.test) == 0:
        raise DataError(f"{data.name} has no held-out images to evaluate on; {data.split}")
    if data.test.labels is None:
        raise DataError(f"the held-out images of {data.name} have no labels; use predict")
    return data


def _split_seed(run: Run) -> int:
    """Returns the seed of a run's split, which can differ from the seed of its training."""
    config = run.config
    drawn = re.search(r"drawn with seed (\d+)", config["data"].get("split", ""))
    return int(drawn[1]) if drawn else int(config["seed"])


@dataclass(frozen=True)
class _Member:
    """A network of an ensemble, with the preprocessing of its images."""

    network: Classifier
    data: Data
    preprocessing: Preprocessing | None

    def batches(self, views: Views, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields ln p and labels in batches of `size` images; the last batch can be smaller."""
        preprocessing = self.preprocessing or self.network.preprocessing_for(self.data.image_shape)
        if not views.plain:
            yield from answers(self.network, self.data.test, preprocessing, views, size)
            return
        for images, labels in pipeline(
            self.data.test, preprocessing, batch_size=size, training=False
        ):
            yield self.network.log_probabilities(images), labels.numpy()


def _measure(members: list[_Member], data: Data, views: Views, batch_size: int) -> Evaluation:
    parts: list[list[Outcomes]] = [[] for _ in (*members, "all")]
    started, first, count = time.perf_counter(), 0, 0
    with data_errors():
        for batch in zip(*(member.batches(views, batch_size) for member in members), strict=True):
            rows, labels = [row for row, _ in batch], batch[0][1]
            if any(not np.array_equal(labels, other) for _, other in batch):
                raise DataError(f"the images of {data.name} have a different order in every pass")
            for member, row in zip(members, rows, strict=True):
                _check_finite(member.network.name, row, count)
            for outcomes, row in zip(parts, [*rows, mean_log_probabilities(rows)], strict=True):
                outcomes.append(Outcomes.of(row, labels))
            count += len(labels)
            if not first:
                compiled, first = time.perf_counter(), count
    *alone, together = [Outcomes.joined(some) for some in parts]
    # The first batch includes the compilation and is not timed, unless it is the only one.
    begin, timed = (compiled, count - first) if count > first else (started, count)
    figures = together.figures()
    figures["images_per_second"] = round(timed / (time.perf_counter() - begin), 1)
    figures["count"] = count
    names = [member.network.name for member in members]
    singles = [member_outcomes.figures() for member_outcomes in alone]
    return Evaluation(
        figures, together, data, views, dict(zip(_distinct(names), singles, strict=True))
    )


def _check_finite(name: str, log_probabilities: np.ndarray, before: int) -> None:
    finite = np.isfinite(log_probabilities).all(axis=1)
    if not finite.all():
        image = before + int(np.argmin(finite))
        raise DivergedError(
            f"{name} gives scores that are not finite for image {image}; its weights or that image "
            "contain NaN or infinity"
        )


def _distinct(names: list[str]) -> list[str]:
    """Returns the names; repeated names get their position in the list."""
    return [
        name if names.count(name) == 1 else f"{name} ({place})"
        for place, name in enumerate(names, 1)
    ]
