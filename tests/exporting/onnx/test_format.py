"""SavedModel and ONNX files, measured through TensorFlow and onnxruntime without our own code."""

from __future__ import annotations

import contextlib
import json
import os

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn.errors import MismatchError, UsageError
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import format
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.layers import GroupedConv2D, LocalResponseNormalization

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnx
import onnxruntime

layers = keras.layers
NAMES = [f"class {n}" for n in range(7)]
PREPROCESSING = Preprocessing(
    size=(24, 24), fit="crop", resize=28, scale=1 / 255, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.3)
)


def network(size: int | None = 24, dtype: str | None = None) -> keras.Model:
    """Convolution, batch norm, grouped convolution, LRN, dropout, pooling; all weights unequal."""
    image = keras.Input((size, size, 3), name="image")
    x = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False, dtype=dtype)(image)
    x = layers.BatchNormalization(dtype=dtype)(x)
    x = layers.ReLU(dtype=dtype)(x)
    x = GroupedConv2D(32, 3, groups=4, padding="same", dtype=dtype)(x)
    x = LocalResponseNormalization(dtype=dtype)(x)
    x = layers.Dropout(0.5, dtype=dtype)(x)
    x = layers.Conv2D(64, 3, dtype=dtype)(x)
    x = layers.GlobalAveragePooling2D(name="features", dtype=dtype)(x)
    x = layers.Dense(7, activation="softmax", name="predictions", dtype="float32")(x)
    model = keras.Model(image, x, name="little")
    generator = np.random.default_rng(5)
    for variable in model.weights:
        if "seed" not in variable.path:
            low = 0.5 if "variance" in variable.path else -0.5
            variable.assign(generator.uniform(low, 1.0, variable.shape))
    return model


def inputs(count: int, size: int = 24) -> np.ndarray:
    return np.random.default_rng(count).normal(size=(count, size, size, 3)).astype("float32")


