"""The serving examples: the server's answers, TensorFlow Serving's rows, Triton's configuration."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import kerascnn
from kerascnn.errors import OutputError
from kerascnn.imaging.preprocessing import Preprocessing
from support.images import png
from support.paths import ROOT

EXAMPLES = ROOT / "examples"
NAMES = ("north", "east", "south", "west")
FACTORS = np.diag([3.0, 4.0, 5.0, 6.0]).astype("float32")


def example(path):
    """Imports a script of examples/ as a module."""
    name = f"example_{Path(path).stem}"
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """An ONNX file whose logits are the pixels of a grey 2 x 2 image times FACTORS."""
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["image"], ["flat"]),
            helper.make_node("MatMul", ["flat", "w"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["predictions"]),
        ],
        "direct",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 2, 2, 1])],
        [helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["batch", 4])],
        [numpy_helper.from_array(FACTORS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    preprocessing = Preprocessing(size=(2, 2), channels="grey")
    described = {"class_names": NAMES, "preprocessing": preprocessing.to_json()}
    helper.set_model_props(model, {key: json.dumps(value) for key, value in described.items()})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).integers(0, 256, (24, 2, 2), dtype="uint8")


def softmax(image):
    powers = np.exp((image.reshape(-1) / 255.0) @ FACTORS.astype("float64"))
    return powers / powers.sum()


@pytest.fixture
def server(network):
    module = example("serving/server.py")
    predictor = kerascnn.Predictor(network, runtime="onnxruntime", precision="float32")
    with module.Server(("127.0.0.1", 0), predictor, 64, 100_000) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join(10)


def ask(server, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())


def test_server_gives_what_numpy_does_to_many_at_once(server, images):
    load = example("serving/load.py")
    expected = [dict(zip(NAMES, softmax(image), strict=True)) for image in images]
    sent = [png(image) for image in images]
    seconds = load.run(server.server_address[1], sent, expected, connections=8, requests=200)
    assert len(seconds) == 200
    counts = server.batches.counts
    assert counts["images"] == 200
    assert 200 / 16 <= counts["batches"] <= 200
    wrong = [{name: 1 - score for name, score in item.items()} for item in expected]
    with pytest.raises(SystemExit, match="got another answer"):
        load.run(server.server_address[1], sent, wrong, connections=2, requests=4)


def test_server_refuses_what_it_cannot_answer(server, images):
    status, result = ask(server, "POST", "/predict?top=2", png(images[0]))
    assert status == 200
    assert len(result["classes"]) == 2
    assert result["classes"][0]["label"] == NAMES[softmax(images[0]).argmax()]
    assert result["classes"][0]["score"] == pytest.approx(softmax(images[0]).max(), rel=1e-5)
    for method, path, body, headers, status, words in (
        ("POST", "/predict", b"no image", None, 400, "unknown format"),
        ("POST", "/predict", b"", None, 400, "empty"),
        ("POST", "/predict?top=0", png(images[0]), None, 400, "top='0'"),
        ("POST", "/predict?top=-1", png(images[0]), None, 400, "top"),
        ("POST", "/other", png(images[0]), None, 404, "/predict"),
        ("GET", "/", None, None, 404, "/health"),
        ("POST", "/predict", None, {"Content-Length": "200000"}, 413, "100,000"),
        ("POST", "/predict", None, {"Content-Length": "many"}, 411, "Content-Length"),
    ):
        got, result = ask(server, method, path, body, headers)
        assert got == status, (method, path, result)
        assert words in result["error"]
    status, health = ask(server, "GET", "/health")
    assert (status, health["ready"], health["runtime"]) == (200, True, "onnxruntime")


def test_percentiles_are_those_of_the_sorted_times():
    load = example("serving/load.py")
    seconds = [number / 1000 for number in range(100, 0, -1)]
    assert load.percentile(seconds, 0.5) == pytest.approx(51)
    assert load.percentile(seconds, 0.99) == pytest.approx(100)
    assert load.percentile([0.002], 0.99) == pytest.approx(2)


def triton_configuration():
    """Returns the class of Triton's ModelConfig, the fields of model_config.proto used here."""
    field = descriptor_pb2.FieldDescriptorProto
    kinds = {"string": field.TYPE_STRING, "int32": field.TYPE_INT32, "int64": field.TYPE_INT64,
             "uint64": field.TYPE_UINT64}  # fmt: skip
    file = descriptor_pb2.FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    data_types = file.enum_type.add(name="DataType")
    for name, number in (
        ("TYPE_INVALID", 0), ("TYPE_UINT8", 2), ("TYPE_INT8", 6), ("TYPE_FP16", 10),
        ("TYPE_FP32", 11), ("TYPE_FP64", 12),
    ):  # fmt: skip
        data_types.value.add(name=name, number=number)
    places = file.enum_type.add(name="Kind")
    for number, name in enumerate(("KIND_AUTO", "KIND_GPU", "KIND_CPU", "KIND_MODEL")):
        places.value.add(name=name, number=number)
    for name, fields in {
        "Input": "string name 1, .t.DataType data_type 2, *int64 dims 4",
        "Output": "string name 1, .t.DataType data_type 2, *int64 dims 3, string label_filename 4",
        "Group": "string name 1, int32 count 2, .t.Kind kind 4",
        "Batching": "*int32 preferred_batch_size 1, uint64 max_queue_delay_microseconds 2",
        "Config": "string name 1, int32 max_batch_size 4, *.t.Input input 5, *.t.Output output 6, "
        "*.t.Group instance_group 7, .t.Batching dynamic_batching 11, string backend 17",
    }.items():
        message = file.message_type.add(name=name)
        for part in fields.split(", "):
            kind, called, number = part.split()
            built = message.field.add(name=called, number=int(number), label=field.LABEL_OPTIONAL)
            if kind.startswith("*"):
                built.label, kind = field.LABEL_REPEATED, kind[1:]
            built.type = kinds.get(
                kind, field.TYPE_ENUM if kind in (".t.DataType", ".t.Kind") else field.TYPE_MESSAGE
            )
            if kind not in kinds:
                built.type_name = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Config"))


