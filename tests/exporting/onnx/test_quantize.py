"""Artifacts of lower precision, LiteRT, preprocessing inside, encoded images, and `verify`."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import shutil
import socket
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import kerascnn
from kerascnn.cli import main
from kerascnn.errors import DamagedFileError, MismatchError, UsageError
from kerascnn.exporting.common.equivalence import Reference
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import quantize
from kerascnn.exporting.onnx.writer import write_graph
from kerascnn.exporting.verify_export import verify
from kerascnn.imaging.preprocessing import Preprocessing
from support.exports import randomised

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnx
import onnxruntime

GREY = Preprocessing(size=(32, 32), fit="resize", channels="grey")
NAMES = [f"digit {n}" for n in range(10)]


@pytest.fixture(scope="module")
def digits():
    """A LeNet-5 that reads digits, and the digits."""
    data = kerascnn.load_data("digits")
    model = kerascnn.create_model("lenet5")
    keras.utils.set_random_seed(0)
    model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy")
    images = GREY(np.asarray(data.train.images))
    model.fit(images, np.asarray(data.train.labels), batch_size=64, epochs=8, verbose=0)
    return model, data


def exported(digits, out: Path, formats, **options):
    model, data = digits
    return export(
        model,
        out,
        formats,
        class_names=NAMES,
        preprocessing=GREY,
        samples=list(data.train.images[:64]),
        options=ExportOptions(evaluation=data, **options),
    )


def session(path: Path) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def accuracy(scores: np.ndarray, labels: np.ndarray) -> float:
    return float((scores.argmax(-1) == labels).mean())


@pytest.fixture(scope="module")
def everything(digits, tmp_path_factory):
    out = tmp_path_factory.mktemp("precision") / "out"
    formats = [
        "savedmodel", "onnx", "onnx-float16", "onnx-int8",
        "litert", "litert-float16", "litert-dynamic", "litert-int8",
    ]  # fmt: skip
    reports = exported(digits, out, formats, image_bytes=True)
    return out, {report.format: report for report in reports}


def test_accuracy_and_size_of_every_precision(digits, everything):
    reports = everything[1]
    model, data = digits
    images = GREY(np.asarray(data.test.images))
    labels = np.asarray(data.test.labels)
    wanted = accuracy(model.predict(images, verbose=0), labels)
    assert wanted > 0.9, "the test model reads no digits"
    for name in ("onnx", "onnx-float16", "onnx-int8"):
        (scores,) = session(reports[name].path).run(None, {"image": images})
        assert scores.dtype == np.float32
        assert accuracy(scores, labels) >= wanted - 0.005
    found = reports["onnx-int8"]
    assert found.accuracy_before == pytest.approx(wanted, abs=1e-9)
    assert found.accuracy_after >= wanted - 0.005
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
    ready = prepare(model)
    described = {"input": {"layout": "nhwc"}}
    nothing = Reference(0, (), (), None)
    job = Job(ready, described, ExportOptions(), None, nothing, tuple(images[:16]), (), "int8")
    made, _ = quantize.lowered(write_graph(ready, 17), job, tmp_path / "model.onnx")
    kinds = {node.op_type for node in made.graph.node}
    assert not {"BatchNormalization", "HardSigmoid", "HardSwish"} & kinds
    stored = {entry.name for entry in made.graph.initializer}
    assert stored <= {name for node in made.graph.node for name in node.input}
    onnx.save(made, tmp_path / "int8.onnx")
    (got,) = session(tmp_path / "int8.onnx").run(None, {"image": images[16:]})
    wanted = np.asarray(model(images[16:], training=False))
    assert np.abs(got - wanted).max() < 0.15 * np.ptp(wanted)
    assert np.corrcoef(got.ravel(), wanted.ravel())[0, 1] > 0.99


def test_int8_that_loses_too_much_is_refused(digits, tmp_path, monkeypatch):
    real = quantize.accuracy

    def worse(run, evaluation):
        found = real(run, evaluation)
        return found if run.__name__ == "<lambda>" else found - 0.02

    monkeypatch.setattr(quantize, "accuracy", worse)
    with pytest.raises(MismatchError, match=r"int8 costs .* allowed is 0\.50%"):
        exported(digits, tmp_path / "out", ["onnx-int8"])
    assert list(tmp_path.iterdir()) == []
    exported(digits, tmp_path / "out", ["onnx-int8"], max_drop=0.1)


def test_what_hurts_is_left_in_float32(digits, tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(
        quantize,
        "accuracy",
        lambda run, _: 1.0 if run.__name__ == "<lambda>" else tried.pop(),
    )
    tried[:] = [1.0, 0.9]  # everything in int8 costs a tenth, the second try nothing
    (report,) = exported(digits, tmp_path / "out", ["onnx-int8"])
    assert report.left_out == ["c1", "predictions"]
    model = onnx.load(report.path)
    assert "c1.weight" in {entry.name for entry in model.graph.initializer}


def test_int8_needs_real_images(tmp_path):
    with pytest.raises(UsageError, match="calibrated with real images"):
        export(kerascnn.create_model("lenet5"), tmp_path / "out", ["onnx-int8"])


@pytest.mark.parametrize("calibration", ["entropy", "percentile"])
def test_other_calibrations(digits, tmp_path, calibration):
    (report,) = exported(digits, tmp_path / "out", ["onnx-int8"], calibration=calibration)
    assert report.accuracy_after >= report.accuracy_before - 0.005


def test_litert_in_its_interpreter(digits, everything):
    model, data = digits
    images = GREY(np.asarray(data.test.images[:5]))
    interpreter = tf.lite.Interpreter(str(everything[0] / "model.tflite"))
    runner = interpreter.get_signature_runner("serving_default")
    got = runner(image=images)["predictions"]
    assert np.abs(got - model.predict(images, verbose=0)).max() < 1e-5
    with zipfile.ZipFile(everything[0] / "model.tflite") as archive:
        stored = json.loads(archive.read("kerascnn.json"))
    assert stored["class_names"] == NAMES
    whole = tf.lite.Interpreter(str(everything[0] / "model-int8.tflite"))
    assert whole.get_input_details()[0]["dtype"] == np.int8


def test_encoded_images(digits, everything):
    model, data = digits
    picture = np.asarray(data.test.images[7])
    files = []
    for image in (picture, np.asarray(data.test.images[8])):
        stream = io.BytesIO()
        Image.fromarray(image.squeeze()).save(stream, "PNG")
        files.append(stream.getvalue())
    loaded = tf.saved_model.load(str(everything[0] / "savedmodel"))
    got = loaded.signatures["serving_bytes"](image_bytes=tf.constant(files))
    assert got["classes"].shape == (2, 5)
    wanted = model.predict(GREY(np.asarray(data.test.images[7:9])), verbose=0)
    names = [[name.decode() for name in row] for row in got["classes"].numpy()]
    assert [row[0] for row in names] == [NAMES[index] for index in wanted.argmax(-1)]
    # Pillow resizes with whole numbers.
    assert np.abs(got["scores"].numpy()[:, 0] - wanted.max(-1)).max() < 2e-2


@pytest.mark.parametrize("fit", ["crop", "pad", "resize"])
@pytest.mark.parametrize("sides", [(50, 71), (31, 24), (32, 32)])
def test_tensorflow_prepares_as_pillow(fit, sides):
    from kerascnn.exporting.savedmodel_bytes import _prepared

    resize = {"crop": 40, "pad": 28, "resize": None}[fit]
    preprocessing = Preprocessing(
        size=(32, 32), fit=fit, resize=resize, channels="bgr", mean=(0.1, 0.2, 0.3), pad_value=9
    )
    small = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype("uint8")
    image = np.asarray(Image.fromarray(small).resize(sides[::-1], Image.Resampling.BICUBIC))
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    got = _prepared(tf.constant(stream.getvalue()), preprocessing).numpy()
    assert np.abs(got - preprocessing(image)).max() < 3 / 255


@pytest.mark.parametrize("fit", ["crop", "resize", "none"])
def test_preprocessing_inside_onnx(tmp_path, fit):
    preprocessing = Preprocessing(
        size=(32, 32),
        fit=fit,
        resize=40 if fit == "crop" else None,
        channels="bgr",
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.3, 0.25),
    )
    model = kerascnn.create_model(
        "resnet20_cifar", classes=4, input_shape=(32, 32, 3), classifier_activation=None
    )
    (report,) = export(
        model,
        tmp_path / "out",
        ["onnx"],
        preprocessing=preprocessing,
        options=ExportOptions(preprocess=True, opset=18),
    )
    running = session(report.path)
    assert running.get_inputs()[0].type == "tensor(uint8)"
    small = np.random.default_rng(0).integers(0, 256, (6, 7, 3)).astype("uint8")
    size = (32, 32) if fit == "none" else (71, 50)
    image = np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))
    (got,) = running.run(None, {"image": image[None]})
    wanted = np.asarray(model(preprocessing(image[None]), training=False))
    assert np.abs(got - wanted).max() < 2e-2 * np.abs(wanted).max()
    assert [one.top1_agreement for one in verify(tmp_path / "out")] == [1]
    if fit != "none":
        with pytest.raises(UsageError, match="opset 18"):
            export(
                model,
                tmp_path / "two",
                ["onnx"],
                preprocessing=preprocessing,
                options=ExportOptions(preprocess=True),
            )


def test_wrong_options():
    with pytest.raises(UsageError, match="opset"):
        ExportOptions(opset=12)
    with pytest.raises(UsageError, match="layout"):
        ExportOptions(layout="chwn")
    with pytest.raises(UsageError, match="max_drop"):
        ExportOptions(max_drop=2)


def test_verify_finds_every_changed_byte(everything, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(everything[0], out)
    assert [one.difference is None for one in verify(out)] == [True] + [False] * 7
    assert verify(out, trust=True)[0].top1_agreement == 1
    generator = np.random.default_rng(0)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    for path in files:
        content = path.read_bytes()
        for place in {0, len(content) - 1, *generator.integers(0, len(content), 20).tolist()}:
            changed = bytearray(content)
            changed[place] ^= 1 << int(generator.integers(8))
            path.write_bytes(changed)
            with pytest.raises(DamagedFileError):
                from kerascnn.exporting.verify_export import check_manifest

                check_manifest(out)
                # A changed digit of the version in the manifest is no file's content.
                assert path.name == "manifest.json"
                raise DamagedFileError("the manifest's own words")
        path.write_bytes(content)
    verify(out)


def test_verify_finds_missing_and_added_files(everything, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(everything[0], out)
    (out / "extra.txt").write_text("x")
    (out / "model.onnx").unlink()
    assert main(["verify", str(out)]) == 4
    error = capsys.readouterr().err
    assert "model.onnx is missing" in error
    assert "extra.txt was added" in error
    assert main(["verify", str(tmp_path)]) == 4
    assert "was not written by" in capsys.readouterr().err


def test_no_trace_of_the_machine_in_any_format(everything):
    telling = [str(everything[0].parent), str(Path.cwd()), str(Path.home()), "site-packages"]
    telling.append(os.path.dirname(keras.__file__))
    if len(socket.gethostname()) > 5:  # a shorter one stands in any file's weights by chance
        telling.append(socket.gethostname())
    for path in everything[0].rglob("*"):
        if path.is_file():
            for word in telling:
                assert word.encode() not in path.read_bytes(), f"{word} in {path.name}"


def test_openvino_is_asked_for_by_name(tmp_path):
    model = kerascnn.create_model("lenet5")
    if importlib.util.find_spec("openvino") is None:
        with pytest.raises(UsageError, match=r"kerascnn\[deploy\]"):
            export(model, tmp_path / "out", ["openvino"])
        return
    (report,) = export(model, tmp_path / "out", ["openvino"], class_names=NAMES)
    assert report.relative < 1e-4
    (found,) = verify(tmp_path / "out")
    assert found.top1_agreement == 1
