"""Tens of thousands of damaged files: our errors alone, no code, no hang, little memory.

The seeds are fixed, so that a failure can be repeated: it names the round.
"""

from __future__ import annotations

import io
import random
import resource
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.formats.checkpoint import open_checkpoint
from support.paths import FIXTURES
from support.weight_files import benign
from support.weight_files.mutations import header_mutated, mutated, program
from support.weight_files.torch_files import state_dict, write_old

REAL = FIXTURES / "torch"
SECONDS = 5.0
"""Of the processor, for one file."""
MEMORY = 256 * 2**20

FORBIDDEN = ("os.", "subprocess.", "socket.", "pickle.", "import", "exec", "compile", "shutil.")
watching: list[str] | None = None


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if watching is not None and event.startswith(FORBIDDEN):
        watching.append(f"{event} {arguments!r:.60}")


def use(path: Path) -> str:
    """Opens a file and reads all its tensors; returns "read" or the class of our error."""
    try:
        with open_checkpoint(path) as checkpoint:
            for name, stored in checkpoint.tensors.items():
                if stored.nbytes <= 2**20:
                    checkpoint.raw(name)
    except (DamagedFileError, UnsafeFileError) as error:
        text = str(error)
        assert len(text) <= 400, text
        assert "\n" not in text, text
        assert str(path) in text
        return type(error).__name__
    return "read"


def fuzz(path: Path, make: Callable[[random.Random], bytes], rounds: int) -> Counter[str]:
    """Writes `rounds` files and uses them; returns how often each end came."""
    global watching
    if hook not in _installed:
        sys.addaudithook(hook)
        _installed.append(hook)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    ends: Counter[str] = Counter()
    for number in range(rounds):
        path.write_bytes(make(random.Random(number)))
        start = time.process_time()
        watching = []
        try:
            ends[use(path)] += 1
        except Exception as error:
            raise AssertionError(f"round {number}: {error!r}") from error
        finally:
            events, watching = watching, None
        assert events == [], f"round {number}"
        assert time.process_time() - start < SECONDS, f"round {number}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before <= MEMORY
    return ends


