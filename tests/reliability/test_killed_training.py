"""A training that is killed or has no room ends bitwise identical when it is resumed."""

from __future__ import annotations

import os
import random
import signal

import numpy as np
import pytest

import kerascnn
from support.scripts import training_jobs as jobs
from support.training_processes import KILLED, RESULTS, outcome, run_jobs


def test_killed_anywhere_a_run_ends_to_the_bit_as_it_would_have(tmp_path):
    """In an epoch, in validation, by a signal in validation, and in the middle of a commit."""
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    codes, errors = run_jobs(
        {"run_dir": whole},
        {"run_dir": cut, "every": 4, "kill_at": 4},
        {"run_dir": cut, "every": 4, "kill_in_validation": 1},
        {"run_dir": cut, "every": 4, "kill_in_validation": 1, "signal": signal.SIGTERM},
        {"run_dir": cut, "every": 4, "kill_in_write": 1},
        {"run_dir": cut, "every": 4},
        {"run_dir": cut, "every": 4},
    )
    assert codes == [0, KILLED, KILLED, 75, KILLED, 0, 0], errors
    assert outcome(cut) == outcome(whole)
    assert (
        "stopped by SIGTERM after step 6 of epoch 2; run the same command to resume there" in errors
    )
    run = kerascnn.load_run(cut)
    # Where each life began: the last but one ended the validation, and was killed in its commit.
    assert [life["position"] for life in run.config["resumed"]] == [[0, 4], [1, 2], [1, 6], [2, 0]]
    assert sorted(path.name for path in run.path.iterdir()) == [
        "best.keras", "config.json", "curves.png", "history.csv", "last.keras", "result.json",
        "tensorboard",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "precision", ["mixed_float16", pytest.param("mixed_bfloat16", marks=pytest.mark.long)]
)
def test_half_precision_resumes_to_the_bit(tmp_path, precision):
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    codes, errors = run_jobs(
        {"run_dir": whole, "precision": precision},
        {"run_dir": cut, "precision": precision, "every": 5, "kill_at": 11},
        {"run_dir": cut, "precision": precision},
    )
    assert codes == [0, KILLED, 0], errors
    assert outcome(cut) == outcome(whole)
    assert kerascnn.load_run(cut).config["resumed"][0]["position"] == [1, 4]


RECIPES = {
    "sgd cosine": {"optimizer": "sgd", "momentum": 0.9},
    "adam plateau": {"optimizer": "adam", "schedule": "plateau", "patience": 1},
    "adamw averaged, early stop": {"ema": 0.9, "early_stopping": 1},
}


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("precision", ["float32", "mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("recipe", RECIPES)
def test_every_kind_of_run_resumes_to_the_bit(tmp_path, precision, recipe):
    """Killed at each end of an epoch and in ten random steps, by turns."""
    draw = random.Random(f"{precision} {recipe}")
    job = {"precision": precision, "recipe": {**RECIPES[recipe], "epochs": 5}}
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    steps = sorted({*draw.sample(range(1, 5 * jobs.STEPS), 10), *range(6, 30, 6)})
    killed = [{**job, "run_dir": cut, "every": 1, "kill_at": step} for step in steps]
    codes, errors = run_jobs({**job, "run_dir": whole}, *killed, {**job, "run_dir": cut})
    # An early stop ends the run before the last kills.
    assert set(codes[1:-1]) <= {KILLED, 0}, errors
    assert codes[0] == codes[-1] == 0, errors
    assert outcome(cut) == outcome(whole)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_300_kills_at_random_moments(tmp_path):
    """A run that commits every step, killed 300 times: each time it goes on by itself."""
    kills = int(os.environ.get("KERASCNN_KILLS", "300"))
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    job = {"bare": True, "recipe": {"epochs": 500, "translate": 0, "flip": False}}
    lives = [{**job, "run_dir": cut, "every": 1, "kill_random": n} for n in range(kills)]
    codes, errors = run_jobs({**job, "run_dir": whole}, *lives, {**job, "run_dir": cut})
    assert codes == [0, *[KILLED] * kills, 0], errors
    first, other = (kerascnn.load_run(path) for path in (whole, cut))
    assert first.result["weights_sha256"] == other.result["weights_sha256"]
    assert first.history["val_loss"] == other.history["val_loss"]
    lives = other.config["resumed"]
    assert len(lives) >= 0.7 * kills  # the others died before they had read a checkpoint
    print(f"{kills} kills, {len(lives)} resumes, {len(first.history['epoch']) * jobs.STEPS} steps")


@pytest.mark.long
def test_a_run_goes_on_with_another_number_of_replicas(tmp_path):
    """In the middle of an epoch, from one to two and from two to one; but for the last bits."""
    paths = [str(tmp_path / name) for name in ("whole", "more", "fewer")]
    whole, more, fewer = ({"run_dir": path, "recipe": {"ema": 0.9}} for path in paths)
    codes, errors = run_jobs(
        {**whole, "replicas": 1},
        {**more, "replicas": 1, "every": 1, "kill_at": 9},
        {**more, "replicas": 2},
        {**fewer, "replicas": 2, "every": 1, "kill_at": 9},
        {**fewer, "replicas": 1},
    )
    assert codes == [0, KILLED, 0, KILLED, 0], errors
    expected, *others = (kerascnn.load_run(path) for path in paths)
    for run in others:
        assert [life["position"] for life in run.config["resumed"]] == [[1, 3]]
        assert run.config["resumed"][0]["changed"] == []
        for name in RESULTS:
            np.testing.assert_allclose(run.history[name], expected.history[name], rtol=1e-4)
        for get_weight, other in zip(
            run.load("last").get_weights(), expected.load("last").get_weights(), strict=True
        ):
            np.testing.assert_allclose(get_weight, other, atol=1e-5)


def test_a_full_disk_ends_with_8_and_the_commit_before_it_goes_on(tmp_path):
    whole, cut = str(tmp_path / "whole"), str(tmp_path / "cut")
    codes, errors = run_jobs(
        {"run_dir": whole},
        {"run_dir": cut, "every": 2, "kill_at": 8},
        {"run_dir": cut, "every": 2, "file_limit": 4000},
        {"run_dir": cut, "every": 2},
    )
    assert codes == [0, KILLED, 8, 0], errors
    assert "OutputError: cannot write" in errors
    assert outcome(cut) == outcome(whole)
