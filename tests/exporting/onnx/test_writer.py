"""The ONNX graphs that kerascnn writes itself: right, small, and without Transposes."""

from __future__ import annotations

import collections
import importlib.metadata
import os
from typing import Any

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn import layers as own
from kerascnn.errors import KerasCNNError
from kerascnn.exporting.common.equivalence import Reference
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import format, quantize
from kerascnn.exporting.onnx.int8_channels import align_channels
from kerascnn.exporting.onnx.writer import first_without_rule, write_graph
from support.exports import randomised

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnx
import onnxruntime

layers = keras.layers

# One row of every family: (name, arguments, side of the image).
FAMILIES = {
    "lenet": ("lenet5", {}, 32),
    "lenet_1998": ("lenet5_1998", {}, 32),
    "alexnet": ("alexnet", {"width": 0.125}, 227),
    "zfnet": ("zfnet", {"width": 0.0625}, 224),
    "vgg": ("vgg11_lrn", {"width": 0.0625}, 32),
    "googlenet": ("googlenet", {"width": 0.25}, 64),
    "inception": ("inception_resnet_v2", {"width": 0.125, "depth": 0.2}, 75),
    "resnet": ("resnet18", {"width": 0.25}, 64),
    "resnet_v2": ("resnet50_v2", {"width": 0.25, "depth": 0.3}, 64),
    "resnet_cifar": ("resnet20_cifar", {}, 32),
    "wide_resnet": ("wrn16_8", {"width": 0.125}, 32),
    "resnext": ("resnext50_32x4d", {"width": 0.5, "depth": 0.3}, 64),
    "senet": ("se_resnet18", {"width": 0.25}, 64),
    "densenet": ("densenet121", {"width": 0.25, "depth": 0.2}, 64),
    "mobilenet_v1": ("mobilenet_v1", {"width": 0.25}, 64),
    "mobilenet_v2": ("mobilenet_v2", {"width": 0.25, "depth": 0.3}, 64),
    "mobilenet_v3": ("mobilenet_v3_small", {"width": 0.25}, 64),
    "efficientnet": ("efficientnet_b0", {"width": 0.25, "depth": 0.3}, 64),
    "shufflenet_v1": ("shufflenet_v1_g3", {"width": 0.25}, 64),
    "shufflenet_v2": ("shufflenet_v2_x0_5", {}, 64),
    "nasnet": ("nasnet_mobile", {"width": 0.25, "depth": 0.25}, 65),
    "convnet": ("convnet", {"width": 0.25}, 32),
    "fcn": ("fcn8s", {"width": 0.0625}, 64),
    "alphago": ("alphago_policy", {"width": 0.25}, 19),
}


def small(family: str, **more: Any) -> keras.Model:
    name, arguments, side = FAMILIES[family]
    channels = kerascnn.model_info(name).input_shape[-1]
    arguments = {**arguments, **more, "input_shape": (side, side, channels)}
    if family not in ("lenet_1998", "alphago", "fcn"):
        arguments["classes"] = 7
    return randomised(kerascnn.create_model(name, **arguments))


def answers(proto: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"image": images})[0]


def counts(proto: onnx.ModelProto) -> collections.Counter[str]:
    return collections.Counter(node.op_type for node in proto.graph.node)


