"""The suite sees a network that is broken on purpose: three families, three faults."""

from __future__ import annotations

import dataclasses
import importlib.util

import pytest

from kerascnn.applications import blocks
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support import parity
from support.paths import TESTS


def suite(name):
    """Another test file as a module, whose checks can be called."""
    path = TESTS / "applications" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"mutated_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_dropped_relu_in_resnet18_is_seen(monkeypatch):
    check = suite("test_parity").test_equal_logits
    row = "resnet18"
    assert (parity.FOLDER / f"{row}.npz").is_file()
    relus = [
        entry.name for entry in plan(model_info(row), Request()).entries.values()
        if entry.kind == "ReLU"
    ]  # fmt: skip
    kept = blocks.activation
    monkeypatch.setattr(
        blocks,
        "activation",
        lambda x, kind, name: x if name == relus[len(relus) // 2] else kept(x, kind, name),
    )
    with pytest.raises(AssertionError):
        check(row)
    monkeypatch.undo()
    check(row)


def test_a_5x5_made_3x3_in_googlenet_is_seen(monkeypatch):
    check = suite("test_every_row").test_parameters_and_macs_are_those_of_the_table
    kept = blocks.conv

    def smaller(x, filters, kernel=3, *args, **options):
        return kept(x, filters, 3 if kernel == 5 else kernel, *args, **options)

    monkeypatch.setattr(blocks, "conv", smaller)
    with pytest.raises(AssertionError):
        check("googlenet")
    monkeypatch.undo()
    check("googlenet")


def test_pytorchs_momentum_in_mobilenet_is_seen(monkeypatch):
    module = suite("test_batch_norm_constants")
    kept = blocks.batch_norm

    def swapped(x, name, norm, *args, **options):
        wrong = dataclasses.replace(norm, momentum=1 - norm.momentum)
        return kept(x, name, wrong, *args, **options)

    monkeypatch.setattr(blocks, "batch_norm", swapped)
    with pytest.raises(AssertionError):
        module.test_momentum_and_epsilon("mobilenet_v2")
    with pytest.raises(AssertionError):
        module.test_one_step_moves_the_statistics_as_arithmetic_says("mobilenet_v3_small", 0.99)
    monkeypatch.undo()
    module.test_momentum_and_epsilon("mobilenet_v2")
