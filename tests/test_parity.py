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
    for row in sorted(STORED, key=lambda row: model_info(row).params):
        smallest.setdefault((model_info(row).family, parity.TWINS[row].source), row)
    return [
        pytest.param(row, marks=[] if row in smallest.values() else pytest.mark.long)
        for row in STORED
    ]


def test_every_twin_has_a_fixture() -> None:
    assert sorted(parity.TWINS) == STORED


@pytest.mark.parametrize("row", rows())
def test_equal_logits(row: str) -> None:
    wanted = parity.fixture(row)
    keras.utils.clear_session()
    model = create_model(row, input_shape=wanted.shape[1:], classifier_activation=None)
    seeded.fill(model)
    maps = [model.get_layer(name).output for name in wanted.taps]
    tapped = keras.Model(model.inputs[0], [model.outputs[0], *maps])
    logits, *made = tapped(parity.images(wanted.shape), training=False)
    found = parity.difference(logits, made, wanted)
    print(f"{row} | {wanted.twin} | {found.logits:.1e} | {found.taps:.1e}")
    assert found.logits <= TOLERANCE
    assert found.taps <= TOLERANCE
