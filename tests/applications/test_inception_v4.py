"""Inception-v4 and Inception-ResNet-v2 against the figures of their paper."""

from __future__ import annotations

import re

from support.plans import entries_of, shapes_of


def test_inception_v4_has_the_sizes_of_figures_3_and_9():
    shapes = shapes_of("inception_v4")
    stem = [(149, 149, 32), (147, 147, 32), (147, 147, 64), (73, 73, 160), (71, 71, 192)]
    assert [shapes[f"stem_{i}"] for i in range(1, 6)] == stem
    assert shapes["stem_6"] == (35, 35, 384)
    for stage, count, shape, reduced in (
        ("a", 4, (35, 35, 384), (17, 17, 1024)),
        ("b", 7, (17, 17, 1024), (8, 8, 1536)),
        ("c", 3, (8, 8, 1536), None),
    ):
        modules = [layer for layer in shapes if re.fullmatch(rf"{stage}\d+", layer)]
        assert len(modules) == count
        assert {shapes[layer] for layer in modules} == {shape}
        assert shapes.get(f"reduction_{stage}") == reduced


def test_inception_resnet_v2_is_the_released_network():
    entries = entries_of("inception_resnet_v2")
    shapes = {layer: entry.cost.shape[1:] for layer, entry in entries.items()}
    assert shapes["stem_8"] == (35, 35, 320)
    assert shapes["reduction_a"] == (17, 17, 1088)
    assert shapes["reduction_b"] == (8, 8, 2080)
    assert shapes["features"] == (8, 8, 1536)
    factors = [entry.config["scale"] for entry in entries.values() if entry.kind == "Rescaling"]
    assert factors == [0.17] * 10 + [0.1] * 20 + [0.2] * 9 + [1.0]
    assert "c9_act" in shapes
    assert "tail_1_act" not in shapes


def test_any_size_at_run_time():
    assert shapes_of("inception_resnet_v2", input_shape=(None, None, 3))["features"][-1] == 1536
