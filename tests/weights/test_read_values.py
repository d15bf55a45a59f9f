"""Values of every type: what is rounded, what is refused, and what is no number."""

from __future__ import annotations

from pathlib import Path

import keras
import ml_dtypes
import numpy as np
import pytest

from kerascnn.errors import DamagedFileError
from kerascnn.weights.load import load_weights
from kerascnn.weights.load_report import LoadError
from support.weight_files.other_libraries import scrambled
from support.weight_files.torch_files import state_dict, write_zip
from support.weight_loads import changed, refused, resnet, stored


@pytest.fixture
def model() -> keras.Model:
    return resnet()


FLOATS = {"float16", "bfloat16", "float32", "float64"}
TYPES = [
    *sorted(FLOATS), "int8", "int16", "int32", "int64", "uint8", "uint16", "bool", "complex64",
]  # fmt: skip


def numpy_type(name: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


@pytest.mark.parametrize("target", ["float16", "bfloat16", "float32"])
def test_types(tmp_path: Path, target: str) -> None:
    """Floats are rounded to nearest, everything else is refused: nothing is cast in silence."""
    image = keras.Input((3,))
    model = keras.Model(image, keras.layers.Dense(2, name="fc", dtype=target)(image))
    exact = np.array([[0.1, -2.0], [1 / 3, 4096.5], [1e-3, 6.0]])
    for kind in TYPES:
        scrambled(model)
        kernel = exact.astype(numpy_type(kind))
        tensors = {"fc/kernel": kernel, "fc/bias": np.zeros(2, "f4")}
        path = tmp_path / f"{kind}.npz"
        if kind == "bfloat16":
            write_zip(path.with_suffix(".pth"), state_dict(tensors))
            path = path.with_suffix(".pth")
        else:
            np.savez(path, **tensors)
        if kind in FLOATS:
            report = load_weights(model, path)
            assert report.fraction == 1
            result = np.asarray(model.get_layer("fc").kernel)
            assert result.dtype == numpy_type(target)
            once = kernel.astype(numpy_type(target))
            np.testing.assert_array_equal(result.astype(float), once.astype(float))
        elif kind == "complex64":
            assert isinstance(refused(model, path), DamagedFileError)
        else:
            error = refused(model, path)
            assert isinstance(error, LoadError)
            assert f"is of {kind}, not of floats" in str(error)


def test_values_that_a_variable_cannot_hold(tmp_path: Path) -> None:
    image = keras.Input((3,))
    for dtype, value in (("float32", 1e300), ("float16", 7e4), ("bfloat16", 3.4e38)):
        model = keras.Model(image, keras.layers.Dense(2, name="fc", dtype=dtype)(image))
        kernel = np.ones((3, 2))
        kernel[1, 1] = value
        np.savez(tmp_path / "x.npz", **{"fc/kernel": kernel, "fc/bias": np.zeros(2)})
        error = refused(model, tmp_path / "x.npz")
        assert isinstance(error, LoadError)
        assert f"1 values that are too large for {dtype}, the first at index 3" in str(error)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite(tmp_path: Path, model: keras.Model, value: float) -> None:
    kernel = stored()["layer1.0.conv1.weight"].copy()
    kernel.flat[[5, 9]] = value
    error = refused(model, changed(tmp_path, layer1__0__conv1__weight=kernel))
    assert isinstance(error, DamagedFileError)
    assert "'layer1.0.conv1.weight' has 2 values that are not finite, the first at index 5" in str(
        error
    )


def test_a_negative_variance(tmp_path: Path, model: keras.Model) -> None:
    variance = stored()["bn1.running_var"].copy()
    variance[2] = -1e-3
    error = refused(model, changed(tmp_path, bn1__running_var=variance))
    assert isinstance(error, DamagedFileError)
    assert "'bn1.running_var' has a negative variance" in str(error)
