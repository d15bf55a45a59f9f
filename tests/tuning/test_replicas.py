"""A trial on two devices is the trial on one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from support.paths import SCRIPTS
from support.processes import QUIET, run_python

SCRIPT = SCRIPTS / "tuning_replicas.py"
TOLERANCE = {"float32": 1e-6, "mixed_bfloat16": 2**-7}
"""bfloat16 has 8 bits: each device rounds the gradients of its own images to those."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    job = run_python(SCRIPT, tmp_path_factory.mktemp("search"), CUDA_VISIBLE_DEVICES="", **QUIET)
    assert job.returncode == 0, job.stderr[-2000:]
    return json.loads(job.stdout.splitlines()[-1])


@pytest.mark.parametrize("precision", list(TOLERANCE))
def test_a_trial_on_two_devices_equals_one(results: dict[str, Any], precision: str) -> None:
    single, mirrored = results[precision]
    assert single["precision"] == mirrored["precision"] == precision
    near = {"rtol": 0.0, "atol": TOLERANCE[precision]}
    names = ["loss", "val_loss"]
    if precision == "float32":
        names += ["accuracy", "val_accuracy"]
        assert mirrored["epoch"] == single["epoch"]
    for name in names:
        assert len(single["history"][name]) == 3
        np.testing.assert_allclose(mirrored["history"][name], single["history"][name], **near)
    np.testing.assert_allclose(mirrored["weights"], single["weights"], **near)
    assert len({*single["history"]["loss"]}) == 3  # it did learn
