"""`verify` finds every changed byte, and files that are missing or were added."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from kerascnn.cli import main
from kerascnn.errors import DamagedFileError
from kerascnn.exporting.verify_export import verify


def test_verify_finds_every_changed_byte(everything, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(everything[0], out)
    assert [report.difference is None for report in verify(out)] == [True] + [False] * 7
    assert verify(out, trust=True)[0].top1_agreement == 1
    generator = np.random.default_rng(0)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    for path in files:
        content = path.read_bytes()
        for place in {0, len(content) - 1, *generator.integers(0, len(content), 20).tolist()}:
            changed = bytearray(content)
            changed[place] ^= 1 << int(generator.integers(8))
            path.write_bytes(changed)
            with pytest.raises(DamagedFileError):
                from kerascnn.exporting.verify_export import check_manifest

                check_manifest(out)
                # A changed digit of the version in the manifest is no file's content.
                assert path.name == "manifest.json"
                raise DamagedFileError("the manifest's own words")
        path.write_bytes(content)
    verify(out)


def test_verify_finds_missing_and_added_files(everything, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(everything[0], out)
    (out / "extra.txt").write_text("x")
    (out / "model.onnx").unlink()
    assert main(["verify", str(out)]) == 4
    error = capsys.readouterr().err
    assert "model.onnx is missing" in error
    assert "extra.txt was added" in error
    assert main(["verify", str(tmp_path)]) == 4
    assert "was not written by" in capsys.readouterr().err
