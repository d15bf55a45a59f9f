"""Hostile whole models: .keras files whose configuration names what must not be built or run."""

from __future__ import annotations

import copy
import functools
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras

from support.weight_files.hostile import DAMAGED, UNSAFE, Hostile

SAVED_MODEL = "evil_saved_model"
"""Folder of the SavedModel that writes `MARKER` while it is loaded."""
MARKER = "marker"
MiB = 2**20
Config = dict[str, Any]
Change = Callable[[Config], Any]


@functools.cache
def _sound() -> bytes:
    image = keras.Input((8, 8, 3), name="image")
    x = keras.layers.Conv2D(4, 3, activation="relu", name="conv")(image)
    x = keras.layers.Activation("tanh", name="act")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(3, activation="softmax", name="predictions")(x)
    model = keras.Model(image, x, name="sound")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "sound.keras")
        return (Path(folder) / "sound.keras").read_bytes()


def write_sound(path: Path) -> Path:
    """Writes a small compiled classifier; the hostile files are this one, changed."""
    path.write_bytes(_sound())
    return path


def write_saved_model(folder: Path) -> None:
    """Writes a SavedModel that writes `MARKER` into the same folder as soon as it is loaded."""
    import tensorflow as tf

    marker = str(folder / MARKER)

    class Resource(tf.saved_model.experimental.TrackableResource):
        def _create_resource(self) -> Any:
            return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.float32)

        def _initialize(self) -> None:
            tf.io.write_file(marker, "the SavedModel ran")

    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.resource = Resource()
            _ = self.resource.resource_handle

        @tf.function(input_signature=[tf.TensorSpec((None, 6, 6, 4), tf.float32)])
        def serve(self, x: Any) -> Any:
            return x

    module = Module()
    tf.saved_model.save(module, folder / SAVED_MODEL, {"serve": module.serve})
    Path(marker).unlink(missing_ok=True)


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path: Path, contents: dict[str, bytes], packed: tuple[str, ...] = ()) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            kind = zipfile.ZIP_DEFLATED if name in packed else zipfile.ZIP_STORED
            archive.writestr(name, data, kind)


def changing(change: Change) -> Callable[[Path], None]:
    """Returns what writes the sound file with a changed configuration."""

    def write(path: Path) -> None:
        contents = members(write_sound(path))
        config = json.loads(contents["config.json"])
        result = change(config)
        config = result if isinstance(result, dict) else config
        write_members(path, {**contents, "config.json": json.dumps(config).encode()})

    return write


def layer(name: str, item: Any) -> Change:
    """Returns what gives a layer of the configuration another class and arguments."""

    def change(config: Config) -> None:
        for old in config["config"]["layers"]:
            if old["name"] == name:
                old.pop("build_config", None)
                old.update(copy.deepcopy(item))
                if isinstance(old["config"], dict):
                    old["config"] = {"name": name, **old["config"]}

    return change


def argument(name: str, key: str, value: Any) -> Change:
    """Returns what sets an argument of a layer."""

    def change(config: Config) -> None:
        for old in config["config"]["layers"]:
            if old["name"] == name:
                old.pop("build_config", None)
                old["config"][key] = copy.deepcopy(value)

    return change


def compiled(key: str, value: Any) -> Change:
    def change(config: Config) -> None:
        config["compile_config"][key] = copy.deepcopy(value)

    return change


def function(module: str, name: str) -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def of_class(where: Any, label: Any, /, **config: Any) -> Config:
    return {"module": where, "class_name": label, "config": config, "registered_name": None}


TFSM = of_class("keras.layers", "TFSMLayer", filepath=SAVED_MODEL)
LAMBDA = of_class("keras.layers", "Lambda", function=function("keras.config", "set_floatx"))
SETTER = function("keras.config", "set_image_data_format")
EPSILON = function("keras.config", "set_epsilon")
REFERENCES: dict[str, Config] = {
    "tfsm": TFSM,
    "tfsm_of_keras": of_class("keras", "layers.TFSMLayer", filepath=SAVED_MODEL),
    "tfsm_function": function("keras.layers", "TFSMLayer"),
    "lambda": LAMBDA,
    "lambda_of_keras": of_class("keras", "layers.Lambda", function=EPSILON),
    "lambda_inside": of_class("keras.src.layers.core.lambda_layer", "Lambda", function=SETTER),
    "bytecode": {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}},
    "setter": SETTER,
    "setter_of_backend": function("keras.backend", "set_image_data_format"),
    "epsilon": EPSILON,
    "floatx": function("keras", "config.set_floatx"),
    "unsafe": function("keras.config", "enable_unsafe_deserialization"),
    "eager": function("tensorflow", "config.run_functions_eagerly"),
    "get_file": function("keras.utils", "get_file"),
    "data": function("keras.datasets.mnist", "load_data"),
    "application": function("keras.applications", "ResNet50"),
    "load_model": function("keras.models", "load_model"),
    "system": function("os", "system"),
    "evaluate": function("builtins", "eval"),
    "torch": of_class("keras.layers", "TorchModuleWrapper", module="aGVsbG8="),
    "flax": of_class("keras.layers", "FlaxLayer", module="x"),
    "vocabulary": of_class("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
    "vectorization": of_class("keras.layers", "TextVectorization", vocabulary="/etc/passwd"),
    "callback": of_class("keras.callbacks", "CSVLogger", filename=MARKER),
    "tuner": of_class("keras.src.utils.file_utils", "File", path=MARKER),
    "typespec": {"class_name": "__typespec__", "module": "tensorflow", "spec_name": "TensorSpec",
                 "registered_name": None, "config": []},
    "foreign": {**of_class("evil", "Layer"), "registered_name": "evil>Layer"},
    "disguised": {**of_class("keras.layers", "Dense", units=3), "registered_name": "evil>Dense"},
    "scan": of_class("keras.src.ops.core", "Scan"),
    "numpy_object": {"class_name": "__numpy__", "config": {"value": [1], "dtype": "S900000000"}},
    "by_name": "evil>Layer",  # type: ignore[dict-item]
}  # fmt: skip
"""Things that a configuration may not name."""

