"""Our reader of Keras's HDF5 files beside Keras itself, and beside files as Keras 2 wrote them."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import ml_dtypes
import numpy as np
import pytest

from kerascnn.errors import FormatError
from kerascnn.weights.formats.checkpoint import open_checkpoint
from support.weight_files.keras_files import write_keras2
from support.weight_files.reading import assert_same_tensors, tensors_of


def small() -> keras.Model:
    image = keras.Input((5, 5, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Dropout(0.5, seed=1)(x)
    x = keras.layers.RandomFlip(seed=2)(x)
    x = keras.layers.Flatten()(x)
    return keras.Model(image, keras.layers.Dense(2, name="fc")(x))


def test_files_of_keras(tmp_path: Path) -> None:
    """Weights, with an optimizer's beside them; a whole model in both containers."""
    model = small()
    model.compile("adam", "mse")
    model.fit(np.ones((2, 5, 5, 3)), np.ones((2, 2)), verbose=0)
    model.save_weights(tmp_path / "x.weights.h5")
    model.save(tmp_path / "x.keras")
    model.save(tmp_path / "x.h5")
    named = {
        f"{variable.path.split('/')[-2]}/{variable.name}": np.asarray(variable)
        for variable in model.weights
    }
    assert_same_tensors(tensors_of(tmp_path / "x.h5"), named)
    numbered = {}
    for name, values in named.items():
        layer = name.split("/")[0]
        index = sum(name.startswith(f"{layer}/") for name in numbered)
        numbered[f"{layer}/{index}"] = values
    assert_same_tensors(tensors_of(tmp_path / "x.weights.h5"), numbered)
    assert_same_tensors(tensors_of(tmp_path / "x.keras"), numbered)


def test_bfloat16_of_keras(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2, name="fc", dtype="bfloat16")]
    )
    model.save_weights(tmp_path / "x.weights.h5")
    model.save(tmp_path / "x.h5")
    kernel = np.asarray(model.get_layer("fc").kernel)
    for name, key in (("x.weights.h5", "fc/0"), ("x.h5", "fc/kernel")):
        with open_checkpoint(tmp_path / name) as checkpoint:
            assert checkpoint.tensors[key].dtype == "bfloat16"
            np.testing.assert_array_equal(checkpoint.raw(key).view(ml_dtypes.bfloat16), kernel)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("limit", [64512, 100])
@pytest.mark.parametrize("suffix", [":0", ""])
def test_files_of_keras_2(tmp_path: Path, whole: bool, limit: int, suffix: str) -> None:
    """Names in lists, split when they are long; layers without weights; models as layers."""
    layers = {
        "conv1": {"conv1/kernel": np.ones((3, 3, 1, 2), "f4"), "conv1/bias": np.zeros(2, "f4")},
        "flatten": {},
        # A name scope that was taken twice: the layer's name counts.
        "fc": {"fc_1/kernel": np.ones((2, 2), "f4"), "fc_1/bias": np.ones(2, "f4")},
        "backbone": {
            "stem/kernel": np.full((1, 1), 3.0),
            "norm/gamma": np.full(1, 4.0),
            "outer/norm2/gamma": np.full(1, 5.0),
        },
        **{f"block{number}": {f"block{number}/kernel": np.ones(1)} for number in range(20)},
    }
    config = {"class_name": "Functional", "config": {"name": "m", "layers": []}} if whole else None
    path = write_keras2(tmp_path / "x.h5", layers, config=config, limit=limit, suffix=suffix)
    with open_checkpoint(path) as checkpoint:
        assert checkpoint.contents.kind == "keras h5"
        assert list(checkpoint.tensors)[:4] == [
            "conv1/kernel",
            "conv1/bias",
            "fc/kernel",
            "fc/bias",
        ]
    result = tensors_of(path)
    assert result["stem/kernel"] == 3
    assert result["norm/gamma"] == 4
    assert result["norm2/gamma"] == 5
    assert len(result) == 4 + 3 + 20


def test_layers_of_one_name_in_two_inner_models(tmp_path: Path) -> None:
    layers = {
        "a": {"x/kernel": np.ones(1), "y/kernel": np.ones(1)},
        "b": {"x/kernel": np.ones(1), "z/kernel": np.ones(1)},
        "fc": {"fc/kernel": np.ones(1)},
    }
    with open_checkpoint(write_keras2(tmp_path / "x.h5", layers)) as checkpoint:
        assert list(checkpoint.tensors) == [
            "a/x/kernel", "a/y/kernel", "b/x/kernel", "b/z/kernel", "fc/kernel",
        ]  # fmt: skip
        assert checkpoint.contents.outer == ("fc/kernel",)


def test_names_with_slashes_in_an_inner_model(tmp_path: Path) -> None:
    inner = {f"{layer}/kernel": np.ones(1) for layer in ("Conv", "Conv/bn", "block/bn")}
    path = write_keras2(tmp_path / "x.h5", {"inner": inner, "fc": {"fc/kernel": np.ones(1)}})
    assert list(tensors_of(path)) == [*inner, "fc/kernel"]


def test_two_inner_models_of_keras_3(tmp_path: Path) -> None:
    image = keras.Input((5, 5, 3))
    left, right = (keras.Sequential([keras.Input((5, 5, 3)), keras.layers.Conv2D(2, 3, name="c")],
                                    name=name) for name in ("left", "right"))  # fmt: skip
    both = keras.layers.Concatenate()([left(image), right(image)])
    model = keras.Model(image, keras.layers.Conv2D(1, 1, name="last")(both))
    model.save_weights(tmp_path / "x.weights.h5")
    with open_checkpoint(tmp_path / "x.weights.h5") as checkpoint:
        assert set(checkpoint.tensors) == {
            "left/c/0", "left/c/1", "right/c/0", "right/c/1", "last/0", "last/1",
        }  # fmt: skip
        assert checkpoint.contents.outer == ("last/0", "last/1")


def test_hdf5_that_is_no_file_of_weights(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = np.zeros((2, 2))
    with pytest.raises(FormatError, match="not a file of weights that Keras wrote"):
        tensors_of(tmp_path / "x.h5")
