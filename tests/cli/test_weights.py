"""`kerascnn weights`, and what it tells of good, damaged and hostile files."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.cli import main, parser
from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.cache import home
from kerascnn.published import catalogue
from kerascnn.weights import inspect
from support.processes import run_python

pytestmark = pytest.mark.usefixtures("own_home")

PARAMETERS = 61_706  # LeCun 1998, as the lecture simplifies it


@pytest.fixture(scope="module")
def lenet() -> keras.Model:
    return kerascnn.create_model("lenet5")


@pytest.fixture(scope="module", params=[".safetensors", ".npz", ".weights.h5"])
def file(
    request: pytest.FixtureRequest, lenet: keras.Model, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    return kerascnn.save_weights(lenet, tmp_path_factory.mktemp("w") / f"lenet{request.param}")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["weights", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_help_and_lists_import_nothing_heavy() -> None:
    heavy = {"keras", "tensorflow", "numpy", "rich", "h5py", "PIL", "matplotlib"}
    for words in (["weights", "--help"], ["weights", "list"], ["weights", "list", "--json"]):
        code = f"from kerascnn.cli import main; main({words}); import sys; "
        code += f"print(sorted(set(sys.modules) & {heavy}))"
        done = run_python("-c", code)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("action", ["list", "inspect", "convert", "verify"])
def test_help_of_each_action_has_an_example_that_parses(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, action, "--help")
    assert code == 0
    (example,) = re.findall(r"^  kerascnn (weights .+)$", out, re.MULTILINE)
    arguments = parser().parse_args(example.split())
    assert (arguments.verb, arguments.action) == ("weights", action)
    assert (arguments.json, arguments.debug) == (False, False)
    for words in (["weights", "--json", *example.split()[1:]], [*example.split(), "--json"]):
        assert parser().parse_args(words).json is True


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list")
    assert code == 0
    lines = out.splitlines()
    assert len([line for line in lines[1:] if not line.startswith("**")]) == len(
        catalogue.CHECKPOINTS
    )
    assert sum(" * " in line for line in lines) == len(
        {checkpoint.row for checkpoint in catalogue.CHECKPOINTS}
    )
    assert lines[-1].endswith("is of mobilenet_v3_small with padding=same")


def test_list_of_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    place = home() / "weights" / "torchvision" / "resnet50-0676ba61.pth"
    place.parent.mkdir(parents=True, mode=0o700)
    place.write_bytes(b"?")
    _, out, _ = run(capsys, "list", "--row", "ResNet50_v1_5")
    cells = [re.split(r"\s{2,}", line) for line in out.splitlines()]
    assert cells[1:] == [
        ["torchvision/resnet50.v2 *", "resnet50_v1_5", "224x224", "80.9", "BSD-3-Clause", "no"],
        ["torchvision/resnet50.v1", "resnet50_v1_5", "224x224", "76.1", "BSD-3-Clause", "yes"],
    ]
    _, out, _ = run(capsys, "list", "--row", "resnet50_v1_5", "--json")
    newest, oldest = json.loads(out)
    assert (newest["default"], oldest["default"]) == (True, False)
    assert (newest["cached"], oldest["cached"]) == (False, True)
    assert oldest["path"] == str(place)
    assert oldest["sha256"] == "0676ba61"
    assert oldest["preprocessing"]["mean"] == [0.485, 0.456, 0.406]
    assert run(capsys, "list", "--row", "lenet5")[1] == ("no weights are published for lenet5\n")
    assert run(capsys, "list", "--row", "resnet51")[0] == 2


def test_inspect_a_file_of_ours(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "inspect", str(file), "--json")
    assert code == 0
    told = json.loads(out)
    assert told["verdict"] == "safe"
    assert told["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert told["size"] == file.stat().st_size
    assert told["row"] == "lenet5"
    first = {"row": "lenet5", "source": "kerascnn", "fraction": 1.0, "arguments": {}, "exact": True}
    assert told["candidates"][0].items() >= first.items()
    assert len(told["tensors"]) == 10
    assert sum(np.prod(row["shape"]) for row in told["tensors"]) == PARAMETERS
    assert {row["dtype"] for row in told["tensors"]} == {"float32"}
    code, out, _ = run(capsys, "inspect", str(file))
    assert "  tensors      10 of 61,706 values\n" in out
    assert "  fits         lenet5 completely (kerascnn)" in out
    assert "  verdict      safe: " in out


def test_inspect_knows_a_published_file(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    record = catalogue.Published(
        "zoo/lenet5.v1", "lenet5", "https://weights.invalid/l.pth", "kerascnn",
        kerascnn.model_info("lenet5").preprocessing, 99.0, "MIT", sha256=digest[:8],
    )  # fmt: skip
    monkeypatch.setattr(catalogue, "CHECKPOINTS", (record,))
    assert json.loads(run(capsys, "inspect", str(file), "--json")[1])["published"] == [record.tag]


class Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, (f"open({str(self.marker)!r}, 'w').write('run')",)


def hostile(tmp_path: Path) -> dict[str, tuple[Path, int]]:
    marker = tmp_path / "marker"
    arrays = {}
    bare = tmp_path / "bare.pth"
    bare.write_bytes(pickle.dumps(Bomb(marker)))
    arrays["pickle"] = (bare, 3)
    boxed = tmp_path / "boxed.pth"
    with zipfile.ZipFile(boxed, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({"w": Bomb(marker)}, protocol=2))
        archive.writestr("a/version", "3\n")
    arrays["boxed pickle"] = (boxed, 3)
    escaping = tmp_path / "escaping.npz"
    with zipfile.ZipFile(escaping, "w") as archive:
        archive.writestr("../../w.npy", b"?")
    arrays["zip that leaves its folder"] = (escaping, 3)
    page = tmp_path / "page.h5"
    page.write_text("<!DOCTYPE html><title>404</title>")
    arrays["web page"] = (page, 4)
    empty = tmp_path / "empty.pth"
    empty.touch()
    arrays["empty"] = (empty, 4)
    return arrays


def test_inspect_never_calls_safe_what_loading_refuses(
    tmp_path: Path, lenet: keras.Model, capsys: pytest.CaptureFixture[str]
) -> None:
    files = hostile(tmp_path)
    good = kerascnn.save_weights(lenet, tmp_path / "good.safetensors").read_bytes()
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(good[:-100])
    files["truncated"] = (cut, 4)
    sealed = tmp_path / "sealed.safetensors"
    sealed.write_bytes(good.replace(b'\\"lenet5\\"', b'\\"lenet6\\"', 1))
    files["record that was changed"] = (sealed, 4)
    for what, (path, expected) in files.items():
        with pytest.raises((UnsafeFileError, DamagedFileError)) as refused:
            kerascnn.load_weights(lenet, path)
        assert refused.value.exit_code == expected, what
        code, out, err = run(capsys, "inspect", str(path), "--json")
        told = json.loads(out)
        assert (code, told["verdict"]) == (expected, "refused"), what
        assert told["reason"] == str(refused.value), what
        assert told["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert err == f"kerascnn: error: {refused.value}\n"
    assert not (tmp_path / "marker").exists()


def test_inspect_says_when_it_could_not_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> object:
        raise MemoryError("too much")

    monkeypatch.setattr(inspect, "open_checkpoint", broken)
    (tmp_path / "w.npz").write_bytes(b"?")
    code, out, err = run(capsys, "inspect", str(tmp_path / "w.npz"))
    assert code == 1
    assert "verdict      could not check: MemoryError: too much" in out
    assert "could not check" in err
    assert run(capsys, "inspect", str(tmp_path / "none.npz"))[0] == 6
    assert run(capsys, "inspect", str(tmp_path))[0] == 6


def test_verify_a_file_of_ours(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "verify", str(file))
    assert code == 0
    assert "verified, 10 tensors of 61,706 finite values" in out
    assert "agrees  the SHA-256 of each of 10 tensors in it" in out


def test_verify_finds_every_flipped_bit(file: Path, tmp_path: Path) -> None:
    good = file.read_bytes()
    rng = np.random.default_rng(0)
    missed = []
    for number in range(60):
        place, bit = int(rng.integers(len(good))), int(rng.integers(8))
        bad = bytearray(good)
        bad[place] ^= 1 << bit
        path = tmp_path / f"{number}-{file.name}"
        path.write_bytes(bad)
        try:
            inspect.verify(path)
            missed.append(place)
        except (DamagedFileError, UnsafeFileError):
            pass
    # What HDF5 and zip keep between their tensors (times, free room) belongs to none of them.
    assert len(missed) <= (0 if file.suffix == ".safetensors" else 6), missed


def test_verify_against_a_digest_beside_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plain.npz"
    np.savez(path, a=np.ones(3, "float32"), count=np.int64(4))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    code, _, err = run(capsys, "verify", str(path))
    assert code == 6
    assert "no digest, not verified; its 2 tensors are readable and finite" in err
    assert digest in err
    (tmp_path / "plain.npz.sha256").write_text(f"{digest}  plain.npz\n")
    code, out, _ = run(capsys, "verify", str(path), "--json")
    assert code == 0
    assert json.loads(out) == {
        "path": str(path), "sha256": digest, "tensors": 2, "values": 4,
        "against": ["the SHA-256, that of plain.npz.sha256 beside it"],
    }  # fmt: skip
    path.write_bytes(path.read_bytes() + b"\0")
    code, _, err = run(capsys, "verify", str(path))
    assert code == 4
    assert f"not {digest}, which is that of plain.npz.sha256 beside it" in err


def test_verify_against_what_is_published(tmp_path: Path) -> None:
    path = tmp_path / "resnet18-f37072fd.pth"
    path.write_bytes(b"something else")
    with pytest.raises(DamagedFileError, match="not f37072fd, which is what is published of"):
        inspect.verify(path)


def test_verify_reads_the_values(tmp_path: Path) -> None:
    np.savez(tmp_path / "nan.npz", a=np.array([1, np.nan], "float32"))
    with pytest.raises(DamagedFileError, match="'a' has a value that is not finite"):
        inspect.verify(tmp_path / "nan.npz")
    np.savez_compressed(tmp_path / "bomb.npz", a=np.zeros(2**21, "float32"))
    with pytest.raises((UnsafeFileError, DamagedFileError)):
        inspect.verify(tmp_path / "bomb.npz")


@pytest.mark.parametrize("out", ["new.weights.h5", "new.safetensors", "new.npz"])
def test_convert_keeps_every_value(
    out: str, lenet: keras.Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = {
        f"{layer.name}/{variable.name}": np.asarray(variable)
        for layer in lenet.layers
        for variable in layer.weights
    }
    np.savez(tmp_path / "plain.npz", **plain)
    words = ("convert", str(tmp_path / "plain.npz"), "--model", "lenet5", str(tmp_path / out))
    code, said, _ = run(capsys, *words)
    assert code == 0
    assert "100.00% of the model's values" in said
    assert said.endswith(f"wrote {tmp_path / out}\n")
    model = kerascnn.load_model(tmp_path / out)
    for layer in model.layers:
        for variable in layer.weights:
            np.testing.assert_array_equal(
                np.asarray(variable), plain[f"{layer.name}/{variable.name}"]
            )
    code, _, err = run(capsys, *words)
    assert (code, "--overwrite replaces it" in err) == (8, True)
    again = ("convert", str(tmp_path / out), str(tmp_path / "again.npz"), "--json")
    code, said, _ = run(capsys, *again)  # a file of ours says what it is of
    assert (code, json.loads(said)["out"]) == (0, str(tmp_path / "again.npz"))


def test_convert_keeps_the_classifier_or_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = kerascnn.create_model("lenet5", classes=4)
    np.savez(
        tmp_path / "four.npz",
        **{f"{la.name}/{w.name}": np.asarray(w) for la in model.layers for w in la.weights},
    )
    out = str(tmp_path / "out.npz")
    words = ("convert", str(tmp_path / "four.npz"), out, "--model", "lenet5")
    code, _, err = run(capsys, *words)
    assert code == 5
    assert "predictions/kernel" in err
    assert not Path(out).exists()
    assert run(capsys, *words, "--classes", "4")[0] == 0
    assert kerascnn.load_model(out).output_shape == (None, 4)


def test_convert_tells_mistakes_before_anything_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "convert", "a.pth", "out.pth", "--model", "lenet5")[0] == 2
    assert run(capsys, "convert", "a.pth", "out.npz", "--model", "lenet6")[0] == 2
    assert run(capsys, "convert", str(tmp_path / "a.pth"), str(tmp_path / "o.npz"))[0] == 6
