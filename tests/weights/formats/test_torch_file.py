"""PyTorch's files: those that torch wrote (tests/fixtures/torch), and others of any form."""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.formats.checkpoint import open_checkpoint
from support.paths import FIXTURES
from support.weight_files import torch_files
from support.weight_files.torch_files import Call, Tensor, state_dict, write_old, write_zip

REAL = FIXTURES / "torch"


SHAPES = {
    "conv.weight": (4, 2, 3, 3),
    "bn.weight": (4,),
    "bn.bias": (4,),
    "bn.running_mean": (4,),
    "bn.running_var": (4,),
    "fc.weight": (3, 4),
    "fc.bias": (3,),
}


def pattern(shape: tuple[int, ...]) -> np.ndarray:
    """What tests/fixtures/torch/make.py fills a tensor with."""
    return (((np.arange(np.prod(shape, dtype=int)) * 7) % 31 - 15) / 8).reshape(shape)


def read(path: Path) -> dict[str, np.ndarray]:
    with open_checkpoint(path) as checkpoint:
        return {
            name: checkpoint.raw(name).view(ml_dtypes.bfloat16)
            if stored.dtype == "bfloat16"
            else checkpoint.raw(name)
            for name, stored in checkpoint.tensors.items()
        }


@pytest.mark.parametrize(
    ("name", "kind", "dtype"),
    [
        ("new.pth", "torch", "float32"),
        ("old.pth", "torch before 1.6", "float32"),
        ("training.pth.tar", "torch", "float16"),
    ],
)
def test_files_of_torch(name: str, kind: str, dtype: str) -> None:
    with open_checkpoint(REAL / name) as checkpoint:
        assert checkpoint.contents.kind == kind
        assert checkpoint.contents.ordered
        tensors = checkpoint.tensors.items()
    # DataParallel, which saved one of them, adds a prefix.
    result = {key.removeprefix("module."): tensor.shape for key, tensor in tensors}
    result.pop("bn.num_batches_tracked")
    assert result == SHAPES
    assert list(result) == list(SHAPES)
    for key, values in read(REAL / name).items():
        if not key.endswith("bn.num_batches_tracked"):
            assert values.dtype == dtype
            np.testing.assert_array_equal(values, pattern(SHAPES[key.removeprefix("module.")]))


def test_views_and_types_of_torch() -> None:
    tensors = read(REAL / "views.pt")
    whole = pattern((6, 4))
    np.testing.assert_array_equal(tensors["bfloat16"].astype(float), whole)
    np.testing.assert_array_equal(tensors["transposed"].astype(float), whole.T)
    np.testing.assert_array_equal(tensors["slice"].astype(float), whole[1:3])
    np.testing.assert_array_equal(tensors["parameter"], pattern((3,)))
    assert tensors["parameter"].dtype == np.float64
    np.testing.assert_array_equal(tensors["int64"], [0, 1, 2])
    assert tensors["empty"].shape == (0, 3)
    assert tensors["scalar"].shape == ()
    assert tensors["scalar"] == 2.5


@pytest.mark.parametrize(
    ("name", "word"), [("module.pth", "'__main__.Net'"), ("script.pt", "TorchScript")]
)
def test_modules_and_programs_are_refused(name: str, word: str) -> None:
    with pytest.raises(UnsafeFileError, match=word) as caught, open_checkpoint(REAL / name):
        pass
    assert "torch.save(model.state_dict(), path)" in str(caught.value)


@pytest.mark.parametrize("write", [write_zip, write_old])
@pytest.mark.parametrize("dtype", sorted(torch_files.STORAGES))
def test_every_type(tmp_path: Path, write: object, dtype: str) -> None:
    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    values = np.array([[0, 1, 3], [2, 0, 1]]).astype(kind)
    write(tmp_path / "x.pth", state_dict({"x": values}))  # type: ignore[operator]
    tensors = read(tmp_path / "x.pth")["x"]
    assert tensors.dtype == values.dtype
    np.testing.assert_array_equal(tensors.astype(float), values.astype(float))


VALUES = {"a.weight": np.arange(6.0).reshape(2, 3), "a.bias": np.arange(3.0)}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s},
        lambda s: {"model": s, "epoch": 3},
        lambda s: {"epoch": 9, "optimizer": {"param_groups": [{"lr": 0.1}]}, "model_state": s},
        lambda s: {"model": {"state_dict": s}},
    ],
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "model.", "model.module."])
def test_wrappers_and_prefixes(tmp_path: Path, wrap: object, prefix: str) -> None:
    inner = state_dict({f"{prefix}{name}": value for name, value in VALUES.items()})
    write_zip(tmp_path / "x.pth", wrap(inner))  # type: ignore[operator]
    tensors = read(tmp_path / "x.pth")
    assert list(tensors) == [f"{prefix}{name}" for name in VALUES]
    for name, values in VALUES.items():
        np.testing.assert_array_equal(tensors[f"{prefix}{name}"], values)


def test_what_is_no_table_of_tensors(tmp_path: Path) -> None:
    for value in ({"epoch": 3}, [Tensor(np.ones(2))], "text", {"state_dict": {}}):
        write_zip(tmp_path / "x.pth", value)
        with pytest.raises(DamagedFileError, match="no table of tensors"):
            read(tmp_path / "x.pth")


