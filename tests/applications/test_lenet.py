"""LeNet-5 against the figures of LeCun 1998, section II.B."""

from __future__ import annotations

import numpy as np
import pytest

import kerascnn
from kerascnn.applications.lenet import C3_TABLE, digit_codes
from kerascnn.errors import MismatchError, UsageError
from kerascnn.models.planning import minimum_size, plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import entries_of


def trainable(model, layer):
    return sum(int(np.prod(weight.shape)) for weight in model.get_layer(layer).trainable_weights)


def test_the_paper_counts_60000_trainable_parameters_layer_by_layer():
    model = kerascnn.create_model("lenet5_1998")
    counts = {name: trainable(model, name) for name in ("c1", "s2", "c3", "s4", "c5", "f6", "rbf")}
    assert counts == {
        "c1": 156, "s2": 12, "c3": 1_516, "s4": 32, "c5": 48_120, "f6": 10_164, "rbf": 0
    }  # fmt: skip
    assert sum(counts.values()) == 60_000


def test_the_course_version_has_61706():
    model = kerascnn.create_model("lenet5")
    assert model.count_params() == 156 + 2_416 + 48_120 + 10_164 + 850 == 61_706


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
def test_shapes_are_those_of_figure_2(name):
    entries = entries_of(name)
    shapes = {layer: entries[layer].cost.shape[1:] for layer in ("c1", "s2", "c3", "s4", "c5")}
    assert shapes == {
        "c1": (28, 28, 6), "s2": (14, 14, 6), "c3": (10, 10, 16), "s4": (5, 5, 16),
        "c5": (1, 1, 120),
    }  # fmt: skip


def test_table_1_has_60_connections_and_breaks_the_symmetry():
    sizes = [len(maps) for maps in C3_TABLE]
    assert sizes == [3] * 6 + [4] * 9 + [6]  # the paper: the first six, the next nine, the last
    assert len(set(C3_TABLE)) == 16
    seen = [sum(source in maps for maps in C3_TABLE) for source in range(6)]
    assert seen == [10] * 6


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
def test_the_smallest_image_is_the_papers(name):
    assert minimum_size(model_info(name), Request()) == 32
    with pytest.raises(MismatchError, match="at least 32 x 32 pixels, got 31 x 32"):
        kerascnn.create_model(name, input_shape=(31, 32, 1))
    larger = kerascnn.create_model(name, input_shape=(41, 36, 3))
    assert larger.get_layer("c5").output.shape == (None, 3, 2, 120)


def test_the_1998_network_refuses_what_its_table_cannot_do():
    for change in ({"width": 2.0}, {"depth": 2.0}, {"kernel_size": 3}):
        with pytest.raises(UsageError, match="connection table"):
            kerascnn.create_model("lenet5_1998", **change)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("depth", [0.5, 1, 2])
@pytest.mark.parametrize("width", [0.25, 1, 2])
def test_depth_width_and_kernel_keep_the_shapes(depth, width, kernel):
    entries = plan(
        model_info("lenet5"), Request(depth=depth, width=width, kernel_size=kernel)
    ).entries
    assert entries["s4"].cost.shape == (None, 5, 5, {0.25: 4, 1: 16, 2: 32}[width])
    assert ("c3_2" in entries) == (depth == 2)


def test_rbf_centres_are_twelve_by_seven_and_apart():
    codes = np.array(digit_codes(10, 84))
    assert codes.shape == (10, 84)
    assert set(np.unique(codes)) == {-1, 1}
    distances = ((codes[:, None] - codes[None]) ** 2).sum(-1)
    assert distances[~np.eye(10, dtype=bool)].min() >= 4 * 4  # at least four dots differ


def test_other_class_counts_get_fixed_random_codes():
    codes = np.array(digit_codes(26, 84))
    assert codes.shape == (26, 84)
    np.testing.assert_array_equal(codes, np.array(digit_codes(26, 84)))
    model = kerascnn.create_model("lenet5_1998", classes=26)
    assert model.output_shape == (None, 26)
