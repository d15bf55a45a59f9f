"""OpenVINO is an extra: written and proven where it is installed, else named."""

from __future__ import annotations

import importlib.util

import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.exporting.exporter import export
from kerascnn.exporting.verify_export import verify
from support.digit_exports import NAMES


def test_openvino_is_asked_for_by_name(tmp_path):
    model = kerascnn.create_model("lenet5")
    if importlib.util.find_spec("openvino") is None:
        with pytest.raises(UsageError, match=r"kerascnn\[deploy\]"):
            export(model, tmp_path / "out", ["openvino"])
        return
    (report,) = export(model, tmp_path / "out", ["openvino"], class_names=NAMES)
    assert report.relative < 1e-4
    (reports,) = verify(tmp_path / "out")
    assert reports.top1_agreement == 1
