"""Axes, candidates, prices and budgets: all of it without Keras."""

from __future__ import annotations

import itertools
import random
import time
from collections import Counter

import pytest
from scipy import stats

from kerascnn.errors import MismatchError, UsageError
from kerascnn.models.planning import plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.tuning.axes import Range, all_candidates, draw, make_axis, parse_domain
from kerascnn.tuning.axis_factory import SCALED
from kerascnn.tuning.budget import Budget, Price, price
from kerascnn.tuning.candidates import Candidates
from kerascnn.tuning.per_stage import stage_column
from support.processes import run_python


def make_space(
    rows: object,
    budget: Budget | None = None,
    per_stage: tuple[str, ...] = (),
    shape: object = None,
    classes: int | None = None,
    **axes: object,
) -> Candidates:
    return Candidates(rows, shape, classes, budget, per_stage, axes)  # type: ignore[arg-type]


def conv(kernel: int, inputs: int, outputs: int) -> int:
    return kernel * kernel * inputs * outputs + outputs


def lenet(depth: int = 1, width: int = 1, kernel: int = 5) -> int:
    """LeNet-5's parameters from its figure, scaled."""
    c1, c3, c5, f6 = 6 * width, 16 * width, 120 * width, 84 * width
    extra = (depth - 1) * (conv(kernel, c1, c1) + conv(kernel, c3, c3))
    fixed = conv(5, c3, c5) + conv(1, c5, f6) + conv(1, f6, 10)
    return conv(kernel, 1, c1) + conv(kernel, c1, c3) + extra + fixed


def convnet(n: int, m: int, k: int, filters: int, size: int) -> int:
    """The lecture's form on 32x32x3 with ten classes, by hand."""
    total, channels, side = 0, 3, 32
    for stage in range(m):
        for _ in range(n):
            total += conv(size, channels, filters * 2**stage)
            channels = filters * 2**stage
        side //= 2
    values = side * side * channels
    for _ in range(k):
        total += values * 256 + 256
        values = 256
    return total + values * 10 + 10


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_prices_of_lenet_are_those_by_hand(depth: int, width: int, kernel: int) -> None:
    space = make_space("lenet5", depth=(1, 2), width=(1, 2), kernel_size=(3, 5))
    values = {"depth": float(depth) if isinstance(space.axes[0].domain[0], float) else depth}
    values |= {"width": width, "kernel_size": kernel}
    assert space.price(values).params == lenet(depth, width, kernel)


def test_the_letters_of_convnet_are_its_usual_axes() -> None:
    space = make_space("convnet")
    assert {axis.name for axis in space.axes} == {
        "n", "m", "k", "filters", "filter_size", "learning_rate"
    }  # fmt: skip
    for values, _ in itertools.islice(
        all_candidates([a for a in space.axes if a.structural]), 0, None, 7
    ):
        letters = [values[name] for name in ("n", "m", "k", "filters", "filter_size")]
        assert space.price(values).params == convnet(*letters)


@pytest.mark.parametrize("name", list_models())
def test_a_price_is_the_plans(name: str) -> None:
    variant = model_info(name)
    ledger = plan(variant, Request())
    cost = price(variant, {})
    assert (cost.params, cost.macs, cost.fixed) == (variant.params, variant.macs, ledger.fixed)
    volumes = [entry.cost.shape[1:] for entry in ledger.entries.values()]
    sizes = [1] * len(volumes)
    for place, sides in enumerate(volumes):
        for side in sides:
            sizes[place] *= side or 1
    assert cost.activations == sum(sizes)


def test_memory_counts_weights_four_times_and_a_batch_of_outputs() -> None:
    assert Price(100, 5, 10, 50).memory(8) == 4 * (4 * 100 + 10 + 8 * 50)
    space = make_space("lenet5", Budget(memory=2e6), batch_size=(8, 16, 512), width=(1.0, 2.0))
    within = {
        (values["width"], values["batch_size"])
        for values, _ in all_candidates(space.axes)
        if space.fits(values)
    }
    narrow, wide = space.price({"width": 1.0}), space.price({"width": 2.0})
    expected = {
        (width, batch)
        for width, cost in ((1.0, narrow), (2.0, wide))
        for batch in (8, 16, 512)
        if (cost.memory(batch) or 0) <= 2e6
    }
    assert within == expected
    assert 0 < len(within) < 6


