"""The command: fast, one clear line for every failure, JSON for scripts."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys

import pytest

import kerascnn
from kerascnn.cli import main, parser
from support.paths import ROOT

COMMAND = [sys.executable, "-m", "kerascnn"]
VERBS = ("list", "info", "summary", "train", "evaluate", "predict", "export", "weights")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


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


def test_list_prints_the_papers_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "lenet5*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.split(r"\s{2,}", lines[0].strip()) == [
        "name", "input", "classes", "parameters", "MACs", "paper",
    ]  # fmt: skip
    cells = re.split(r"\s{2,}", lines[1])
    assert cells[:5] == ["lenet5", "32x32x1", "10", "61,706", "417 k"]
    assert [line.split()[0] for line in lines[1:]] == ["lenet5", "lenet5_1998"]


def test_list_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--family", "lenet", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in records] == kerascnn.list_models(family="lenet")
    five = records[0]
    assert (five["params"], five["macs"], five["input_shape"]) == (61706, 416520, [32, 32, 1])
    assert five["paper"]["year"] == 1998


def test_list_without_a_match_says_how_patterns_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "enet"]) == 0
    assert '"*enet*"' in capsys.readouterr().out


def test_info(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "LeNet5"]) == 0
    text = capsys.readouterr().out
    assert "Gradient-based learning applied to document recognition" in text
    assert "61,706 trainable" in text
    assert "32 x 32 pixels" in text
    assert "none are published" in text
    assert main(["info", "lenet5", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["builder"], record["smallest_side"]) == ("LeNet5", 32)
    assert main(["info", "vgg16", "--json"]) == 0
    assert "keras/vgg16" in json.loads(capsys.readouterr().out)["weights"]


def test_summary_adds_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "lenet5", "--json"]) == 0
    layers = json.loads(capsys.readouterr().out)["layers"]
    # C1, C3, C5, F6 and the output by hand: k*k*in*out + out.
    by_hand = [5 * 5 * 6 + 6, 5 * 5 * 6 * 16 + 16, 5 * 5 * 16 * 120 + 120, 120 * 84 + 84, 850]
    assert [one["params"] for one in layers if one["params"]] == by_hand
    assert main(["summary", "lenet5"]) == 0
    assert "48,120" in capsys.readouterr().out


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
        [*COMMAND, "list"], cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(writing)
    assert done.returncode == 141
    assert done.stderr == ""


def test_chatter_is_filtered_and_errors_pass() -> None:
    lines = {
        "WARNING: All log messages before absl::InitializeLog() is called": False,
        "I0000 00:00:1.5    1 port.cc:153] oneDNN custom operations are on.": False,
        "I0000 00:00:1.5    1 cudart_stub.cc:31] Could not find cuda drivers": False,
        "E0000 00:00:1.5    1 cuda_platform.cc:52] failed call to cuInit: UNKNOWN (303)": False,
        "E0000 00:00:1.5    1 cuda_platform.cc:52] failed call to cuInit: UNKNOWN (999)": True,
        "W0000 00:00:1.5    1 gpu_device.cc:2342] Cannot dlopen some GPU libraries.": True,
        "Illegal instruction": True,
    }
    code = (
        "import os, sys\n"
        "from kerascnn.cli.startup import _without_start_up_lines\n"
        "with _without_start_up_lines():\n"
        "    os.write(2, sys.argv[1].encode())\n"
        "    os.abort()\n"
    )
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(
        [sys.executable, "-c", code, text], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == -6, "what an aborting start-up says must arrive all the same"
    assert done.stderr.splitlines() == [line for line, passes in lines.items() if passes]
