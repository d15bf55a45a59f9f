"""Predictor: equal to NumPy in every runtime, precision that drops only when it is proven."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import kerascnn
from kerascnn import runtimes
from kerascnn.classifiers import open_classifier
from kerascnn.errors import DamagedFileError, MismatchError, UnsafeFileError, UsageError
from kerascnn.predictor import Predictor
from kerascnn.preprocessing import Preprocessing
from kerascnn.trials import ENOUGH, Candidate, Trial

PIXELS = Preprocessing(size=(2, 2), fit="none", channels="grey")
NAMES = ("north", "east", "south", "west")
HAVE = [name for name in ("onnxruntime", "openvino") if importlib.util.find_spec(name)]
needs_openvino = pytest.mark.skipif("openvino" not in HAVE, reason="OpenVINO is an extra")
FACTORS = np.diag([3.0, 4.0, 5.0, 6.0]).astype("float32")


def write_onnx(path, *, factors=FACTORS, softmax=True, layout="nhwc", dtype="float32", **metadata):
    """Writes a network whose logits are the pixels of its grey 2 x 2 image times `factors`."""
    kinds = {"float32": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "float16": 10}
    shape = ["batch", 2, 2, 1] if layout == "nhwc" else ["batch", 1, 2, 2]
    nodes = [
        helper.make_node("Cast", ["image"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["x", "scale"], ["scaled"]),
        helper.make_node("Flatten", ["scaled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits" if softmax else "predictions"]),
    ]
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["predictions"], axis=-1))
    scale = np.float32(1 / 255 if dtype == "uint8" else 1)
    graph = helper.make_graph(
        nodes,
        "direct",
        [helper.make_tensor_value_info("image", kinds[dtype], shape)],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(scale, "scale"), numpy_helper.from_array(factors, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    described = {
        "class_names": NAMES,
        "preprocessing": PIXELS.to_json(),
        "input": {"layout": layout, "preprocessed": dtype != "uint8" and None},
        **metadata,
    }
    helper.set_model_props(model, {key: json.dumps(value) for key, value in described.items()})
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path


def softmax(image, factors=FACTORS):
    powers = np.exp((image.reshape(-1) / 255.0) @ factors.astype("float64"))
    return powers / powers.sum()


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def pixels():
    return np.random.default_rng(1).integers(0, 256, (40, 2, 2), dtype="uint8")


def rounded(scores, logits):
    """Stands for arithmetic that is coarser than float32: another class where two are near."""
    return lambda batch: np.round(scores(batch) * logits) / logits


@pytest.fixture
def halves(monkeypatch):
    """Gives every network a `half`, whatever this processor can do, and its settings."""
    import dataclasses

    from kerascnn import predictor

    wanted = {"make": lambda scores: scores, "made": 0}
    plain = predictor.open_classifier

    def opened(*arguments, **options):
        network = plain(*arguments, **options)

        def half():
            wanted["made"] += 1
            return wanted["make"](network.scores)

        return dataclasses.replace(network, half=half)

    monkeypatch.setattr(predictor, "open_classifier", opened)
    return wanted


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
    assert [one.source for one in got[:4]] == [
        str(tmp_path / "one.png"), "bytes[1]", "image[2]", "array[3]",
    ]  # fmt: skip
    assert predictor([]) == []
    ready = np.stack([predictor.prepare(kind) for kind in kinds])
    np.testing.assert_allclose(
        predictor.probabilities(ready).max(1), [one.scores[0] for one in got], rtol=1e-6
    )


def test_an_export_directory_and_its_file_are_the_same(pixels, tmp_path):
    write_onnx(tmp_path / "model.onnx")
    one, other = Predictor(tmp_path), Predictor(tmp_path / "model.onnx")
    assert one(pixels) == other(pixels)
    assert one.info.file.endswith("model.onnx")


def test_half_precision_is_taken_when_100_images_agree(halves, pixels, tmp_path):
    halves["make"] = lambda scores: lambda batch: scores(batch)
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), batch_size=20)
    exact = predictor._compute

    def slow(batch):  # what is faster is not what this test is about
        time.sleep(0.02)
        return exact(batch)

    predictor._compute = slow
    assert predictor.info.precision == "float32"
    assert "on trial" in predictor.info.reason
    predictor(pixels[0])
    assert halves["made"] == 0  # one image is not worth a second network
    for _ in range(-(-ENOUGH // 40) + 1):
        predictor(pixels)
    assert predictor.info.precision == "bfloat16"
    assert predictor.info.agreement == 1.0
    assert predictor.info.compared >= ENOUGH
    assert "of the time" in predictor.info.reason
    assert predictor._compute is not slow


def test_a_trial_takes_the_fastest_that_agrees_for_99_of_100():
    """One image in each batch; float32 says class 0 with certainty and takes a second."""
    answer = np.array([[1.0, 0.0]])

    def says(wrong_at, seconds):
        calls = iter(range(1000))
        made = Candidate(f"wrong at {wrong_at}", lambda: lambda batch: wrong(next(calls)), False)

        def wrong(call):
            return np.array([[0.0, 1.0]]) if call in wrong_at else answer

        def compare(batch, wanted, whole=made.compare):
            whole(batch, wanted)
            made.seconds = seconds

        made.compare = compare
        return made

    once, twice, slow = says({5}, 0.5), says({5, 60}, 0.1), says((), 2.0)
    trial = Trial([once, twice, slow])
    for shown in range(1, 101):
        assert trial.running
        trial.show(np.zeros((1, 1, 1, 1)), answer, 1.0)
        assert twice.decided == min(shown, 61)  # out at its second fault
    assert not trial.running
    assert trial.winner is once
    assert "99 of 100" in trial.reason
    tied = Trial([says((), 0.1)], None)
    tied.show(np.zeros((1, 1, 1, 1)), np.array([[0.5004, 0.4996]]), 1.0)
    tied.end()
    assert tied.winner is None
    assert "decided" in tied.reason
    late = Trial([says((), 2.0)], None)
    late.show(np.zeros((1, 1, 1, 1)), answer, 1.0)
    late.end()
    assert late.winner is None
    assert "200% of the time" in late.reason


def test_samples_end_the_trial_at_once(halves, pixels, tmp_path):
    halves["make"] = lambda scores: lambda batch: scores(batch)
    predictor = Predictor(write_onnx(tmp_path / "model.onnx"), samples=pixels)
    assert predictor.info.compared >= 35
    assert predictor.info.agreement == 1.0
    assert "trial" not in predictor.info.reason


def test_half_precision_that_errs_is_refused_and_the_answers_stay_those_of_float32(
    halves, pixels, tmp_path
):
    halves["make"] = lambda scores: rounded(scores, 1)
    path = write_onnx(tmp_path / "model.onnx")
    predictor = Predictor(path, samples=pixels)
    assert predictor.info.precision == "float32"
    assert predictor.info.agreement < 0.99
    for prediction, image in zip(predictor(pixels), pixels, strict=True):
        np.testing.assert_allclose(prediction.scores, np.sort(softmax(image))[::-1], rtol=2e-5)
    later = Predictor(path)
    for _ in range(4):
        right = later(pixels)
    assert later.info.precision == "float32"
    assert "for only" in later.info.reason
    np.testing.assert_allclose(right[0].scores, np.sort(softmax(pixels[0]))[::-1], rtol=2e-5)


def test_an_untrained_network_proves_nothing(halves, pixels, tmp_path):
    path = write_onnx(tmp_path / "model.onnx", factors=np.zeros((4, 4), "float32"))
    predictor = Predictor(path, samples=pixels)
    assert predictor.info.precision == "float32"
    assert "decided" in predictor.info.reason


def test_int8_beside_float32_is_a_candidate_too(pixels, tmp_path):
    write_onnx(tmp_path / "model.onnx")
    coarse = np.diag([3.0, 4.0, 5.0, 0.1]).astype("float32")  # never says west
    write_onnx(tmp_path / "model-int8.onnx", factors=coarse, precision="int8")
    predictor = Predictor(tmp_path, runtime="onnxruntime", samples=pixels)
    assert predictor.info.precision == "float32"
    same = [softmax(one).argmax() == softmax(one, coarse).argmax() for one in pixels]
    assert predictor.info.agreement == pytest.approx(np.mean(same), abs=1e-6)
    asked = Predictor(tmp_path, runtime="onnxruntime", precision="int8")
    assert asked.info.precision == "int8"
    assert asked.info.file.endswith("model-int8.onnx")
    np.testing.assert_allclose(
        asked(pixels[0])[0].scores, np.sort(softmax(pixels[0], coarse))[::-1], rtol=2e-5
    )


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
    openvino = runtimes.import_openvino()
    model = openvino.Core().read_model(str(write_onnx(tmp_path / "a.onnx")))
    for key, value in (("class_names", NAMES), ("preprocessing", PIXELS.to_json())):
        model.set_rt_info(json.dumps(value), ["kerascnn", key])
    (tmp_path / "openvino").mkdir()
    openvino.save_model(model, tmp_path / "openvino" / "model.xml", compress_to_fp16=False)
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
    monkeypatch.setattr(runtimes, "installed", lambda name: name != "litert")
    with pytest.raises(UsageError, match=r"litert is not installed.*kerascnn\[deploy\]"):
        Predictor(path, runtime="litert")


def test_damaged_and_hostile_files(pixels, tmp_path):
    path = write_onnx(tmp_path / "model.onnx")
    content = path.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(DamagedFileError, match=r"cut\.onnx"):
        Predictor(tmp_path / "cut.onnx")
    (tmp_path / "noise.tflite").write_bytes(b"\x18\0\0\0TFL3" + content[:300])
    if runtimes.installed("litert"):
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
