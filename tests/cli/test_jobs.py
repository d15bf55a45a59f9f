"""The verbs that work: training, evaluating, predicting and exporting real digits."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.cli import main
from support.paths import ROOT

COMMAND = [sys.executable, "-m", "kerascnn"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess]:
    run_dir = tmp_path_factory.mktemp("runs") / "lenet5"
    arguments = ["train", "lenet5", "digits", "--epochs", "4", "--seed", "1", "--json"]
    done = subprocess.run(
        [*COMMAND, *arguments, "--run-dir", str(run_dir)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return run_dir, done


@pytest.fixture(scope="module")
def run_dir(trained: tuple[Path, subprocess.CompletedProcess]) -> Path:
    return trained[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    images = kerascnn.load_data("digits", seed=1).test.images[:3]
    for number, image in enumerate(images):
        Image.fromarray(image[:, :, 0]).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def test_train_prints_json_and_nothing_else_on_stdout(
    trained: tuple[Path, subprocess.CompletedProcess],
) -> None:
    run_dir, done = trained
    result = json.loads(done.stdout)
    assert result["run_dir"] == str(run_dir)
    with (run_dir / "history.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 4
    best = max(float(row["val_accuracy"]) for row in rows)
    assert result["best"]["metrics"]["val_accuracy"] == pytest.approx(best)
    assert best > 0.9


def test_train_shows_progress_and_no_chatter(
    trained: tuple[Path, subprocess.CompletedProcess],
) -> None:
    lines = trained[1].stderr.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("epoch")] == [
        "1/4", "2/4", "3/4", "4/4",
    ]  # fmt: skip
    ours = ("lenet5 (61,706 parameters)", "epoch ", "last ", "best ", "4 epochs in ")
    noise = [line for line in lines if not line.lstrip().startswith(ours)]
    assert noise == [], "TensorFlow's start-up lines, or warnings that somebody should mend"


def test_train_leaves_what_the_readme_says(run_dir: Path) -> None:
    expected = {"config.json", "history.csv", "best.keras", "last.keras", "curves.png"}
    assert expected <= {path.name for path in run_dir.iterdir()}
    assert list((run_dir / "tensorboard").rglob("events.*"))
    recipe = json.loads((run_dir / "config.json").read_text())["recipe"]
    assert recipe["epochs"] == 4


def test_evaluate_agrees_with_the_history(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(run_dir), "digits", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    best = kerascnn.load_run(run_dir).best["metrics"]
    assert metrics["count"] == 599  # a third of 1,797, by class
    assert metrics["accuracy"] == pytest.approx(best["val_accuracy"])
    assert metrics["loss"] == pytest.approx(best["val_loss"], rel=1e-4)

    assert main(["evaluate", str(run_dir), "digits", "--batch-size", "100"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["accuracy"] == f"{best['val_accuracy']:.2%}"


def test_predict_agrees_with_keras(
    run_dir: Path, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = kerascnn.load_run(run_dir)
    images = np.stack(
        [run.preprocessing(np.array(Image.open(path))[..., None]) for path in pictures]
    )
    scores = run.load().predict(images, verbose=0)
    names = list(map(str, pictures))
    assert main(["predict", str(run_dir), *names, "--top", "2", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [one["source"] for one in answers] == names
    for answer, row in zip(answers, scores, strict=True):
        order = np.argsort(-row)[:2]
        assert [one["index"] for one in answer["classes"]] == order.tolist()
        assert [one["score"] for one in answer["classes"]] == pytest.approx(row[order], abs=1e-5)
    assert main(["predict", str(run_dir), names[0], "--top", "1"]) == 0
    line = capsys.readouterr().out
    assert line.startswith(f"{names[0]}  {scores[0].argmax()} 0.")


def test_export_of_a_run(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["export", str(run_dir), str(out), "--formats", "onnx", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["out"] == str(out)
    (report,) = result["reports"]
    assert report["difference"] <= 1e-5
    assert report["top1_agreement"] == 1
    assert (out / "model.onnx").stat().st_size == report["bytes"]

    before = (out / "model.onnx").read_bytes()
    assert main(["export", str(run_dir), str(out), "--formats", "onnx"]) == 8
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "model.onnx").read_bytes() == before
    assert main(["export", str(run_dir), str(out), "--formats", "onnx", "--overwrite"]) == 0
    assert "top-1 agreement 100%" in capsys.readouterr().out


def test_export_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "lenet5", str(tmp_path / "out"), "--formats", "onnx"]) == 0
    assert capsys.readouterr().out.startswith("onnx ")
    # No export can be so near, and a larger tolerance is what the error proposes.
    strict = ["export", "lenet5", str(tmp_path / "two"), "--formats", "onnx", "--tolerance"]
    assert main([*strict, "1e-15"]) == 5
    assert "larger tolerance" in capsys.readouterr().err
    assert main([*strict, "0"]) == 2
    capsys.readouterr()
    assert main(["export", "lenet5", str(tmp_path / "two"), "--formats", "onnx,pdf"]) == 2
    assert "pdf" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()


def write_npz(path: Path, classes: int, size: int = 8, label: int = 0) -> str:
    labels = np.arange(40) % classes
    labels[0] = label
    images = np.zeros((40, size, size, 1), "uint8")
    np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    return f"npz:{path}"


def test_failures_of_jobs(
    run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()}
    (tmp_path / "empty").mkdir()
    three = write_npz(tmp_path / "three.npz", 3)
    negative = write_npz(tmp_path / "negative.npz", 3, label=-1)
    cases = [
        (["train", "lenet5", "digits", "--run-dir", str(run_dir)], 2, "seed: 1 -> 0"),
        (["train", "lenet5", "digits", "--run-dir", "/proc/nowhere/x"], 8, "/proc/nowhere"),
        (["train", "lenet5", "folder:/no/such/folder"], 6, "/no/such/folder"),
        (["train", "lenet5", f"folder:{tmp_path / 'empty'}"], 6, "empty"),
        (["train", "lenet5", negative], 6, "-1"),
        (["train", "lenet5", "mnist"], 2, "mnist"),
        (["train", "lenet5", "digits", "--recipe", "defualt"], 2, "did you mean 'default'"),
        (["train", "lenet5", "digits", "--epochs", "0"], 2, "epochs"),
        (["train", "lenet5", "digits", "--precision", "float8"], 2, "float8"),
        (["train", "lenet5", "digits", "--strategy", "all"], 2, "all"),
        (["evaluate", str(run_dir), three], 5, "classes"),
        (["predict", str(run_dir), str(tmp_path / "no.png")], 6, "no.png"),
        (["predict", str(run_dir), str(tmp_path / "three.npz")], 4, "three.npz"),
    ]
    for arguments, code, message in cases:
        assert main(arguments) == code, arguments
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert line.startswith("kerascnn: error: "), arguments
        assert message in line, arguments
        assert len(line) <= 420, arguments
    assert {path: path.read_bytes() for path in run_dir.rglob("*") if path.is_file()} == kept


def test_interrupted_training_keeps_and_names_its_models(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    arguments = ["train", "lenet5", "digits", "--epochs", "1000", "--run-dir", str(run_dir)]
    job = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not (run_dir / "last.keras").exists() and job.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    job.send_signal(signal.SIGINT)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 75
    last = errors.splitlines()[-1]
    assert last.startswith("kerascnn: error: ")
    assert f"best.keras and last.keras in {run_dir}" in last
    assert "Traceback" not in errors
    assert kerascnn.load_run(run_dir).load("last").count_params() == 61_706
