"""Checkpoints of training scripts that torch wrote, objects that are not built, and damaged files.

tests/fixtures/torch/make_checkpoints.py made the files, and compares them with what torch reads.
"""

from __future__ import annotations

import contextlib
import random
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_machine import Machine
from kerascnn.weights.formats.checkpoint import open_checkpoint
from support.paths import FIXTURES

ARCHIVE = FIXTURES / "torch" / "checkpoints.zip"
with zipfile.ZipFile(ARCHIVE) as stored:
    FILES = {name: stored.read(name) for name in stored.namelist()}
SHAPES = {
    "conv.weight": (4, 2, 3, 3),
    "bn.weight": (4,),
    "bn.bias": (4,),
    "bn.running_mean": (4,),
    "bn.running_var": (4,),
    "fc.weight": (3, 4),
    "fc.bias": (3,),
}
QUICK, LONG = 2_000, 20_000


@pytest.mark.parametrize("name", FILES)
def test_checkpoints_of_every_optimizer(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    dtype = path.stem.rpartition("-")[2]
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.contents.table == "state_dict"
        assert set(checkpoint.contents.tables) == {"", "state_dict"}  # no optimizer's state
        assert "waves, complex64" in checkpoint.contents.unread
        assert "sparse, sparse" in checkpoint.contents.unread
        assert "quantised, quantised" in checkpoint.contents.unread
        tensors = dict(checkpoint.tensors)
        tensors.pop("bn.num_batches_tracked")
        assert {key: tensor.shape for key, tensor in tensors.items()} == SHAPES
        for key, shape in SHAPES.items():
            assert tensors[key].dtype == dtype
            values = checkpoint.raw(key)
            if dtype == "bfloat16":
                values = (values.astype("u4") << 16).view("f4")
            count = int(np.prod(shape))
            expected = (((np.arange(count) * 7) % 31 - 15) / 8).reshape(shape)
            np.testing.assert_array_equal(values, expected)


def data_pickle() -> bytes:
    """Returns the pickle of the first checkpoint."""
    path = ARCHIVE.parent / "training.pth.tar"
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        return archive.read(name)


def fuzz(count: int) -> None:
    """Reads changed pickles; each must be read or refused, in little time."""
    generator = random.Random(16)
    whole = data_pickle()
    opcodes = b"(0NJKMGTUXBC}])tdlsuaecRbQqrhj.\x80\x81\x85\x86\x87\x88\x8a\x8c\x8f\x90\x91\x92\x93"
    for number in range(count):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 6)):
            place = generator.randrange(len(data))
            kind = generator.randrange(4)
            if kind == 0:
                data[place] = generator.randrange(256)
            elif kind == 1:
                data[place] = generator.choice(opcodes)
            elif kind == 2:
                del data[place : place + generator.randint(1, 9)]
            else:
                start = generator.randrange(len(whole))
                data[place:place] = whole[start : start + generator.randint(1, 40)]
        begin = time.process_time()
        with contextlib.suppress(DamagedFileError, UnsafeFileError):
            Machine(memoryview(bytes(data))).run()
        assert time.process_time() - begin < 5, number


def test_changed_pickles_are_read_or_refused() -> None:
    fuzz(QUICK)


@pytest.mark.long
def test_many_changed_pickles_are_read_or_refused() -> None:
    fuzz(LONG)
