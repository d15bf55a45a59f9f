"""What `open_checkpoint` asks of the record beside the tensors, in every container."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from kerascnn.errors import DamagedFileError
from support.weight_files.reading import tensors_of


def test_metadata_of_ours_in_every_container(tmp_path: Path) -> None:
    """What stands beside the tensors must be a table of texts."""
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("kerascnn.json", json.dumps({"a": 1}))
    with pytest.raises(DamagedFileError, match="table of texts"):
        tensors_of(tmp_path / "x.npz")
    with h5py.File(tmp_path / "x.weights.h5", "w") as file:
        file.create_group("layers")
        file["kerascnn"] = np.frombuffer(b'{"a": "b", "a": "c"}', np.uint8)
    with pytest.raises(DamagedFileError, match="not JSON"):
        tensors_of(tmp_path / "x.weights.h5")
