"""Networks to export, and what an export has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx

import kerascnn
from kerascnn.exporting.common.equivalence import Reference
from kerascnn.exporting.common.network import prepare
from kerascnn.exporting.common.options import ExportOptions, Job
from kerascnn.exporting.onnx import quantize
from kerascnn.exporting.onnx.writer import write_graph
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.layers import GroupedConv2D, LocalResponseNormalization

layers = keras.layers


def tiny(outputs: int = 5, activation: str | None = "softmax", **arguments: Any) -> keras.Model:
    """Returns a network for 8 x 8 images; the arguments are those of its convolution."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Flatten(name="features")(layers.Conv2D(2, 3, name="c1", **arguments)(image))
    x = layers.Dense(outputs, activation=activation, name="predictions")(x)
    return keras.Model(image, x, name="tiny")


LITTLE_NAMES = [f"class {n}" for n in range(7)]
LITTLE_PREPROCESSING = Preprocessing(
    size=(24, 24), fit="crop", resize=28, scale=1 / 255, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.3)
)


def little_network(size: int | None = 24, dtype: str | None = None) -> keras.Model:
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


def little_inputs(count: int, size: int = 24) -> np.ndarray:
    """Returns inputs of `little_network`."""
    return np.random.default_rng(count).normal(size=(count, size, size, 3)).astype("float32")


def randomised(model: keras.Model) -> keras.Model:
    """Gives statistics and biases of a model values that are not neutral."""
    generator = np.random.default_rng(1)
    for weight in model.weights:
        if "variance" in weight.path:
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        elif any(part in weight.path for part in ("moving_mean", "beta", "bias")):
            weight.assign(generator.normal(0, 0.1, weight.shape))
    return model


def tree(directory: Path) -> dict[str, bytes]:
    """Returns the content of every file below a directory."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


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
"""One row of every family: its name, arguments, side of the image."""


def small_of_family(family: str, **more: Any) -> keras.Model:
    """Returns the row of FAMILIES, with biases and statistics that are not neutral."""
    name, arguments, side = FAMILIES[family]
    channels = kerascnn.model_info(name).input_shape[-1]
    arguments = {**arguments, **more, "input_shape": (side, side, channels)}
    if family not in ("lenet_1998", "alphago", "fcn"):
        arguments["classes"] = 7
    return randomised(kerascnn.create_model(name, **arguments))


def random_images_for(model: keras.Model, count: int = 3) -> np.ndarray:
    """Returns inputs of a model; 64 stands for a side that is open."""
    shape = [side or 64 for side in model.input_shape[1:]]
    return np.random.default_rng(2).random((count, *shape), "float32")


def int8_graph(model: keras.Model, samples: np.ndarray, path: Path) -> onnx.ModelProto:
    """Returns the graph that `export` would write as int8, without its comparison with Keras.

    Args:
        model: to be written.
        samples: inputs that calibrate it.
        path: beside which the quantizer writes what it needs.
    """
    ready = prepare(model)
    metadata, nothing = {"input": {"layout": "nhwc"}}, Reference(0, (), (), None)
    job = Job(ready, metadata, ExportOptions(), None, nothing, tuple(samples), (), "int8")
    int8, _ = quantize.to_int8(write_graph(ready, 17), job, path)
    return int8
