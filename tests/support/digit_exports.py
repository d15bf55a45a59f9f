"""A LeNet-5 that reads scikit-learn's digits, exported with real images to calibrate it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

import kerascnn
from kerascnn.data.sources.dataset import Data
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.common.report import ExportReport
from kerascnn.exporting.exporter import export
from kerascnn.imaging.preprocessing import Preprocessing

GREY = Preprocessing(size=(32, 32), fit="resize", channels="grey")
NAMES = [f"digit {n}" for n in range(10)]
FORMATS = (
    "savedmodel", "onnx", "onnx-float16", "onnx-int8",
    "litert", "litert-float16", "litert-dynamic", "litert-int8",
)  # fmt: skip


def trained_lenet() -> tuple[keras.Model, Data]:
    """Returns a LeNet-5 that reads digits, and the digits."""
    data = kerascnn.load_data("digits")
    model = kerascnn.create_model("lenet5")
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    images = GREY(np.asarray(data.train.images))
    model.fit(images, np.asarray(data.train.labels), batch_size=64, epochs=8, verbose=0)
    return model, data


def export_digits(
    digits: tuple[keras.Model, Data], out: Path, formats: Sequence[str], **options: Any
) -> list[ExportReport]:
    """Exports the model; the options are those of `ExportOptions`."""
    model, data = digits
    return export(
        model,
        out,
        formats,
        class_names=NAMES,
        preprocessing=GREY,
        samples=list(data.train.images[:64]),
        options=ExportOptions(evaluation=data, **options),
    )
