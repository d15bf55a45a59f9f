"""A model keeps its network, preprocessing and class names wherever Keras takes it."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.adopted import adopt, adopt_unknown, adopted_class_names, weights_preprocessing
from kerascnn.models.auxiliary import main_model, with_output_list
from kerascnn.models.identity import Record, record_of

NAMES = ("ant", "bee", "cat")
NETWORKS = {
    "lenet5": {"classes": 3},
    "resnet20_cifar": {"classes": 3, "width": 0.5, "prefix": "left_"},
    "googlenet": {"classes": 3, "width": 0.1, "auxiliary": True, "input_shape": (96, 96, 3)},
    "fcn32s": {"classes": 3, "width": 0.05, "input_shape": (64, 64, 3)},
    "efficientnet_b0": {
        "classes": 3, "width": 0.25, "depth": 0.3, "input_shape": (32, 32, 3),
        "include_preprocessing": True,
    },
    "vgg11": {"include_top": False, "width": 0.125, "input_shape": (32, 32, 3), "pooling": "avg"},
}  # fmt: skip


def saved_and_loaded(model, tmp_path):
    model.save(tmp_path / "x.keras")
    return keras.models.load_model(tmp_path / "x.keras")


def from_configuration(model, tmp_path):
    twin = type(model).from_config(model.get_config())
    twin.set_weights(model.get_weights())
    return twin


def cloned(model, tmp_path):
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    return twin


def from_json(model, tmp_path):
    twin = keras.models.model_from_json(model.to_json())
    twin.set_weights(model.get_weights())
    return twin


COPIES = [
    saved_and_loaded,
    from_configuration,
    cloned,
    from_json,
    lambda model, tmp_path: copy.deepcopy(model),
    lambda model, tmp_path: pickle.loads(pickle.dumps(model)),
]


def build(name, **changes):
    return kerascnn.create_model(name, **{**NETWORKS[name], **changes})


@pytest.mark.parametrize("name", NETWORKS)
def test_every_way_to_copy_a_model_keeps_its_record(name, tmp_path):
    model = build(name)
    preprocessing = Preprocessing(size=(40, 40), fit="crop", resize=48, mean=(0.3,), std=(0.2,))
    adopt(model, preprocessing, NAMES)
    assert kerascnn.provenance(model).arguments == NETWORKS[name]
    known = weights_preprocessing(model)
    # A model that scales pixels itself gets them unscaled.
    assert (known.preprocessing == preprocessing) == ("include_preprocessing" not in NETWORKS[name])
    names = adopted_class_names(model)
    assert names == (NAMES if name not in ("vgg11",) else None)
    images = np.random.default_rng(0).random((1, *model.input_shape[1:]), np.float32)
    scores = keras.tree.flatten(model(images))
    for copied in COPIES:
        twin = copied(model, tmp_path)
        assert kerascnn.provenance(twin) == kerascnn.provenance(model), copied
        assert weights_preprocessing(twin) == known
        assert adopted_class_names(twin) == names
        for own, other in zip(scores, keras.tree.flatten(twin(images)), strict=True):
            np.testing.assert_array_equal(own, other)


def test_a_compiled_model_keeps_its_record(tmp_path):
    model = build("lenet5")
    model.compile("sgd", "sparse_categorical_crossentropy")
    adopt(model, None, NAMES)
    twin = saved_and_loaded(model, tmp_path)
    assert twin.compiled
    assert kerascnn.provenance(twin) == kerascnn.provenance(model)
    assert adopted_class_names(twin) == NAMES


def test_a_training_is_recorded_exactly(tmp_path):
    model = build("lenet5")
    padded = Preprocessing(size=(32, 32), fit="pad", resize=28, channels="grey")
    adopt(model, padded, NAMES, exact=True)
    assert weights_preprocessing(saved_and_loaded(model, tmp_path)).exact
    assert weights_preprocessing(keras.models.clone_model(model)).preprocessing == padded


@pytest.mark.parametrize("suffix", ["keras", "h5"])
def test_saved_files_load_in_plain_keras(suffix, tmp_path):
    path = tmp_path / f"x.{suffix}"
    model = build("vgg11")
    model.save(path)
    script = (
        "import sys, keras; model = keras.models.load_model(sys.argv[1]); "
        "layer = model.get_layer('features'); assert type(layer) is keras.layers.Identity; "
        "assert 'kerascnn' not in sys.modules; model.save(sys.argv[1]); print('read')"
    )
    command = [sys.executable, "-c", script, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert result.stdout.strip().endswith("read"), result.stderr[-500:]
    # The row and the arguments are those that the layers show; nothing tells the preprocessing.
    twin = keras.models.load_model(path)
    assert record_of(twin) is None
    assert kerascnn.provenance(twin) == kerascnn.provenance(model)
    assert weights_preprocessing(twin) is None


def test_a_record_is_added_to_a_model_of_an_earlier_version(tmp_path):
    build("resnet20_cifar").save(tmp_path / "x.h5")
    model = keras.models.load_model(tmp_path / "x.h5")
    assert kerascnn.provenance(model).arguments == NETWORKS["resnet20_cifar"]
    preprocessing = Preprocessing(size=(32, 32), mean=(0.5,))
    adopt(model, preprocessing, NAMES)
    twin = saved_and_loaded(model, tmp_path)
    assert weights_preprocessing(twin).preprocessing == preprocessing
    assert kerascnn.provenance(twin).arguments == NETWORKS["resnet20_cifar"]


def test_a_changed_model_has_no_row_and_keeps_the_preprocessing_of_its_weights():
    base = build("lenet5")
    adopt(base, Preprocessing(size=(32, 32), channels="grey", mean=(0.25,)), NAMES)
    known = weights_preprocessing(base)
    longer = keras.Model(base.input, keras.layers.Dense(3)(base.output))
    nested = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.RandomFlip(), base])
    nested.add(keras.layers.Dense(3))
    for model in (longer, nested):
        assert kerascnn.provenance(model) is None
        assert weights_preprocessing(model) == known
        assert adopted_class_names(model) is None
    cut = keras.Model(base.input, base.get_layer("features").output)
    assert kerascnn.provenance(cut).arguments == {"include_top": False}


def test_the_preprocessing_is_unknown_behind_a_layer_that_scales_pixels():
    base = build("lenet5")
    scaled = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Rescaling(1 / 255), base])
    assert weights_preprocessing(base) is not None
    assert weights_preprocessing(scaled) is None
    image = keras.Input((32, 32, 1))
    flat = kerascnn.create_model("lenet5", input_tensor=keras.layers.Rescaling(1 / 255)(image))
    assert kerascnn.provenance(keras.models.clone_model(flat)) == kerascnn.provenance(flat)
    assert weights_preprocessing(flat) is None


def test_a_layer_of_another_kind_or_setting_is_another_network():
    def with_relu(layer):
        config = layer.get_config()
        if config.get("activation") == "softmax":
            config["activation"] = "relu"
        return layer.__class__.from_config(config)

    base = build("vgg11", include_top=True, classes=3, pooling=None)
    other = keras.models.clone_model(base, clone_function=with_relu)
    assert kerascnn.provenance(other).arguments["classifier_activation"] == "relu"

    def with_strides(layer):
        config = layer.get_config()
        if layer.name == "pool1":
            config["pool_size"] = (3, 3)
            config["padding"] = "same"
        return layer.__class__.from_config(config)

    changed = keras.models.clone_model(build("vgg11"), clone_function=with_strides)
    if "pool1" in [layer.name for layer in changed.layers]:
        assert kerascnn.provenance(changed) is None


def test_other_forms_of_a_network_with_auxiliary_classifiers_keep_its_record(tmp_path):
    model = saved_and_loaded(build("googlenet"), tmp_path)
    adopt(model, Preprocessing(size=(96, 96), mean=(0.5,)), NAMES)
    served = main_model(model)
    assert "auxiliary" not in kerascnn.provenance(served).arguments
    assert kerascnn.provenance(with_output_list(model)) == kerascnn.provenance(model)
    assert adopted_class_names(served) == adopted_class_names(model) == NAMES
    assert weights_preprocessing(served) == weights_preprocessing(model)


def test_an_argument_that_a_file_cannot_hold_stays_with_the_model(tmp_path):
    model = build("lenet5", classifier_activation=keras.activations.softmax)
    assert kerascnn.provenance(model).name == "lenet5"
    model.save(tmp_path / "x.keras")
    assert kerascnn.provenance(keras.models.load_model(tmp_path / "x.keras")).name == "lenet5"


def test_a_damaged_record_counts_as_unknown():
    damaged = {"row": 3, "arguments": [], "preprocessing": {"size": "x"}, "class_names": "abc"}
    assert Record.from_json(damaged) == Record(preprocessing_of="unknown")
    older = {"row": "lenet5", "arguments": {"input_shape": [32, 32, 1]}, "preprocessing": None}
    record = Record.from_json(older)
    assert (record.arguments, record.preprocessing_of) == ({"input_shape": (32, 32, 1)}, "row")
    assert Record.from_json(record.to_json()) == record
    assert Record.from_json({"row": "lenet5", "arguments": {"classes": {}}}).row is None


def test_nothing_is_known_after_weights_of_unknown_origin(tmp_path):
    model = build("lenet5")
    adopt_unknown(model)
    assert weights_preprocessing(saved_and_loaded(model, tmp_path)) is None
    assert kerascnn.provenance(model).name == "lenet5"


def test_the_record_in_the_file_is_plain(tmp_path):
    build("lenet5").save(tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras") as archive:
        text = archive.read("config.json").decode()
    assert '"kerascnn": {"row": "lenet5", "arguments": {"classes": 3}' in text