def test_coverage_is_counted_exactly() -> None:
    space = make_space("convnet", Budget(params=100_000))
    letters = ((2, 1, 3), (3, 1, 2, 4), (1, 0, 2), (32, 8, 16, 64), (3, 5))
    every = list(itertools.product(*letters))
    fitting = [values for values in every if convnet(*values) <= 100_000]
    coverage = space.coverage()
    assert (coverage.networks, coverage.exact) == (288, True)
    assert coverage.share == pytest.approx(len(fitting) / len(every))


def test_sampling_is_uniform_over_what_fits() -> None:
    space = make_space(
        "convnet", Budget(params=100_000), n=(1, 2, 3), m=(1, 2, 3), k=(0, 1), filters=(8, 16, 32)
    )
    fitting = [tuple(v.items()) for v, _ in all_candidates(space.axes) if space.fits(v)]
    counts = Counter(
        tuple(candidate.items()) for candidate in space.sample(200 * len(fitting), seed=3)
    )
    assert set(counts) == set(fitting)
    assert stats.chisquare([counts[candidate] for candidate in fitting]).pvalue > 1e-3


def test_continuous_axes_are_sampled_uniformly_where_they_fit() -> None:
    space = make_space("lenet5", Budget(params=61_706), width=Range(0.1, 2.0))
    widths = sorted(values["width"] for values in space.sample(2000, seed=1))
    # The widest that fits: the largest width whose price keeps the budget.
    edge = max(w / 1000 for w in range(100, 2000) if space.fits({"width": w / 1000}))
    assert widths[-1] <= edge + 1e-3
    assert stats.kstest(widths, "uniform", args=(0.1, edge - 0.1)).pvalue > 1e-3


def test_logarithmic_ranges_are_uniform_in_the_logarithm() -> None:
    axis = make_axis("learning_rate", Range(1e-4, 1e-2, log=True))
    drawn = [draw([axis], random.Random(seed))["learning_rate"] for seed in range(2000)]
    assert sum(value < 1e-3 for value in drawn) == pytest.approx(1000, abs=110)
    assert min(drawn) >= 1e-4
    assert max(drawn) <= 1e-2


def test_ten_thousand_candidates_are_filtered_in_seconds() -> None:
    space = make_space(
        "resnet20_cifar", Budget(params=200_000, macs=3e7), depth=(0.5, 1.0, 1.5, 2.0),
        width=Range(0.25, 2.0, 0.05), kernel_size=(3, 5), learning_rate=Range(1e-4, 1e-1, log=True),
        batch_size=(32, 64, 128),
    )  # fmt: skip
    source = random.Random(0)
    begun = time.perf_counter()
    fitting = sum(space.fits(draw(space.axes, source)) for _ in range(10_000))
    assert time.perf_counter() - begun < 10
    assert 0 < fitting < 10_000


def test_several_rows_have_conditional_axes() -> None:
    space = make_space(["resnet20_cifar", "convnet"], n=(1, 2), width=(0.5, 1.0))
    by_name = {axis.name: axis for axis in space.axes}
    assert by_name["model"].domain == ("resnet20_cifar", "convnet")
    assert by_name["n"].parent == ("model", ("convnet",))
    assert by_name["width"].parent is None
    seen = Counter()
    for values in space.sample(200):
        row, arguments = space.network(values)
        seen[row] += 1
        assert ("n" in values) == ("n" in arguments) == (row == "convnet")
    assert min(seen.values()) > 60


def test_units_belong_to_hidden_layers() -> None:
    space = make_space("convnet", units=(16, 32), k=(0, 1), m=(1, 2))
    for values in space.sample(50):
        assert ("units" in values) == (values["k"] > 0)


