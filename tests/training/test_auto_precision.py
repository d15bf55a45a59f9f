"""precision="auto": what is chosen of which times, when not, and what is remembered."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.errors import (
    UsageError,
)
from kerascnn.recipes.fields import Recipe
from kerascnn.training import auto_precision
from kerascnn.training.auto_precision import choose, fastest, measure
from kerascnn.training.strategy import policy_scope, resolve_precision

RECIPE = Recipe("test", batch_size=4, epochs=1)
MUCH = 1e18


def lenet():
    return kerascnn.create_model("lenet5")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def times(monkeypatch):
    """What measuring finds, and how often it is asked."""
    seconds_by_policy = {"float32": 0.4, "mixed_bfloat16": 0.1}
    calls = []

    def measured(build, recipe, batch, policies):
        calls.append(policies)
        return {name: seconds_by_policy[name] for name in policies}

    monkeypatch.setattr(auto_precision, "measure", measured)
    return seconds_by_policy, calls


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({"float32": 1.0, "mixed_bfloat16": 0.5}, "mixed_bfloat16"),
        ({"float32": 1.0, "mixed_bfloat16": 0.97}, "float32"),
        ({"float32": 1.0, "mixed_bfloat16": 1.5}, "float32"),
        ({"float32": 1.0, "mixed_bfloat16": 0.5, "mixed_float16": 0.49}, "mixed_bfloat16"),
        ({"float32": 1.0, "mixed_bfloat16": 0.5, "mixed_float16": 0.4}, "mixed_float16"),
    ],
)
def test_the_fastest_wins_and_the_safer_of_equals(seconds, expected):
    assert fastest(seconds) == expected


def test_the_choice_is_told_and_remembered(home, times):
    seconds_by_policy, calls = times
    arguments = {"identity": {"name": "lenet5"}, "recipe": RECIPE, "work": MUCH, "batch": 4}
    first = choose(lenet, **arguments)
    assert first.policy == "mixed_bfloat16"
    assert first.reason == "4 times as fast as float32: 100 against 400 ms a step"
    assert first.milliseconds == {"float32": 400.0, "mixed_bfloat16": 100.0}
    assert not first.remembered
    seconds_by_policy["float32"] = 0.01  # which another measurement would find
    second = choose(lenet, **arguments)
    assert (second.policy, second.remembered, len(calls)) == ("mixed_bfloat16", True, 1)
    assert choose(lenet, **{**arguments, "batch": 8}).policy == "float32"
    assert choose(lenet, **{**arguments, "identity": {"name": "vgg16"}}).policy == "float32"
    assert len(json.loads((home / "precision.json").read_text("utf-8"))) == 3


@pytest.mark.parametrize("text", ["", "[1]", '{"a": 1}', '{"a": {"float32": "x"}}', "{"])
def test_a_damaged_memory_is_as_good_as_none(home, times, text):
    home.mkdir()
    (home / "precision.json").write_text(text, "utf-8")
    chosen = choose(lenet, {"name": "lenet5"}, RECIPE, work=MUCH, batch=4)
    assert chosen.policy == "mixed_bfloat16"
    assert len(json.loads((home / "precision.json").read_text("utf-8"))) == 1


def test_the_memory_does_not_grow_without_end(home, times, monkeypatch):
    monkeypatch.setattr(auto_precision, "CACHE_LIMIT", 3)
    for batch in range(1, 6):
        choose(lenet, {"name": "lenet5"}, RECIPE, work=MUCH, batch=batch)
    assert len(json.loads((home / "precision.json").read_text("utf-8"))) == 3
    assert choose(lenet, {"name": "lenet5"}, RECIPE, work=MUCH, batch=5).remembered
    assert not choose(lenet, {"name": "lenet5"}, RECIPE, work=MUCH, batch=1).remembered


def test_a_place_that_cannot_be_written_stops_nothing(tmp_path, times, monkeypatch):
    (tmp_path / "file").write_text("no directory")
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "file" / "home"))
    assert choose(lenet, {"name": "lenet5"}, RECIPE, work=MUCH, batch=4).policy == "mixed_bfloat16"


def test_little_work_is_not_measured(home, times):
    chosen = choose(lenet, {"name": "lenet5"}, RECIPE, work=1e9, batch=4)
    assert (chosen.policy, chosen.milliseconds) == ("float32", {})
    assert "take longer than it could save" in chosen.reason
    assert times[1] == []


def test_measuring_times_every_candidate_and_leaves_no_trace():
    policies = ["float32", "mixed_bfloat16"]
    measured = measure(lenet, RECIPE, 2, policies)
    assert list(measured) == policies
    assert all(0 < seconds < 60 for seconds in measured.values())
    assert keras.config.dtype_policy().name == "float32"


def test_training_records_what_was_chosen_and_why(home, times, tmp_path, monkeypatch):
    monkeypatch.setattr(auto_precision, "MEASURED_FROM", {"CPU": 0.0, "GPU": 0.0})
    images = np.random.default_rng(0).integers(0, 255, (24, 32, 32, 1)).astype("uint8")
    labels = np.arange(24) % 3
    data = ((images[:16], labels[:16]), (images[16:], labels[16:]))
    options = {"batch_size": 8, "epochs": 1, "verbose": False}
    run = kerascnn.train("lenet5", data, run_dir=tmp_path / "run", **options)
    assert run.config["precision"] == "mixed_bfloat16"
    assert run.config["precision_choice"] == {
        "policy": "mixed_bfloat16", "remembered": False,
        "reason": "4 times as fast as float32: 100 against 400 ms a step",
        "milliseconds": {"float32": 400.0, "mixed_bfloat16": 100.0},
    }  # fmt: skip
    model = run.load("last")
    assert model.get_layer("c1").compute_dtype == "bfloat16"
    assert model.get_layer("predictions").compute_dtype == "float32"
    explicit = kerascnn.train(
        "lenet5", data, run_dir=tmp_path / "same", precision="mixed_bfloat16", **options
    )
    for a, b in zip(model.get_weights(), explicit.load("last").get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_built_model_with_scores_of_half_precision_is_refused():
    with policy_scope("mixed_float16"):
        image = keras.Input((4, 4, 1))
        model = keras.Model(image, keras.layers.Dense(3)(keras.layers.Flatten()(image)))
    with pytest.raises(UsageError, match=r'scores .* are float16.*dtype="float32"'):
        resolve_precision("auto", model)


def test_tf_lists_no_gpu_here_or_its_candidates_are_known():
    policies = auto_precision.candidates()
    assert "float32" in policies
    if not tf.config.list_physical_devices("GPU"):
        assert policies == ["float32", "mixed_bfloat16"]


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ([], ["float32", "mixed_bfloat16"]),
        ([(9, 0)], ["mixed_bfloat16", "mixed_float16", "float32"]),
        ([(8, 0), (7, 5)], ["mixed_float16", "float32"]),
        ([(8, 0), (6, 1)], ["float32"]),
    ],
)
def test_candidates_by_the_gpu_s_capability(monkeypatch, capabilities, expected):
    from kerascnn.training import auto_precision

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: capabilities)
    monkeypatch.setattr(
        tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": gpu}
    )
    assert auto_precision.candidates() == expected
