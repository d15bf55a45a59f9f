"""`extract` takes arrays out of refused models, in a process with limits, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import DamagedFileError, DataError, OutputError, UnsafeFileError, UsageError
from kerascnn.weights import extract as extracting
from kerascnn.weights.extract import extract
from support.processes import environment
from support.weight_files.hostile_models import MARKER, REFERENCES, argument, changing, members


@pytest.fixture
def refused(tmp_path):
    """Returns LeNet-5, and a .keras file of it with a Lambda, which is refused."""
    network, path = kerascnn.create_model("lenet5"), tmp_path / "lenet.keras"
    network.save(path)
    contents = members(path)
    config = json.loads(contents["config.json"])
    argument("c1", "activation", REFERENCES["bytecode"])(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" else data)
    return network, path


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_the_arrays_load_into_the_network(tmp_path, refused, suffix):
    network, path = refused
    out = tmp_path / f"arrays{suffix}"
    fresh = kerascnn.create_model("lenet5")
    with pytest.raises(UnsafeFileError, match="Lambda"):
        kerascnn.load_weights(fresh, path)
    result = extract(path, out, trust=True)
    assert result.shapes["c1/kernel"] == (5, 5, 1, 6)
    kerascnn.load_weights(fresh, out)
    for ours, theirs in zip(fresh.get_weights(), network.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_trust_the_message_says_what_would_happen(tmp_path, refused):
    _, path = refused
    with pytest.raises(UnsafeFileError, match=r"process with limits .* arrays alone to .*x\.npz"):
        extract(path, tmp_path / "x.npz")
    assert not (tmp_path / "x.npz").exists()


def test_old_files_and_models_inside_models(tmp_path):
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="conv")])
    inner.name = "inner"
    image = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2, name="top")(keras.layers.Flatten()(inner(image)))
    network = keras.Model(image, outputs)
    network.save(tmp_path / "m.keras")
    shapes = extract(tmp_path / "m.keras", tmp_path / "a.npz", trust=True).shapes
    assert set(shapes) == {"inner/conv/kernel", "inner/conv/bias", "top/kernel", "top/bias"}
    network.save(tmp_path / "m.h5")
    shapes = extract(tmp_path / "m.h5", tmp_path / "b.npz", trust=True).shapes
    assert shapes["conv/kernel"] == (3, 3, 3, 2)
    assert shapes["top/bias"] == (2,)


def test_arguments_are_checked_and_files_are_not_replaced(tmp_path, refused):
    _, path = refused
    out = tmp_path / "x.npz"
    out.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        extract(path, out, trust=True)
    assert out.read_bytes() == b"mine"
    with pytest.raises(UsageError, match="must end in"):
        extract(path, tmp_path / "x.h5", trust=True)
    with pytest.raises(UsageError, match="must end in"):
        extract(tmp_path / "x.zip", out, trust=True)
    with pytest.raises(DataError, match="does not exist"):
        extract(tmp_path / "no.keras", out, trust=True)


def test_damaged_and_linked_files_write_nothing(tmp_path, refused):
    _, path = refused
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DamagedFileError, match=r"lenet\.keras"):
        extract(path, tmp_path / "x.npz", trust=True)
    with h5py.File(tmp_path / "l.h5", "w") as file:
        file["a"] = h5py.ExternalLink("/etc/passwd", "x")
    with pytest.raises(UnsafeFileError, match="link"):
        extract(tmp_path / "l.h5", tmp_path / "x.npz", trust=True)
    assert not (tmp_path / "x.npz").exists()


def test_a_bomb_meets_the_limit_of_memory(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.create_dataset("a", (2**29,), "f4", chunks=(2**20,), compression="gzip")
    monkeypatch.setitem(extracting.MEMORY, True, 2**30)
    with pytest.raises(UnsafeFileError, match=r"memory|limit"):
        extract(tmp_path / "b.h5", tmp_path / "x.npz", trust=True)


def test_arrays_may_have_any_name(tmp_path):
    with h5py.File(tmp_path / "n.h5", "w") as file:
        file["allow_pickle"] = np.ones(2, "f4")
        file["file"] = np.float32(3)
    for out in (tmp_path / "n.npz", tmp_path / "n.safetensors"):
        shapes = extract(tmp_path / "n.h5", out, trust=True).shapes
        assert shapes == {"allow_pickle": (2,), "file": ()}
    np.testing.assert_array_equal(np.load(tmp_path / "n.npz")["file"], np.float32(3))
    with h5py.File(tmp_path / "u.h5", "w") as file:
        file.create_group("..").create_dataset("evil", data=np.ones(2, "f4"))
    with pytest.raises(UnsafeFileError, match="evil"):
        extract(tmp_path / "u.h5", tmp_path / "u.npz", trust=True)
    assert not (tmp_path / "u.npz").exists()


def test_a_pickle_needs_pytorch(tmp_path):
    (tmp_path / "m.pth").write_bytes(b"\x80\x02K\x01.")
    with pytest.raises((DamagedFileError, UnsafeFileError), match=r"m\.pth"):
        extract(tmp_path / "m.pth", tmp_path / "x.npz", trust=True)


def test_the_command(tmp_path):
    path, out = tmp_path / "m.keras", tmp_path / "out.npz"
    changing(argument("act", "activation", REFERENCES["tfsm"]))(path)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kerascnn", "weights", "extract", *options]
        return subprocess.run(
            [*command, str(path), str(out)],
            capture_output=True,
            text=True,
            env=environment(),
            cwd=tmp_path,
            check=False,
        )

    without = run()
    assert without.returncode == 3
    assert without.stderr.count("\n") == 1
    assert "--trust" in without.stderr
    assert run("--trust").returncode == 0
    assert run("--trust").returncode == 8
    result = json.loads(run("--trust", "--overwrite", "--json").stdout)
    assert result["shapes"]["predictions/kernel"] == [4, 3]
    assert not Path(tmp_path / MARKER).exists()