def in_onnxruntime(path: os.PathLike[str]) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model that was never called, and the directory it was exported to."""
    model = network()
    out = tmp_path_factory.mktemp("export") / "out"
    export(model, out, class_names=NAMES, preprocessing=PREPROCESSING)
    return model, out


@pytest.mark.parametrize("count", [1, 2, 5])
def test_onnx_answers_as_keras(exported, count):
    model, out = exported
    (got,) = in_onnxruntime(out / "model.onnx").run(None, {"image": inputs(count)})
    wanted = model.predict(inputs(count), verbose=0)
    assert (got.dtype, got.shape) == (np.float32, (count, 7))
    assert np.ptp(wanted) > 0.05, "the test model decides nothing"
    assert np.abs(got - wanted).max() < 1e-6


@pytest.mark.parametrize("count", [1, 2, 5])
def test_savedmodel_answers_as_keras(exported, count):
    model, out = exported
    loaded = tf.saved_model.load(str(out / "savedmodel"))
    got = loaded.signatures["serving_default"](image=tf.constant(inputs(count)))
    assert list(got) == ["predictions"]
    # Dropout is off: with it the outputs would be far away and differ between calls.
    assert np.abs(got["predictions"] - model.predict(inputs(count), verbose=0)).max() < 1e-6


def test_the_names_and_dimensions_of_the_onnx_file(exported):
    session = in_onnxruntime(exported[1] / "model.onnx")
    (image,), (predictions,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == (
        "image",
        "tensor(float)",
        ["batch", 24, 24, 3],
    )
    assert (predictions.name, predictions.shape) == ("predictions", ["batch", 7])


def test_the_onnx_graph_is_clean(exported):
    model = onnx.load(exported[1] / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    kinds = [node.op_type for node in model.graph.node]
    # Batch norm is folded into the first convolution, the only transpose is the input's, LRN is
    # the operator, the grouped convolution is native, dropout is gone.
    assert [kinds.count(kind) for kind in ("Transpose", "Conv", "LRN")] == [1, 3, 1]
    assert not {"BatchNormalization", "Mul", "Dropout", "Split"} & set(kinds)
    groups = [
        attribute.i
        for node in model.graph.node
        for attribute in node.attribute
        if node.op_type == "Conv" and attribute.name == "group"
    ]
    assert groups == [1, 4, 1]


def test_metadata_travels_with_both(exported):
    _, out = exported
    properties = in_onnxruntime(out / "model.onnx").get_modelmeta().custom_metadata_map
    in_file = {key: json.loads(value) for key, value in properties.items()}
    beside = json.loads((out / "savedmodel" / "assets.extra" / "kerascnn.json").read_text("utf-8"))
    assert in_file["input"].pop("layout") == "nhwc"
    assert in_file == beside
    assert in_file["class_names"] == NAMES
    assert Preprocessing.from_json(in_file["preprocessing"]) == PREPROCESSING
    assert in_file["model"] == {"name": "little", "arguments": {}}
    assert in_file["versions"]["tensorflow"] == tf.__version__
    assert in_file["versions"]["keras"] == keras.__version__
    assert in_file["versions"]["onnxruntime"] == onnxruntime.__version__


def test_savedmodel_stores_every_weight_once(exported):
    model, out = exported
    # 32 x 27 + 4 x 32, 32 x 8 x 9 + 32, 64 x 32 x 9 + 64, 64 x 7 + 7: counted by hand.
    parameters = 864 + 128 + 2304 + 32 + 18432 + 64 + 448 + 7
    assert sum(np.prod(w.shape) for w in model.weights if "seed" not in w.path) == parameters
    prefix = str(out / "savedmodel" / "variables" / "variables")
    stored = tf.train.list_variables(prefix)
    sizes = [int(np.prod(shape)) for name, shape in stored if "OBJECT_GRAPH" not in name]
    assert sorted(sizes) == sorted([864, 32, 32, 32, 32, 2304, 32, 18432, 64, 448, 7])
    assert os.path.getsize(f"{prefix}.data-00000-of-00001") < 1.3 * 4 * parameters


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_models_export_in_float32(tmp_path, policy):
    model = network(dtype=policy)
    float32 = network()
    float32.set_weights(model.get_weights())
    reports = export(model, tmp_path / "out")
    wanted = float32.predict(inputs(4), verbose=0)
    session = in_onnxruntime(tmp_path / "out" / "model.onnx")
    (got,) = session.run(None, {"image": inputs(4)})
    assert session.get_outputs()[0].type == "tensor(float)"
    assert np.abs(got - wanted).max() < 1e-6
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    outputs = loaded.signatures["serving_default"](image=tf.constant(inputs(4)))["predictions"]
    assert np.abs(outputs - wanted).max() < 1e-6
    assert np.abs(got - model.predict(inputs(4), verbose=0)).max() < 2e-2
    assert [report.policy for report in reports] == [policy, policy]


def test_any_image_size_where_the_model_takes_any(tmp_path):
    model = network(size=None)
    export(model, tmp_path / "out")
    session = in_onnxruntime(tmp_path / "out" / "model.onnx")
    assert session.get_inputs()[0].shape == ["batch", "height", "width", 3]
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    for count, size in ((1, 40), (3, 65)):
        images = inputs(count, size)
        wanted = model.predict(images, verbose=0)
        (got,) = session.run(None, {"image": images})
        assert np.abs(got - wanted).max() < 1e-6
        outputs = loaded.signatures["serving_default"](image=tf.constant(images))
        assert np.abs(outputs["predictions"] - wanted).max() < 1e-6


def auxiliary(as_dict: bool) -> keras.Model:
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(2, 3, name="c1")(image)
    x = layers.Flatten()(x)
    heads = {
        "aux1": layers.Dense(3, name="aux1")(x),
        "predictions": layers.Dense(4, name="predictions")(x),
    }
    return keras.Model(image, heads if as_dict else list(heads.values()))


@pytest.mark.parametrize("as_dict", [True, False])
def test_of_several_outputs_only_predictions(tmp_path, as_dict):
    model = auxiliary(as_dict)
    (report,) = export(model, tmp_path / "out", ["onnx"])
    images = np.random.default_rng(0).random((2, 8, 8, 1), "float32")
    (got,) = in_onnxruntime(report.path).run(None, {"image": images})
    answers = model.predict(images, verbose=0)
    assert np.abs(got - (answers["predictions"] if as_dict else answers[1])).max() < 1e-6
    assert report.parameter_bytes == 4 * (18 + 2 + 72 * 4 + 4), "the other head is stored"


def test_several_outputs_without_predictions_are_refused(tmp_path):
    image = keras.Input((8, 8, 1))
    model = keras.Model(image, [layers.Flatten(name="a")(image), layers.ReLU(name="b")(image)])
    with pytest.raises(UsageError, match="has the outputs a, b"):
        export(model, tmp_path / "out")


def test_sequential_and_augmentation_layers(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3), name="image"),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.2),
            layers.GaussianNoise(0.5),
            layers.Rescaling([2.0, 1.0, 0.5], [0.1, 0.2, 0.3]),
            layers.Conv2D(3, 3),
            layers.Flatten(),
            layers.Dense(4, activation="softmax"),
        ]
    )
    export(model, tmp_path / "out")
    images = inputs(3, 12)
    wanted = model.predict(images, verbose=0)
    (got,) = in_onnxruntime(tmp_path / "out" / "model.onnx").run(None, {"image": images})
    assert np.abs(got - wanted).max() < 1e-6
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    outputs = loaded.signatures["serving_default"](image=tf.constant(images))["predictions"]
    assert np.abs(outputs - wanted).max() < 1e-6


@pytest.mark.parametrize("name", ["lenet5", "lenet5_1998"])
def test_both_lenets(tmp_path, name):
    from kerascnn import create_model

    model = create_model(name)
    reports = export(model, tmp_path / "out")
    # Grey images as wide as the paper's inputs, from -0.1 (white) to 1.175 (black).
    images = np.random.default_rng(2).uniform(-0.1, 1.175, (5, 32, 32, 1)).astype("float32")
    wanted = model.predict(images, verbose=0)
    (got,) = in_onnxruntime(tmp_path / "out" / "model.onnx").run(None, {"image": images})
    assert np.abs(got - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())
    loaded = tf.saved_model.load(str(tmp_path / "out" / "savedmodel"))
    outputs = loaded.signatures["serving_default"](image=tf.constant(images))["predictions"]
    assert np.abs(outputs - wanted).max() <= 1e-5 * max(1, np.abs(wanted).max())
    assert all(report.top1_agreement == 1 for report in reports)


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


def test_too_large_for_one_onnx_file(tmp_path, monkeypatch):
    monkeypatch.setattr("kerascnn.exporting.common.network._LARGEST_WEIGHTS", 80_000)
    with pytest.raises(MismatchError, match="one ONNX file holds less"):
        export(network(), tmp_path / "out")


def test_the_copies_of_tf2onnx_are_still_made_and_still_avoided(monkeypatch):
    import tf2onnx.optimizer as optimizer

    copied = []
    deepcopy = optimizer.copy.deepcopy

    def counted(what):
        copied.append(type(what).__name__)
        return deepcopy(what)

    monkeypatch.setattr(optimizer.copy, "deepcopy", counted)
    ready = prepare(network())
    converted = format._through_tf2onnx(ready, ExportOptions())
    assert "Graph" not in copied
    monkeypatch.setattr(format, "optimise_in_place", contextlib.nullcontext)
    plain = format._through_tf2onnx(ready, ExportOptions())
    assert "Graph" in copied, "tf2onnx copies nothing any more: drop the shim"
    assert [n.op_type for n in plain.graph.node] == [n.op_type for n in converted.graph.node]
