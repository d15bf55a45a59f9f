"""The compound scaling study: equal cost, and a fit that recovers what it was given."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from kerascnn.errors import OutputError, UsageError
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.tuning.compound_scaling import Point, fit_study, plan_points, scaling_study


def test_every_way_costs_the_same() -> None:
    points = plan_points("resnet20_cifar", (32, 32, 3), 10, (1, 2, 4))
    base = points[0]
    assert (base.way, base.macs, base.params) == ("base", 40_551_040, 269_722)
    assert {(point.way, point.factor) for point in points[1:]} == {
        (way, factor) for way in ("depth", "width", "resolution", "compound") for factor in (2, 4)
    }
    for point in points:
        assert point.macs == pytest.approx(point.factor * base.macs, rel=0.1)
        side = point.side
        request = Request(depth=point.depth, width=point.width, input_shape=(side, side, 3))
        assert plan(model_info("resnet20_cifar"), request).macs == point.macs
    by_way = {(point.way, point.factor): point for point in points}
    # Cost grows with depth once, with width and resolution twice.
    assert by_way["depth", 4].depth == pytest.approx(4, rel=0.2)
    assert by_way["width", 4].width == pytest.approx(2, rel=0.05)
    assert by_way["resolution", 4].side == pytest.approx(64, abs=2)
    compound = by_way["compound", 4]
    assert min(compound.depth, compound.width, compound.side / 32) > 1.15


def make_point(way: str, depth: float, width: float, side: int, score: float) -> Point:
    macs = round(1e6 * depth * width**2 * (side / 32) ** 2)
    return Point(way, macs / 1e6, depth, width, side, macs, 1, (score,))


def test_the_fit_recovers_the_gains_that_made_the_accuracies() -> None:
    gains = {"depth": 0.01, "width": 0.04, "resolution": -0.02}

    def score(depth: float, width: float, side: int) -> float:
        return (
            0.8
            + gains["depth"] * math.log2(depth)
            + gains["width"] * math.log2(width)
            + gains["resolution"] * math.log2(side / 32)
        )

    sizes = [
        ("base", 1, 1, 32), ("depth", 2, 1, 32), ("depth", 4, 1, 32), ("width", 1, 2, 32),
        ("width", 1, 4, 32), ("resolution", 1, 1, 64), ("compound", 2, 2, 64),
    ]  # fmt: skip
    study = fit_study("x", [make_point(way, *size, score(*size)) for way, *size in sizes])  # type: ignore[arg-type,misc]
    assert study.growth == pytest.approx(gains)
    assert study.unexplained == pytest.approx(0, abs=1e-9)
    # Doubling the width costs four times as much: half of the gain a doubling of the cost.
    assert study.slopes["width"] == pytest.approx(0.02)
    assert study.slopes["depth"] == pytest.approx(0.01)
    assert study.slopes["resolution"] == pytest.approx(-0.01)
    assert study.noise is None


def test_noise_is_the_deviation_between_seeds() -> None:
    base = Point("base", 1, 1, 1, 32, 100, 1, (0.5, 0.7))
    deep = Point("depth", 2, 2, 1, 32, 200, 1, (0.6, 0.8))
    study = fit_study("x", [base, deep])
    assert study.noise == pytest.approx(math.sqrt(0.02))
    assert study.slopes == pytest.approx({"depth": 0.1})


@pytest.mark.parametrize("factors", [(1,), (0, 2), (2, float("inf"))])
def test_factors_are_checked(factors: tuple[float, ...], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="factors"):
        scaling_study("lenet5", "digits", factors=factors, directory=tmp_path / "x")


@pytest.mark.long
def test_a_study_of_the_digits(tmp_path: Path) -> None:
    directory = tmp_path / "study"
    call = {"factors": (2,), "epochs": 1, "directory": directory, "verbose": False}
    study = scaling_study("convnet", "digits", **call)  # type: ignore[arg-type]
    assert {point.way for point in study.points} >= {"base", "width", "resolution"}
    assert all(0 < point.score <= 1 for point in study.points)
    stored = json.loads((directory / "study.json").read_text("utf-8"))
    assert stored["slopes"] == study.slopes
    assert "data:image/png" in (directory / "report.html").read_text("utf-8")
    again = scaling_study("convnet", "digits", **call)  # type: ignore[arg-type]
    assert again == study
    with pytest.raises(OutputError, match="not empty"):
        scaling_study("convnet", "digits", **{**call, "epochs": 2})  # type: ignore[arg-type]
