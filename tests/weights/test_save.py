"""Weights of every row through every format and back: equal to the bit.

The row of the fewest layers in each family runs by default, the others in the long run; all are
narrow, on small images.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import safetensors.numpy

import kerascnn
from kerascnn.models.planning import minimum_size, plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.load import load_weights
from kerascnn.weights.match_names import KERAS_STYLE
from kerascnn.weights.name_maps import layouts, networks
from kerascnn.weights.save import SUFFIXES, load_model, save_weights
from support.plans import entries_of
from support.weight_files.keras_files import keras2_layers, write_keras2, write_keras3
from support.weight_files.other_libraries import (
    as_keras,
    as_torch,
    scrambled,
    values,
)
from support.weight_files.torch_files import state_dict, write_old
from support.weight_loads import (
    resnet,
    same,
    torch_file,
)


@functools.cache
def depth(row: str) -> int:
    return len(entries_of(row))


def rows() -> list[Any]:
    smallest: dict[str, str] = {}
    for row in sorted(list_models(), key=depth):
        smallest.setdefault(model_info(row).family, row)
    return [
        pytest.param(row, marks=() if row in smallest.values() else pytest.mark.long)
        for row in list_models()
    ]


def arguments(row: str) -> dict[str, Any]:
    """Returns what makes a row small: a quarter of its channels, the least image it can take."""
    variant = model_info(row)
    width: dict[str, Any] = {} if variant.family == "lenet" else {"width": 0.25}
    side = max(minimum_size(variant, Request.of(width)), 32)
    return {**width, "input_shape": (side, side, variant.input_shape[2])}


@pytest.fixture(scope="module")
def model(request: pytest.FixtureRequest) -> keras.Model:
    keras.utils.clear_session()
    return kerascnn.create_model(request.param, **arguments(request.param))


@pytest.mark.parametrize("model", rows(), indirect=True)
def test_our_formats(tmp_path: Path, model: keras.Model) -> None:
    """A fresh model, built from the record alone, and the same model with other values."""
    wanted = scrambled(model)
    fresh = load_model(save_weights(model, tmp_path / "x.safetensors"))
    assert same(values(fresh), wanted)
    for suffix in SUFFIXES:
        scrambled(model)
        path = save_weights(model, tmp_path / f"x{suffix}")
        scrambled(fresh, "other ")
        report = load_weights(fresh, path)
        assert same(values(fresh), wanted)
        assert report.verified
        assert report.layout == "kerascnn"
        assert set(report.loaded) == set(wanted)
    scrambled(model, "other ")
    model.load_weights(tmp_path / "x.weights.h5")  # Keras takes it too
    assert same(values(model), wanted)


@pytest.mark.parametrize("model", rows(), indirect=True)
def test_formats_of_others_with_our_names(tmp_path: Path, model: keras.Model) -> None:
    """Keras 2's .h5, weights and whole models; a .keras file; PyTorch's two containers."""
    wanted = scrambled(model)
    layers = keras2_layers(model)
    config = {"class_name": "Functional", "config": {"layers": []}}
    files = [
        write_keras2(tmp_path / "weights.h5", layers),
        write_keras2(tmp_path / "whole.h5", layers, config=config),
        torch_file(tmp_path / "new.pth", wanted),
        write_old(tmp_path / "old.pth", state_dict(wanted)),
    ]
    model.save(tmp_path / "x.keras")
    for path in [*files, tmp_path / "x.keras"]:
        scrambled(model, "other ")
        load_weights(model, path)
        assert same(values(model), wanted), path.name


@pytest.mark.parametrize("model", rows(), indirect=True)
def test_names_of_other_libraries(tmp_path: Path, model: keras.Model) -> None:
    """What a twin would have saved, by each naming that the family has."""
    origin, as_built = kerascnn.provenance(model), model
    assert origin is not None
    variant, request = model_info(origin.name), Request.of(origin.arguments)
    row, layers = variant.columns(request.columns), expected(plan(variant, request))
    for source, layout in layouts(variant.family).items():
        modules = layout(list(layers))
        if set(modules) != set(layers):  # a library that does not have this row
            continue
        columns = networks(variant.family, source, row)[0].columns
        model = as_built
        if any(getattr(row, column) != value for column, value in columns.items()):
            model = kerascnn.create_model(origin.name, **{**origin.arguments, **columns})
        wanted = scrambled(model)
        if source in KERAS_STYLE:
            theirs = as_keras(model)
            paths = [write_keras2(tmp_path / f"{source}.h5", theirs)]
            paths.append(write_keras3(tmp_path / f"{source}.weights.h5", theirs))
        else:
            paths = [torch_file(tmp_path / f"{source}.pth", as_torch(model, source))]
        for path in paths:
            scrambled(model, "other ")
            report = load_weights(model, path)
            result = values(model)
            folded = {entry.name for entry in report.adapted if "epsilon" in entry.how}
            assert set(report.loaded) | folded == set(wanted)
            assert same(
                {name: value for name, value in result.items() if name not in folded},
                {name: value for name, value in wanted.items() if name not in folded},
            )


def test_every_layout_takes_every_row_of_its_family() -> None:
    """An unknown file is compared with all rows, in every naming of their families."""
    for row in list_models():
        variant = model_info(row)
        layers = expected(plan(variant, Request()))
        for source, layout in layouts(variant.family).items():
            modules = layout(list(layers))
            assert set(modules) <= set(layers), (row, source)
            # A separable convolution is two of our layers, and one of Keras.
            parts = [(layers[name].kind, module) for name, module in modules.items()]
            assert len(set(parts)) == len(parts), (row, source)


def test_the_record(tmp_path: Path) -> None:
    """Row, arguments, classes and preprocessing are beside the tensors, each as JSON."""
    model = kerascnn.create_model("lenet5", classes=3)
    path = save_weights(model, tmp_path / "x.safetensors", class_names=["a", "b", "é"])
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    answer = {key: json.loads(v) for key, v in header["__metadata__"].items() if key != "seal"}
    assert answer["row"] == "lenet5"
    assert answer["arguments"] == {"classes": 3}
    assert answer["class_names"] == ["a", "b", "é"]
    assert answer["preprocessing"] == model_info("lenet5").preprocessing.to_json()
    assert set(answer["digests"]) == set(values(model))
    assert (8 + int.from_bytes(data[:8], "little")) % 8 == 0


def test_the_official_library_reads_ours(tmp_path: Path) -> None:
    model = kerascnn.create_model("lenet5")
    wanted = scrambled(model)
    result = safetensors.numpy.load_file(save_weights(model, tmp_path / "x.safetensors"))
    assert same({name: result[name] for name in wanted}, wanted)
    with np.load(save_weights(model, tmp_path / "x.npz")) as file:
        assert same({name: file[name] for name in wanted}, wanted)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_half_precision_variables(tmp_path: Path, suffix: str) -> None:
    image = keras.Input((3,))
    for dtype in ("float16", "bfloat16", "float64"):
        layer = keras.layers.Dense(2, name="fc", dtype=dtype)
        model = keras.Model(image, layer(image))
        wanted = scrambled(model)
        path = save_weights(model, tmp_path / f"x{suffix}")
        scrambled(model, "other ")
        assert load_weights(model, path).verified
        assert same(values(model), wanted)


def test_load_model_builds_what_was_saved(tmp_path: Path) -> None:
    model = resnet()
    for suffix in (".weights.h5", ".safetensors", ".npz"):
        path = save_weights(model, tmp_path / f"x{suffix}")
        result = load_model(path)
        assert same(values(result), values(model))
        assert result.name == "resnet18"
        assert result.input_shape == (None, 32, 32, 3)
