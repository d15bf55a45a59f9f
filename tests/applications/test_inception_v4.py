"""Inception-v4 and Inception-ResNet-v2 against the figures of their paper."""

from __future__ import annotations

import re

from support.plans import entries_of, shapes_of


def test_inception_v4_has_the_sizes_of_figures_3_and_9():
    made = shapes_of("inception_v4")
    stem = [(149, 149, 32), (147, 147, 32), (147, 147, 64), (73, 73, 160), (71, 71, 192)]
    assert [made[f"stem_{i}"] for i in range(1, 6)] == stem
    assert made["stem_6"] == (35, 35, 384)
    for stage, count, shape, reduced in (
        ("a", 4, (35, 35, 384), (17, 17, 1024)),
        ("b", 7, (17, 17, 1024), (8, 8, 1536)),
        ("c", 3, (8, 8, 1536), None),
    ):
        modules = [layer for layer in made if re.fullmatch(rf"{stage}\d+", layer)]
        assert len(modules) == count
        assert {made[layer] for layer in modules} == {shape}
        assert made.get(f"reduction_{stage}") == reduced


def test_inception_resnet_v2_is_the_released_network():
    entries = entries_of("inception_resnet_v2")
    made = {layer: entry.cost.shape[1:] for layer, entry in entries.items()}
    assert made["stem_8"] == (35, 35, 320)
    assert made["reduction_a"] == (17, 17, 1088)
    assert made["reduction_b"] == (8, 8, 2080)
    assert made["features"] == (8, 8, 1536)
    factors = [entry.config["scale"] for entry in entries.values() if entry.kind == "Rescaling"]
    assert factors == [0.17] * 10 + [0.1] * 20 + [0.2] * 9 + [1.0]
    assert "c9_act" in made
    assert "tail_1_act" not in made


def test_any_size_at_run_time():
    assert shapes_of("inception_resnet_v2", input_shape=(None, None, 3))["features"][-1] == 1536
