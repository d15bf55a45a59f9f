"""Files whose tensors have other names: scaled pixels of Keras, foreign names in order."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

import kerascnn
from kerascnn.weights.load import load_weights
from kerascnn.weights.save import save_weights
from support import seeded_weights
from support.weight_files.keras_files import write_keras2, write_keras3
from support.weight_files.other_libraries import as_keras, as_torch, scrambled, values
from support.weight_loads import refused, resnet, same, stored, torch_file, wanted


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
    assert "match='order' loads them" in str(refused(model, path))
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
    assert "fit both in Keras's and in PyTorch's order of axes" in text
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
