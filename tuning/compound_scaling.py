"""Compound scaling: the gain of depth, width and resolution at equal multiply-accumulates.

Tan, Le 2019, "EfficientNet: rethinking model scaling for convolutional neural networks",
arXiv:1905.11946, studied this for EfficientNet-B0 on ImageNet; this module does so for any
architecture and data.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.create import create_model
from kerascnn.data.load import load_data
from kerascnn.data.sources.dataset import Data
from kerascnn.errors import Interrupted, KerasCNNError, UsageError
from kerascnn.fileio.atomic import refuse_occupied
from kerascnn.fileio.json import read_json, write_compact_json, write_json
from kerascnn.models.input_size import input_shape_for
from kerascnn.models.planning import SMALL_IMAGE
from kerascnn.models.registry import Variant, model_info
from kerascnn.recipes.lookup import Recipe
from kerascnn.reports.html_page import Page
from kerascnn.runs.run import Run
from kerascnn.training.train import train
from kerascnn.tuning.budget import price
from kerascnn.tuning.validation_split import hold_out

WAYS = ("depth", "width", "resolution", "compound")
COMPOUND_SHARES = (0.28, 0.29, 0.43)
"""Shares of the logarithm of the cost for depth, width and resolution in the paper: log 1.2,
2 log 1.1 and 2 log 1.15, divided by log 1.92."""
COST_TOLERANCE = 0.10
"""Largest relative deviation of multiply-accumulates at which two costs count as equal."""


@dataclass(frozen=True)
class Point:
    """One network of a study.

    Args:
        way: "base", or what was scaled: one of `WAYS`.
        factor: requested multiply-accumulates, as a multiple of the base's.
        depth, width: multipliers of the base.
        side: the shorter side of the image, in pixels.
        macs: number of multiply-accumulates.
        params: number of trainable parameters.
        scores: validation accuracy of the best epoch, for each seed.
    """

    way: str
    factor: float
    depth: float
    width: float
    side: int
    macs: int
    params: int
    scores: tuple[float, ...] = ()

    @property
    def score(self) -> float:
        """The mean validation accuracy over the seeds."""
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True)
class StudySetup:
    """The settings that all networks of a study share.

    Args:
        variant: the record of the architecture.
        shape: height, width and channels of the base's image.
        data: the training images, and the validation images as its test images.
        recipe: the recipe of each training.
        epochs: passes over the training images.
        directory: the study's directory, with a run for each network.
        verbose: show progress.
    """

    variant: Variant
    shape: tuple[int, int, int]
    data: Data
    recipe: str | Recipe
    epochs: int
    directory: Path
    verbose: bool


@dataclass(frozen=True)
class ScalingStudy:
    """The result of a study.

    Args:
        name: the architecture.
        points: the networks, the base first.
        slopes: gain in accuracy for each doubling of the cost, by way: a line through the base.
        growth: gain in accuracy for each doubling of "depth", "width" or "resolution" alone,
            fitted to all points together.
        unexplained: standard deviation of the accuracies from that fit.
        noise: standard deviation between seeds; None for one seed.
    """

    name: str
    points: tuple[Point, ...]
    slopes: dict[str, float]
    growth: dict[str, float]
    unexplained: float
    noise: float | None

    def to_json(self) -> dict[str, Any]:
        """Returns the study as JSON types."""
        return asdict(self)

    def __str__(self) -> str:
        lines = [f"{'way':<11}{'cost':>6}{'depth':>7}{'width':>7}{'side':>6}{'MACs':>14}  accuracy"]
        for point in self.points:
            lines.append(
                f"{point.way:<11}{point.factor:>5g}x{point.depth:>7.2f}{point.width:>7.2f}"
                f"{point.side:>6}{point.macs:>14,}  {point.score:.2%}"
            )
        lines.append("")
        for way, slope in sorted(self.slopes.items(), key=lambda entry: -entry[1]):
            lines.append(f"{way:<11}{100 * slope:+.2f} points of accuracy a doubling of the cost")
        lines += [
            f"{axis:<11}{100 * gain:+.2f} points a doubling of it alone"
            for axis, gain in self.growth.items()
        ]
        lines.append(f"deviation from the fit {100 * self.unexplained:.2f} points")
        if self.noise is not None:
            lines.append(f"deviation between seeds {100 * self.noise:.2f} points")
        return "\n".join(lines)


def scaling_study(
    name: str,
    data: Any,
    *,
    factors: Sequence[float] = (1, 2, 4),
    epochs: int = 5,
    repeats: int = 1,
    recipe: str | Recipe = "default",
    directory: str | os.PathLike[str] = "scaling",
    seed: int = 0,
    overwrite: bool = False,
    verbose: bool = True,
) -> ScalingStudy:
    """Trains an architecture deeper, wider, on larger images, and all at once, at equal cost.

    A fifth of the training images is used for validation. Networks that the directory has already
    are not trained again.

    Args:
        name: the architecture.
        data: anything that `kerascnn.load_data` accepts, except a `tf.data.Dataset`.
        factors: costs as multiples of the base's multiply-accumulates; 1 is the base itself.
        epochs: epochs of each network.
        repeats: number of seeds for each network.
        recipe: the recipe of each training.
        directory: gets study.json, report.html, and a run for each network.
        seed: the first seed.
        overwrite: replace an earlier study.
        verbose: show progress.

    Returns:
        The study.

    Raises:
        UsageError: a factor is not above 0, or all are 1.
        OutputError: the directory has other files.
        Interrupted: Ctrl-C or SIGTERM; the same call resumes the study.
    """
    positive = all(0 < factor < math.inf for factor in factors)
    if not positive or not any(factor != 1 for factor in factors):
        raise UsageError(
            f"factors={tuple(factors)}; give numbers above 0, of which at least one is not 1"
        )
    if not isinstance(repeats, int) or repeats < 1:
        raise UsageError(f"repeats={repeats!r}; it must be a whole number from 1")
    directory = Path(directory)
    data = load_data(data, seed=seed)
    variant = model_info(name)
    question = {
        "name": variant.name, "epochs": epochs, "seed": seed, "data": data.fingerprint,
        "recipe": recipe if isinstance(recipe, str) else recipe.name,
    }  # fmt: skip
    if read_json(directory / "question.json") != question:
        refuse_occupied(directory, overwrite=overwrite)
    write_compact_json(directory / "question.json", question)
    held = hold_out(data, seed)
    shape = input_shape_for(variant, data.image_shape)
    setup = StudySetup(variant, shape, held, recipe, epochs, directory, verbose)
    points = []
    for point in plan_points(variant.name, shape, len(data.class_names), factors):
        scores = []
        for repeat in range(repeats):
            scores.append(_score(point, setup, seed + repeat))
        points.append(replace(point, scores=tuple(scores)))
    study = fit_study(variant.name, points)
    write_json(directory / "study.json", study.to_json(), ascii_only=True)
    _page(study, held.name, epochs).write(directory / "report.html")
    return study


def _scaled_shape(shape: tuple[int, int, int], share: float) -> tuple[int, int, int]:
    """Returns an image shape with height and width multiplied by `share`."""
    return round(shape[0] * share), round(shape[1] * share), shape[2]


def multipliers(way: str, factor: float, x: float) -> tuple[float, float, float]:
    """Returns the multipliers of depth, width and resolution for a cost.

    Args:
        way: one of `WAYS`.
        factor: the cost as a multiple of the base's.
        x: correction factor near 1, since rounding changes the cost.
    """
    if way == "depth":
        return factor * x, 1.0, 1.0
    if way == "width":
        return 1.0, math.sqrt(factor) * x, 1.0
    if way == "resolution":
        return 1.0, 1.0, math.sqrt(factor) * x
    depth, width, resolution = COMPOUND_SHARES
    return factor**depth, factor ** (width / 2) * x, factor ** (resolution / 2)


def plan_points(
    name: str, shape: tuple[int, int, int], classes: int, factors: Sequence[float]
) -> list[Point]:
    """Returns the networks of a study without building them, the base first.

    A way that cannot come within 10 % of a cost is left out for that cost, for example the depth
    of a network of few layers.
    """
    variant = model_info(name)

    def planned(way: str, factor: float, depth: float, width: float, share: float) -> Point | None:
        sides = _scaled_shape(shape, share)
        arguments = {"depth": depth, "width": width, "input_shape": sides, "classes": classes}
        try:
            cost = price(variant, {**arguments, "stem": _stem(variant, shape)})
        except KerasCNNError:
            return None
        assert cost.macs is not None  # the image size is not open
        return Point(way, factor, depth, width, min(sides[:2]), cost.macs, cost.params)

    base = planned("base", 1.0, 1.0, 1.0, 1.0)
    if base is None:
        raise UsageError(f"{name} cannot be built for {shape[0]} x {shape[1]} pixels")
    points = [base]
    for factor in sorted(set(map(float, factors)) - {1.0}):
        for way in WAYS:
            # Rounding makes the cost a step function: try many multipliers, keep the nearest.
            tried = [
                planned(way, factor, *multipliers(way, factor, 2 ** (x / 40)))
                for x in range(-60, 61)
            ]
            fitting = [point for point in tried if point is not None]
            target = factor * base.macs
            best = min(fitting, key=lambda point: abs(math.log(point.macs / target)), default=None)
            if best is not None and abs(best.macs / target - 1) <= COST_TOLERANCE:
                points.append(best)
    return points


def _stem(variant: Variant, shape: tuple[int, int, int]) -> str:
    """Returns the stem for the base image, so that larger images get the same stem."""
    return "small" if variant.small_stem and max(shape[:2]) <= SMALL_IMAGE else "paper"


def _score(point: Point, setup: StudySetup, seed: int) -> float:
    """Returns the accuracy of a network of a study; trains it unless that was done before."""
    run_dir = setup.directory / f"{point.way}_{point.factor:g}_{seed}"
    shape, data = setup.shape, setup.data
    done = read_json(run_dir / "score.json")
    if done is not None:
        return float(done)
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    sides = _scaled_shape(shape, point.side / min(shape[:2]))
    model = create_model(
        setup.variant, depth=point.depth, width=point.width, input_shape=sides,
        classes=len(data.class_names), stem=_stem(setup.variant, shape),
    )  # fmt: skip
    try:
        run: Run = train(
            model, data, recipe=setup.recipe, epochs=setup.epochs, run_dir=run_dir, overwrite=True,
            seed=seed, verbose=setup.verbose,
        )  # fmt: skip
    except Interrupted as error:
        stopped = str(error).partition(";")[0]
        raise Interrupted(
            f"{stopped}; {setup.directory} is kept: run the same command to go on, with this "
            "network from its start"
        ) from None
    score = float(run.best["metrics"]["val_accuracy"])
    write_compact_json(run_dir / "score.json", score)
    return score


def fit_study(name: str, points: Sequence[Point]) -> ScalingStudy:
    """Returns the study with the gains fitted to the accuracies.

    Args:
        name: the architecture.
        points: the networks, the base first, with their scores.
    """
    base = points[0]
    slopes = {}
    for way in WAYS:
        # A line through the accuracy of the base, over the logarithm of the cost.
        pairs = [
            (math.log2(point.macs / base.macs), point.score - base.score)
            for point in points
            if point.way == way
        ]
        if pairs:
            slopes[way] = sum(x * y for x, y in pairs) / sum(x * x for x, _ in pairs)
    columns = {
        "depth": [math.log2(point.depth) for point in points],
        "width": [math.log2(point.width) for point in points],
        "resolution": [math.log2(point.side / base.side) for point in points],
    }
    moved = {axis: values for axis, values in columns.items() if any(values)}
    table = np.array([np.ones(len(points)), *moved.values()]).T
    scores = np.array([point.score for point in points])
    coefficients, *_ = np.linalg.lstsq(table, scores, rcond=None)
    residuals = scores - table @ coefficients
    spread = [np.var(point.scores, ddof=1) for point in points if len(point.scores) > 1]
    return ScalingStudy(
        name,
        tuple(points),
        slopes,
        {axis: float(gain) for axis, gain in zip(moved, coefficients[1:], strict=True)},
        float(np.sqrt(np.mean(residuals**2))),
        float(np.sqrt(np.mean(spread))) if spread else None,
    )


def _page(study: ScalingStudy, data: str, epochs: int) -> Page:
    from kerascnn.tuning.plots import scaling_plot

    best = max(study.slopes, key=lambda way: study.slopes[way], default="none")
    page = Page(f"Scaling {study.name} on {data}", f"{epochs} epochs each, at equal cost")
    page.tiles({"pays best": best, "networks": len(study.points)})
    page.section("Accuracy against cost")
    page.figure(scaling_plot(study.points), "Validation accuracy of the best epoch", width=760)
    page.section("Gains")
    page.table(
        ("way", "points of accuracy a doubling of the cost"),
        [(way, round(100 * slope, 3)) for way, slope in study.slopes.items()],
    )
    page.table(
        ("grown alone", "points of accuracy a doubling of it"),
        [(axis, round(100 * gain, 3)) for axis, gain in study.growth.items()],
    )
    page.text(
        f"The fit over all networks is off by {100 * study.unexplained:.2f} points"
        + ("" if study.noise is None else f"; seeds differ by {100 * study.noise:.2f}")
        + ". A gain that is no larger than these figures is not significant."
    )
    page.section("Networks")
    page.table(
        ("way", "cost", "depth", "width", "pixels", "MACs", "parameters", "accuracy, %"),
        [
            (
                point.way, point.factor, round(point.depth, 3), round(point.width, 3), point.side,
                point.macs, point.params, round(100 * point.score, 2),
            )
            for point in study.points
        ],
        sortable=True,
    )  # fmt: skip
    return page
