"""Axes: ranges, values as people type them, and how they are drawn."""

from __future__ import annotations

import random

import pytest

from kerascnn.errors import UsageError
from kerascnn.tuning.axes import Range, draw, make_axis, parse_domain


def test_logarithmic_ranges_are_uniform_in_the_logarithm() -> None:
    axis = make_axis("learning_rate", Range(1e-4, 1e-2, log=True))
    drawn = [draw([axis], random.Random(seed))["learning_rate"] for seed in range(2000)]
    assert sum(value < 1e-3 for value in drawn) == pytest.approx(1000, abs=110)
    assert min(drawn) >= 1e-4
    assert max(drawn) <= 1e-2


@pytest.mark.parametrize("bad", [(2, 1), (0, 1, None, True), (1, 2, -1), (1, float("inf"))])
def test_ranges_are_checked(bad: tuple[object, ...]) -> None:
    with pytest.raises(UsageError):
        Range(*bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("0.5,1,2", [0.5, 1, 2]),
        ("3:7:2", Range(3, 7, 2)),
        ("1e-4:1e-2:log", Range(1e-4, 1e-2, log=True)),
        ("max,average,none", ["max", "average", None]),
        ("true,false", [True, False]),
    ],
)
def test_domains_are_read_as_people_type_them(text: str, domain: object) -> None:
    assert parse_domain("x", text) == domain


def test_whole_ranges_give_whole_numbers() -> None:
    assert Range(3, 7, 2).grid() == [3, 5, 7]
    assert Range(1, 4).grid() == [1, 2, 3, 4]
    assert Range(0.5, 2.0).grid() is None
    assert {type(Range(3, 7, 2).at(share)) for share in (0.0, 0.5, 0.99)} == {int}