NO_TENSORS = [
    ("os", "system"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("torch", "load"),
    ("torch.jit", "load"),
    ("torch.storage", "_load_from_bytes"),
    ("torch._utils", "_rebuild_sparse_tensor"),
    ("torch", "FloatStorage.from_file"),
    ("collections", "defaultdict"),
    ("kerascnn.fileio.pickle_machine", "Machine"),
    ("numpy", "load"),
    ("functools", "partial"),
]


@pytest.mark.parametrize(("module", "name"), NO_TENSORS)
def test_only_tensors_are_built(tmp_path: Path, module: str, name: str) -> None:
    for value in (Call(module, name, ("x",)), {"state_dict": Call(module, name)}):
        write_zip(tmp_path / "x.pth", value)
        with pytest.raises(UnsafeFileError, match=f"asks to run '{module}.{name}'"):
            read(tmp_path / "x.pth")


def tensor_file(tmp_path: Path, tensor: Tensor, **options: object) -> Path:
    return write_zip(tmp_path / "x.pth", {"x": tensor}, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tensor", "error"),
    [
        (Tensor(np.ones(4, "f4"), shape=(2**28,), strides=(0,)), UnsafeFileError),
        (Tensor(np.ones(4, "f4"), shape=(2, 2), strides=(2**40, 1)), DamagedFileError),
        (Tensor(np.ones(4, "f4"), shape=(4,), strides=(1,), offset=1), DamagedFileError),
        (Tensor(np.ones(4, "f4"), shape=(-1,), strides=(1,)), DamagedFileError),
        (Tensor(np.ones(4, "f4"), shape=(2,), strides=(-1,)), DamagedFileError),
        (Tensor(np.ones(4, "f4"), shape=(2, 2), strides=(1,)), DamagedFileError),
        (Tensor(np.ones(4, "f4"), shape=(1,) * 20, strides=(1,) * 20), DamagedFileError),
        (Tensor(np.ones(4, "f4"), count=2**30), DamagedFileError),
        (Tensor(np.ones(4, "f4"), count=3), DamagedFileError),
        (Tensor(np.ones(4, "f4"), count=2**200), DamagedFileError),
        (Tensor(np.ones(2**23, "f4"), shape=(2,), strides=(2**23 - 1,)), UnsafeFileError),
    ],
)
def test_tensors_that_claim_other_bytes_than_they_have(
    tmp_path: Path, tensor: Tensor, error: type[Exception]
) -> None:
    with pytest.raises(error):
        read(tensor_file(tmp_path, tensor))


def test_members_that_do_not_agree(tmp_path: Path) -> None:
    tensor = Tensor(np.ones(64, "f4"))
    with pytest.raises(UnsafeFileError, match="compressed"):
        read(tensor_file(tmp_path, tensor, compression=zipfile.ZIP_DEFLATED))
    with pytest.raises(DamagedFileError, match="256 bytes stored and has 255"):
        read(tensor_file(tmp_path, tensor, change=lambda data: data[:-1]))
    with pytest.raises(DamagedFileError, match=r"no single data\.pkl"):
        read(tensor_file(tmp_path, tensor, extra={"other/data.pkl": b""}))
    with pytest.raises(UnsafeFileError, match="TorchScript"):
        read(tensor_file(tmp_path, tensor, extra={"archive/constants.pkl": b""}))
    path = write_zip(tmp_path / "y.pth", {"x": tensor})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, b"big" if name.endswith("byteorder") else data)
    with pytest.raises(DamagedFileError, match="big-endian"):
        read(path)


def test_old_files_that_make_no_sense(tmp_path: Path) -> None:
    value = state_dict(VALUES)
    with pytest.raises(DamagedFileError, match="old PyTorch file"):
        read(write_old(tmp_path / "x.pth", value, version=1000))
    with pytest.raises(DamagedFileError, match="big-endian"):
        read(write_old(tmp_path / "x.pth", value, little=False))
    whole = write_old(tmp_path / "x.pth", value).read_bytes()
    for size in (20, len(whole) // 2, len(whole) - 1):
        (tmp_path / "x.pth").write_bytes(whole[:size])
        with pytest.raises(DamagedFileError):
            read(tmp_path / "x.pth")
    (tmp_path / "x.pth").write_bytes(whole + b"x")
    with pytest.raises(DamagedFileError, match="1 bytes behind"):
        read(tmp_path / "x.pth")


def test_a_list_that_is_copied_again_and_again_ends_soon(tmp_path: Path) -> None:
    """OrderedDict of a list of 100,000 pairs, asked for 100,000 times, is 10^10 steps."""
    pairs = b"(" + b"(K\x00K\x00t" * 30_000 + b"l" + b"q\x00"
    again = b"ccollections\nOrderedDict\nh\x00\x85R0" * 100_000
    path = write_zip(tmp_path / "x.pth", None, pickle=b"\x80\x02" + pairs + again + b".")
    start = time.process_time()
    with pytest.raises(UnsafeFileError, match="steps"):
        read(path)
    assert time.process_time() - start < 20
