"""The policy network against the Methods of its paper."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import MismatchError, UsageError
from kerascnn.models.registry import model_info
from support.plans import plan_of


def ledger(**arguments):
    return plan_of("alphago_policy", **arguments)


def parameters(k):
    return (25 * 48 * k + k) + 11 * (9 * k * k + k) + (k + 361)


def macs(k):
    return 361 * (25 * 48 * k + 11 * 9 * k * k + k)


def test_thirteen_convolutions_of_the_papers_sizes():
    entries = ledger().entries
    convolutions = [entry for entry in entries.values() if entry.kind == "Conv2D"]
    assert [convolution.config["kernel_size"] for convolution in convolutions] == [5, *[3] * 11, 1]
    assert [convolution.config["filters"] for convolution in convolutions] == [*[192] * 12, 1]
    assert {convolution.cost.shape[1:3] for convolution in convolutions} == {(19, 19)}
    assert [convolution.config["activation"] for convolution in convolutions] == [
        *["relu"] * 12,
        None,
    ]
    assert entries["position_bias"].cost.trainable == 361
    assert entries["conv13"].cost.trainable == 192  # its bias is the board's
    assert entries["predictions"].cost.shape == (None, 361)


@pytest.mark.parametrize("k", [128, 192, 256, 384])
def test_the_papers_numbers_of_filters(k):
    for network_plan in ledger(columns={"filters": k}), ledger(width=k / 192):
        assert network_plan.trainable == parameters(k)
        assert network_plan.macs == macs(k)
    assert (parameters(192), macs(192)) == (3_882_793, 1_400_726_208)


def test_other_boards_have_other_numbers_of_moves():
    model = kerascnn.create_model("alphago_policy", input_shape=(9, 9, 17), filters=4)
    assert model.output_shape == (None, 81)
    assert model.get_layer("position_bias").bias.shape == (9, 9, 1)
    assert ledger(input_shape=(9, 13, 48), classes=117).trainable > 0
    with pytest.raises(UsageError, match="points of the board, 81, got 10"):
        ledger(input_shape=(9, 9, 48), classes=10)
    with pytest.raises(MismatchError, match="bias for each point"):
        ledger(input_shape=(None, None, 48))
    features = ledger(input_shape=(None, None, 48), include_top=False).entries["features"]
    assert features.cost.shape == (None, None, None, 192)


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize(("depth", "count"), [(0.5, 6), (1, 11), (2, 22)])
@pytest.mark.parametrize("width", [0.25, 1, 2])
def test_depth_width_and_kernel(depth, count, width, kernel):
    entries = ledger(depth=depth, width=width, kernel_size=kernel).entries
    assert entries["features"].cost.shape == (None, 19, 19, 192 * width)
    assert f"conv{count + 2}" in entries
    assert entries["conv2"].config["kernel_size"] == kernel


def test_moves_are_numbered_row_by_row_and_biased_one_by_one(tmp_path):
    model = kerascnn.create_model("alphago_policy", filters=4, classifier_activation=None)
    bias = np.arange(361, dtype="float32").reshape(19, 19, 1)
    model.get_layer("position_bias").set_weights([bias])
    empty = np.zeros((1, 19, 19, 48), "float32")
    np.testing.assert_array_equal(np.asarray(model(empty))[0], np.arange(361))
    model.save(tmp_path / "policy.keras")
    loaded = keras.models.load_model(tmp_path / "policy.keras")
    np.testing.assert_array_equal(np.asarray(loaded(empty)), np.asarray(model(empty)))


def test_the_planes_enter_as_they_are():
    planes = np.random.default_rng(0).integers(0, 2, (2, 19, 19, 48)).astype("float32")
    np.testing.assert_array_equal(model_info("alphago_policy").preprocessing(planes), planes)
