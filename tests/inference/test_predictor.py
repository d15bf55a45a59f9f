"""Predictor: equal to NumPy in every runtime, for images of every kind."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.errors import DamagedFileError, MismatchError, UnsafeFileError, UsageError
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.inference.predictor import Predictor
from kerascnn.runtimes import available, openvino, telemetry
from support.direct_classifier import FACTORS, NAMES, PIXELS, softmax, write_onnx
from support.images import png

HAVE = [name for name in ("onnxruntime", "openvino") if importlib.util.find_spec(name)]
needs_openvino = pytest.mark.skipif("openvino" not in HAVE, reason="OpenVINO is an extra")


@pytest.mark.parametrize("runtime", HAVE)
@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_every_runtime_gives_what_numpy_does(runtime, layout, dtype, pixels, tmp_path):
    path = write_onnx(tmp_path / "model.onnx", layout=layout, dtype=dtype)
    predictor = Predictor(path, runtime=runtime, batch_size=7, precision="float32")
    got = predictor(pixels, top=4)
    assert len(got) == 40
    for prediction, image in zip(got, pixels, strict=True):
        expected = softmax(image)
        order = np.argsort(-expected, kind="stable")
        np.testing.assert_allclose(prediction.scores, expected[order], rtol=2e-5)
        assert prediction.labels == tuple(NAMES[index] for index in prediction.indices)
    assert predictor.info.runtime == runtime
    assert predictor.info.precision == "float32"


def test_every_kind_of_image_and_their_order(pixels, tmp_path):
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), precision="float32", batch_size=3)
    image = pixels[0]
    (tmp_path / "one.png").write_bytes(png(image))
    kinds = [tmp_path / "one.png", png(image), Image.fromarray(image), image, image / 255.0]
    kinds += [png(other) for other in pixels[1:9]]
    got = predictor(kinds)
    for prediction in got[:5]:
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(image))[::-1], rtol=2e-5)
    for prediction, other in zip(got[5:], pixels[1:9], strict=True):
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(other))[::-1], rtol=2e-5)
    assert [prediction.source for prediction in got[:4]] == [
        str(tmp_path / "one.png"), "bytes[1]", "image[2]", "array[3]",
    ]  # fmt: skip
    assert predictor([]) == []
    ready = np.stack([predictor.prepare(kind) for kind in kinds])
    np.testing.assert_allclose(
        predictor.probabilities(ready).max(1),
        [prediction.scores[0] for prediction in got],
        rtol=1e-6,
    )


def test_an_export_directory_and_its_file_are_the_same(pixels, tmp_path):
    write_onnx(tmp_path / "model.onnx")
    first, other = Predictor(tmp_path), Predictor(tmp_path / "model.onnx")
    assert first(pixels) == other(pixels)
    assert first.info.file.endswith("model.onnx")


def test_many_threads_get_their_own_answers(pixels, tmp_path):
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"))
    expected = [softmax(image).max() for image in pixels]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            got = pool.map(lambda image: predictor(image)[0].scores[0], list(pixels))
            np.testing.assert_allclose(list(got), expected, rtol=1e-2)


@needs_openvino
def test_openvino_computes_in_float32_unless_bfloat16_is_allowed(tmp_path):
    # 1 + 2**-10 is 1 in bfloat16, so a sum of such products tells the two apart.
    factors = np.full((4, 4), 1 + 2**-10, "float32")
    factors[:, 0] = 1.0
    path = write_onnx(tmp_path / "model.onnx", factors=factors * 64, softmax=False)
    image = np.full((1, 2, 2, 1), 1.0, "float32")
    network = open_classifier(path, runtime="openvino")
    np.testing.assert_allclose(network.scores(image), [[256, 256.25, 256.25, 256.25]], rtol=1e-6)


@needs_openvino
def test_openvino_compiles_for_two_shapes_that_come_often(monkeypatch, pixels, tmp_path):
    compiled = []

    def counted(model, *arguments, whole=openvino.compile_openvino):
        compiled.append(str(model.inputs[0].partial_shape))
        return whole(model, *arguments)

    monkeypatch.setattr(openvino, "compile_openvino", counted)
    network = open_classifier(write_onnx(tmp_path / "model.onnx"), runtime="openvino")
    batches = [PIXELS(image)[None] for image in pixels[:1]]
    batches += [np.stack([PIXELS(image) for image in pixels[:count]]) for count in (2, 5)]
    for _ in range(20_000):
        answers = [network.log_probabilities(batch) for batch in batches]
        if len(compiled) == 3:
            break
    for _ in range(3):
        answers = [network.log_probabilities(batch) for batch in batches]
    assert compiled[0] == "[?,2,2,1]"
    assert len(set(compiled[1:])) == len(compiled[1:]) == 2
    assert set(compiled[1:]) < {"[1,2,2,1]", "[2,2,2,1]", "[5,2,2,1]"}
    wanted = np.stack([softmax(image) for image in pixels[:5]])
    for answer in answers:
        np.testing.assert_allclose(np.exp(answer), wanted[: len(answer)], rtol=2e-5)


@needs_openvino
def test_ctrl_c_is_heard_after_two_networks_of_openvino_were_released(tmp_path):
    path = write_onnx(tmp_path / "model.onnx")
    code = (
        "import gc, signal, sys; from kerascnn import Predictor\n"
        "first, second = (Predictor(sys.argv[1], runtime='openvino') for _ in range(2))\n"
        "del first; gc.collect(); del second; gc.collect()\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job ignores it
        "try: signal.raise_signal(signal.SIGINT)\n"
        "except KeyboardInterrupt: print('heard')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_litert_file_with_its_metadata(pixels, tmp_path):
    pytest.importorskip("ai_edge_litert")
    tf = pytest.importorskip("tensorflow")
    function = tf.function(
        lambda image: {
            "predictions": tf.nn.softmax(tf.matmul(tf.reshape(image, (-1, 4)), FACTORS))
        },
        input_signature=[tf.TensorSpec((None, 2, 2, 1), tf.float32, name="image")],
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    path = tmp_path / "model.tflite"
    path.write_bytes(converter.convert())
    with zipfile.ZipFile(path, "a") as archive:
        described = {"class_names": NAMES, "preprocessing": PIXELS.to_json()}
        archive.writestr("kerascnn.json", json.dumps(described))
    predictor = Predictor(path, batch_size=16)
    assert predictor.info.runtime == "litert"
    for prediction, image in zip(predictor(pixels), pixels, strict=True):
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(image))[::-1], rtol=2e-5)
        assert prediction.labels[0] == NAMES[softmax(image).argmax()]


@needs_openvino
def test_openvino_model_with_its_metadata(pixels, tmp_path):
    module = telemetry.import_openvino()
    model = module.Core().read_model(str(write_onnx(tmp_path / "a.onnx")))
    for key, value in (("class_names", NAMES), ("preprocessing", PIXELS.to_json())):
        model.set_rt_info(json.dumps(value), ["kerascnn", key])
    (tmp_path / "openvino").mkdir()
    module.save_model(model, tmp_path / "openvino" / "model.xml", compress_to_fp16=False)
    (tmp_path / "a.onnx").unlink()
    predictor = Predictor(tmp_path, precision="float32")
    assert predictor.info.runtime == "openvino"
    (got,) = predictor(pixels[0])
    assert got.labels[0] == NAMES[softmax(pixels[0]).argmax()]
    np.testing.assert_allclose(got.scores, np.sort(softmax(pixels[0]))[::-1], rtol=2e-5)
    (tmp_path / "openvino" / "model.bin").unlink()
    with pytest.raises(kerascnn.errors.DataError, match=r"model\.bin does not exist"):
        Predictor(tmp_path)


def keras_model(extra=None):
    keras = pytest.importorskip("keras")
    image = keras.Input((2, 2, 1), name="image")
    x = image if extra is None else extra(image)
    dense = keras.layers.Dense(4, activation="softmax", use_bias=False, name="predictions")
    model = keras.Model(image, dense(keras.layers.Flatten(name="features")(x)), name="direct")
    dense.set_weights([FACTORS])
    return model


@pytest.mark.parametrize("runtime", ["auto", *HAVE, "tensorflow"])
def test_a_keras_model_moves_to_the_fastest_runtime(runtime, pixels):
    predictor = Predictor(
        keras_model(),
        runtime=runtime,
        precision="float32",
        preprocessing=PIXELS,
        class_names=NAMES,
    )
    assert predictor.info.runtime == (HAVE[-1] if runtime == "auto" else runtime)
    for prediction, image in zip(predictor(pixels), pixels, strict=True):
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(image))[::-1], rtol=2e-5)


def test_a_keras_model_with_a_foreign_layer_stays_in_tensorflow(pixels):
    import keras

    class Foreign(keras.layers.Layer):
        def call(self, x):
            return x + 0.0

    model = keras_model(Foreign())
    predictor = Predictor(model, preprocessing=PIXELS)
    assert predictor.info.runtime == "tensorflow"
    assert predictor.info.precision == "float32"
    (got,) = predictor(pixels[0])
    np.testing.assert_allclose(got.scores, np.sort(softmax(pixels[0]))[::-1], rtol=2e-5)
    with pytest.raises(MismatchError, match="Foreign"):
        Predictor(model, runtime="onnxruntime", preprocessing=PIXELS)


def test_what_is_asked_for_in_vain_is_told(pixels, tmp_path, monkeypatch):
    path = write_onnx(tmp_path / "model.onnx")
    with pytest.raises(UsageError, match="precision='float8'"):
        Predictor(path, precision="float8")
    with pytest.raises(UsageError, match="runtime='caffe'"):
        Predictor(path, runtime="caffe")
    with pytest.raises(UsageError, match="batch_size=0"):
        Predictor(path, batch_size=0)
    with pytest.raises(UsageError, match="there is no int8 file"):
        Predictor(path, precision="int8")
    with pytest.raises(UsageError, match="cannot compute in bfloat16"):
        Predictor(path, precision="bfloat16", runtime="onnxruntime")
    with pytest.raises(UsageError, match="runs in onnxruntime, not in tensorflow"):
        Predictor(path, runtime="tensorflow")
    with pytest.raises(MismatchError, match="2 class names for a model of 4"):
        Predictor(path, class_names=("a", "b"))
    with pytest.raises(UsageError, match="top=0"):
        Predictor(path)(pixels, top=0)
    small = write_onnx(tmp_path / "small.onnx", precision="int8")
    with pytest.raises(UsageError, match="computes in int8"):
        Predictor(small, precision="float32")
    (got,) = kerascnn.predict(small, pixels[0])
    np.testing.assert_allclose(got.scores, np.sort(softmax(pixels[0]))[::-1], rtol=2e-5)
    monkeypatch.setattr(available, "installed", lambda name: name != "litert")
    with pytest.raises(UsageError, match=r"litert is not installed.*kerascnn\[deploy\]"):
        Predictor(path, runtime="litert")


def test_damaged_and_hostile_files(pixels, tmp_path):
    path = write_onnx(tmp_path / "model.onnx")
    content = path.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedFileError, match=r"cut\.onnx"):
        Predictor(tmp_path / "cut.onnx")
    (tmp_path / "noise.tflite").write_bytes(b"\x18\0\0\0TFL3" + content[:300])
    if available.installed("litert"):
        with pytest.raises(DamagedFileError, match=r"noise\.tflite"):
            Predictor(tmp_path / "noise.tflite")
    write_onnx(path, class_names=NAMES[:3])
    with pytest.raises(DamagedFileError, match="names 3 classes and gives 4"):
        Predictor(path)
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    with pytest.raises(UnsafeFileError, match="trust"):
        Predictor(tmp_path / "saved")


def test_neither_tensorflow_nor_keras_nor_telemetry_is_needed(tmp_path):
    path = write_onnx(tmp_path / "model.onnx")
    image = tmp_path / "one.png"
    image.write_bytes(png(np.array([[0, 0], [0, 255]], "uint8")))
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys; from kerascnn.cli import main; code = main(sys.argv[1:]); "
        "assert not {'tensorflow', 'keras', 'openvino_telemetry'} & set(sys.modules); "
        "import threading; assert threading.active_count() == 1; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", str(path), str(image), "--csv", "--top", "2"],
        capture_output=True, text=True, check=False,
        env={**os.environ, "HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    header, first, second = done.stdout.splitlines()
    assert header == "source,rank,index,label,score"
    expected = softmax(np.array([[0, 0], [0, 255]]))
    source, rank, index, label, score = first.split(",")
    assert (source, rank, index, label) == (str(image), "1", "3", "west")
    assert float(score) == pytest.approx(expected[3], rel=1e-5)
    assert second.split(",")[1] == "2"
    assert list(home.iterdir()) == []
