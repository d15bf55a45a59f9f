"""Heads: which start afresh, are kept, ignored or refused; and what the report says of it."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError, LoadReport
from kerascnn.weights.save import save_weights
from support.weight_files.other_libraries import as_torch, scrambled, values
from support.weight_loads import (
    HEAD,
    SMALL,
    changed,
    refused,
    resnet,
    same,
    torch_file,
    wanted,
    without_head,
)


def check_body(report: LoadReport, model: keras.Model) -> None:
    assert same(without_head(values(model)), without_head(wanted()))
    assert report.skipped == HEAD
    assert report.missing == report.unexpected == ()
    head = sum(values(model)[name].size for name in HEAD)
    total = sum(value.size for value in values(model).values())
    assert report.fraction == pytest.approx(1 - head / total)


def test_a_head_for_other_classes_starts_afresh(tmp_path: Path, seven: keras.Model) -> None:
    before = scrambled(seven)
    drawn = []
    for _ in range(2):
        check_body(load_weights(seven, changed(tmp_path)), seven)
        drawn.append(values(seven)["predictions/kernel"])
        assert np.all(values(seven)["predictions/bias"] == 0)
    assert not np.array_equal(drawn[0], before["predictions/kernel"])
    assert not np.array_equal(drawn[0], drawn[1])


def test_a_head_that_is_kept(tmp_path: Path, seven: keras.Model) -> None:
    before = scrambled(seven)
    check_body(load_weights(seven, changed(tmp_path), head="keep"), seven)
    for name in HEAD:
        assert values(seven)[name].tobytes() == before[name].tobytes()


def test_a_head_that_must_fit(tmp_path: Path, seven: keras.Model) -> None:
    error = refused(seven, changed(tmp_path), head="strict")
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert [entry.name for entry in error.report.mismatched] == list(HEAD)
    error = refused(seven, changed(tmp_path, fc__weight=None, fc__bias=None), head="strict")
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert error.report.missing == HEAD


def test_a_head_in_the_file_alone(tmp_path: Path) -> None:
    model = kerascnn.create_model("resnet18", **SMALL, include_top=False, pooling="avg")
    report = load_weights(model, changed(tmp_path))
    assert same(values(model), without_head(wanted()))
    assert report.ignored == ("fc.weight", "fc.bias")
    assert report.unexpected == ()
    assert report.fraction == 1


def test_a_head_in_the_model_alone(tmp_path: Path, seven: keras.Model) -> None:
    scrambled(seven)
    path = changed(tmp_path, fc__weight=None, fc__bias=None)
    check_body(load_weights(seven, path), seven)


def test_a_body_of_ours_into_a_model_with_a_head(tmp_path: Path) -> None:
    bare = kerascnn.create_model("resnet18", **SMALL, include_top=False)
    scrambled(bare, "other ")
    path = save_weights(bare, tmp_path / "x.weights.h5")
    model = resnet()
    check_body(load_weights(model, path), model)


def test_half_a_head_is_no_head(tmp_path: Path) -> None:
    """A kernel without its bias, or fc6 missing before an fc7 that is there."""
    error = refused(resnet(), changed(tmp_path, fc__bias=None))
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert error.report.missing == ("predictions/bias",)
    small = {"width": 0.0625, "classes": 4, "input_shape": (32, 32, 3)}
    model = kerascnn.create_model("vgg11", **small)
    tensors = as_torch(model, "torchvision")
    for names, skipped in (
        (("classifier.0",), None),
        (("classifier.6",), 2),
        (("classifier.3", "classifier.6"), 4),
        (("classifier.0", "classifier.3", "classifier.6"), 6),
    ):
        left = {key: tensor for key, tensor in tensors.items() if not key.startswith(names)}
        path = torch_file(tmp_path / "x.pth", left)
        if skipped is None:
            error = refused(model, path)
            assert isinstance(error, LoadError)
            assert error.report is not None
            assert error.report.missing == ("fc6/kernel", "fc6/bias")
        else:
            assert len(load_weights(model, path).skipped) == skipped


def test_auxiliary_heads(tmp_path: Path) -> None:
    """GoogLeNet's training heads: ignored where the model has none, afresh where the file has."""
    small = {"width": 0.125, "depth": 0.5, "classes": 4, "input_shape": (96, 96, 3)}
    plain = kerascnn.create_model("googlenet_bn", **small)
    full = kerascnn.create_model("googlenet_bn", **small, auxiliary=True)
    wanted_plain, wanted_full = scrambled(plain), scrambled(full)
    path = torch_file(tmp_path / "full.pth", as_torch(full, "torchvision"))
    report = load_weights(plain, path)
    assert report.unexpected == ()
    assert report.ignored
    assert all(name.startswith("aux") for name in report.ignored)
    assert same(values(plain), wanted_plain)
    path = torch_file(tmp_path / "plain.pth", as_torch(plain, "torchvision"))
    report = load_weights(full, path)
    assert report.missing == ()
    assert report.skipped
    assert all(name.startswith("aux") for name in report.skipped)
    for name in wanted_plain:
        assert values(full)[name].tobytes() == wanted_full[name].tobytes()
