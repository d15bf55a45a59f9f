"""Whole Keras models are read as data: sound files come back equal, others are refused."""

from __future__ import annotations

import json
import zipfile

import keras
import pytest

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.keras_model import read_keras_model


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
