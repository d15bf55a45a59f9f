"""Every hostile file of tests/support/weight_files is refused in one clear line; nothing happens.

They are loaded in a process of their own with little memory, which a file could kill.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.child_answers import answers
from support.weight_files import benign, hostile_hdf5, hostile_others, hostile_pickles, hostile_zips
from support.weight_files.hostile import Hostile

MODEL = 61_706 * 4
"""Bytes of LeNet-5."""
CODES = {
    "UnsafeFileError": 3, "DamagedFileError": 4, "FormatError": 4, "LoadError": 5, "DataError": 6,
}  # fmt: skip
BASES = {"FormatError": "DamagedFileError"}


def verdicts(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Loads the files in a child; one that it did not survive has no verdict."""
    for name, write in benign.GOOD.items():
        write(folder / f"warm_{name}")
    (folder / "warm_unlike.safetensors").write_bytes(benign.safetensors({"x": np.ones(1, "f4")}))
    return answers("load_hostile_files.py", folder, names)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("good")
    for name, write in benign.GOOD.items():
        write(folder / name)
    return verdicts(folder, list(benign.GOOD))


@pytest.mark.parametrize("name", benign.GOOD)
def test_good_files_load_bit_by_bit(good: dict[str, dict[str, Any]], name: str) -> None:
    """A reader that refused everything would pass all the other tests here."""
    verdict = good[name]
    wanted = hashlib.sha256(b"".join(array.tobytes() for array in benign.flat().values()))
    assert verdict["message"] == ""
    assert verdict["digest"] == wanted.hexdigest()
    assert verdict["events"] == []
    assert verdict["opened"] == 1


def check(files: list[Hostile], folder: Path) -> None:
    for file in files:
        file.write(folder / file.name)
    before = {path.name for path in folder.iterdir()}
    judged = verdicts(folder, [file.name for file in files])
    wrong = []
    for file in files:
        verdict, words = judged[file.name], [*file.words, str(folder / file.name)]
        message = verdict["message"]
        wrong += [
            f"{file.name}: {fault} | {message}"
            for fault, holds in (
                (
                    f"raised {verdict['error'] or 'nothing'}",
                    BASES.get(verdict["error"], verdict["error"]) in file.errors,
                ),
                ("exit code", verdict.get("code") == CODES.get(verdict["error"])),
                ("words", all(word in message for word in words)),
                ("not one line of 400 letters", "\n" not in message and len(message) <= 400),
                ("model changed", not verdict["changed"]),
                (f"{verdict['seconds']:.1f} s", verdict["seconds"] <= 4),
                (f"{verdict['memory']:,} bytes", verdict["memory"] <= 2**26 + 2 * MODEL),
                (f"opened {verdict['opened']} times", verdict["opened"] <= 1),
                (f"did {verdict['events']}", not verdict["events"]),
            )
            if not holds
        ]
    left = {file.name for file in folder.iterdir() if not file.name.startswith("warm")} - before
    assert not wrong, "\n".join(wrong)
    assert left == set()  # no marker above all


def test_hdf5(tmp_path: Path) -> None:
    check(hostile_hdf5.files(), tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_archives(tmp_path: Path) -> None:
    check(hostile_zips.files(), tmp_path)


def test_pickles(tmp_path: Path) -> None:
    check(hostile_pickles.files(), tmp_path)


def test_safetensors_onnx_and_no_files_of_weights(tmp_path: Path) -> None:
    check(hostile_others.files(), tmp_path)


@pytest.mark.parametrize("payload", hostile_pickles.PAYLOADS.values())
def test_the_payloads_are_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, payload: Any
) -> None:
    """Python's own unpickler runs them: the marker would be seen."""
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickle.dumps({"a": payload()}))
    assert (tmp_path / hostile_pickles.MARKER).exists()


def test_the_count_of_hostile_files() -> None:
    modules = (hostile_hdf5, hostile_zips, hostile_pickles, hostile_others)
    names = [file.name for module in modules for file in module.files()]
    assert len(names) == len(set(names))
    assert len(names) > 400
