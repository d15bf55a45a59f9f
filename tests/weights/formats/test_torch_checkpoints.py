"""Checkpoints of training scripts that torch wrote: tools/make_torch_checkpoints.py."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from kerascnn.weights.formats.checkpoint import open_checkpoint
from support.paths import FIXTURES

STORED = FIXTURES / "torch" / "saved.zip"
with zipfile.ZipFile(STORED) as _archive:
    NAMES = [name for name in _archive.namelist() if name.endswith(".pth")]
SKIPPED = {
    "scheduler_object": ("torch.optim.lr_scheduler.StepLR", "torch.optim.sgd.SGD"),
    "quantized": ("x, quantised",),
    "complex_tensor": ("x, complex64",),
    "uint16": ("x, uint16",),
    "float8": ("x, float8_e4m3fn",),
    "meta": ("x, without values",),
    "nested": ("x, nested",),
}
"""Files with objects that are not read -> what the report names."""


def test_the_set() -> None:
    names = {name.removesuffix(".pth") for name in NAMES}
    assert {"Adam", "SGD", "LBFGS", "Muon", "SGD-MultiStepLR", "SGD-OneCycleLR"} <= names
    assert len(names) > 80


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_of_training_scripts(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(STORED) as archive:
        path = Path(archive.extract(name, tmp_path))
        expected = json.loads(archive.read("expected.json"))
    with open_checkpoint(path) as checkpoint:
        table = checkpoint.contents.tables["state_dict"]
        assert not any("optimizer" in path for path in checkpoint.contents.tables)
        arrays = {key: np.array(stored.raw()) for key, stored in table.items()}
        stem = name.removesuffix(".pth").removeprefix("old-")
        assert tuple(checkpoint.contents.unread) == SKIPPED.get(stem, ())
    if name == "average.pth":
        assert arrays.pop("n_averaged") == 0
    assert len(arrays) == len(expected)
    for key, values in arrays.items():
        if name == "bfloat16.pth":
            values = values.view(ml_dtypes.bfloat16).astype("float32")
        inner = key.removeprefix("module.").removeprefix("_orig_mod.")
        np.testing.assert_array_equal(values, expected[inner])
