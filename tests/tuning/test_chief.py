"""Chief and workers over the loopback, in one process: no training, only what they say."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from kerascnn.errors import Interrupted, KerasCNNError, UsageError
from kerascnn.tuning import SearchSpace
from kerascnn.tuning.chief import VARIABLES, WorkerOracle, parse_address, search_role, serve
from kerascnn.tuning.oracles import ORACLES, BudgetOracle
from support.processes import free_ports


def make_oracle(directory: Path, trials: int = 3, reload: bool = False) -> BudgetOracle:
    space = SearchSpace("convnet", optimizer=("sgd", "adam"), momentum=(0.5, 0.9), filters=(8, 16))
    oracle = ORACLES["random"](space, objective="val_accuracy", max_trials=trials, seed=1)
    oracle._set_project_dir(str(directory), "trials")
    oracle.verbose = 0
    if reload:
        oracle.reload()
    return oracle


class Chief(threading.Thread):
    def __init__(self, oracle: BudgetOracle, **limits: float) -> None:
        super().__init__(daemon=True)
        self.oracle, self.limits = oracle, limits
        self.said: list[str] = []
        self.over: Any = None
        self.killed = False

    def run(self) -> None:
        try:
            self.over = serve(
                self.oracle, say=self.said.append, stopping=lambda: self.killed, **self.limits
            )
        except Exception as error:
            self.over = error


@pytest.fixture(autouse=True)
def address(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = free_ports(1)
    for variable, value in zip(VARIABLES, ("127.0.0.1", str(port), "worker-1"), strict=True):
        monkeypatch.setenv(variable, value)


def finish(worker: WorkerOracle, trial: Any, score: float = 0.5) -> None:
    worker.update_trial(trial.trial_id, {"val_accuracy": score})
    trial.status = "COMPLETED"
    worker.end_trial(trial)


def work(worker: WorkerOracle, name: str) -> list[str]:
    done = []
    while (trial := worker.create_trial(name)).status != "STOPPED":
        if trial.status == "RUNNING":
            finish(worker, trial)
            done.append(trial.trial_id)
        time.sleep(0.05)
    return done


def test_a_lost_workers_trial_goes_to_another_and_the_chief_ends(tmp_path: Path) -> None:
    chief = Chief(make_oracle(tmp_path), silence=1.5, patience=30)
    chief.start()
    worker = WorkerOracle(make_oracle(tmp_path / "own"), tmp_path)
    lost = worker.create_trial("lost")
    begun = time.monotonic()
    done = work(worker, "other")
    assert sorted(done) == ["0", "1", "2"]
    assert done[-1] == lost.trial_id
    assert time.monotonic() - begun > 1.4
    chief.join(20)
    assert chief.over is True
    assert any("lost did not answer for" in line for line in chief.said)


def test_signs_of_life_keep_a_long_trial(tmp_path: Path) -> None:
    chief = Chief(make_oracle(tmp_path), silence=1.5, patience=30)
    chief.start()
    worker = WorkerOracle(make_oracle(tmp_path / "own"), tmp_path)
    trial = worker.create_trial("slow")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kerascnn.tuning.chief.HEARTBEAT", 0.3)
        with worker.heartbeats(trial.trial_id):
            time.sleep(3)
    assert not chief.said
    finish(worker, trial)
    work(worker, "slow")
    chief.join(20)
    assert chief.over is True


def test_a_chief_that_comes_back_repeats_nothing(tmp_path: Path) -> None:
    first = Chief(make_oracle(tmp_path), silence=30, patience=30)
    first.start()
    worker = WorkerOracle(make_oracle(tmp_path / "own"), tmp_path)
    finish(worker, worker.create_trial("a"), 0.9)
    running = worker.create_trial("a")
    first.killed = True
    first.join(20)
    assert first.over is False
    # As it is after a kill between two writes: the running trial stands with its worker.
    state = json.loads((tmp_path / "trials" / "oracle.json").read_text())
    assert state["ongoing_trials"] == {"a": running.trial_id}
    second = Chief(make_oracle(tmp_path, reload=True), silence=30, patience=30)
    second.start()
    finish(worker, running, 0.8)
    done = work(worker, "a")
    assert done == ["2"]
    second.join(20)
    assert second.over is True
    scores = {trial.trial_id: trial.score for trial in second.oracle.trials.values()}
    assert scores == pytest.approx({"0": 0.9, "1": 0.8, "2": 0.5})
    assert second.oracle.end_order == ["0", "1", "2"]


def test_values_arrive_as_they_were_sent(tmp_path: Path) -> None:
    oracle = make_oracle(tmp_path, trials=4)
    chief = Chief(oracle, silence=30, patience=30)
    chief.start()
    worker = WorkerOracle(make_oracle(tmp_path / "own"), tmp_path)
    for _ in range(4):
        trial = worker.create_trial("a")
        sent = oracle.trials[trial.trial_id].hyperparameters.values
        received = trial.hyperparameters.values
        space = oracle.space
        assert space.network(received) == space.network(sent)
        assert space.training(received) == space.training(sent)
        finish(worker, trial)
        assert oracle.trials[trial.trial_id].hyperparameters.values == sent
    work(worker, "a")
    chief.join(20)
    assert chief.over is True


def test_a_second_chief_on_the_port_is_refused(tmp_path: Path) -> None:
    first = Chief(make_oracle(tmp_path), silence=30, patience=30)
    first.start()
    time.sleep(1)
    with pytest.raises(UsageError, match="is another chief running"):
        serve(make_oracle(tmp_path / "own"), say=print, stopping=lambda: False)
    first.killed = True
    first.join(20)


def test_a_chief_without_workers_gives_up(tmp_path: Path) -> None:
    with pytest.raises(KerasCNNError, match="no worker asked for a trial for 1 s"):
        serve(make_oracle(tmp_path), say=print, stopping=lambda: False, patience=0.6)


def test_a_worker_without_a_chief_gives_up(tmp_path: Path) -> None:
    worker = WorkerOracle(make_oracle(tmp_path), tmp_path, patience=0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("keras_tuner.src.distribute.oracle_client.TIMEOUT", 0.5)
        with pytest.raises(KerasCNNError, match="did not answer"):
            worker.create_trial("a")
        worker.stopping, worker.patience = (lambda: True), 60
        with pytest.raises(Interrupted):
            worker.create_trial("a")
        (tmp_path / "search.json").write_text('{"state": "finished"}')
        assert worker.create_trial("a").status == "STOPPED"


def test_an_error_of_the_chief_does_not_keep_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = make_oracle(tmp_path)

    def full(*arguments: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("kerascnn.tuning.oracles.write_compact_json", full)
        with pytest.raises(OSError, match="full"):
            oracle.create_trial("a")
    assert oracle.create_trial("b").status == "RUNNING"  # keras-tuner's would wait for ever


def test_crashes_between_two_writes_lose_and_repeat_nothing(tmp_path: Path) -> None:
    oracle = make_oracle(tmp_path)
    first, second = oracle.create_trial("a"), oracle.create_trial("b")
    state = (tmp_path / "trials" / "oracle.json").read_bytes()
    oracle.update_trial(first.trial_id, {"val_accuracy": 0.7})
    first.status = "COMPLETED"
    oracle.end_trial(first)
    third = oracle.create_trial("a")
    # The trials' own files are newer than the oracle's: it died before it wrote.
    (tmp_path / "trials" / "oracle.json").write_bytes(state)
    again = make_oracle(tmp_path, reload=True)
    assert again.end_order == [first.trial_id]
    assert again.trials[first.trial_id].score == pytest.approx(0.7)
    assert again.create_trial("b").trial_id == second.trial_id
    assert again.create_trial("a").trial_id == third.trial_id
    assert again.create_trial("c").status == "IDLE"  # nobody leaves while trials run
    assert not again.all_ended()


def test_roles_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for variable in VARIABLES:
        monkeypatch.delenv(variable)
    with search_role(None, None) as role:
        assert role == "alone"
    with search_role("10.0.0.1:7000", "3") as role:
        assert role == "worker"
        values = [os.environ[variable] for variable in VARIABLES]
        assert values == ["10.0.0.1", "7000", "worker-3"]
    assert not any(variable in os.environ for variable in VARIABLES)
    with search_role(":7000", None) as role:
        assert (role, os.environ[VARIABLES[0]]) == ("chief", "127.0.0.1")
    with (
        pytest.raises(UsageError, match='"chief" in it denotes the chief'),
        search_role(":7000", "chief2"),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "address"), [("10.0.0.1:7000", ("10.0.0.1", 7000)), (":7000", ("127.0.0.1", 7000))]
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["localhost", "host:", "host:port", "host:0", "host:70000"])
def test_wrong_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        parse_address(text)
