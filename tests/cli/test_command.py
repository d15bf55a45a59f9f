"""The command: fast, one clear line for every failure."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kerascnn
from kerascnn.cli import main, parser
from support.processes import environment, run_python

VERBS = ("list", "info", "summary", "train", "evaluate", "predict", "export", "weights")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_python("-m", "kerascnn", *arguments)


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["info", "lenet5"]])
def test_help_and_listings_take_less_than_0_3_s(arguments: list[str]) -> None:
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run(*arguments).returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        # Processor time: what else runs on the machine must not fail the test.
        spent.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(spent) < 0.3


def test_help_names_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for verb in VERBS:
        assert re.search(rf"^    {verb} ", text, re.MULTILINE)
    assert "75 interrupted" in text


@pytest.mark.parametrize("verb", VERBS)
def test_help_shows_an_example_that_parses(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    examples = re.findall(rf"^  kerascnn ({verb} .+)$", text.partition("example:")[2], re.MULTILINE)
    assert len(examples) == 1
    arguments = parser().parse_args(examples[0].replace('"', "").split())
    assert arguments.verb == verb


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"kerascnn {kerascnn.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("info lenet6", 2, "no model is called 'lenet6'; the nearest are: lenet5"),
        ("summary zzzzz", 2, "no model is called 'zzzzz'"),
        ("list --family nope", 2, "the families are: .*lenet"),
        ("train lenet digits", 2, "the nearest are: lenet5"),
        ("evaluate no/such/run digits", 2, "no/such/run"),
        ("predict no/such/run a.png", 2, "no/such/run"),
        ("export no/such/run out", 2, "no/such/run"),
        ("export lenet6 out", 2, "the nearest are: lenet5"),
        ("export ./lenet5 out", 2, "no run directory"),
    ],
)
def test_failures_are_one_line(
    arguments: str, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments.split()) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("kerascnn: error: ")
    assert re.search(message, line)


@pytest.mark.parametrize(
    "arguments",
    ["", "trian lenet5 digits", "train lenet5", "train lenet5 digits --epochs many", "list --x"],
)
def test_wrong_usage_is_code_2(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert re.fullmatch(r"kerascnn: error: .+; see `kerascnn.* --help`", line)


def test_debug_shows_the_traceback_and_keeps_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "lenet6", "--debug"]) == 2
    captured = capsys.readouterr()
    assert "Traceback" in captured.err
    assert captured.err.splitlines()[-1].startswith("kerascnn: error: no model")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (KeyboardInterrupt(), 75, "kerascnn: error: interrupted"),
        (OSError(28, "No space left on device"), 8, "No space left on device"),
        (RuntimeError("first\nsecond"), 1, "unexpected RuntimeError: first; --debug shows"),
        (RuntimeError(), 1, "unexpected RuntimeError: no message"),
    ],
)
def test_what_nobody_raised_on_purpose(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr("kerascnn.models.registry.model_info", fail)
    assert main(["info", "lenet5"]) == code
    (printed,) = capsys.readouterr().err.splitlines()
    assert line in printed


def test_reader_that_goes_away() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "kerascnn", "list"],
        stdout=writing, stderr=subprocess.PIPE, text=True, check=False, env=environment(),
    )  # fmt: skip
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == ""


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
