"""float16 and int8: accuracy, size, and what is refused or left in float32."""

from __future__ import annotations

import keras
import numpy as np
import onnx
import pytest

import kerascnn
from kerascnn.errors import MismatchError, UsageError
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import quantize
from kerascnn.exporting.onnx.int8_channels import align_channels
from kerascnn.exporting.onnx.writer import write_graph
from kerascnn.runtimes.artifact import Artifact
from support.digit_exports import GREY, export_digits
from support.exports import FAMILIES, int8_graph, random_images_for, randomised, small_of_family
from support.onnx_graphs import answers_of, session_of


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    return float((scores.argmax(-1) == labels).mean())


def test_accuracy_and_size_of_every_precision(digits, everything):
    reports = everything[1]
    model, data = digits
    images = GREY(np.asarray(data.test.images))
    labels = np.asarray(data.test.labels)
    wanted = accuracy(model.predict(images, verbose=0), labels)
    assert wanted > 0.9, "the test model reads no digits"
    for name in ("onnx", "onnx-float16", "onnx-int8"):
        (scores,) = session_of(reports[name].path).run(None, {"image": images})
        assert scores.dtype == np.float32
        assert accuracy(scores, labels) >= wanted - 0.005
    result = reports["onnx-int8"]
    assert result.accuracy_before == pytest.approx(wanted, abs=1e-9)
    assert result.accuracy_after >= wanted - 0.005
    # 61,706 parameters of 4, 2 and 1 bytes, and a few kilobytes of graph.
    assert reports["onnx"].bytes == pytest.approx(4 * 61706, rel=0.05)
    assert reports["onnx-float16"].bytes == pytest.approx(2 * 61706, rel=0.1)
    assert reports["onnx-int8"].bytes < 1.6 * 61706
    assert reports["litert"].bytes == pytest.approx(4 * 61706, rel=0.1)
    assert reports["litert-float16"].bytes < 0.6 * reports["litert"].bytes
    assert reports["litert-int8"].bytes < 0.35 * reports["litert"].bytes


def test_int8_is_qdq_and_per_channel(everything):
    model = onnx.load(everything[0] / "model-int8.onnx")
    kinds = [node.op_type for node in model.graph.node]
    assert "QuantizeLinear" in kinds
    assert "DequantizeLinear" in kinds
    assert "ConvInteger" not in kinds
    assert all(entry.domain in ("", "ai.onnx") for entry in model.opset_import)
    weights = {entry.name: entry for entry in model.graph.initializer}
    scales = [
        weights[node.input[1]].dims
        for node in model.graph.node
        if node.op_type == "DequantizeLinear" and node.input[1] in weights
    ]
    assert any(list(dims) == [6] for dims in scales), "the six filters of c1 have a scale each"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("densenet121", {"width": 0.25, "depth": 0.2}),
        ("shufflenet_v2_x0_5", {}),
        ("mobilenet_v3_small", {}),
        ("nasnet_mobile", {"width": 0.25, "depth": 0.25}),
    ],
)
def test_int8_of_batch_norms_that_stay_of_slices_and_of_hard_gates(tmp_path, name, arguments):
    """onnxruntime's preparation breaks a Slice in memory, as nasnet has, and there is neither a
    batch norm nor a hard sigmoid of integers.
    """
    keras.utils.set_random_seed(0)
    model = kerascnn.create_model(
        name, input_shape=(64, 64, 3), classes=7, classifier_activation=None, **arguments
    )
    model = randomised(model)
    generator = np.random.default_rng(0)
    images = generator.normal(size=(24, 64, 64, 3)).astype("float32")
    int8 = int8_graph(model, images[:16], tmp_path / "model.onnx")
    kinds = {node.op_type for node in int8.graph.node}
    assert not {"BatchNormalization", "HardSigmoid", "HardSwish"} & kinds
    stored = {entry.name for entry in int8.graph.initializer}
    assert stored <= {name for node in int8.graph.node for name in node.input}
    onnx.save(int8, tmp_path / "int8.onnx")
    (got,) = session_of(tmp_path / "int8.onnx").run(None, {"image": images[16:]})
    wanted = np.asarray(model(images[16:], training=False))
    assert np.abs(got - wanted).max() < 0.15 * np.ptp(wanted)
    assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > 0.99


def test_int8_that_loses_too_much_is_refused(digits, tmp_path, monkeypatch):
    real = quantize.accuracy

    def worse(run, evaluation):
        result = real(run, evaluation)
        return result - 0.02 if isinstance(run, Artifact) else result

    monkeypatch.setattr(quantize, "accuracy", worse)
    with pytest.raises(MismatchError, match=r"int8 costs .* allowed is 0\.50%"):
        export_digits(digits, tmp_path / "out", ["onnx-int8"])
    assert list(tmp_path.iterdir()) == []
    export_digits(digits, tmp_path / "out", ["onnx-int8"], max_drop=0.1)


def test_what_hurts_is_left_in_float32(digits, tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(
        quantize,
        "accuracy",
        lambda run, _: tried.pop() if isinstance(run, Artifact) else 1.0,
    )
    tried[:] = [1.0, 0.9]  # everything in int8 costs a tenth, the second try nothing
    (report,) = export_digits(digits, tmp_path / "out", ["onnx-int8"])
    assert report.left_out == ["c1", "predictions"]
    model = onnx.load(report.path)
    assert "c1.weight" in {entry.name for entry in model.graph.initializer}


def test_int8_needs_real_images(tmp_path):
    with pytest.raises(UsageError, match="calibrated with real images"):
        export(kerascnn.create_model("lenet5"), tmp_path / "out", ["onnx-int8"])


@pytest.mark.parametrize("calibration", ["entropy", "percentile"])
def test_other_calibrations(digits, tmp_path, calibration):
    (report,) = export_digits(digits, tmp_path / "out", ["onnx-int8"], calibration=calibration)
    assert report.accuracy_after >= report.accuracy_before - 0.005


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_in_int8(family, tmp_path):
    """The zeros that fill up channels change no answer, and integers change little."""
    keras.utils.set_random_seed(0)
    # Of logits: an all but certain softmax hides errors, or makes small ones whole.
    model = small_of_family(family, classifier_activation=None)
    images = random_images_for(model, 12)
    wanted = np.asarray(model(images, training=False))
    ready = prepare(model)
    filled = write_graph(ready, 17)
    align_channels(filled)
    onnx.checker.check_model(filled, full_check=True)
    assert np.abs(answers_of(filled, images) - wanted).max() <= 2e-5 * np.abs(wanted).max()

    int8 = int8_graph(model, images[:8], tmp_path / "model.onnx")
    onnx.checker.check_model(int8, full_check=True)
    got = answers_of(int8, images)
    assert np.sqrt(np.mean((got - wanted) ** 2)) < 0.03 * np.ptp(wanted)
