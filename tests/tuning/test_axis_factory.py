"""Which axes a row has, and which belong to the values of others."""

from __future__ import annotations

from collections import Counter

import pytest

from kerascnn.models.registry import list_models, model_info
from kerascnn.tuning.axes import Range
from kerascnn.tuning.axis_factory import SCALED
from kerascnn.tuning.per_stage import stage_column
from support.search_spaces import candidates_of


def test_several_rows_have_conditional_axes() -> None:
    space = candidates_of(["resnet20_cifar", "convnet"], n=(1, 2), width=(0.5, 1.0))
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
    space = candidates_of("convnet", units=(16, 32), k=(0, 1), m=(1, 2))
    for values in space.sample(50):
        assert ("units" in values) == (values["k"] > 0)


def test_momentum_belongs_to_optimizers_that_have_it() -> None:
    space = candidates_of(
        "lenet5", optimizer=("adam", "sgd", "adamw"), momentum=Range(0.5, 0.99),
        weight_decay=(0.0, 1e-4),
    )  # fmt: skip
    for values in space.sample(100):
        assert ("momentum" in values) == (values["optimizer"] == "sgd")
        assert ("weight_decay" in values) == (values["optimizer"] != "adam")
        assert set(space.training(values)) == set(values)


@pytest.mark.parametrize("family", sorted({model_info(name).family for name in list_models()}))
@pytest.mark.parametrize("axis", SCALED)
def test_every_family_has_candidates_on_every_axis(family: str, axis: str) -> None:
    name = next(row for row in list_models(family=family) if row != "lenet5_1998")
    variant = model_info(name)
    domain = (3, 5, 7) if axis == "kernel_size" else Range(0.25, 2.0)
    space = candidates_of(name, **{axis: domain})
    costs = {space.price(values).params for values in space.sample(5)}
    assert len(costs) > 1 or variant.family == "fcn", name
    if stage_column(variant.row, axis) is not None:
        space = candidates_of(name, per_stage=(axis,), **{axis: domain})
        assert len({space.price(values).params for values in space.sample(5)}) > 1