def images_for(model: keras.Model, count: int = 3) -> np.ndarray:
    shape = [side or 64 for side in model.input_shape[1:]]
    return np.random.default_rng(2).random((count, *shape), "float32")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_right_and_clean_in_both_layouts(family):
    model = small(family)
    images = images_for(model)
    wanted = np.asarray(model(images, training=False))
    scale = np.abs(wanted).max()
    maps = wanted.ndim == 4

    assert first_without_rule(model) is None
    ready = prepare(model)
    last, first = write_graph(ready, 17), write_graph(ready, 21, "nchw")
    for proto in (last, first):
        onnx.checker.check_model(proto, full_check=True)
    assert np.abs(answers(last, images) - wanted).max() <= 2e-5 * scale
    got = answers(first, images.transpose(0, 3, 1, 2))
    got = got.transpose(0, 2, 3, 1) if maps else got
    assert np.abs(got - wanted).max() <= 2e-5 * scale

    assert counts(last)["Transpose"] == 1 + maps
    assert counts(first)["Transpose"] == 0
    assert not {"Dropout", "Identity", "Cast", "Shape", "Reshape"} & set(counts(last))
    # Those behind a sum, a concatenation or the input stay; all others are in the convolutions.
    if family not in ("densenet", "resnet_v2", "wide_resnet", "nasnet"):
        assert counts(last)["BatchNormalization"] == 0
    groups = [
        attribute.i
        for node in last.graph.node
        for attribute in node.attribute
        if attribute.name == "group" and attribute.i > 1
    ]
    if family in ("alexnet", "resnext", "mobilenet_v1", "shufflenet_v1"):
        assert groups, "grouped convolutions are native"
    if family in ("alexnet", "vgg", "googlenet"):
        assert counts(last)["LRN"] > 0
    stored = {entry.name for entry in last.graph.initializer}
    used = {name for node in last.graph.node for name in node.input}
    assert stored <= used, "weights that no node takes"


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_in_int8(family, tmp_path):
    """The zeros that fill up channels change no answer, and integers change little."""
    keras.utils.set_random_seed(0)
    # Of logits: an all but certain softmax hides errors, or makes small ones whole.
    model = small(family, classifier_activation=None)
    images = images_for(model, 12)
    wanted = np.asarray(model(images, training=False))
    ready = prepare(model)
    filled = write_graph(ready, 17)
    align_channels(filled)
    onnx.checker.check_model(filled, full_check=True)
    assert np.abs(answers(filled, images) - wanted).max() <= 2e-5 * np.abs(wanted).max()

    described = {"input": {"layout": "nhwc"}}
    nothing = Reference(0, (), (), None)
    job = Job(ready, described, ExportOptions(), None, nothing, tuple(images[:8]), (), "int8")
    made, _ = quantize.lowered(write_graph(ready, 17), job, tmp_path / "model.onnx")
    onnx.checker.check_model(made, full_check=True)
    got = answers(made, images)
    assert np.sqrt(np.mean((got - wanted) ** 2)) < 0.03 * np.ptp(wanted)


@pytest.mark.parametrize("opset", [13, 14, 18, 20, 23])
def test_operator_sets(opset):
    model = small("mobilenet_v3")
    images = images_for(model)
    proto = write_graph(prepare(model), opset)
    onnx.checker.check_model(proto, full_check=True)
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", opset)]
    wanted = np.asarray(model(images, training=False))
    assert np.abs(answers(proto, images) - wanted).max() <= 2e-5 * np.abs(wanted).max()