CELL = of_class("keras.layers", "GRUCell", units=1)

BOMBS: dict[str, tuple[Change, tuple[str, ...]]] = {
    "units": (argument("predictions", "units", 268_435_456), (DAMAGED,)),
    "units_large": (argument("predictions", "units", 10**15), (UNSAFE,)),
    "filters": (argument("conv", "filters", 100_000_000), (DAMAGED,)),
    "kernel": (argument("conv", "kernel_size", [100_000, 100_000]), (UNSAFE, DAMAGED)),
    "negative": (argument("predictions", "units", -3), (DAMAGED,)),
    "text": (argument("predictions", "units", "many"), (DAMAGED,)),
    "activations": (
        layer("act", of_class("keras.layers", "UpSampling2D", size=[40_000, 40_000])),
        (UNSAFE,),
    ),
    "input": (argument("image", "batch_shape", [None, 10**7, 10**7, 3]), (UNSAFE, DAMAGED)),
    "thresholds": (
        compiled("metrics", [of_class("keras.metrics", "AUC", num_thresholds=10**8)]),
        (UNSAFE,),
    ),
    "confusion": (
        compiled("metrics", [of_class("keras.metrics", "MeanIoU", num_classes=60_000)]),
        (UNSAFE,),
    ),
    "many_metrics": (
        compiled("metrics", [of_class("keras.metrics", "MeanIoU", num_classes=2000)] * 200),
        (UNSAFE,),
    ),
    "backwards": (lambda config: _backwards(config, 3_000), (UNSAFE,)),
    "cells": (
        layer("act", of_class("keras.layers", "StackedRNNCells", cells=[CELL] * 6_000)),
        (UNSAFE,),
    ),
    "split": (
        layer("act", of_class("keras.src.ops.numpy", "Split", indices_or_sections=10**8)),
        (UNSAFE,),
    ),
    "window": (
        layer(
            "act",
            {
                **of_class("kerascnn.layers.pooling", "WeightedPooling2D", pool_size=100_000),
                "registered_name": "kerascnn>WeightedPooling2D",
            },
        ),
        (UNSAFE,),
    ),
    "nested_models": (lambda config: _nested(config, 150), (UNSAFE, DAMAGED)),
    "layers_without_arrays": (lambda config: _many(config, 4_000), (UNSAFE,)),
    "many_layers": (lambda config: _many(config, 30_000), (UNSAFE,)),
    "no_model": (lambda config: of_class("keras.layers", "Dense", units=3), (DAMAGED,)),
    "no_layers": (lambda config: config["config"].pop("layers"), (DAMAGED,)),
    "layers_of_no_class": (lambda config: config["config"].update(layers=[1, 2]), (DAMAGED,)),
    "classes_as_lists": (layer("act", of_class("keras.layers", ["Dense"])), (DAMAGED,)),
    "loop": (
        lambda config: config["config"]["layers"][1].update(
            inbound_nodes=config["config"]["layers"][3]["inbound_nodes"]
        ),
        (DAMAGED,),
    ),
}


def _within(wrapper: str) -> Callable[[Any], Change]:
    return lambda evil: layer("act", of_class("keras.layers", wrapper, layer=evil))


def _called_with(evil: Any) -> Change:
    def change(config: Config) -> None:
        config["config"]["layers"][2]["inbound_nodes"][0]["kwargs"] = {"mask": evil}

    return change


def _nested(config: Config, count: int) -> Config:
    inner = config
    for number in range(count):
        inner = of_class("keras", "Sequential", name=f"m{number}", layers=[inner])
    return inner


def _many(config: Config, count: int) -> None:
    layers = config["config"]["layers"]
    layers += [{**layers[2], "name": f"act_{number}"} for number in range(count)]


