"""`kerascnn list`, `info` and `summary`: the papers' figures, as text and as JSON."""

from __future__ import annotations

import json
import re

import pytest

import kerascnn
from kerascnn.cli import main


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
    assert [record["name"] for record in records] == kerascnn.list_models(family="lenet")
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
    assert [layer["params"] for layer in layers if layer["params"]] == by_hand
    assert main(["summary", "lenet5"]) == 0
    assert "48,120" in capsys.readouterr().out
