"""Biases and epsilons of a file that the network's batch norms take in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import kerascnn
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from support import seeded_weights
from support.weight_files.keras_files import write_keras2
from support.weight_files.other_libraries import as_keras, scrambled, values
from support.weight_loads import SMALL, changed, refused, resnet, same, stored


def test_biases_and_epsilon_of_keras_applications(tmp_path: Path) -> None:
    """Its ResNets have biases before each batch norm, and an epsilon of 1.001e-5."""
    model = kerascnn.create_model("resnet50", **{**SMALL, "depth": 0.25})
    before = scrambled(model)
    layers = as_keras(model)
    biases = {}
    for module, tensors in layers.items():
        if f"{module}/kernel" in tensors and module != "predictions":
            count = tensors[f"{module}/kernel"].shape[-1]
            biases[module] = tensors[f"{module}/bias"] = seeded_weights.uniform(
                f"{module} bias", (count,)
            )
    path = write_keras2(tmp_path / "x.h5", layers)
    scrambled(model, "again ")
    report = load_weights(model, path)
    assert report.layout == "keras"
    assert report.unexpected == ()
    result = values(model)
    epsilon = model.get_layer("conv1_bn").epsilon
    # norm(conv + bias) of the file must be norm(conv) of ours, for any result of the convolution.
    x = seeded_weights.uniform("x", (50, 8)).astype(float)
    theirs = (x + biases["conv1_conv"] - before["conv1_bn/moving_mean"]) / np.sqrt(
        before["conv1_bn/moving_variance"].astype(float) + 1.001e-5
    )
    ours = (x - result["conv1_bn/moving_mean"]) / np.sqrt(
        result["conv1_bn/moving_variance"].astype(float) + epsilon
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    hows = {entry.name: entry.how for entry in report.adapted}
    assert hows["conv1_bn/moving_mean"] == "the convolution's bias folded in"
    if epsilon != 1.001e-5:
        assert "folded in" in hows["conv1_bn/moving_variance"]
    kernels = [name for name in before if name.endswith("kernel")]
    assert same({n: result[n] for n in kernels}, {n: before[n] for n in kernels})


def test_a_bias_of_another_size(tmp_path: Path) -> None:
    error = refused(resnet(), changed(tmp_path, conv1__bias=np.ones(9, "f4")))
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert [entry.name for entry in error.report.mismatched] == ["conv1.bias"]


def test_variances_below_the_difference_of_epsilons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's epsilon is 1e-7 and ours 1e-5: a variance of 0 becomes 0, its gamma ten times."""
    from kerascnn.weights.name_maps import resnet as name_map
    from kerascnn.weights.name_maps.layout import SourceNetwork

    monkeypatch.setattr(name_map, "networks", lambda source, row: (SourceNetwork({}, 1e-7),))
    variance = np.asarray([0, 9e-7, 1, 1, 2, 2, 3, 3], "f4")
    model = resnet()
    path = changed(tmp_path, bn1__running_var=variance)
    report = load_weights(model, path)
    result, hows = values(model), {entry.name: entry.how for entry in report.adapted}
    assert result["conv1_bn/moving_variance"][:2].tolist() == [0, 0]
    gamma = stored()["bn1.weight"]
    np.testing.assert_allclose(
        result["conv1_bn/gamma"], gamma * np.asarray([10, 10**0.5, 1, 1, 1, 1, 1, 1]), rtol=1e-6
    )
    x = seeded_weights.uniform("x", (50, 8)).astype(float)
    epsilon = model.get_layer("conv1_bn").epsilon
    np.testing.assert_allclose(
        x * result["conv1_bn/gamma"] / np.sqrt(result["conv1_bn/moving_variance"] + epsilon),
        x * gamma / np.sqrt(variance + 1e-7),
        rtol=1e-5,
    )
    assert hows["conv1_bn/gamma"] == "scaled in 2 channels whose variance is below 9.9e-06"
    assert hows["conv1_bn/moving_variance"] == "epsilon 1e-07 -> 1e-05 folded in"
    assert "stage2_1_conv1_bn/gamma" not in hows


def test_an_epsilon_that_cannot_be_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gamma, nothing makes up for a variance that would be negative."""
    from kerascnn.weights.name_maps import inception as name_map
    from kerascnn.weights.name_maps.layout import SourceNetwork

    model = kerascnn.create_model(
        "inception_v3", width=0.125, depth=0.5, input_shape=(75, 75, 3), classes=10
    )
    scrambled(model)
    monkeypatch.setattr(name_map, "networks", lambda source, row: (SourceNetwork({}, 1e-7),))
    layers = as_keras(model)
    norm = next(
        layer for layer in layers.values() if any("moving_variance" in key for key in layer)
    )
    key = next(key for key in norm if "moving_variance" in key)
    norm[key] = np.zeros_like(norm[key])
    error = refused(model, write_keras2(tmp_path / "x.h5", layers))
    assert isinstance(error, LoadError)
    assert "this batch norm has none" in str(error)
