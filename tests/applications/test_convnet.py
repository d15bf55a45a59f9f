"""The general form of a network: its letters, pools and sizes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.applications.convnet import pool
from kerascnn.errors import UsageError
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import plan_of


def ledger(**arguments):
    columns = {key: arguments.pop(key) for key in list(arguments) if key in COLUMNS}
    return plan_of("convnet", columns=columns, **arguments)


COLUMNS = ("n", "m", "k", "filters", "filter_size", "units", "pool", "batch_norm")


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 9, 8, 3)).astype("float32")


def test_the_default_network_by_hand():
    convolutions = [
        (32, 3, 32),
        (32, 32, 32),
        (16, 32, 64),
        (16, 64, 64),
        (8, 64, 128),
        (8, 128, 128),
    ]
    weights = [9 * inputs * maps for _, inputs, maps in convolutions]
    maps = [maps for *_, maps in convolutions]
    dense = 4 * 4 * 128 * 256 + 256 * 10
    network_plan = ledger()
    assert network_plan.trainable == sum(weights) + sum(maps) + dense + 256 + 10 == 814_122
    areas = [side * side for side, *_ in convolutions]
    macs = sum(area * variable for area, variable in zip(areas, weights, strict=True)) + dense
    assert network_plan.macs == macs == 39_160_320


def test_the_letters():
    entries = ledger(n=3, m=2, k=2, filters=(8, 24), filter_size=(5, 3), units=(40, 30)).entries
    assert list(entries) == [
        "conv1_1", "conv1_2", "conv1_3", "pool1", "conv2_1", "conv2_2", "conv2_3", "pool2",
        "features", "flatten", "fc1", "fc2", "predictions",
    ]  # fmt: skip
    assert entries["conv1_2"].config["kernel_size"] == 5
    assert entries["features"].cost.shape == (None, 8, 8, 24)
    assert entries["fc2"].cost.shape == (None, 30)


def test_without_pools_hidden_layers_or_both():
    assert ledger(pool=None).entries["features"].cost.shape == (None, 32, 32, 128)
    entries = ledger(k=0, dropout=0.3).entries
    assert list(entries)[-3:] == ["flatten", "dropout", "predictions"]
    assert "fc1_dropout" in ledger(dropout=0.3).entries
    assert "fc1_dropout" not in ledger().entries


def test_batch_norm_takes_the_place_of_every_bias_but_the_last():
    entries = ledger(batch_norm=True).entries
    with_bias = [
        key for key, entry in entries.items() if entry.config.get("use_bias", "no") is True
    ]
    assert with_bias == []
    assert list(entries)[:3] == ["conv1_1", "conv1_1_bn", "conv1_1_act"]
    assert entries["fc1"].cost.trainable == 2048 * 256
    assert entries["predictions"].cost.trainable == 256 * 10 + 10


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("depth", "count"), [(0.5, 3), (1, 6), (2, 12)])
@pytest.mark.parametrize("width", [0.25, 1, 2])
def test_depth_is_n_width_the_filters_and_kernel_size_their_size(depth, count, width, kernel):
    entries = ledger(depth=depth, width=width, kernel_size=kernel).entries
    convolutions = [entry for entry in entries.values() if entry.kind == "Conv2D"]
    assert len(convolutions) == count
    assert {convolution.config["kernel_size"] for convolution in convolutions} == {kernel}
    assert entries["features"].cost.shape == (None, 4, 4, 128 * width)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"n": 0}, "n must be a whole number of at least 1, got 0"),
        ({"m": 1.5}, "m must be a whole number of at least 1, got 1.5"),
        ({"k": -1}, "k must be a whole number of at least 0"),
        ({"pool": "median"}, "pool must be one of"),
        ({"filter_size": 4}, "filter_size must be odd"),
        ({"filters": (8, 16)}, r"filters must be one positive whole number or 3, got \(8, 16\)"),
        ({"units": 0}, "units must be one positive whole number"),
    ],
)
def test_letters_that_make_no_network(columns, message):
    with pytest.raises(UsageError, match=message):
        ledger(**columns)


def test_the_smallest_image_has_one_pixel_for_each_last_window():
    for kind, side in ("max", 8), ("sum", 8), ("weighted", 1), (None, 1):
        request = Request(columns={"pool": kind})
        assert minimum_size(model_info("convnet"), request) == side


@pytest.mark.parametrize("kind", ["max", "average", "sum", "l2", "weighted"])
@pytest.mark.parametrize("sides", [(9, 8), (None, None)])
def test_every_pool_builds_as_planned_and_saves(kind, sides, tmp_path, x):
    image = keras.Input((*sides, 3))
    model = keras.Model(image, pool(image, kind, "p"))
    model.save(tmp_path / "pool.keras")
    loaded = keras.models.load_model(tmp_path / "pool.keras")
    np.testing.assert_array_equal(np.asarray(model(x)), np.asarray(loaded(x)))
    entries = ledger(m=1, pool=kind, input_shape=(9, 8, 3)).entries["pool1"].cost.shape
    assert model(x).shape[1:3] == entries[1:3]
    if sides[0]:
        assert model.output_shape[1:3] == entries[1:3]
