"""Preprocessing inside an ONNX file, beside ours."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.exporter import export
from kerascnn.exporting.verify_export import verify
from kerascnn.imaging.preprocessing import Preprocessing
from support.onnx_graphs import session_of


@pytest.mark.parametrize("fit", ["crop", "resize", "none"])
def test_preprocessing_inside_onnx(tmp_path, fit):
    preprocessing = Preprocessing(
        size=(32, 32),
        fit=fit,
        resize=40 if fit == "crop" else None,
        channels="bgr",
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.3, 0.25),
    )
    model = kerascnn.create_model(
        "resnet20_cifar", classes=4, input_shape=(32, 32, 3), classifier_activation=None
    )
    (report,) = export(
        model,
        tmp_path / "out",
        ["onnx"],
        preprocessing=preprocessing,
        options=ExportOptions(preprocess=True, opset=18),
    )
    running = session_of(report.path)
    assert running.get_inputs()[0].type == "tensor(uint8)"
    small = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype("uint8")
    size = (32, 32) if fit == "none" else (71, 50)
    image = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    (got,) = running.run(None, {"image": image[None]})
    wanted = np.asarray(model(preprocessing(image[None]), training=False))
    assert np.abs(got - wanted).max() < 2e-2 * np.abs(wanted).max()
    assert [report.top1_agreement for report in verify(tmp_path / "out")] == [1]
    if fit != "none":
        with pytest.raises(UsageError, match="opset 18"):
            export(
                model,
                tmp_path / "two",
                ["onnx"],
                preprocessing=preprocessing,
                options=ExportOptions(preprocess=True),
            )