def _backwards(config: Config, count: int) -> None:
    """Puts a chain of layers behind the one that reads it: Keras passes once for each of them."""
    layers = config["config"]["layers"]
    text = json.dumps(layers[2])
    chain = [
        json.loads(text.replace('"act"', f'"act_{i}"').replace('"conv"', f'"act_{i - 1}"'))
        for i in range(1, count)
    ]
    config["config"]["layers"] = [*layers, *reversed(chain)]


def _rezipped(change: Callable[[dict[str, bytes]], dict[str, bytes]], *packed: str) -> Any:
    def write(path: Path) -> None:
        write_members(path, change(members(write_sound(path))), packed)

    return write


def _doubled(path: Path) -> None:
    contents = members(write_sound(path))
    evil = json.loads(contents["config.json"])
    argument("act", "activation", TFSM)(evil)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("config.json", json.dumps(evil))


def _weights(change: Callable[[h5py.File], None]) -> Any:
    def changed(contents: dict[str, bytes]) -> dict[str, bytes]:
        stream = io.BytesIO(contents["model.weights.h5"])
        with h5py.File(stream, "r+") as file:
            change(file)
        return {**contents, "model.weights.h5": stream.getvalue()}

    return _rezipped(changed)


def _larger(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars"].create_dataset("0", shape=(4, 3_000_000), dtype="f4")


def _linked(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]
    file["layers/dense/vars/0"] = h5py.ExternalLink("/etc/passwd", "x")


def _without(file: h5py.File) -> None:
    del file["layers/dense/vars/0"]


def _not_finite(file: h5py.File) -> None:
    file["layers/dense/vars/0"][0, 0] = float("nan")


def files() -> list[Hostile]:
    """Returns the files; those that name a SavedModel need `write_saved_model` in their folder."""
    places: dict[str, Callable[[Any], Change]] = {
        "activation": lambda evil: argument("act", "activation", evil),
        "initializer": lambda evil: argument("conv", "kernel_initializer", evil),
        "regularizer": lambda evil: argument("conv", "kernel_regularizer", evil),
        "constraint": lambda evil: argument("conv", "kernel_constraint", evil),
        "dtype": lambda evil: argument("act", "dtype", evil),
        "layer": lambda evil: layer("act", evil),
        "wrapped": _within("TimeDistributed"),
        "both_ways": _within("Bidirectional"),
        "pipeline": lambda evil: layer("act", of_class("keras.layers", "Pipeline", layers=[evil])),
        "call": _called_with,
        "loss": lambda evil: compiled("loss", evil),
        "metric": lambda evil: compiled("metrics", [[evil]]),
        "wrapper": lambda evil: compiled(
            "metrics", [of_class("keras.metrics", "MeanMetricWrapper", fn=evil)]
        ),
        "optimizer": lambda evil: compiled("optimizer", evil),
        "schedule": lambda evil: compiled(
            "optimizer", of_class("keras.optimizers", "Adam", learning_rate=evil)
        ),
    }  # fmt: skip
    items = [
        Hostile(f"{name}_in_{place}.keras", changing(put(evil)), (UNSAFE, DAMAGED))
        for place, put in places.items()
        for name, evil in REFERENCES.items()
        if not (place == "layer" and name == "by_name")
    ]
    items += [
        Hostile(f"bomb_{name}.keras", changing(change), errors)
        for name, (change, errors) in BOMBS.items()
    ]
    config_bomb = {"config.json": b'{"a": "' + b" " * (600 * MiB) + b'"}'}
    items += [
        Hostile("doubled.keras", _doubled, (UNSAFE,), ("twice",)),
        Hostile(
            "config_600M.keras", _rezipped(lambda old: {**old, **config_bomb}, "config.json")
        ),
        Hostile(
            "weights_packed.keras", _rezipped(lambda old: old, "model.weights.h5"), (UNSAFE,)
        ),
        Hostile(
            "weights_bomb.keras",
            _rezipped(
                lambda old: {**old, "model.weights.h5": bytes(300 * MiB)}, "model.weights.h5"
            ),
        ),
        Hostile("no_config.keras", _rezipped(lambda old: _but(old, "config.json")), (DAMAGED,)),
        Hostile(
            "no_weights.keras", _rezipped(lambda old: _but(old, "model.weights.h5")), (DAMAGED,)
        ),
        Hostile(
            "empty_config.keras",
            _rezipped(lambda old: {**old, "config.json": b"{}"}),
            (DAMAGED,),
        ),
        Hostile("larger.keras", _weights(_larger), (DAMAGED, UNSAFE)),
        Hostile("linked.keras", _weights(_linked), (UNSAFE,)),
        Hostile("without.keras", _weights(_without), (DAMAGED,)),
        Hostile("not_finite.keras", _weights(_not_finite), (DAMAGED,), ("not finite",)),
    ]  # fmt: skip
    return items


def _but(contents: dict[str, bytes], name: str) -> dict[str, bytes]:
    return {key: data for key, data in contents.items() if key != name}
