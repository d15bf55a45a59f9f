"""`prefix`: the names of all layers begin with it, and what looks for a layer by name finds it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError
from kerascnn.models.auxiliary import auxiliary_outputs, main_model, with_output_list
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.training.losses import compile_arguments, plain_names
from kerascnn.weights.name_maps import layouts
from support.small_models import ROWS, small_arguments
from support.trainings import googlenet_with_heads, halves, quiet

SMALL = {"width": 0.25, "depth": 0.5, "input_shape": (32, 32, 3), "stem": "small", "classes": 3}


def small_resnet(**arguments):
    return kerascnn.create_model("resnet18", **{**SMALL, **arguments})


def images(count: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 32, 32, 3)).astype("float32")


def same_values(first, second):
    for value, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize("row", ROWS)
def test_every_layer_of_every_family_has_the_prefix(row):
    arguments = small_arguments(row)
    plain = [layer.name for layer in kerascnn.create_model(row, **arguments).layers]
    model = kerascnn.create_model(row, **arguments, prefix="left_")
    assert [layer.name for layer in model.layers] == [f"left_{name}" for name in plain]
    planned = plan(model_info(row), Request.of({**arguments, "prefix": "left_"}))
    assert sorted(planned.entries) == sorted(f"left_{name}" for name in plain[1:])
    assert [layer.name for layer in kerascnn.summarize(model).layers] == [
        f"left_{name}" for name in plain[1:]
    ]


def test_image_preprocessing_pooling_and_model_have_the_prefix():
    model = small_resnet(prefix="a-", include_top=False, pooling="avg", include_preprocessing=True)
    assert model.name == "a-resnet18"
    for name in ("image", "preprocessing", "features", "pool"):
        assert model.get_layer(f"a-{name}")
    assert small_resnet(prefix="a_", name="mine").name == "mine"
    assert small_resnet(prefix="a_").output_names == ["a_predictions"]


def test_the_prefix_ends_with_the_model_even_after_an_error():
    with pytest.raises(ValueError, match="width"):
        small_resnet(prefix="a_", width=-1)
    assert small_resnet().get_layer("predictions")


@pytest.mark.parametrize("prefix", ["a/b", "é", "_a", "-a", "a b", "a.b", "x" * 65, 3, None, "a\n"])
def test_other_prefixes_are_refused(prefix):
    with pytest.raises(UsageError, match="prefix must be text of at most 64 letters"):
        small_resnet(prefix=prefix)
    assert small_resnet(prefix="x" * 64)


@pytest.mark.parametrize("shared", [True, False], ids=["one input", "two inputs"])
def test_two_networks_in_one_model_train_and_load_again(shared, tmp_path):
    image = keras.Input((32, 32, 3), name="image") if shared else None
    backbones = [
        small_resnet(prefix=prefix, include_top=False, pooling="avg", input_tensor=image)
        for prefix in ("left_", "right_")
    ]
    joined = keras.layers.Concatenate()([backbone.output for backbone in backbones])
    output = keras.layers.Dense(2, activation="softmax", name="answer")(joined)
    inputs = image if shared else [backbone.input for backbone in backbones]
    model = keras.Model(inputs, output)
    model.compile("sgd", "sparse_categorical_crossentropy")
    batch = images(4)
    model.fit(batch if shared else [batch, batch], np.array([0, 1, 0, 1]), verbose=0)
    model.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    same_values(model, again)
    fed = batch if shared else [batch, batch]
    np.testing.assert_allclose(model.predict(fed, verbose=0), again.predict(fed, verbose=0))
    names = [layer.name for layer in again.layers]
    assert "left_features" in names
    assert "right_features" in names


def test_two_networks_are_two_layers_of_one_model():
    image = keras.Input((32, 32, 3))
    left, right = (small_resnet(prefix=prefix) for prefix in ("left_", "right_"))
    both = keras.Model(image, keras.layers.Add()([left(image), right(image)]))
    assert both.predict(images(), verbose=0).shape == (2, 3)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".weights.h5", ".keras"])
@pytest.mark.parametrize(("stored", "loaded"), [("", "b_"), ("a_", ""), ("a_", "b_"), ("a_", "a_")])
def test_weights_load_into_a_network_of_any_prefix(tmp_path, suffix, stored, loaded):
    source, target = small_resnet(prefix=stored), small_resnet(prefix=loaded)
    path = tmp_path / f"file{suffix}"
    if suffix == ".keras":
        source.save(path)
    else:
        kerascnn.save_weights(source, path)
    report = kerascnn.load_weights(target, path)
    assert report.fraction == 1
    assert report.verified is (suffix != ".keras")
    same_values(source, target)


def test_another_classifier_is_recognised_behind_the_prefix(tmp_path):
    source, target = small_resnet(prefix="a_"), small_resnet(prefix="b_", classes=5)
    kerascnn.save_weights(source, tmp_path / "a.npz")
    report = kerascnn.load_weights(target, tmp_path / "a.npz")
    assert report.skipped == ("predictions/kernel", "predictions/bias")
    backbone = small_resnet(prefix="c_", include_top=False)
    report = kerascnn.load_weights(backbone, tmp_path / "a.npz")
    assert report.ignored == ("a_predictions/kernel", "a_predictions/bias")


def test_pytorch_names_load_into_a_prefixed_network(tmp_path):
    plain = kerascnn.create_model("resnet18", weights=None, input_shape=(32, 32, 3), width=0.25)
    named = kerascnn.create_model("resnet18", input_shape=(32, 32, 3), width=0.25, prefix="p_")
    modules = layouts("resnet")["torchvision"]([layer.name for layer in plain.layers])
    arrays = {}
    spelling = {
        "kernel": "weight", "gamma": "weight", "beta": "bias", "bias": "bias",
        "moving_mean": "running_mean", "moving_variance": "running_var",
    }  # fmt: skip
    for layer in plain.layers:
        for variable in layer.weights:
            value = np.asarray(variable)
            if variable.name == "kernel":
                value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
            arrays[f"{modules[layer.name]}.{spelling[variable.name]}"] = value
    np.savez(tmp_path / "torch.npz", **arrays)
    assert kerascnn.load_weights(named, tmp_path / "torch.npz").layout == "torchvision"
    same_values(plain, named)


@pytest.mark.parametrize("suffix", [".safetensors", ".npz", ".weights.h5"])
def test_load_model_builds_the_prefix_again(tmp_path, suffix):
    model = small_resnet(prefix="left_", input_shape=(40, 40, 3))
    kerascnn.save_weights(model, tmp_path / f"x{suffix}")
    again = kerascnn.load_model(tmp_path / f"x{suffix}")
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert kerascnn.provenance(again) == kerascnn.provenance(model)
    same_values(model, again)


def test_feature_maps_of_a_prefixed_network():
    plain = kerascnn.features(small_resnet(include_top=False), (4, 8))
    named = kerascnn.features(small_resnet(include_top=False, prefix="n_"), (4, 8))
    assert [level.layer for level in named.levels] == [f"n_{level.layer}" for level in plain.levels]


def test_auxiliary_outputs_have_their_roles_behind_the_prefix():
    network = googlenet_with_heads(prefix="g_")
    assert auxiliary_outputs(network) == ("aux1", "aux2")
    listed = with_output_list(network)
    assert auxiliary_outputs(listed) == ("aux1", "aux2")
    assert main_model(listed).output_names == ["g_predictions"]
    compiled = compile_arguments(kerascnn.Recipe("r", auxiliary_weight=0.3), listed)
    assert sorted(compiled["loss_weights"]) == [0.3, 0.3, 1.0]
    assert sum(map(len, compiled["metrics"])) == 1
    listed.compile("sgd", **compiled)
    side = network.inputs[0].shape[1]
    batch = np.zeros((2, side, side, 3), "float32")
    logs = listed.evaluate(batch, [np.zeros(2)] * 3, return_dict=True, verbose=0)
    plain_names(logs, "g_")
    assert set(logs) == {"loss", "accuracy"}


def test_receptive_fields_and_costs_are_those_of_the_plain_network():
    plain, named = (kerascnn.summarize(small_resnet(prefix=prefix)) for prefix in ("", "p_"))
    assert (plain.params, plain.macs) == (named.params, named.macs)
    assert [layer.receptive_field for layer in plain.layers] == [
        layer.receptive_field for layer in named.layers
    ]


def test_a_network_that_was_changed_keeps_its_names(tmp_path):
    # Its layers are no longer those of the row, so they are read from the model.
    network = small_resnet(prefix="p_", include_top=False)
    output = keras.layers.Conv2D(4, 1, name="p_extra")(network.output)
    model = keras.Model(network.input, output)
    path = kerascnn.save_weights(small_resnet(prefix="q_", include_top=False), tmp_path / "q.npz")
    report = kerascnn.load_weights(model, path, strict=False)
    assert report.skipped == ("extra/kernel", "extra/bias")
    assert len(report.loaded) == len(network.weights)


def test_a_prefixed_network_trains_and_exports(tmp_path):
    data = halves()
    model = kerascnn.create_model("lenet5", classes=3, width=0.5, prefix="p_")
    run = quiet(model, data, tmp_path / "run", epochs=1)
    (report,) = kerascnn.export(run, tmp_path / "out", formats=["onnx"])
    pictures = list(data.test.images[:2])
    np.testing.assert_allclose(
        [prediction.scores for prediction in kerascnn.predict(run, pictures)],
        [prediction.scores for prediction in kerascnn.predict(report.path, pictures)],
        atol=1e-4,
    )
