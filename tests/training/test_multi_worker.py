"""Several machines, played by processes on the loopback interface."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError
from support.processes import environment, free_ports

TRAIN = ["-m", "kerascnn", "train", "lenet5", "digits", "--batch-size", "120", "--debug"]
WITHIN = 60.0
"""Seconds in which a lost worker is to end the job."""


def start(arguments, workers=1, own=()):
    """The same command once for each worker, with its TF_CONFIG; none for one.

    `own` are arguments of each worker alone.
    """
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    processes = []
    for index in range(workers):
        variables = environment(TF_CPP_MIN_LOG_LEVEL="3")
        variables.pop("TF_CONFIG", None)
        if workers > 1:
            task = {"type": "worker", "index": index}
            variables["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        processes.append(
            subprocess.Popen(
                [sys.executable, *arguments, *(own[index] if own else ())],
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def ends(processes, timeout=300):
    """Exit codes and standard errors."""
    deadline = time.monotonic() + timeout
    results = []
    try:
        for process in processes:
            left = max(deadline - time.monotonic(), 0.1)
            _, errors = process.communicate(timeout=left)
            results.append((process.returncode, errors))
    finally:
        for process in processes:
            process.kill()
    return results


def train(run_dir, *options, workers):
    strategy = "multiworker" if workers > 1 else "none"
    command = [*TRAIN, "--run-dir", str(run_dir), "--strategy", strategy, *options]
    return start(command, workers)


def trained(run_dir, *options, workers):
    results = ends(train(run_dir, *options, workers=workers))
    assert [code for code, _ in results] == [0] * workers, [text[-2000:] for _, text in results]
    return kerascnn.load_run(run_dir)


def weights(run):
    return run.load("last").get_weights()


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("alone") / "run", "--epochs", "3", workers=1)


def same(run, reference):
    for column in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(run.history[column], reference.history[column], rtol=2e-4)
    for a, b in zip(weights(run), weights(reference), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_two_workers_train_as_one_process_does(alone, tmp_path):
    run = trained(tmp_path / "run", "--epochs", "3", workers=2)
    assert run.config["strategy"] == {
        "name": "MultiWorkerMirroredStrategy", "replicas": 2, "batch_norm": "synchronized",
    }  # fmt: skip
    assert {path.name for path in run.path.iterdir()} == {
        path.name for path in alone.path.iterdir()
    }
    same(run, alone)


@pytest.mark.long
def test_three_workers_train_as_one_process_does(alone, tmp_path):
    same(trained(tmp_path / "run", "--epochs", "3", workers=3), alone)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("--seed", "1"), ("--seed", "2")),
        pytest.param(("--epochs", "2"), ("--epochs", "3"), marks=pytest.mark.long),
    ],
)
def test_workers_that_were_told_different_things_do_not_begin(tmp_path, first, second):
    run_dir = tmp_path / "run"
    command = [*TRAIN, "--run-dir", str(run_dir), "--strategy", "multiworker"]
    results = ends(start(command, workers=2, own=(first, second)))
    assert [code for code, _ in results] == [2, 2], [text[-2000:] for _, text in results]
    for _, errors in results:
        assert (
            "the workers start with different settings: start all of them with the same" in errors
        )
    assert not (run_dir / "history.csv").exists()


def wait_for_checkpoint(run_dir, processes):
    """Waits for one within the second epoch."""
    deadline = time.monotonic() + 200
    while not list((run_dir / "checkpoints").glob("epoch-00001-*[1-9]")):
        assert all(process.poll() is None for process in processes), ends(processes)
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.long
@pytest.mark.parametrize("victim", [0, 1])
def test_a_lost_worker_ends_the_job_everywhere_and_it_goes_on_from_its_checkpoint(
    alone, tmp_path, victim
):
    options = ("--epochs", "3", "--checkpoint-every", "2")
    processes = train(tmp_path / "run", *options, workers=2)
    wait_for_checkpoint(tmp_path / "run", processes)
    processes[victim].send_signal(signal.SIGKILL)
    killed = time.monotonic()
    other = processes[1 - victim]
    _, errors = other.communicate(timeout=WITHIN)
    assert time.monotonic() - killed < WITHIN
    processes[victim].communicate(timeout=10)
    if victim == 1:
        assert other.returncode == 75
        assert "another worker has ended or cannot be reached" in errors
    else:
        assert other.returncode != 0
    run = trained(tmp_path / "run", *options, workers=2)
    assert run.config["resumed"][0]["position"][1] > 0
    same(run, alone)


STOCK = """
import json, os
import numpy as np, tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
import keras
with strategy.scope():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
data = tf.data.Dataset.from_tensor_slices((np.ones((8, 4), "float32"), np.zeros(8, int))).batch(4)
try:
    model.fit(data, verbose=0)
except ValueError as error:
    print("PerReplica" in str(error), flush=True)
    os._exit(3)
os._exit(0)
"""


@pytest.mark.long
def test_keras_still_cannot_fit_on_several_workers():
    """When this fails, keras#20585 is solved, and MultiWorkerEngine may go."""
    assert [code for code, _ in ends(start(["-c", STOCK], workers=2), timeout=120)] == [3, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "needs the environment variable TF_CONFIG"),
        ("{", "TF_CONFIG is wrong"),
        ("[]", "TF_CONFIG is wrong"),
        ('{"cluster": {"worker": ["a:1", "b:2"]}}', "TF_CONFIG is wrong"),
        (
            '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": 2}}',
            "the index is out of range",
        ),
        (
            '{"cluster": {"worker": ["a", "b:2"]}, "task": {"type": "worker", "index": 0}}',
            "not HOST:PORT",
        ),
        (
            '{"cluster": {"worker": ["a:1"], "ps": []}, "task": {"type": "worker", "index": 0}}',
            "tasks other than chief and worker",
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}',
            "has only one worker",
        ),
    ],
)
def test_a_wrong_tf_config_is_told_before_any_connection(monkeypatch, tmp_path, text, message):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if text is not None:
        monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UsageError, match=message) as caught:
        kerascnn.train("lenet5", "digits", strategy="multiworker", run_dir=tmp_path / "run")
    assert len(str(caught.value)) <= 400
    assert not (tmp_path / "run").exists()


def test_the_workers_need_one_directory(tmp_path):
    with pytest.raises(UsageError, match="one directory that all workers share"):
        kerascnn.train("lenet5", "digits", strategy="multiworker")
