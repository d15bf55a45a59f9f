"""What a file has otherwise than the network: other names, epsilons, biases, scaled pixels."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.save import save_weights
from support import seeded_weights
from support.weight_files.keras_files import write_keras2, write_keras3
from support.weight_files.other_libraries import as_keras, as_torch, scrambled, values
from support.weight_loads import SMALL, changed, refused, resnet, same, stored, torch_file, wanted


def test_the_scaling_of_pixels_inside_a_network_of_keras(tmp_path: Path) -> None:
    """EfficientNet's first layers there; no other tensor without a place is let through."""
    model = kerascnn.create_model(
        "efficientnet_b0", width=0.25, depth=0.3, input_shape=(32, 32, 3), padding="same"
    )
    scrambled(model)
    layers = as_keras(model)
    scale = {f"normalization/{name}": np.ones(3, "f4") for name in ("mean", "variance")}
    layers["normalization"] = {**scale, "normalization/count": np.zeros((), "i8")}
    report = load_weights(model, write_keras3(tmp_path / "x.weights.h5", layers))
    assert report.ignored == tuple(f"normalization/{index}" for index in range(3))
    assert (report.unexpected, report.fraction) == ((), 1.0)
    report = load_weights(model, write_keras2(tmp_path / "x.h5", layers))
    assert set(report.ignored) == set(layers["normalization"])
    layers["batch_normalization"] = {"batch_normalization/gamma": np.ones(3, "f4")}
    error = refused(model, write_keras2(tmp_path / "y.h5", layers))
    assert "unexpected 'batch_normalization/gamma'" in str(error)


def test_foreign_names_in_order(tmp_path: Path) -> None:
    model = resnet()
    # `stored` has torchvision's order, which is ours: stem, blocks, shortcut last, classifier.
    ours = as_torch(model, "torchvision")
    foreign = {f"layers.{number}.w": stored()[name] for number, name in enumerate(ours)}
    path = torch_file(
        tmp_path / "x.pth",
        {k: v for k, v in foreign.items() if v.dtype != np.int64},
    )
    assert "try match='order'" in str(refused(model, path))
    report = load_weights(model, path, match="order")
    assert same(values(model), wanted())
    assert report.layout == "order"
    del foreign["layers.0.w"]
    text = str(refused(model, torch_file(tmp_path / "y.pth", foreign), match="order"))
    assert "cannot be matched in order with resnet18" in text


def network(*sizes: int) -> keras.Model:
    image = keras.Input((sizes[0],))
    x = image
    for number, size in enumerate(sizes[1:]):
        x = keras.layers.Dense(size, name=f"fc{number}", use_bias=False)(x)
    return keras.Model(image, x)


def test_order_that_cannot_be_known(tmp_path: Path) -> None:
    """Square kernels may lie either way; files that sort by name have no order."""
    square = network(3, 3, 3)
    kernels = {"a": seeded_weights.uniform("a", (3, 3)), "b": seeded_weights.uniform("b", (3, 3))}
    np.savez(tmp_path / "x.npz", **kernels)
    text = str(refused(square, tmp_path / "x.npz", match="order"))
    assert "in Keras's and in PyTorch's order of axes alike" in text
    load_weights(square, torch_file(tmp_path / "x.pth", kernels), match="order")
    np.testing.assert_array_equal(values(square)["fc0/kernel"], kernels["a"].T)
    oblong = network(3, 4, 3)
    np.savez(tmp_path / "y.npz", x=np.ones((3, 4)), y=np.ones((4, 3)))
    assert load_weights(oblong, tmp_path / "y.npz", match="order").layout == "order"
    np.savez(tmp_path / "z.npz", x=np.ones((4, 3)), y=np.ones((3, 4)))
    load_weights(oblong, tmp_path / "z.npz", match="order")
    for name in ("x.weights.h5", "x.safetensors"):
        path = save_weights(oblong, tmp_path / name)
        text = str(refused(network(3, 4, 3), path, match="order"))
        assert "sorted by name" in text


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
    found = values(model)
    epsilon = model.get_layer("conv1_bn").epsilon
    # norm(conv + bias) of the file must be norm(conv) of ours, for any result of the convolution.
    x = seeded_weights.uniform("x", (50, 8)).astype(float)
    theirs = (x + biases["conv1_conv"] - before["conv1_bn/moving_mean"]) / np.sqrt(
        before["conv1_bn/moving_variance"].astype(float) + 1.001e-5
    )
    ours = (x - found["conv1_bn/moving_mean"]) / np.sqrt(
        found["conv1_bn/moving_variance"].astype(float) + epsilon
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    hows = {one.name: one.how for one in report.adapted}
    assert hows["conv1_bn/moving_mean"] == "the convolution's bias folded in"
    if epsilon != 1.001e-5:
        assert "folded in" in hows["conv1_bn/moving_variance"]
    kernels = [name for name in before if name.endswith("kernel")]
    assert same({n: found[n] for n in kernels}, {n: before[n] for n in kernels})


def test_a_bias_of_another_size(tmp_path: Path) -> None:
    error = refused(resnet(), changed(tmp_path, conv1__bias=np.ones(9, "f4")))
    assert isinstance(error, LoadError)
    assert error.report is not None
    assert [one.name for one in error.report.mismatched] == ["conv1.bias"]


def test_variances_below_the_difference_of_epsilons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file's epsilon is 1e-7 and ours 1e-5: a variance of 0 becomes 0, its gamma ten times."""
    from kerascnn.weights.name_maps import resnet as layout

    monkeypatch.setitem(layout.EPSILONS, "torchvision", 1e-7)
    variance = np.asarray([0, 9e-7, 1, 1, 2, 2, 3, 3], "f4")
    model = resnet()
    path = changed(tmp_path, bn1__running_var=variance)
    report = load_weights(model, path)
    found, hows = values(model), {one.name: one.how for one in report.adapted}
    assert found["conv1_bn/moving_variance"][:2].tolist() == [0, 0]
    gamma = stored()["bn1.weight"]
    np.testing.assert_allclose(
        found["conv1_bn/gamma"], gamma * np.asarray([10, 10**0.5, 1, 1, 1, 1, 1, 1]), rtol=1e-6
    )
    x = seeded_weights.uniform("x", (50, 8)).astype(float)
    epsilon = model.get_layer("conv1_bn").epsilon
    np.testing.assert_allclose(
        x * found["conv1_bn/gamma"] / np.sqrt(found["conv1_bn/moving_variance"] + epsilon),
        x * gamma / np.sqrt(variance + 1e-7),
        rtol=1e-5,
    )
    assert hows["conv1_bn/gamma"] == "scaled in 2 channels whose variance is below 9.9e-06"
    assert hows["conv1_bn/moving_variance"] == "epsilon 1e-07 -> 1e-05 folded in"
    assert "stage2_1_conv1_bn/gamma" not in hows


def test_an_epsilon_that_cannot_be_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a gamma, nothing makes up for a variance that would be negative."""
    from kerascnn.weights.name_maps import inception as layout

    model = kerascnn.create_model(
        "inception_v3", width=0.125, depth=0.5, input_shape=(75, 75, 3), classes=10
    )
    scrambled(model)
    monkeypatch.setattr(layout, "EPSILONS", {"keras": 1e-7}, raising=False)
    layers = as_keras(model)
    norm = next(one for one in layers.values() if any("moving_variance" in key for key in one))
    key = next(key for key in norm if "moving_variance" in key)
    norm[key] = np.zeros_like(norm[key])
    error = refused(model, write_keras2(tmp_path / "x.h5", layers))
    assert isinstance(error, LoadError)
    assert "this batch norm has none" in str(error)
