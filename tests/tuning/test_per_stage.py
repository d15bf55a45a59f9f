"""Stages that are scaled one by one."""

from __future__ import annotations

import pytest

from kerascnn.models.registry import list_models, model_info
from kerascnn.tuning.per_stage import stage_column
from support.search_spaces import candidates_of


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
    space = candidates_of(name, per_stage=(axis,), **{axis: choices})
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
            space = candidates_of(name, per_stage=(axis,), **{axis: (1.0, 0.5)})
            values = {stage_axis.name: 1.0 for stage_axis in space.axes}
            assert space.price(values).params == variant.params, (name, axis)