def test_the_graph_of_a_small_net_node_by_node():
    """Counted by hand: padding goes into the pools, batch norms and scales into the kernels."""
    image = keras.Input((9, 9, 2), name="image")
    x = layers.ZeroPadding2D(1)(image)
    x = layers.Conv2D(4, 3, strides=2, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Rescaling([1.0, 2.0, 3.0, 4.0], offset=0.5)(x)
    x = layers.ReLU()(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.MaxPooling2D(2, 1)(x)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.Dense(6)(x)
    x = layers.BatchNormalization()(x)
    model = randomised(keras.Model(image, layers.Activation("softmax")(x)))
    proto = write_graph(prepare(model), 17, "nchw")
    assert [node.op_type for node in proto.graph.node] == [
        "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Softmax",
    ]  # fmt: skip
    images = images_for(model)
    wanted = np.asarray(model(images, training=False))
    assert np.abs(answers(proto, images.transpose(0, 3, 1, 2)) - wanted).max() < 1e-6


def test_zeros_around_a_maximum_of_negative_values():
    """Until 1.31, onnxruntime moves a Pad of zeros into a MaxPool, which pads with -infinity."""
    image = keras.Input((4, 4, 1), name="image")
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(((0, 1), (0, 1)))(image))
    model = keras.Model(image, x)
    images = -np.random.default_rng(0).random((1, 4, 4, 1), "float32") - 1
    got = answers(write_graph(prepare(model), 17), images)
    # Of the 2 x 2 windows, only the first lies inside the image.
    assert got[0, 0, 0, 0] == images[0, :3, :3].max()
    assert np.abs(got.ravel()[1:]).max() < 1e-6

    # Is the shim what it says? With exactly zero the answer is wrong up to that version.
    proto = write_graph(prepare(model), 17)
    for entry in proto.graph.initializer:
        if entry.name.endswith("_zero"):
            entry.raw_data = np.float32(0).tobytes()
    version = tuple(map(int, importlib.metadata.version("onnxruntime").split(".")[:2]))
    wrong = np.abs(answers(proto, images).ravel()[1:]).max() > 1
    assert wrong == (version < (1, 32)), "shims.PAD_VALUE names other versions"


@pytest.mark.parametrize(
    "kind",
    [
        "elu", "softplus", "hard_sigmoid", "hard_silu", "silu", "relu6", "tanh", "gelu", "sigmoid",
    ],
)  # fmt: skip
def test_activations(kind):
    image = keras.Input((5, 5, 3), name="image")
    model = keras.Model(image, layers.Activation(kind)(layers.Rescaling(8.0, -4.0)(image)))
    images = images_for(model)
    got = answers(write_graph(prepare(model), 20 if kind == "gelu" else 17), images)
    assert np.abs(got - np.asarray(model(images))).max() < 1e-5


OTHERS = {
    "groups": lambda x: layers.Conv2D(6, 3, groups=3)(x),
    "dilation": lambda x: layers.Conv2D(4, 3, dilation_rate=2, padding="same")(x),
    "multiplier": lambda x: layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2)(x),
    "same pool": lambda x: layers.AveragePooling2D(3, 2, padding="same")(x),
    "padded mean": lambda x: layers.AveragePooling2D(3, 2)(layers.ZeroPadding2D(1)(x)),
    "crop": lambda x: layers.Cropping2D(((1, 0), (2, 1)))(x),
    "transposed": lambda x: layers.Conv2DTranspose(4, 4, strides=2, padding="same")(x),
    "transposed valid": lambda x: layers.Conv2DTranspose(4, 3, strides=2)(x),
    "dense on a map": lambda x: layers.Dense(4, activation="relu")(x),
    "leaky": lambda x: layers.LeakyReLU(0.2)(layers.Rescaling(2.0, -1.0)(x)),
    "maximum": lambda x: layers.Maximum()([x, layers.Rescaling(-1.0, 1.0)(x)]),
    "difference": lambda x: layers.Subtract()([x, layers.MaxPooling2D(3, 1, padding="same")(x)]),
    "l2": lambda x: own.L2Pooling2D(2, 2)(x),
    "sum": lambda x: own.SumPooling2D(3, 2)(x),
    "exact gelu": lambda x: own.ExactGelu()(x),
    "flatten and add": lambda x: layers.Add()(
        [layers.Flatten()(x), layers.ReLU()(layers.Flatten()(x))]
    ),
    "flatten, norm": lambda x: layers.BatchNormalization()(layers.Flatten()(x)),
    "flatten out": lambda x: layers.Softmax()(layers.Flatten()(x)),
    "global max": lambda x: layers.GlobalMaxPooling2D()(x),
    "called twice": lambda x: (lambda c: layers.Add()([c(x), c(layers.ReLU()(x))]))(
        layers.Conv2D(3, 1)
    ),
    "two of a convolution": lambda x: (
        lambda c: layers.Concatenate()([c, layers.BatchNormalization()(c)])
    )(layers.Conv2D(3, 1)(x)),
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_layers_and_uses(what):
    image = keras.Input((8, 9, 3), name="image")
    model = randomised(keras.Model(image, OTHERS[what](image)))
    assert first_without_rule(model) is None
    images = images_for(model)
    wanted = np.asarray(model(images, training=False))
    got = answers(write_graph(prepare(model), 17), images)
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < 1e-5 * max(1, np.abs(wanted).max())


def test_any_size(tmp_path):
    model = randomised(
        kerascnn.create_model("mobilenet_v1", width=0.25, input_shape=(None, None, 3), classes=5)
    )
    proto = write_graph(prepare(model), 17)
    for height, width in ((64, 64), (71, 90)):
        images = np.random.default_rng(0).random((2, height, width, 3), "float32")
        wanted = np.asarray(model(images, training=False))
        assert np.abs(answers(proto, images) - wanted).max() < 1e-5


def test_models_of_other_layers_go_through_tf2onnx(tmp_path):
    class Doubling(layers.Layer):
        def call(self, x):
            return 2 * x

    image = keras.Input((8, 8, 3), name="image")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(Doubling()(image)))
    model = keras.Model(image, x)
    assert "Doubling" in (first_without_rule(model) or "")
    (report,) = export(model, tmp_path / "out", ["onnx"])
    assert report.relative < 1e-5
    with pytest.raises(KerasCNNError, match="opset 21 needs layers that kerascnn writes itself"):
        export(model, tmp_path / "two", ["onnx"], options=ExportOptions(opset=21))


def test_names_in_the_file_are_the_layers(tmp_path):
    proto = format.convert(prepare(small("resnet")), ExportOptions())
    names = {node.name for node in proto.graph.node}
    assert {"conv1", "predictions"} & names
    assert "conv1.weight" in {entry.name for entry in proto.graph.initializer}
