"""Prices of networks against arithmetic by hand, and budgets."""

from __future__ import annotations

import pytest

from kerascnn.errors import UsageError
from kerascnn.models.planning import plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.tuning.axes import all_candidates
from kerascnn.tuning.budget import Budget, Price, price
from support.search_spaces import candidates_of, conv_parameters


def lenet(depth: int = 1, width: int = 1, kernel: int = 5) -> int:
    """LeNet-5's parameters from its figure, scaled."""
    c1, c3, c5, f6 = 6 * width, 16 * width, 120 * width, 84 * width
    extra = (depth - 1) * (conv_parameters(kernel, c1, c1) + conv_parameters(kernel, c3, c3))
    fixed = conv_parameters(5, c3, c5) + conv_parameters(1, c5, f6) + conv_parameters(1, f6, 10)
    return conv_parameters(kernel, 1, c1) + conv_parameters(kernel, c1, c3) + extra + fixed


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_prices_of_lenet_are_those_by_hand(depth: int, width: int, kernel: int) -> None:
    space = candidates_of("lenet5", depth=(1, 2), width=(1, 2), kernel_size=(3, 5))
    values = {"depth": float(depth) if isinstance(space.axes[0].domain[0], float) else depth}
    values |= {"width": width, "kernel_size": kernel}
    assert space.price(values).params == lenet(depth, width, kernel)


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
    space = candidates_of("lenet5", Budget(memory=2e6), batch_size=(8, 16, 512), width=(1.0, 2.0))
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


@pytest.mark.parametrize(
    ("bound", "message"), [({"params": 0}, "params"), ({"latency": -1}, "latency"),
                           ({"runtime": "tpu"}, "keras, onnx")],
)  # fmt: skip
def test_a_budget_is_checked(bound: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Budget(**bound)  # type: ignore[arg-type]
