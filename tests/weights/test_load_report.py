"""The report of a builder that took weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import kerascnn
from kerascnn.weights.save import save_weights


def test_a_builder_that_took_weights_can_be_asked_what_came_of_it(tmp_path: Path) -> None:
    fresh = kerascnn.create_model("lenet5")
    assert kerascnn.load_report(fresh) is None
    save_weights(fresh, tmp_path / "lenet5.npz")
    model = kerascnn.create_model("lenet5", weights=tmp_path / "lenet5.npz", classes=7)
    report = kerascnn.load_report(model)
    assert report is not None
    assert set(report.skipped) == {"predictions/kernel", "predictions/bias"}
    assert report.sha256 == hashlib.sha256((tmp_path / "lenet5.npz").read_bytes()).hexdigest()
