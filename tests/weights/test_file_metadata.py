"""Damage to files of our own is found: every tensor and the record have a SHA-256 beside them."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import keras
import pytest

import kerascnn
from kerascnn.errors import (
    DamagedFileError,
    KerasCNNError,
    MismatchError,
    UnsafeFileError,
)
from kerascnn.weights import file_metadata
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.save import SUFFIXES, load_model, save_weights
from support.weight_files.benign import flat, safetensors, write_npz
from support.weight_files.other_libraries import scrambled, values
from support.weight_loads import Unchanged, same

NAMES = [f"class {number}" for number in range(10)]


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return kerascnn.create_model("lenet5", width=0.5)


def saved(model: keras.Model, folder: Path, suffix: str) -> tuple[Path, dict[str, Any]]:
    wanted = scrambled(model)
    path = save_weights(model, folder / f"x{suffix}", class_names=NAMES)
    scrambled(model, "other ")
    return path, wanted


def outcome(model: keras.Model, path: Path, wanted: dict[str, Any]) -> str:
    """Loads a damaged file: it is found, or the damage touched nothing; all else fails."""
    before = values(model)
    try:
        load_weights(model, path)
    except (DamagedFileError, UnsafeFileError, LoadError) as error:
        named, kind = str(path) in str(error), type(error).__name__
        assert named
        assert same(values(model), before)
        return kind
    assert same(values(model), wanted)
    scrambled(model, "other ")
    with open_checkpoint(path) as checkpoint:
        result = file_metadata.opened(checkpoint.metadata)
    if result:  # with another name on it, the record is not there at all
        assert result["class_names"] == NAMES
        assert result["row"] == "lenet5"
        assert result["arguments"] == {"width": 0.5}
    return "harmless"


def flips(model: keras.Model, folder: Path, suffix: str, rounds: int) -> None:
    path, wanted = saved(model, folder, suffix)
    whole = path.read_bytes()
    draw = random.Random(suffix)
    ends = []
    for _ in range(rounds):
        damaged = bytearray(whole)
        damaged[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        ends.append(outcome(model, path, wanted))
    # What is harmless lies in dates, gaps and unused space.
    assert ends.count("harmless") < rounds * {".weights.h5": 0.5}.get(suffix, 0.05)
    assert "DamagedFileError" in ends


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_flipped_bit(tmp_path: Path, model: keras.Model, suffix: str) -> None:
    flips(model, tmp_path, suffix, 100)


@pytest.mark.long
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_500_flipped_bits(tmp_path: Path, model: keras.Model, suffix: str) -> None:
    flips(model, tmp_path, suffix, 500)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_flipped_bit_in_a_tensor_is_named(
    tmp_path: Path, model: keras.Model, suffix: str
) -> None:
    path, wanted = saved(model, tmp_path, suffix)
    whole = bytearray(path.read_bytes())
    at = whole.index(wanted["f6/kernel"].tobytes())
    whole[at + 1000] ^= 4
    path.write_bytes(whole)
    with Unchanged(model), pytest.raises(DamagedFileError, match="f6/kernel"):
        load_weights(model, path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_blocks_of_zeros(tmp_path: Path, model: keras.Model, suffix: str) -> None:
    """Each 4 KiB in turn, and the second half: what a disk leaves behind."""
    path, wanted = saved(model, tmp_path, suffix)
    whole = path.read_bytes()
    places = [(at, 4096) for at in range(0, len(whole), 4096)] + [(len(whole) // 2, len(whole))]
    for at, size in places:
        damaged = whole[:at] + bytes(min(size, len(whole) - at)) + whole[at + size :]
        if damaged != whole:
            path.write_bytes(damaged)
            assert outcome(model, path, wanted) != "harmless" or suffix == ".weights.h5"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_cut_files(tmp_path: Path, model: keras.Model, suffix: str) -> None:
    path, _ = saved(model, tmp_path, suffix)
    whole = path.read_bytes()
    for part in (0, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1):
        path.write_bytes(whole[: int(len(whole) * part) - (part == 1)])
        with Unchanged(model), pytest.raises(DamagedFileError) as caught:
            load_weights(model, path)
        assert any(word in str(caught.value) for word in ("truncated", "empty", "damaged"))
    path.write_bytes(whole + b"\0")
    with Unchanged(model), pytest.raises(DamagedFileError, match="tail"):
        load_weights(model, path)


def sealed_file(path: Path, **changes: Any) -> Path:
    """Writes a file whose record asks for something else, its seal right."""
    values = {"row": "lenet5", "arguments": {}, file_metadata.DIGESTS: {}, **changes}
    path.write_bytes(safetensors(flat(), file_metadata.sealed(values)))
    return path


def test_a_good_record(tmp_path: Path) -> None:
    model = load_model(sealed_file(tmp_path / "x.safetensors"))
    assert model.name == "lenet5"


@pytest.mark.parametrize(
    "changes",
    [
        {"row": "no_such_row"},
        {"row": 5},
        {"row": "resnet50"},
        {"arguments": []},
        {"arguments": {"weights": "https://example.invalid/x.pth"}},
        {"arguments": {"input_tensor": 1}},
        {"arguments": {"name": "x"}},
        {"arguments": {"evil": 1}},
        {"arguments": {"width": 64}},
        {"arguments": {"width": 1e308}},
        {"arguments": {"width": "1"}},
        {"arguments": {"classes": 10**12}},
        {"arguments": {"classes": -1}},
        {"arguments": {"input_shape": [10**9, 10**9, 10**9]}},
        {"arguments": {"input_shape": {"a": 1}}},
        {"arguments": {"kernel_size": 10**6 + 1}},
        {"arguments": {"classifier_activation": "os.system"}},
        {"arguments": {"classifier_activation": {"class_name": "Lambda"}}},
        {"arguments": {"dropout": [1]}},
        {"row": "resnet18", "arguments": {"repeats": [10**9] * 4}},
        {"row": "resnet18", "arguments": {"depth": 64, "width": 64}},
    ],
)
def test_a_record_that_asks_for_something_else(tmp_path: Path, changes: dict[str, Any]) -> None:
    """Nothing is built that the file's tensors do not bear out."""
    path = sealed_file(tmp_path / "x.safetensors", **changes)
    start = time.process_time()
    with pytest.raises(KerasCNNError) as caught:
        load_model(path)
    assert isinstance(caught.value, DamagedFileError)
    assert len(str(caught.value)) <= 400
    assert "\n" not in str(caught.value)
    assert time.process_time() - start < 5


def test_a_file_without_a_record(tmp_path: Path) -> None:
    with pytest.raises(MismatchError, match="does not say what network it is of"):
        load_model(write_npz(tmp_path / "x.npz"))