_installed: list[Any] = []


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Reads one good file of each kind, so that all modules are there before events count."""
    folder = tmp_path_factory.mktemp("warm")
    for name, write in benign.GOOD.items():
        assert use(write(folder / name)) == "read"


def archives() -> list[tuple[bytes, bytes, str]]:
    """Returns real archives without their pickles, these, and their names."""
    files = [(REAL / name).read_bytes() for name in ("new.pth", "training.pth.tar", "views.pt")]
    with zipfile.ZipFile(REAL / "saved.zip") as saved:
        files += [saved.read("SGD-OneCycleLR.pth")]
    items = []
    for file in files:
        stream = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(file)) as archive, zipfile.ZipFile(stream, "w") as other:
            for member in archive.namelist():
                data = archive.read(member)
                if member.endswith("data.pkl"):
                    pickle = data, member
                else:
                    other.writestr(member, data)
        items.append((stream.getvalue(), *pickle))
    return items


def with_pickle(archive: bytes, pickle: bytes, name: str) -> bytes:
    stream = io.BytesIO(archive)
    with zipfile.ZipFile(stream, "a") as other:
        other.writestr(name, pickle)
    return stream.getvalue()


def test_pickles(tmp_path: Path) -> None:
    """20,000 changed pickles of real state dicts and training scripts, in good archives."""
    seeds = archives()

    def make(draw: random.Random) -> bytes:
        archive, pickle, name = draw.choice(seeds)
        return with_pickle(archive, mutated(pickle, draw), name)

    ends = fuzz(tmp_path / "x.pth", make, 20_000)
    assert ends["read"] > 500  # a change in a number or a name that is not used
    assert ends["UnsafeFileError"] > 1000
    assert ends["DamagedFileError"] > 1000


def test_pickles_of_known_opcodes(tmp_path: Path) -> None:
    """5,000 programs of opcodes that the reader follows, in an order that makes no sense."""
    archive, _, name = archives()[0]

    def make(draw: random.Random) -> bytes:
        return with_pickle(archive, program(draw, draw.randrange(1, 80)), name)

    fuzz(tmp_path / "x.pth", make, 5_000)


def test_old_files_of_torch(tmp_path: Path) -> None:
    seed = (REAL / "old.pth").read_bytes()
    other = write_old(tmp_path / "y.pth", state_dict(benign.flat())).read_bytes()[:4000]
    seeds = [seed, seed, other]
    ends = fuzz(tmp_path / "x.pth", lambda draw: mutated(draw.choice(seeds), draw), 5_000)
    assert ends["DamagedFileError"] > 1000


def small_safetensors() -> bytes:
    return benign.safetensors(
        {
            "conv/kernel": np.arange(6, dtype="f4").reshape(1, 2, 3),
            "conv/bias": np.arange(2, dtype="f4"),
            "empty": np.zeros((0, 3), "f4"),
            "fc": np.arange(4, dtype="f4"),
        },
        {"format": "pt"},
    )


def test_safetensors(tmp_path: Path) -> None:
    """20,000 files; what we read the official library reads too, and the same."""
    seed = small_safetensors()
    path = tmp_path / "x.safetensors"
    ends: Counter[str] = Counter()

    def make(draw: random.Random) -> bytes:
        data = header_mutated(seed, draw) if draw.random() < 0.6 else mutated(seed, draw)
        ends["ours" if compare(data, path) else "not ours"] += 1
        return data

    result = fuzz(path, make, 20_000)
    assert result["read"] == ends["ours"] > 500
    assert result["DamagedFileError"] > 5000


def compare(data: bytes, path: Path) -> bool:
    """Returns whether our reader takes the file; what it takes must be what it is to others."""
    path.write_bytes(data)
    if use(path) != "read":
        return False
    theirs = {name: row["data"] for name, row in safetensors.deserialize(data)}
    with open_checkpoint(path) as checkpoint:
        assert set(checkpoint.tensors) == set(theirs)
        for name in checkpoint.tensors:
            assert checkpoint.raw(name).tobytes() == bytes(theirs[name])
    return True


SMALL = {
    ".weights.h5": 2_000,
    ".h5": 2_000,
    ".npz": 2_000,
    ".keras": 2_000,
    ".onnx": 2_000,
    ".pth": 2_000,
}


def other_containers(folder: Path, suffix: str, rounds: int) -> Counter[str]:
    name = next(name for name in benign.GOOD if name.endswith(suffix))
    whole = benign.GOOD[name](folder / name).read_bytes()

    def make(draw: random.Random) -> bytes:
        """Changes the headers, most of which lie in the first and the last thousands of bytes."""
        if suffix.endswith("h5"):
            places = [at for at in range(0, len(whole), 512) if whole[at : at + 512].count(0) > 99]
            at = draw.choice(places)
            return (
                whole[:at]
                + mutated(whole[at : at + 512], draw)[:512].ljust(512, b"\0")
                + (whole[at + 512 :])
            )
        if draw.random() < 0.5:
            return mutated(whole[:400], draw) + whole[400:]
        return whole[:-1500] + mutated(whole[-1500:], draw)

    return fuzz(folder / f"x{suffix}", make, rounds)


@pytest.mark.parametrize("suffix", SMALL)
def test_other_containers(tmp_path: Path, suffix: str) -> None:
    ends = other_containers(tmp_path, suffix, 200)
    assert ends["DamagedFileError"] + ends["UnsafeFileError"] > 20


@pytest.mark.long
@pytest.mark.parametrize("suffix", SMALL)
def test_other_containers_at_length(tmp_path: Path, suffix: str) -> None:
    other_containers(tmp_path, suffix, SMALL[suffix])
