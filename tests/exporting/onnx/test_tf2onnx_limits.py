"""What tf2onnx cannot convert is named, by a rule before the conversion or after it."""

from __future__ import annotations

import keras
import pytest

from kerascnn.errors import MismatchError
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import format

layers = keras.layers

INCONVERTIBLE = {
    "Normalization": lambda x: layers.Normalization(mean=[0.4] * 3, variance=[0.2] * 3)(x),
    "Gelu": lambda x: keras.ops.gelu(x, approximate=False),
    "Resizing": lambda x: layers.Resizing(6, 6, antialias=True)(x),
}


@pytest.mark.parametrize("kind", INCONVERTIBLE)
def test_what_onnx_cannot_express_is_named_before_conversion(tmp_path, kind, monkeypatch):
    image = keras.Input((12, 12, 3), name="image")
    x = layers.GlobalAveragePooling2D()(INCONVERTIBLE[kind](image))
    model = keras.Model(image, layers.Dense(4)(x))

    # Still true of the converter? If this fails, the rule of preflight.py can go.
    with pytest.raises(MismatchError, match=r"no operator|constants into inputs"):
        converted = format._through_tf2onnx(prepare(model), ExportOptions())
        format._require_standard(converted, 17)

    monkeypatch.setattr(format, "convert", lambda *_: pytest.fail("conversion started"))
    with pytest.raises(MismatchError, match=rf"ONNX cannot express \w+ \({kind}\): .* use ") as got:
        export(model, tmp_path / "out")
    assert "savedmodel" in str(got.value)
    assert len(str(got.value)) <= 400
    assert list(tmp_path.iterdir()) == []
    (report,) = export(model, tmp_path / "out", ["savedmodel"])
    assert report.top1_agreement == 1


def test_an_operation_that_no_rule_foresees_is_named_too(tmp_path):
    image = keras.Input((6, 6, 3), name="image")
    x = layers.Activation("celu", name="odd_one")(image)
    model = keras.Model(image, layers.Dense(4)(layers.Flatten()(x)))
    with pytest.raises(MismatchError, match=r"no operator for Expm1 \(at .*odd_one"):
        export(model, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
