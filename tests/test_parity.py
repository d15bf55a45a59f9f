"""The same weights in another library's network and in ours: the same logits.

The twins' results are stored (tools/make_parity.py), so that this needs no torch and no network.
"""

from __future__ import annotations

import keras
import pytest

from kerascnn.registry import create_model, model_info
from reference import parity, seeded

TOLERANCE = 1e-4


STORED = sorted(path.stem for path in parity.FOLDER.glob("*.npz"))


def rows() -> list[object]:
    """Returns the rows; all but the smallest of each family and library are marked as long."""
    smallest: dict[tuple[str, str], str] = {}
    for key in sorted(STORED, key=lambda key: model_info(parity.row_of(key)).params):
        family = model_info(parity.row_of(key)).family
        smallest.setdefault((family, parity.TWINS[key].library), key)
    return [
        pytest.param(key, marks=[] if key in smallest.values() else pytest.mark.long)
        for key in STORED
    ]


def test_every_twin_has_a_fixture() -> None:
    assert sorted(parity.TWINS) == STORED


@pytest.mark.parametrize("key", rows())
def test_equal_logits(key: str) -> None:
    wanted = parity.fixture(key)
    keras.utils.clear_session()
    model = create_model(
        parity.row_of(key),
        input_shape=wanted.shape[1:],
        classifier_activation=None,
        **parity.TWINS[key].arguments,
    )
    seeded.fill(model, wanted.gain)
    maps = [model.get_layer(name).output for name in wanted.taps]
    tapped = keras.Model(model.inputs[0], [model.outputs[0], *maps])
    logits, *made = tapped(parity.images(wanted.shape), training=False)
    found = parity.difference(logits, made, wanted)
    print(f"{key} | {wanted.twin} | {found.logits:.1e} | {found.taps:.1e}")
    assert found.logits <= TOLERANCE
    assert found.taps <= TOLERANCE
