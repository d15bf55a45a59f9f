"""Exports that several tests look at, and converters with a fault."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from kerascnn.data.sources.dataset import Data
from kerascnn.exporting import savedmodel
from kerascnn.exporting.common.report import ExportReport
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import format
from support.digit_exports import FORMATS, export_digits, trained_lenet
from support.exports import LITTLE_NAMES, LITTLE_PREPROCESSING, little_network


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    """A model that was never called, and the directory it was exported to."""
    model = little_network()
    out = tmp_path_factory.mktemp("export") / "out"
    export(model, out, class_names=LITTLE_NAMES, preprocessing=LITTLE_PREPROCESSING)
    return model, out


@pytest.fixture(scope="session")
def digits() -> tuple[keras.Model, Data]:
    """A LeNet-5 that reads digits, and the digits."""
    return trained_lenet()


@pytest.fixture(scope="session")
def everything(
    digits: tuple[keras.Model, Data], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, ExportReport]]:
    """Where every format of it is, and the reports by format."""
    out = tmp_path_factory.mktemp("precision") / "out"
    reports = export_digits(digits, out, FORMATS, image_bytes=True)
    return out, {report.format: report for report in reports}


@pytest.fixture
def savedmodel_off_by_a_weight(monkeypatch):
    """A converter with a fault: it writes another value of the first kernel."""
    write = savedmodel.write

    def wrong(job, path):
        kernel = job.network.model.get_layer("c1").kernel
        value = kernel.numpy()
        kernel.assign(value + 0.01)
        result = write(job, path)
        kernel.assign(value)
        return result

    monkeypatch.setattr(savedmodel, "write", wrong)


@pytest.fixture
def onnx_off_by_a_weight(monkeypatch):
    """A converter with a fault: one weight of the file is 0.05 too large."""
    import onnx

    convert = format.convert

    def wrong(network, options, preprocessing):
        model = convert(network, options, preprocessing)
        weight = max(model.graph.initializer, key=lambda entry: np.prod(entry.dims))
        values = onnx.numpy_helper.to_array(weight).copy()
        values.flat[0] += 0.05
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
        return model

    monkeypatch.setattr(format, "convert", wrong)
