"""The suite sees a network that is broken on purpose: three families, three faults.

The checks are those that tests/applications calls for every row.
"""

from __future__ import annotations

import dataclasses

import pytest

from kerascnn.applications import blocks
from support import parity
from support.network_checks import (
    check_equal_logits,
    check_figures,
    check_norm_constants,
    check_one_step_of_statistics,
)
from support.plans import entries_of


def test_a_dropped_relu_in_resnet18_is_seen(monkeypatch):
    row = "resnet18"
    assert (parity.FOLDER / f"{row}.npz").is_file()
    relus = [entry.name for entry in entries_of(row).values() if entry.kind == "ReLU"]
    activation = blocks.activation

    def with_one_less(x, kind, name):
        return x if name == relus[len(relus) // 2] else activation(x, kind, name)

    monkeypatch.setattr(blocks, "activation", with_one_less)
    with pytest.raises(AssertionError):
        check_equal_logits(row)
    monkeypatch.undo()
    check_equal_logits(row)


def test_a_5x5_made_3x3_in_googlenet_is_seen(monkeypatch):
    conv = blocks.conv

    def smaller(x, filters, kernel=3, *args, **options):
        return conv(x, filters, 3 if kernel == 5 else kernel, *args, **options)

    monkeypatch.setattr(blocks, "conv", smaller)
    with pytest.raises(AssertionError):
        check_figures("googlenet")
    monkeypatch.undo()
    check_figures("googlenet")


def test_pytorchs_momentum_in_mobilenet_is_seen(monkeypatch):
    batch_norm = blocks.batch_norm

    def swapped(x, name, norm, *args, **options):
        wrong = dataclasses.replace(norm, momentum=1 - norm.momentum)
        return batch_norm(x, name, wrong, *args, **options)

    monkeypatch.setattr(blocks, "batch_norm", swapped)
    with pytest.raises(AssertionError):
        check_norm_constants("mobilenet_v2")
    with pytest.raises(AssertionError):
        check_one_step_of_statistics("mobilenet_v3_small", 0.99)
    monkeypatch.undo()
    check_norm_constants("mobilenet_v2")