def test_triton_repository_describes_the_onnx_file(network, tmp_path):
    triton = example("serving/triton.py")
    built = triton.write(network, tmp_path / "models", "digits", max_batch=8, wait=250)
    config = text_format.Parse((built / "config.pbtxt").read_text(), triton_configuration()())
    assert (config.name, config.backend, config.max_batch_size) == ("digits", "onnxruntime", 8)
    (values,), (answered,) = config.input, config.output
    model = onnx.load(built / "1" / "model.onnx")
    assert values.name == model.graph.input[0].name
    assert (values.data_type, list(values.dims)) == (11, [2, 2, 1])
    assert answered.name == model.graph.output[0].name
    assert (answered.data_type, list(answered.dims)) == (11, [4])
    assert (built / answered.label_filename).read_text().split() == list(NAMES)
    assert config.dynamic_batching.max_queue_delay_microseconds == 250
    assert (built / "1" / "model.onnx").read_bytes() == network.read_bytes()
    with pytest.raises(OutputError, match="not empty"):
        triton.write(network, tmp_path / "models", "digits")


def test_triton_keeps_a_fixed_batch_in_the_shape(network):
    triton = example("serving/triton.py")
    model = onnx.load(network)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 3
    text = triton.config(model, "fixed", max_batch=8, wait=1)
    config = text_format.Parse(text, triton_configuration()())
    assert config.max_batch_size == 0
    assert list(config.input[0].dims) == [3, 2, 2, 1]
    assert list(config.output[0].dims) == [3, 4]
    assert not config.HasField("dynamic_batching")


def test_tensorflow_serving_layout_request_and_answer(images, tmp_path):
    import keras

    serving = example("serving/tensorflow_serving.py")
    image = keras.Input((2, 2, 1), name="image")
    flat = keras.layers.Reshape((4,), name="features")(image)
    dense = keras.layers.Dense(4, activation="softmax", use_bias=False, name="predictions")
    model = keras.Model(image, dense(flat), name="direct")
    dense.set_weights([FACTORS])
    preprocessing = Preprocessing(size=(2, 2), channels="grey")
    kerascnn.export(
        model, tmp_path / "out", ["savedmodel"], class_names=NAMES, preprocessing=preprocessing
    )
    files = []
    for number, pixels in enumerate(images[:5]):
        files.append(tmp_path / f"{number}.png")
        files[-1].write_bytes(png(pixels))
    version = serving.write_version(tmp_path / "out", tmp_path / "models", "direct")
    assert version == tmp_path / "models" / "direct" / "1"
    assert serving.method_of(version) == "tensorflow/serving/predict"
    request = json.loads(json.dumps(serving.request_for(files, tmp_path / "out")))
    assert np.shape(request["instances"]) == (5, 2, 2, 1)
    answer = json.loads(json.dumps(serving.answer(version, request)))
    expected = [softmax(pixels) for pixels in images[:5]]
    np.testing.assert_allclose(answer["predictions"], expected, rtol=1e-5)
    named = {"instances": [{"image": item} for item in request["instances"]]}
    assert serving.answer(version, named) == answer
    with pytest.raises(ValueError, match="not a version"):
        serving.answer(version.parent, request)
    with pytest.raises(OutputError, match="not empty"):
        serving.write_version(tmp_path / "out", tmp_path / "models", "direct")


@pytest.mark.long  # needs more than `make test` installs
def test_web_page_classifies_dropped_images_in_chromium(network, images, tmp_path):
    chromium, node = shutil.which("chromium"), shutil.which("node")
    installed = EXAMPLES / "web" / "node_modules"
    assert chromium, "install chromium"
    assert node, "install node"
    assert installed.is_dir(), "run `npm install` in examples/web"
    page = tmp_path / "page"
    shutil.copytree(EXAMPLES / "web", page, ignore=shutil.ignore_patterns("node_modules", "model"))
    (page / "node_modules").symlink_to(installed)
    example("web/prepare.py").write(network, page)
    folder = tmp_path / "images"
    folder.mkdir()
    generator = np.random.default_rng(0)
    Image.fromarray(images[0]).save(folder / "grey.png")
    for name, shape in {"rgb.png": (90, 131, 3), "alpha.png": (31, 17, 4)}.items():
        Image.fromarray(generator.integers(0, 256, shape, dtype="uint8")).save(folder / name)
    Image.fromarray(generator.integers(0, 256, (7, 5, 3), dtype="uint8")).save(
        folder / "seven.webp", lossless=True
    )
    done = subprocess.run(
        [node, "test.mjs", str(folder), str(tmp_path / "page.png")],
        cwd=page, capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHON": sys.executable, "CHROMIUM": chromium,
             "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "4 images dropped" in done.stdout
    with Image.open(tmp_path / "page.png") as picture:
        assert picture.size == (720, 620)
