"""Every hostile .keras file is refused in one clear line before anything is built; nothing happens.

They are read in a process of their own with little memory, which a file could kill.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import keras
import pytest

from support.child_answers import answers
from support.weight_files import hostile_models
from support.weight_files.hostile import Hostile
from support.weight_files.hostile_models import MARKER, SAVED_MODEL, write_saved_model, write_sound

CODES = {"UnsafeFileError": 3, "DamagedFileError": 4}
MODEL = 3 * 4 * 500
"""Bytes of the sound model and its optimizer, at most."""


def verdicts(folder: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """Reads the files in a child; one that it did not survive has no verdict."""
    write_sound(folder / "warm.keras")
    return answers("read_hostile_models.py", folder, names)


def faults(file: Hostile, verdict: dict[str, Any], folder: Path) -> list[str]:
    words, message = [*file.words, str(folder / file.name)], verdict["message"]
    return [
        f"{file.name}: {fault} | {message}"
        for fault, holds in (
            (f"raised {verdict['error'] or 'nothing'}", verdict["error"] in file.errors),
            ("exit code", verdict.get("code") == CODES.get(verdict["error"])),
            ("words", all(word in message for word in words)),
            ("not one line of 400 letters", "\n" not in message and len(message) <= 400),
            ("state changed", not verdict["changed"]),
            (f"{verdict['seconds']:.1f} s", verdict["seconds"] <= 4),
            (f"{verdict['memory']:,} bytes", verdict["memory"] <= 2**26 + 2 * MODEL),
            (f"did {verdict['events']}", not verdict["events"]),
        )
        if not holds
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_hostile_models(tmp_path: Path) -> None:
    write_saved_model(tmp_path)
    files = hostile_models.files()
    for file in files:
        file.write(tmp_path / file.name)
    before = {path.name for path in tmp_path.iterdir()} | {"warm.keras"}
    judged = verdicts(tmp_path, [file.name for file in files])
    wrong = [fault for file in files for fault in faults(file, judged[file.name], tmp_path)]
    assert not wrong, "\n".join(wrong)
    assert {path.name for path in tmp_path.iterdir()} == before  # no marker above all


def test_the_payload_is_live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SavedModel runs as soon as it is loaded: the marker would be seen."""
    monkeypatch.chdir(tmp_path)
    write_saved_model(tmp_path)
    assert not (tmp_path / MARKER).exists()
    keras.layers.TFSMLayer(SAVED_MODEL, call_endpoint="serve")
    assert (tmp_path / MARKER).exists()


def test_the_setter_is_live(tmp_path: Path) -> None:
    """Keras itself calls it while it loads the file, in safe mode."""
    path, epsilon = tmp_path / "m.keras", keras.config.epsilon()
    files = {file.name: file for file in hostile_models.files()}
    files["lambda_of_keras_in_layer.keras"].write(path)
    try:
        with contextlib.suppress(Exception):  # the network has no sense
            keras.saving.load_model(path, safe_mode=True)
        assert keras.config.epsilon() is not epsilon
    finally:
        keras.config.set_epsilon(epsilon)


def test_the_count_of_hostile_models() -> None:
    names = [file.name for file in hostile_models.files()]
    assert len(names) == len(set(names))
    assert len(names) > 400
