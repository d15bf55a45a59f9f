"""Candidates: which fit, how many there are, how they are drawn; all of it without Keras."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter

import pytest
from scipy import stats

from kerascnn.errors import MismatchError, UsageError
from kerascnn.tuning.axes import Range, all_candidates, draw
from kerascnn.tuning.budget import Budget
from support.processes import run_python
from support.search_spaces import candidates_of, convnet_parameters


def test_the_letters_of_convnet_are_its_usual_axes() -> None:
    space = candidates_of("convnet")
    assert {axis.name for axis in space.axes} == {
        "n", "m", "k", "filters", "filter_size", "learning_rate"
    }  # fmt: skip
    for values, _ in itertools.islice(
        all_candidates([a for a in space.axes if a.structural]), 0, None, 7
    ):
        letters = [values[name] for name in ("n", "m", "k", "filters", "filter_size")]
        assert space.price(values).params == convnet_parameters(*letters)


def test_coverage_is_counted_exactly() -> None:
    space = candidates_of("convnet", Budget(params=100_000))
    letters = ((2, 1, 3), (3, 1, 2, 4), (1, 0, 2), (32, 8, 16, 64), (3, 5))
    every = list(itertools.product(*letters))
    fitting = [values for values in every if convnet_parameters(*values) <= 100_000]
    coverage = space.coverage()
    assert (coverage.networks, coverage.exact) == (288, True)
    assert coverage.share == pytest.approx(len(fitting) / len(every))


def test_sampling_is_uniform_over_what_fits() -> None:
    space = candidates_of(
        "convnet", Budget(params=100_000), n=(1, 2, 3), m=(1, 2, 3), k=(0, 1), filters=(8, 16, 32)
    )
    fitting = [tuple(v.items()) for v, _ in all_candidates(space.axes) if space.fits(v)]
    counts = Counter(
        tuple(candidate.items()) for candidate in space.sample(200 * len(fitting), seed=3)
    )
    assert set(counts) == set(fitting)
    assert stats.chisquare([counts[candidate] for candidate in fitting]).pvalue > 1e-3


def test_continuous_axes_are_sampled_uniformly_where_they_fit() -> None:
    space = candidates_of("lenet5", Budget(params=61_706), width=Range(0.1, 2.0))
    widths = sorted(values["width"] for values in space.sample(2000, seed=1))
    # The widest that fits: the largest width whose price keeps the budget.
    edge = max(w / 1000 for w in range(100, 2000) if space.fits({"width": w / 1000}))
    assert widths[-1] <= edge + 1e-3
    assert stats.kstest(widths, "uniform", args=(0.1, edge - 0.1)).pvalue > 1e-3


def test_ten_thousand_candidates_are_filtered_in_seconds() -> None:
    space = candidates_of(
        "resnet20_cifar", Budget(params=200_000, macs=3e7), depth=(0.5, 1.0, 1.5, 2.0),
        width=Range(0.25, 2.0, 0.05), kernel_size=(3, 5), learning_rate=Range(1e-4, 1e-1, log=True),
        batch_size=(32, 64, 128),
    )  # fmt: skip
    source = random.Random(0)
    begun = time.perf_counter()
    fitting = sum(space.fits(draw(space.axes, source)) for _ in range(10_000))
    assert time.perf_counter() - begun < 10
    assert 0 < fitting < 10_000


@pytest.mark.parametrize(
    ("rows", "arguments", "error", "message"),
    [
        ("lenet6", {}, UsageError, "the nearest are: lenet5"),
        ("lenet5", {"width": ()}, UsageError, "width is empty"),
        ("lenet5", {"width": "1"}, UsageError, "give a list of values"),
        ("lenet5", {"width": (1, 1)}, UsageError, "a duplicate value"),
        ("lenet5", {"widht": (1, 2)}, UsageError, "did you mean 'width'"),
        ("lenet5", {"kernel_size": (3, 4)}, UsageError, "kernel_size must be odd"),
        ("lenet5", {"depth": (0, 1)}, UsageError, "depth must be a number above 0"),
        ("lenet5_1998", {"width": (2,)}, UsageError, "cannot be set"),
        ("lenet5", {"augmentation": ("none", "blur")}, UsageError, "choose from none, shift"),
        ("lenet5", {"pooling": ("avg",)}, UsageError, "linear head"),
        ("googlenet", {"per_stage": ("depth",), "depth": (1, 2)}, UsageError, "no depth for each"),
        ("lenet5", {"per_stage": ("depth",)}, UsageError, "depth has no values"),
        ("lenet5", {"budget": Budget(params=1000)}, UsageError, "no network .* the smallest of"),
        ("vgg16", {"shape": (8, 8, 3), "width": (0.5, 1.0)}, MismatchError, "at least|fit"),
    ],
)
def test_what_makes_no_space_is_refused(
    rows: str, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        candidates_of(rows, **arguments)


def test_a_search_starts_at_a_network_that_fits() -> None:
    space = candidates_of("lenet5", Budget(params=40_000), width=(1.0, 0.5, 0.25), depth=(1.0, 2.0))
    start = {axis.name: axis.start() for axis in space.axes}
    assert space.fits(start)
    assert space.price(start).params == max(
        space.price(v).params for v, _ in all_candidates(space.axes) if space.fits(v)
    )


def test_pricing_imports_neither_keras_nor_numpy() -> None:
    code = (
        "import sys; from kerascnn.tuning.candidates import Candidates; "
        "from kerascnn.tuning.budget import Budget; "
        "c = Candidates('convnet', None, None, Budget(params=1e5), (), {}); c.coverage(); "
        "print([m for m in ('keras', 'tensorflow', 'numpy', 'keras_tuner') if m in sys.modules])"
    )
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
