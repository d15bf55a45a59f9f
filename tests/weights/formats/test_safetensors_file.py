"""Our reader of safetensors beside the official library."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from kerascnn.weights.formats.checkpoint import open_checkpoint
from support.weight_files.reading import NUMBER_TYPES, assert_same_tensors, tensors_of


def test_safetensors_beside_the_official_library(tmp_path: Path) -> None:
    arrays = {kind: np.arange(6).astype(kind).reshape(3, 2) for kind in NUMBER_TYPES}
    arrays |= {"empty": np.zeros((0, 3)), "scalar": np.array(1.5), "bool": np.array([True, False])}
    safetensors.numpy.save_file(arrays, tmp_path / "x.safetensors", metadata={"a": "é"})
    assert_same_tensors(tensors_of(tmp_path / "x.safetensors"), arrays)
    with open_checkpoint(tmp_path / "x.safetensors") as checkpoint:
        assert checkpoint.metadata == {"a": "é"}
        assert not checkpoint.contents.ordered


@pytest.mark.parametrize("first", [0x80, 0x50])
def test_safetensors_whose_header_has_any_length(tmp_path: Path, first: int) -> None:
    # The file begins with the length of its header: 0x80 is also how a pickle begins, "PK" a zip.
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    text = json.dumps({"w": entry}).encode()
    length = first + (0x4B00 if first == 0x50 else 0)
    path = tmp_path / "w.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + text.ljust(length) + b"\0\0\x80\x3f" * 2)
    with open_checkpoint(path) as checkpoint:
        np.testing.assert_array_equal(checkpoint.raw("w"), [1, 1])
