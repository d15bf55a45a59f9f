"""Whole Keras models are read as data: sound files come back equal, others are refused."""

from __future__ import annotations

import json
import zipfile

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.inference.open_classifier import open_classifier
from kerascnn.models.provenance import provenance
from kerascnn.weights.inspect import inspect
from kerascnn.weights.keras_model import read_keras_model
from support.weight_files.hostile_models import REFERENCES, argument, changing


@pytest.fixture
def model():
    image = keras.Input((4, 4, 1), name="image")
    features = keras.layers.Flatten(name="features")(image)
    predictions = keras.layers.Dense(2, activation="softmax", name="predictions")(features)
    return keras.Model(image, predictions, name="small")


def test_damaged_models_are_refused(tmp_path, model):
    path = tmp_path / "m.keras"
    model.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DamagedFileError, match="truncated"):
        read_keras_model(path)
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(DamagedFileError, match=r"no model\.weights\.h5"):
        read_keras_model(path)
    # One flipped bit of the weights: HDF5 alone would not notice.
    kernel = model.get_layer("predictions").kernel.numpy().tobytes()
    place = whole.find(kernel[:16])
    assert place > 0
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    with pytest.raises(DamagedFileError, match="checksum"):
        read_keras_model(path)


def test_python_code_in_a_model_is_refused(tmp_path):
    image = keras.Input((4, 4, 1), name="image")
    out = keras.layers.Lambda(lambda x: x * 2)(keras.layers.Flatten()(image))
    keras.Model(image, out).save(tmp_path / "l.keras")
    with pytest.raises(UnsafeFileError, match="Lambda"):
        read_keras_model(tmp_path / "l.keras")


def test_a_lambda_that_names_a_function_of_keras_is_refused(tmp_path):
    """Keras 3.15 calls it while it loads the file, in safe mode too (keras-team/keras#23654)."""
    image = keras.Input((4, 4, 1), name="image")
    keras.Model(image, keras.layers.Lambda(keras.ops.relu)(image)).save(tmp_path / "l.keras")
    with zipfile.ZipFile(tmp_path / "l.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["config"]["function"] = {
        "module": "keras.config",
        "class_name": "function",
        "config": "set_image_data_format",
        "registered_name": "function",
    }
    with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" else content)
    with pytest.raises(UnsafeFileError, match=r"m\.keras: .*Lambda"):
        read_keras_model(tmp_path / "m.keras")


def sequential():
    """Returns a compiled network with augmentation, as Keras's tutorials have it."""
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 255),
            layers.Normalization(mean=(0.5, 0.4, 0.3), variance=(0.1, 0.2, 0.3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1),
            layers.RandomZoom((-0.1, 0.1)),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(4, 3, activation=keras.activations.silu),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.2),
            layers.Dense(3, activation="softmax"),
        ],
        name="tutorial",
    )
    schedule = keras.optimizers.schedules.CosineDecay(0.01, 100)
    network.compile(
        keras.optimizers.SGD(schedule, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(2)],
    )
    return network


def nested():
    """Returns a network with two backbones whose layers have the same names, and operations."""

    def backbone(name):
        inner = keras.Sequential(name=name)
        inner.add(keras.Input((16, 16, 3)))
        inner.add(keras.layers.Conv2D(4, 3, name="conv"))
        inner.add(keras.layers.BatchNormalization(name="norm"))
        return inner

    image = keras.Input((16, 16, 3))
    left, right = backbone("left")(image + np.float32(1)), backbone("right")(image[..., ::-1])
    x = keras.layers.Concatenate()([left, right]) * 2.0
    x = keras.layers.LeakyReLU()(keras.layers.GroupNormalization(2)(x))
    outputs = keras.layers.Dense(1)(keras.ops.mean(x, axis=(1, 2)))
    network = keras.Model(image, outputs, name="two")
    network.compile(keras.optimizers.AdamW(1e-3), keras.losses.mean_squared_error, metrics=["mae"])
    return network


def application(name, **arguments):
    return lambda: getattr(keras.applications, name)(
        weights=None, input_shape=(64, 64, 3), classes=5, **arguments
    )


def attention():
    image = keras.Input((16, 16, 3))
    x = keras.layers.Reshape((16, 12))(keras.layers.Conv2D(12, 4, strides=4)(image))
    x = keras.layers.LayerNormalization()(x[:, 1:])
    x = keras.layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(x)))


SOUND = {
    "tutorial": sequential,
    "nested": nested,
    "attention": attention,
    "MobileNetV3Small": application("MobileNetV3Small"),
}


