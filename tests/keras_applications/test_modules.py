"""The names, signatures and submodules are those of keras.applications."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import keras_applications
from kerascnn.keras_applications.modules import contents, further_rows
from kerascnn.models.registry import model_info
from support.tools import load_tool

STUBS: dict[Path, str] = load_tool("keras_applications_stubs").sources()
PUBLIC = [name for name in dir(keras.applications) if not name.startswith("_")]
MODULES = [name for name in PUBLIC if inspect.ismodule(getattr(keras.applications, name))]
FUNCTIONS = [name for name in PUBLIC if name not in MODULES]


def test_has_every_name() -> None:
    assert set(PUBLIC) <= set(dir(keras_applications))
    assert len(FUNCTIONS) > 30
    assert "keras_applications" in dir(kerascnn)
    with pytest.raises(AttributeError, match="no attribute 'ResNet5'"):
        getattr(keras_applications, "ResNet5")  # noqa: B009


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signature(name: str) -> None:
    ours = getattr(keras_applications, name)
    assert inspect.signature(ours) == inspect.signature(getattr(keras.applications, name))
    assert ours.__name__ == name
    assert ours.__doc__


@pytest.mark.parametrize("name", MODULES)
def test_submodule(name: str) -> None:
    theirs = getattr(keras.applications, name)
    ours = importlib.import_module(f"kerascnn.keras_applications.{name}")
    public = {each for each in dir(theirs) if not each.startswith("_")}
    assert public == {each for each in dir(ours) if not each.startswith("_")}
    for each in public:
        signature = inspect.signature(getattr(theirs, each))
        got = inspect.signature(getattr(ours, each))
        assert list(got.parameters) == list(signature.parameters)
        assert [parameter.default for parameter in got.parameters.values()] == [
            parameter.default for parameter in signature.parameters.values()
        ]


@pytest.mark.parametrize("name", ["Xception", "ConvNeXtTiny", "EfficientNetV2B0"])
def test_models_without_a_row_are_those_of_keras(name: str) -> None:
    assert getattr(keras_applications, name) is getattr(keras.applications, name)


def test_every_other_row_has_a_function_and_a_submodule() -> None:
    rows = further_rows()
    assert {"alexnet", "googlenet", "resnet18", "lenet5"} <= set(rows)
    assert not set(rows) & set(MODULES)
    for row in rows:
        module = contents()[row]
        variant = model_info(row)
        assert set(module) == {variant.builder, "preprocess_input", "decode_predictions"}
        parameters = inspect.signature(module[variant.builder]).parameters
        assert list(parameters) == list(inspect.signature(keras.applications.VGG16).parameters)
        assert parameters["weights"].default == ("imagenet" if variant.weights else None)


def test_a_model_of_another_row() -> None:
    from kerascnn.keras_applications.resnet18 import (  # type: ignore[import-not-found, unused-ignore]
        ResNet18,
        decode_predictions,
        preprocess_input,
    )

    model = ResNet18(weights=None, input_shape=(64, 64, 3))
    pixels = np.full((1, 64, 64, 3), 255, np.uint8)
    batch = preprocess_input(pixels)
    np.testing.assert_allclose(batch[0, 0, 0], (1 - 0.485) / 0.229, rtol=1e-2, atol=0.4)
    assert len(decode_predictions(model(batch, training=False))[0]) == 5
    with pytest.raises(ValueError, match="`classes` should be 1000"):
        ResNet18(classes=10)


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((), {"width": 2}, r"VGG16\(\) got an unexpected keyword argument 'width'"),
        ((True,), {"include_top": True}, r"VGG16\(\) multiple values for argument 'include_top'"),
        ((1,) * 9, {}, r"VGG16\(\) too many positional arguments"),
    ],
)
def test_unknown_arguments(arguments: Any, keywords: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        keras_applications.VGG16(*arguments, **keywords)


def test_positional_arguments_have_keras_order() -> None:
    model = keras_applications.MobileNet((32, 32, 3), 0.25, 1, 0.1, False, None)
    assert model.output_shape == (None, 1, 1, 256)


@pytest.mark.parametrize("path", STUBS, ids=lambda path: path.name)
def test_stubs_are_those_of_the_tables(path: Path) -> None:
    assert path.read_text("utf-8") == STUBS[path], "run: make stubs"


def test_there_are_no_other_stubs() -> None:
    assert set(Path(keras_applications.__file__).parent.glob("*.pyi")) == set(STUBS)


def test_the_import_does_not_import_keras() -> None:
    source = (
        "import sys, kerascnn.keras_applications.resnet50 as m\n"
        "from kerascnn.keras_applications import VGG16, alexnet, xception\n"
        "assert m.ResNet50 and xception.preprocess_input\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", source], check=True)
