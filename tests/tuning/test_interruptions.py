"""What a search and a study say when they are stopped, and what that command then does."""

from __future__ import annotations

import sys

import pytest

from kerascnn.cli import tuning as command
from kerascnn.errors import Interrupted
from kerascnn.tuning import compound_scaling, run_search, supervisor
from support.trainings import halves


def stop(*arguments, **keywords):
    raise Interrupted("SIGINT after step 3 of epoch 1; run the same command to resume there")


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_stopped_search_names_the_command_that_resumes(monkeypatch, tmp_path, overwrite):
    monkeypatch.setattr(run_search.TrialTuner, "search", stop)
    how = "the same command without --overwrite" if overwrite else "the same command"
    with pytest.raises(Interrupted, match=f"is kept: run {how} to resume$"):
        run_search.search(
            "lenet5", halves(), directory=tmp_path / "s", overwrite=overwrite, verbose=False
        )


def test_a_child_that_is_started_again_keeps_its_trials(monkeypatch, tmp_path):
    commands = []
    codes = iter([-9, -9, Interrupted.exit_code])

    def run_child(arguments):
        commands.append(arguments[3:])
        return next(codes)

    monkeypatch.setattr(supervisor, "run_child", run_child)
    monkeypatch.setattr(sys, "argv", ["kerascnn", "tune", "lenet5", "digits", "--overwrite"])
    with pytest.raises(Interrupted, match="run the same command without --overwrite to resume"):
        supervisor.supervise("127.0.0.1:1", None, tmp_path)
    first, *later = commands
    assert first == ["tune", "lenet5", "digits", "--overwrite"]
    assert later == [["tune", "lenet5", "digits"]] * 2


def test_a_stopped_child_of_a_plain_command_is_resumed_by_it(monkeypatch, tmp_path):
    monkeypatch.setattr(supervisor, "run_child", lambda arguments: Interrupted.exit_code)
    monkeypatch.setattr(sys, "argv", ["kerascnn", "tune", "lenet5", "digits"])
    with pytest.raises(Interrupted, match="run the same command to resume"):
        supervisor.supervise("127.0.0.1:1", None, tmp_path)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_stopped_training_of_the_winner_begins_again(overwrite):
    how = "the same command without --overwrite" if overwrite else "the same command"
    message = f"^SIGINT after step 3 of epoch 1; the search in d is finished: run {how} to train "
    with (
        pytest.raises(Interrupted, match=message),
        command._stopped_retraining("d", overwrite=overwrite),
    ):
        stop()


def test_a_stopped_study_goes_on_with_the_same_command(monkeypatch, tmp_path):
    monkeypatch.setattr(compound_scaling, "train", stop)
    for _ in range(2):
        with pytest.raises(Interrupted, match=r"is kept: run the same command to go on, with this"):
            compound_scaling.scaling_study(
                "convnet", halves(), factors=(1, 2), directory=tmp_path / "study", verbose=False
            )