@pytest.mark.parametrize("make", SOUND.values(), ids=SOUND)
def test_sound_files_of_others_come_back_as_keras_reads_them(tmp_path, make):
    network, path = make(), tmp_path / "m.keras"
    images = np.random.default_rng(0).uniform(0, 255, (2, *network.input_shape[1:]))
    images = images.astype("float32")
    if getattr(network, "optimizer", None) is not None:
        network.fit(images, np.array([0, 1]), verbose=0)
    network.save(path)
    ours, theirs = read_keras_model(path), keras.saving.load_model(path)
    same = [np.asarray(each(images, training=False)) for each in (ours, theirs)]
    np.testing.assert_array_equal(*same)
    assert callable(ours.preprocess)
    assert ours.get_config() == theirs.get_config()
    if getattr(network, "optimizer", None) is None:
        assert getattr(ours, "optimizer", None) is None
        return
    for variable, same in zip(ours.optimizer.variables, network.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), np.asarray(same))
    assert ours.get_compile_config() == theirs.get_compile_config()
    assert ours.evaluate(images, np.array([0, 1]), verbose=0) == theirs.evaluate(
        images, np.array([0, 1]), verbose=0
    )
    assert not getattr(read_keras_model(path, compiled=False), "compiled", False)


def flips(path, count):
    """Yields copies of a file with one changed bit each, spread over the whole file."""
    whole = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, 8 * len(whole), count):
        data = bytearray(whole)
        data[place // 8] ^= 1 << (place % 8)
        path.write_bytes(data)
        yield place // 8
    path.write_bytes(whole)


def test_a_flipped_bit_is_noticed(tmp_path):
    network, path = kerascnn.create_model("lenet5"), tmp_path / "m.keras"
    network.save(path)
    before = network.get_weights()
    for place in flips(path, 20):
        for read in (read_keras_model, lambda path: kerascnn.load_weights(network, path)):
            with pytest.raises((DamagedFileError, UnsafeFileError)) as caught:
                read(path)
            assert "\n" not in str(caught.value), place
    for array, same in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, same)
    assert kerascnn.load_weights(network, path).fraction == 1


def test_networks_of_this_package_are_built_from_the_registry(tmp_path):
    path = tmp_path / "m.keras"
    network = kerascnn.create_model("resnet20_cifar", classes=3, width=0.25)
    network.compile("adam", "sparse_categorical_crossentropy")
    network.optimizer.build(network.trainable_variables)
    network.optimizer.iterations.assign(7)
    images = np.ones((2, 32, 32, 3), "float32")
    network.save(path)
    same = read_keras_model(path)
    assert [type(layer) for layer in same.layers] == [type(layer) for layer in network.layers]
    assert provenance(same) == provenance(network)
    np.testing.assert_array_equal(np.asarray(same(images)), np.asarray(network(images)))
    for variable, other in zip(same.optimizer.variables, network.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(variable), np.asarray(other))


def test_a_changed_network_of_this_package_keeps_its_changes(tmp_path):
    path = tmp_path / "m.keras"
    network = kerascnn.create_model("lenet5")
    network.get_layer("c3").trainable = False
    network.get_layer("c1").activation = keras.activations.relu
    network.save(path)
    same = read_keras_model(path)
    assert not same.get_layer("c3").trainable
    assert same.get_layer("c1").activation is keras.activations.relu


def test_inspect_says_what_reads_the_file_and_what_refuses_it(tmp_path):
    path = tmp_path / "m.keras"
    network = keras.Sequential([keras.Input((4,)), Own(2, name="own")])
    network.save(path)
    result, error = inspect(path)
    assert error is None
    assert result.verdict == "safe"
    assert "load_weights only sets numbers; predict and evaluate refuse it" in result.reason
    assert "has a Own in 'own'" in result.reason
    with pytest.raises(UnsafeFileError, match="load the weights alone with load_weights"):
        open_classifier(path)
    fresh = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="own")])
    kerascnn.load_weights(fresh, path)  # as the message advises
    np.testing.assert_array_equal(fresh.get_weights()[0], network.get_weights()[0])


@pytest.mark.parametrize("name", ["tfsm", "lambda_of_keras", "setter", "get_file", "system"])
def test_inspect_calls_no_file_safe_that_names_code(tmp_path, name):
    path = tmp_path / "m.keras"
    changing(argument("act", "activation", REFERENCES[name]))(path)
    result, error = inspect(path)
    assert result.verdict == "refused"
    assert isinstance(error, UnsafeFileError)
    with pytest.raises(UnsafeFileError):
        kerascnn.load_weights(kerascnn.create_model("lenet5"), path)


@keras.saving.register_keras_serializable("test_keras_model")
class Own(keras.layers.Dense):
    """A layer that only this module has."""


def test_a_registered_class_does_not_replace_a_layer_of_keras(tmp_path, model):
    path = tmp_path / "m.keras"
    model.save(path)
    with keras.saving.custom_object_scope({"Dense": Own}):
        same = read_keras_model(path)
    assert type(same.get_layer("predictions")) is keras.layers.Dense
