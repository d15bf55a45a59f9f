"""`kerascnn export` of a run and of an architecture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kerascnn.cli import main


def test_export_of_a_run(run_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["export", str(run_dir), str(out), "--formats", "onnx", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["out"] == str(out)
    (report,) = result["reports"]
    assert report["difference"] <= 1e-5
    assert report["top1_agreement"] == 1
    assert (out / "model.onnx").stat().st_size == report["bytes"]

    before = (out / "model.onnx").read_bytes()
    assert main(["export", str(run_dir), str(out), "--formats", "onnx"]) == 8
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "model.onnx").read_bytes() == before
    assert main(["export", str(run_dir), str(out), "--formats", "onnx", "--overwrite"]) == 0
    assert "top-1 agreement 100%" in capsys.readouterr().out


def test_export_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "lenet5", str(tmp_path / "out"), "--formats", "onnx"]) == 0
    assert capsys.readouterr().out.startswith("onnx ")
    # No export can be so near, and a larger tolerance is what the error proposes.
    strict = ["export", "lenet5", str(tmp_path / "two"), "--formats", "onnx", "--tolerance"]
    assert main([*strict, "1e-15"]) == 5
    assert "larger tolerance" in capsys.readouterr().err
    assert main([*strict, "0"]) == 2
    capsys.readouterr()
    assert main(["export", "lenet5", str(tmp_path / "two"), "--formats", "onnx,pdf"]) == 2
    assert "pdf" in capsys.readouterr().err
    assert not (tmp_path / "two").exists()
