"""Checkpoints with the names of transformers and timm give the outputs of these libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerascnn
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from support.weight_files.named_networks import SIDES, checkpoint, pixels
from support.weight_loads import torch_file

BACKBONE: dict[str, Any] = {"include_top": False, "pooling": "avg"}
CASES: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    # fixture -> row, arguments, source, the columns that the file needs
    "resnet50": ("resnet50", {"width": 0.125, "depth": 0.25}, "huggingface", {"stride_in": "3x3"}),
    "resnet50_backbone": (
        "resnet50_v1_5", {"width": 0.125, "depth": 0.25, **BACKBONE}, "huggingface_backbone", {},
    ),
    "resnet18": ("resnet18", {"width": 0.125, "depth": 0.5}, "huggingface", {}),
    "mobilenet_v1": ("mobilenet_v1", {"width": 0.25}, "huggingface", {"padding": "same"}),
    "mobilenet_v2": ("mobilenet_v2", {"width": 0.35}, "huggingface", {"padding": "same"}),
    "efficientnet": ("efficientnet_b0", {"width": 0.5}, "huggingface", {"padding": "same"}),
    "nasnet": ("nasnet_large", {"width": 8 / 168}, "timm", {"border_maximum": False}),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_checkpoint_gives_its_librarys_outputs(name: str, tmp_path: Path) -> None:
    row, arguments, source, columns = CASES[name]
    tensors, outputs = checkpoint(name)
    path = torch_file(tmp_path / "pytorch_model.bin", tensors)
    side = SIDES.get(name, 64)
    build: dict[str, Any] = {"input_shape": (side, side, 3), **arguments}
    if "include_top" not in arguments:
        build |= {"classes": 5, "classifier_activation": None}
    model = kerascnn.create_model(row, weights=path, **build)
    report = model.kerascnn_load_report
    assert (report.layout, report.fraction, report.unexpected) == (source, 1.0, ())
    ours = np.asarray(model(pixels(name), training=False))
    assert np.abs(ours - outputs).max() < 1e-4 * np.abs(outputs).max()
    if columns:  # the row's own columns compute something else
        with pytest.raises(LoadError, match=str(next(iter(columns)))):
            load_weights(kerascnn.create_model(row, **build), path)
