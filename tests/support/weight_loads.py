"""What the tests of `load_weights` share: a small network, a file for it, and a strict refusal."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import KerasCNNError
from kerascnn.weights.load import load_weights
from support.weight_files.other_libraries import as_torch, scrambled, values
from support.weight_files.torch_files import state_dict, write_zip

HEAD = ("predictions/kernel", "predictions/bias")
"""The variables of the classifier."""

SMALL: dict[str, Any] = {"width": 0.125, "depth": 0.5, "input_shape": (32, 32, 3), "classes": 10}
"""A ResNet-18 of four blocks and 62 variables."""


@functools.cache
def _built() -> keras.Model:
    return kerascnn.create_model("resnet18", **SMALL)


def resnet() -> keras.Model:
    """Returns the network with known values, always the same object."""
    scrambled(_built())
    return _built()


@functools.cache
def wanted() -> dict[str, np.ndarray]:
    """Returns other values for it."""
    return scrambled(_built(), "other ")


@functools.cache
def stored() -> dict[str, np.ndarray]:
    """Returns these under torchvision's names."""
    scrambled(_built(), "other ")
    return as_torch(_built(), "torchvision")


def torch_file(path: Path, tensors: dict[str, np.ndarray]) -> Path:
    """Writes a state dict."""
    return write_zip(path, state_dict(tensors))


def changed(folder: Path, **tensors: np.ndarray | None) -> Path:
    """Writes `stored` with some tensors replaced, "__" for a point; None takes one out."""
    built = dict(stored())
    for name, array in tensors.items():
        key = name.replace("__", ".")
        if array is None:
            del built[key]
        else:
            built[key] = array
    return torch_file(folder / "changed.pth", built)


def without_head(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the tensors that are not the classifier's."""
    return {name: values for name, values in tensors.items() if name not in HEAD}


def same(result: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> bool:
    """Returns whether all values are equal to the bit."""
    return list(result) == list(expected) and all(
        result[name].tobytes() == value.tobytes() for name, value in expected.items()
    )


class Unchanged:
    """Fails unless every variable of a model is what it was, to the bit."""

    def __init__(self, model: keras.Model) -> None:
        self.model, self.before = model, values(model)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        assert same(values(self.model), self.before)


def refused(model: keras.Model, path: Path, **options: Any) -> KerasCNNError:
    """Loads a file that must be refused; returns the error, its message checked."""
    with Unchanged(model), pytest.raises(KerasCNNError) as caught:
        load_weights(model, path, **options)
    text = str(caught.value)
    assert len(text) <= 400
    assert "\n" not in text
    return caught.value
