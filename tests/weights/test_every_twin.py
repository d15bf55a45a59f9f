"""A twin's file in every row whose tensors it fits: the twin's logits, or a refusal.

The logits of the twins are stored (tests/fixtures/parity); docs/checkpoints.md lists the same for
files that the libraries themselves wrote.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import MismatchError
from kerascnn.models.planning import plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.weights import axis_order
from kerascnn.weights.expected_shapes import Expected, expected
from kerascnn.weights.match_names import KERAS_STYLE
from kerascnn.weights.name_maps import layouts, networks
from support import parity, seeded_weights
from support.network_checks import LOGITS_TOLERANCE
from support.weight_files.keras_files import write_keras2
from support.weight_files.other_libraries import as_keras, as_torch
from support.weight_files.torch_files import state_dict, write_zip

STORED = sorted(path.stem for path in parity.FOLDER.glob("*.npz"))
LARGEST = 6_000_000
"""Parameters of the largest network that is tested by default."""


def keys() -> list[Any]:
    """Returns the twins; those of large networks are marked as long."""
    return [
        pytest.param(
            key,
            marks=[] if model_info(parity.row_of(key)).params < LARGEST else pytest.mark.long,
        )
        for key in STORED
    ]


def layers_of(row: str, columns: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Expected]:
    return expected(plan(model_info(row), Request(input_shape=shape, columns=columns)))


def names_and_shapes(row: str, source: str, columns: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """Returns the tensors of a row in a library; None if the row does not take these columns."""
    variant = model_info(row)
    try:
        own = {name: value for name, value in columns.items() if name in variant.own_columns}
        layers = layers_of(row, own, shape)
    except (kerascnn.errors.UsageError, MismatchError):
        return None
    modules = layouts(variant.family).get(source, lambda names: {})(list(layers))
    return {modules.get(name, name): layer.variables for name, layer in layers.items()}


def theirs_epsilon(key: str, source: str) -> float | None:
    """Returns the epsilon of the twin's batch norms."""
    variant, twin = model_info(parity.row_of(key)), parity.TWINS[key]
    for network in networks(variant.family, source, variant.columns(twin.arguments)):
        if all(twin.arguments.get(n, v) == v for n, v in network.columns.items()):
            return network.epsilon
    raise AssertionError(f"no network of {source} has {twin.arguments}")


def write_twin(key: str, folder: Path) -> Path:
    """Writes the seeded weights as the twin's library would have, under the twin's name."""
    twin, fixture = parity.TWINS[key], parity.fixture(key)
    source = twin.layout or twin.library
    model = kerascnn.create_model(
        parity.row_of(key), input_shape=fixture.shape[1:], **twin.arguments
    )
    seeded_weights.fill(model, fixture.gain)
    theirs = theirs_epsilon(key, source)
    for layer in model.layers:
        if theirs is not None and hasattr(layer, "moving_variance"):
            variance = np.asarray(layer.moving_variance)
            changed, _ = axis_order.with_epsilon(variance, layer.epsilon, theirs)
            layer.moving_variance.assign(changed.astype("f4"))
    if source in KERAS_STYLE:
        return write_keras2(folder / f"{twin.name}.h5", as_keras(model))
    return write_zip(folder / f"{twin.name}.pth", state_dict(as_torch(model, source)))


@pytest.mark.parametrize("key", keys())
def test_a_file_gives_the_twins_logits_in_every_row_or_is_refused(key: str, tmp_path: Path) -> None:
    twin, fixture = parity.TWINS[key], parity.fixture(key)
    source, shape = twin.layout or twin.library, fixture.shape[1:]
    keras.utils.clear_session()
    path = write_twin(key, tmp_path)
    own = names_and_shapes(parity.row_of(key), source, twin.arguments, shape)
    rows = [
        row
        for row in list_models()
        if model_info(row).family == model_info(parity.row_of(key)).family
        and names_and_shapes(row, source, twin.arguments, shape) == own
    ]
    assert parity.row_of(key) in rows
    equal = 0
    for row in rows:
        arguments: dict[str, Any] = {"input_shape": shape, "classifier_activation": None}
        models = []
        try:
            models.append(kerascnn.create_model(row, weights=path, **arguments))
        except MismatchError:
            assert row != parity.row_of(key)
        try:
            model = kerascnn.create_model(row, **arguments)
            kerascnn.load_weights(model, path)
            models.append(model)
        except MismatchError:
            pass
        for model in models:
            logits = np.asarray(model(parity.images(fixture.shape), training=False))
            difference = np.abs(logits - fixture.logits).max() / np.abs(fixture.logits).max()
            assert difference <= LOGITS_TOLERANCE, row
            equal += 1
    assert equal > 0
