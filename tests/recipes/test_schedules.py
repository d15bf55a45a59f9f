"""Learning rates of every step, against arithmetic and the papers' own iterations."""

from __future__ import annotations

import json
import math

import pytest

from kerascnn.recipes.fields import Recipe
from kerascnn.recipes.lookup import resolve_recipe
from kerascnn.recipes.schedules import Plateau, Schedule
from kerascnn.recipes.table import RECIPES


def rates(recipe, total, per_epoch=10):
    schedule = Schedule(recipe, per_epoch, total)
    return [schedule.rate(step) for step in range(total + 1)]


def test_the_cosine_rises_over_the_warm_up_and_falls_to_zero():
    got = rates(Recipe("r", learning_rate=0.8, warmup=0.1, schedule="cosine"), 100)
    for step in range(101):
        if step < 10:
            expected = 0.8 * step / 10
        else:
            expected = 0.8 * 0.5 * (1 + math.cos(math.pi * (step - 10) / 90))
        assert got[step] == pytest.approx(expected, abs=1e-12), step
    assert got[10] == 0.8
    assert got[100] == 0.0


def test_a_warm_up_may_start_above_zero_or_stay():
    recipe = Recipe("r", learning_rate=0.3, warmup=0.2, warmup_from=0.5, schedule="constant")
    got = rates(recipe, 50)
    assert got[:10] == pytest.approx([0.15 + 0.015 * step for step in range(10)])
    assert got[10:] == [0.3] * 41
    got = rates(RECIPES["cifar_resnet_110"], 64_000)
    assert got[:400] == pytest.approx([0.01] * 400)  # "0.01 ... (about 400 iterations)"
    assert got[400] == 0.1


def test_without_a_warm_up_the_first_step_has_the_full_rate():
    for schedule in ("constant", "cosine", "steps", "exponential", "plateau"):
        assert rates(Recipe("r", learning_rate=0.3, warmup=0.0, schedule=schedule), 10)[0] == 0.3


def test_cifar_s_iterations_are_the_paper_s():
    got = rates(RECIPES["cifar_resnet"], 64_000)
    for first, last, rate in ((0, 31_999, 0.1), (32_000, 47_999, 0.01), (48_000, 64_000, 0.001)):
        assert got[first] == pytest.approx(rate)
        assert got[last] == pytest.approx(rate)


def test_lecun_s_passes_are_the_paper_s():
    """0.0005 for 2 passes, 0.0002 for 3, 0.0001 for 3, 0.00005 for 4, 0.00001 thereafter."""
    recipe = resolve_recipe("lenet_1998", learning_rate=0.0005)
    got = rates(recipe, 20 * 7, per_epoch=7)
    expected = [5e-4] * 2 + [2e-4] * 3 + [1e-4] * 3 + [5e-5] * 4 + [1e-5] * 8
    assert got[:140:7] == pytest.approx(expected)
    assert got[6:140:7] == pytest.approx(expected)


def test_densenet_falls_at_epochs_30_and_60_of_90():
    got = rates(RECIPES["densenet"], 90 * 11, per_epoch=11)
    assert got[30 * 11 - 1 :: 30 * 11][:2] == pytest.approx([0.1, 0.01])
    assert got[30 * 11 :: 30 * 11][:2] == pytest.approx([0.01, 0.001])


def test_exponential_steps_every_so_many_epochs():
    got = rates(RECIPES["googlenet_2014"], 250 * 4, per_epoch=4)
    assert got[: 8 * 4] == [0.01] * 32
    assert got[8 * 4 : 16 * 4] == pytest.approx([0.01 * 0.96] * 32)
    assert got[80 * 4] == pytest.approx(0.01 * 0.96**10)
    # EfficientNet: 0.97 every 2.4 epochs, counted from the start as in its code.
    recipe = RECIPES["efficientnet"]
    schedule = Schedule(recipe, 100, 100 * 350)
    assert schedule.warm_steps == 500
    assert schedule.rate(250) == pytest.approx(0.256 * 0.5)
    for step in (500, 719, 720, 959, 960, 34_999):
        assert schedule.rate(step) == pytest.approx(0.256 * 0.97 ** (step // 240)), step


def test_a_plateau_divides_by_ten_each_time():
    schedule = Schedule(RECIPES["resnet_2015"], 10, 1000)
    assert [schedule.rate(5, met) for met in range(3)] == pytest.approx([0.1, 0.01, 0.001])


def test_rates_scale_with_the_batch():
    recipe = resolve_recipe("resnet_2015", batch_size=32)
    assert Schedule(recipe, 10, 100).rate(0) == pytest.approx(0.1 / 8)


def test_a_plateau_is_so_many_epochs_without_a_better_figure():
    plateau = Plateau(2)
    figures = [0.1, 0.3, 0.3, 0.2, 0.4, math.nan, 0.4, 0.1, 0.0]
    assert [plateau.update(figure) for figure in figures] == [
        False, False, False, True, False, False, True, False, True,
    ]  # fmt: skip
    assert (plateau.best, plateau.met) == (0.4, 3)


def test_a_plateau_goes_on_where_it_was():
    figures = [0.1, 0.05, 0.2, 0.1, 0.1, 0.1, 0.3, 0.2, 0.1, 0.1, 0.05]
    whole = Plateau(3)
    expected = [whole.update(figure) for figure in figures]
    for cut in range(len(figures)):
        first, second = Plateau(3), Plateau(3)
        got = [first.update(figure) for figure in figures[:cut]]
        second.restore(json.loads(json.dumps(first.state())))
        got += [second.update(figure) for figure in figures[cut:]]
        assert got == expected