def test_momentum_belongs_to_optimizers_that_have_it() -> None:
    space = make_space(
        "lenet5", optimizer=("adam", "sgd", "adamw"), momentum=Range(0.5, 0.99),
        weight_decay=(0.0, 1e-4),
    )  # fmt: skip
    for values in space.sample(100):
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        assert ("weight_decay" in values) == (values["optimizer"] != "adam")
        assert set(space.training(values)) == set(values)


@pytest.mark.parametrize(
    ("name", "axis", "columns"),
    [
        ("resnet18", "depth", {"repeats": (4, 2, 1, 2)}),
        ("resnet18", "width", {"channels": (128, 128, 128, 512), "stem_channels": 128}),
        ("densenet121", "depth", {"layers": (12, 12, 12, 16)}),
        ("vgg16", "depth", {"stages": ((3,) * 4, (3, 3), (3, 3), (3, 3, 3), (3, 3, 3))}),
        ("mobilenet_v1", "depth", {"stages": ((64, 2, 1), (128, 2, 2), (256, 1, 2), (512, 6, 2),
                                              (1024, 2, 2))}),
        ("convnet", "width", {"filters": (64, 64, 64)}),
        ("convnet", "kernel_size", {"filter_size": (2, 1, 0)}),
    ],
)  # fmt: skip
def test_stages_are_scaled_one_by_one(name: str, axis: str, columns: dict[str, object]) -> None:
    factors = (2.0, 1.0, 0.5, 1.0, 1.0)
    choices = (1.0, 2.0, 0.5) if axis != "kernel_size" else (3, 5, 7)
    space = make_space(name, per_stage=(axis,), **{axis: choices})
    values = dict(zip((a.name for a in space.axes), factors, strict=False))
    if axis == "kernel_size":
        values = {f"kernel_size_{stage}": size for stage, size in ((1, 7), (2, 5), (3, 3))}
        columns = {"filter_size": (7, 5, 3)}
    _, arguments = space.network(values)
    assert arguments == columns


def test_the_papers_network_is_the_one_with_every_stage_at_1() -> None:
    for name in list_models():
        variant = model_info(name)
        for axis in ("depth", "width"):
            if stage_column(variant.row, axis) is None:
                continue
            space = make_space(name, per_stage=(axis,), **{axis: (1.0, 0.5)})
            values = {stage_axis.name: 1.0 for stage_axis in space.axes}
            assert space.price(values).params == variant.params, (name, axis)


@pytest.mark.parametrize("family", sorted({model_info(name).family for name in list_models()}))
@pytest.mark.parametrize("axis", SCALED)
def test_every_family_has_candidates_on_every_axis(family: str, axis: str) -> None:
    name = next(row for row in list_models(family=family) if row != "lenet5_1998")
    variant = model_info(name)
    domain = (3, 5, 7) if axis == "kernel_size" else Range(0.25, 2.0)
    space = make_space(name, **{axis: domain})
    costs = {space.price(values).params for values in space.sample(5)}
    assert len(costs) > 1 or variant.family == "fcn", name
    if stage_column(variant.row, axis) is not None:
        space = make_space(name, per_stage=(axis,), **{axis: domain})
        assert len({space.price(values).params for values in space.sample(5)}) > 1


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
        ("lenet5", {"augmentation": ("none", "blur")}, UsageError, "choose among none, shift"),
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
        make_space(rows, **arguments)


@pytest.mark.parametrize(
    ("bound", "message"), [({"params": 0}, "params"), ({"latency": -1}, "latency"),
                           ({"runtime": "tpu"}, "keras, onnx")],
)  # fmt: skip
def test_a_budget_is_checked(bound: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Budget(**bound)  # type: ignore[arg-type]


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


def test_a_search_starts_at_a_network_that_fits() -> None:
    space = make_space("lenet5", Budget(params=40_000), width=(1.0, 0.5, 0.25), depth=(1.0, 2.0))
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
