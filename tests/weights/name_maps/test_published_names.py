"""Names in published files that are older than the code of their publishers.

The files are not here. What is tested is how they are known to be named: VGG's tensors as Keras 1
wrote them, layers that keras.applications has renamed since, DenseNets of torchvision's first days.
"""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.models.registry import list_models, model_info
from kerascnn.published import catalogue
from kerascnn.weights.expected_shapes import Expected, expected
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.formats.tensor_table import StoredTensor
from kerascnn.weights.load import load_weights
from kerascnn.weights.match_names import best_match, match_layout
from kerascnn.weights.name_maps import layouts, networks
from support.plans import plan_of


def stubs(names: list[str]) -> dict[str, StoredTensor]:
    """Tensors that have names and nothing else; matching reads none."""
    return {
        name: StoredTensor((1,), "float32", lambda: np.zeros(1, "float32"), 4) for name in names
    }


def wanted(row: str) -> dict[str, Expected]:
    return expected(plan_of(row))


def test_resnets_of_keras_call_the_classifier_probs() -> None:
    layers = wanted("resnet50")
    names = ["conv1_conv/kernel", "conv1_conv/bias"]
    names += [f"conv1_bn/{name}" for name in ("gamma", "beta", "moving_mean", "moving_variance")]
    for stage, blocks in enumerate((3, 4, 6, 3), 2):
        for block in range(1, blocks + 1):
            for step in (0, 1, 2, 3) if block == 1 else (1, 2, 3):
                place = f"conv{stage}_block{block}_{step}"
                names += [f"{place}_conv/{name}" for name in ("kernel", "bias")]
                norm = ("gamma", "beta", "moving_mean", "moving_variance")
                names += [f"{place}_bn/{variable}" for variable in norm]
    names += ["probs/kernel", "probs/bias"]
    match = best_match(stubs(names), layers, "resnet")
    assert (match.source, match.style) == ("keras_files", "keras")
    assert (match.missing, match.unexpected) == ((), ())
    assert match.keys["predictions/kernel"] == "probs/kernel"
    assert match.keys["conv3_2_conv1/kernel"] == "conv3_block2_1_conv/kernel"
    assert len(match.biases) == 53  # of every convolution, to be folded into the batch norms
    (network, _) = networks("resnet", match.source, model_info("resnet50").row)
    assert network.epsilon == 1.001e-5


def test_densenets_of_keras_have_a_slash_in_the_stem() -> None:
    layers = wanted("densenet121")
    norm = ("gamma", "beta", "moving_mean", "moving_variance")
    names = ["conv1/conv/kernel", *(f"conv1/bn/{variable}" for variable in norm)]
    for stage, count in enumerate((6, 12, 24, 16), 2):
        for layer in range(1, count + 1):
            place = f"conv{stage}_block{layer}"
            names += [f"{place}_{part}_bn/{variable}" for part in (0, 1) for variable in norm]
            names += [f"{place}_{part}_conv/kernel" for part in (1, 2)]
        if stage < 5:
            names += [
                f"pool{stage}_conv/kernel",
                *(f"pool{stage}_bn/{variable}" for variable in norm),
            ]
    names += [*(f"bn/{variable}" for variable in norm), "fc1000/kernel", "fc1000/bias"]
    match = best_match(stubs(names), layers, "densenet")
    assert (match.source, match.missing, match.unexpected) == ("keras_files", (), ())
    assert match.keys["conv0/kernel"] == "conv1/conv/kernel"
    assert match.keys["predictions/bias"] == "fc1000/bias"
    (network,) = networks("densenet", match.source, model_info("densenet121").row)
    assert network.epsilon == 1.001e-5


@pytest.mark.parametrize(("first", "source"), [(0, "keras"), (1, "keras")])
def test_inceptions_of_keras_are_numbered_from_0_or_1(first: int, source: str) -> None:
    def called(kind: str, number: int) -> str:
        return f"{kind}_{number}" if number else kind

    names = []
    for number in range(first, first + 94):  # Szegedy 2015: 94 convolutions
        names.append(f"{called('conv2d', number)}/kernel")
        place = called("batch_normalization", number)
        names += [f"{place}/{name}" for name in ("beta", "moving_mean", "moving_variance")]
    names += ["predictions/kernel", "predictions/bias"]
    match = best_match(stubs(names), wanted("inception_v3"), "inception")
    assert (match.source, match.missing, match.unexpected) == (source, (), ())
    assert match.keys["stem_1/kernel"] == f"{called('conv2d', first)}/kernel"


def write_keras_2(path: Path, layers: dict[str, dict[str, np.ndarray]]) -> None:
    """Writes weights as Keras 2's `save_weights("….h5")` did, layers without any among them."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        for layer, variables in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [
                f"{layer}/{variable}:0".encode() for variable in variables
            ]
            for name, value in variables.items():
                group.create_dataset(f"{layer}/{name}:0", data=value)


def mobilenet_v2_of_2018() -> dict[str, str]:
    """Our layers -> those of the file: github.com/JonathanCMitchell/mobilenet_v2_keras."""
    result = {"conv1": "Conv1", "conv1_bn": "bn_Conv1", "predictions": "Logits"}
    result |= {"conv_last": "Conv_1", "conv_last_bn": "Conv_1_bn"}
    number = 0
    for stage, repeats in enumerate((1, 2, 3, 4, 3, 3, 1), 2):  # Sandler 2018, table 2
        for block in range(1, repeats + 1):
            steps = {"expand": "expand", "dw": "depthwise", "project": "project"}
            for ours, theirs in steps.items():
                if number or ours != "expand":
                    place = f"bottleneck{stage}_{block}_{ours}"
                    result[place] = f"mobl{number}_conv_{number}_{theirs}"
                    result[f"{place}_bn"] = f"bn{number}_conv_{number}_bn_{theirs}"
            number += 1
    return result


def mobilenet_v3_of_2020(squeezed: tuple[int, ...], stages: tuple[int, ...]) -> dict[str, str]:
    """Our layers -> those of TensorFlow 2.3's tf.keras.applications.

    Args:
        squeezed: numbers of the blocks that squeeze, from 0.
        stages: blocks of each stage.
    """
    result = {"conv1": "Conv", "conv1_bn": "Conv/BatchNorm", "predictions": "Logits"}
    result |= {"conv_last": "Conv_1", "conv_last_bn": "Conv_1/BatchNorm", "hidden": "Conv_2"}
    number = 0
    for stage, repeats in enumerate(stages, 2):
        for block in range(1, repeats + 1):
            place, theirs = f"bneck{stage}_{block}", f"expanded_conv_{number}"
            theirs = theirs if number else "expanded_conv"
            if number:
                result[f"{place}_expand"] = f"{theirs}/expand"
                result[f"{place}_expand_bn"] = f"{theirs}/expand/BatchNorm"
            result[f"{place}_dw"] = f"{theirs}/depthwise"
            result[f"{place}_dw_bn"] = f"{theirs}/depthwise/BatchNorm"
            if number in squeezed:
                result[f"{place}_se_reduce"] = f"{theirs}/squeeze_excite/Conv"
                result[f"{place}_se_expand"] = f"{theirs}/squeeze_excite/Conv_1"
            result[f"{place}_project"] = f"{theirs}/project"
            result[f"{place}_project_bn"] = f"{theirs}/project/BatchNorm"
            number += 1
    return result


def efficientnet_of_2020(stages: tuple[int, ...]) -> dict[str, str]:
    """Our layers -> those of TensorFlow 2.3's tf.keras.applications."""
    result = {"conv1": "stem_conv", "conv1_bn": "stem_bn", "predictions": "predictions"}
    result |= {"conv_last": "top_conv", "conv_last_bn": "top_bn"}
    parts = {
        "expand": "expand_conv", "expand_bn": "expand_bn", "dw": "dwconv", "dw_bn": "bn",
        "se_reduce": "se_reduce", "se_expand": "se_expand", "project": "project_conv",
        "project_bn": "project_bn",
    }  # fmt: skip
    for stage, repeats in enumerate(stages, 1):
        for block in range(repeats):
            for ours, theirs in parts.items():
                if stage > 1 or not ours.startswith("expand"):
                    name = f"mbconv{stage + 1}_{block + 1}_{ours}"
                    result[name] = f"block{stage}{'abcdefgh'[block]}_{theirs}"
    return result


MOBILE = {
    "mobilenet_v2": mobilenet_v2_of_2018(),
    "mobilenet_v3_large": mobilenet_v3_of_2020((3, 4, 5, 10, 11, 12, 13, 14), (1, 2, 3, 4, 2, 3)),
    "mobilenet_v3_small": mobilenet_v3_of_2020((0, 3, 4, 5, 6, 7, 8, 9, 10), (1, 2, 3, 2, 3)),
    "efficientnet_b0": efficientnet_of_2020((1, 2, 2, 3, 3, 4, 1)),
}


@pytest.mark.parametrize("row", MOBILE)
def test_mobile_networks_of_keras_load_under_the_names_of_their_files(
    row: str, tmp_path: Path
) -> None:
    record = catalogue.BY_TAG[f"keras/{row}"]
    model = kerascnn.create_model(row, width=0.25, input_shape=(32, 32, 3), **record.arguments)
    ours = {layer.name: layer for layer in model.layers if layer.weights}
    assert set(ours) == set(MOBILE[row])
    rng = np.random.default_rng(0)
    file: dict[str, dict[str, np.ndarray]] = {"input_1": {}}
    wanted: dict[str, np.ndarray] = {}
    for name, layer in ours.items():
        values = {}
        for variable in layer.weights:
            called, value = variable.name, rng.uniform(0.5, 1.5, variable.shape).astype("float32")
            wanted[f"{name}/{called}"] = value
            if isinstance(layer, keras.layers.DepthwiseConv2D):
                called = "depthwise_kernel"
            if row.startswith("mobilenet_v3") and called == "kernel" and value.ndim == 2:
                value = value[None, None]  # dense layers are convolutions there
            values[called] = value
        file[MOBILE[row][name]] = values
    if row.startswith("efficientnet"):
        counted = {"mean": np.zeros(3, "float32"), "variance": np.ones(3, "float32")}
        file["normalization"] = {**counted, "count": np.array(0, "int64")}
    write_keras_2(tmp_path / "published.h5", file)
    report = load_weights(model, tmp_path / "published.h5")
    assert (report.layout, report.fraction) == (record.layout, 1.0)
    assert (report.missing, report.unexpected) == ((), ())
    for name, layer in ours.items():
        for variable in layer.weights:
            value = wanted[f"{name}/{variable.name}"]
            if variable.name == "moving_variance":  # Keras's epsilon is 1e-3 in all of them
                value = value + np.float32(1e-3 - layer.epsilon)
                np.testing.assert_allclose(np.asarray(variable), value, rtol=1e-6, err_msg=name)
            else:
                np.testing.assert_array_equal(np.asarray(variable), value, err_msg=name)


def test_densenets_of_torchvision_have_numbered_modules() -> None:
    layers = wanted("densenet121")
    norm = ("weight", "bias", "running_mean", "running_var")
    names = ["features.conv0.weight", *(f"features.norm0.{variable}" for variable in norm)]
    for block, count in enumerate((6, 12, 24, 16), 1):
        for layer in range(1, count + 1):
            place = f"features.denseblock{block}.denselayer{layer}"
            names += [f"{place}.norm.{part}.{variable}" for part in (1, 2) for variable in norm]
            names += [f"{place}.conv.{part}.weight" for part in (1, 2)]
        if block < 4:
            names.append(f"features.transition{block}.conv.weight")
            names += [f"features.transition{block}.norm.{variable}" for variable in norm]
    names += [
        *(f"features.norm5.{variable}" for variable in norm),
        "classifier.weight",
        "classifier.bias",
    ]
    match = best_match(stubs(names), layers, "densenet")
    assert (match.source, match.missing, match.unexpected) == ("torchvision_files", (), ())


@pytest.mark.parametrize("numbered", ["", "_1"])
def test_vggs_of_keras_are_named_as_keras_1_did(tmp_path: Path, numbered: str) -> None:
    model = kerascnn.create_model("vgg11", width=1 / 64, input_shape=(32, 32, 3), classes=5)
    layers = [layer for layer in model.layers if layer.weights]
    theirs = {"fc6": "fc1", "fc7": "fc2", "predictions": "predictions"}
    rng = np.random.default_rng(0)
    values = {}
    with h5py.File(tmp_path / "vgg.h5", "w") as file:
        names = []
        for layer in layers:
            stage, _, step = layer.name.removeprefix("conv").partition("_")
            name = theirs.get(layer.name, f"block{stage}_conv{step}")
            names.append(name.encode())
            group = file.create_group(name)
            weights = [f"{name}_{letter}{numbered}:0" for letter in ("W", "b")]
            group.attrs["weight_names"] = [variable.encode() for variable in weights]
            for weight, variable in zip(weights, layer.weights, strict=True):
                value = rng.normal(size=variable.shape).astype("float32")
                values[f"{layer.name}/{variable.name}"] = value
                group.create_dataset(weight, data=value)
        file.attrs["layer_names"] = names
    report = load_weights(model, tmp_path / "vgg.h5")
    assert (report.layout, report.fraction) == ("keras", 1.0)
    for layer in layers:
        for variable in layer.weights:
            expected_value = values[f"{layer.name}/{variable.name}"]
            np.testing.assert_array_equal(np.asarray(variable), expected_value)


def test_batch_norms_of_keras_1_hold_the_variance_as_running_std(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "old.h5", "w") as file:
        group = file.create_group("bn")
        names = [f"bn_{name}_1:0" for name in ("gamma", "beta", "running_mean", "running_std")]
        for number, name in enumerate(names):
            group.create_dataset(name, data=np.full(2, number, "float32"))
        group.attrs["weight_names"] = [name.encode() for name in names]
        file.attrs["layer_names"] = [b"bn"]
    with open_checkpoint(tmp_path / "old.h5") as checkpoint:
        result = {name: float(checkpoint.raw(name)[0]) for name in checkpoint.tensors}
    assert result == {
        "bn/gamma": 0.0, "bn/beta": 1.0, "bn/moving_mean": 2.0, "bn/moving_variance": 3.0,
    }  # fmt: skip


def test_the_catalogue_says_which_files_are_old() -> None:
    old = {
        checkpoint.tag
        for checkpoint in catalogue.CHECKPOINTS
        if checkpoint.layout.endswith("_files")
    }
    assert "torchvision/densenet201.v1" in old
    assert "keras/inception_resnet_v2" in old
    assert "keras/resnet152_v2" in old
    assert {"keras/mobilenet_v2", "keras/mobilenet_v3_small"} < old
    today = {"keras/vgg16", "keras/nasnet_large", "keras/efficientnet_b0", "keras/mobilenet_v1"}
    assert not {*today, "torchvision/resnet18.v1"} & old


@pytest.mark.parametrize("row", list_models())
def test_every_layout_of_a_family_takes_every_row_of_it(row: str) -> None:
    names = list(wanted(row))
    for source, layout in layouts(model_info(row).family).items():
        assert set(layout(names)) <= set(names), source


def test_separable_convolutions_of_keras_3_are_numbered() -> None:
    """One layer holds both kernels, and a bias behind them; the batch norm's variables follow."""
    norm = ("gamma", "beta", "moving_mean", "moving_variance")
    layers = {
        "dw": Expected("DepthwiseConv2D", {"kernel": (3, 3, 4, 1)}),
        "pw": Expected("Conv2D", {"kernel": (1, 1, 4, 8)}),
        "bn": Expected(
            "BatchNormalization", dict.fromkeys(norm, (8,)), epsilon=1e-3, normalizes="pw"
        ),
    }
    modules = {"dw": "separable", "pw": "separable", "bn": "norm"}
    numbered = [*(f"separable/{index}" for index in range(3)), *(f"norm/{i}" for i in range(4))]
    names_elsewhere = match_layout(stubs(numbered), layers, "keras", modules)
    assert names_elsewhere.keys["dw/kernel"] == "separable/0"
    assert names_elsewhere.keys["pw/kernel"] == "separable/1"
    assert names_elsewhere.keys["bn/moving_variance"] == "norm/3"
    assert names_elsewhere.biases == {"pw": "separable/2"}
    assert (names_elsewhere.missing, names_elsewhere.unexpected) == ((), ())


@pytest.mark.parametrize("source", ["keras", "torchvision"])
def test_a_bias_that_no_norm_takes_in_is_left_over(source: str) -> None:
    """Where an addition lies between a convolution and the next batch norm, nothing can hold it."""
    point = "/" if source == "keras" else "."
    names = [f"conv{point}{item}" for item in ("kernel" if source == "keras" else "weight", "bias")]
    layers = {"conv": Expected("Conv2D", {"kernel": (1, 1, 4, 8)})}
    modules = match_layout(stubs(names), layers, source, {"conv": "conv"})
    assert modules.keys == {"conv/kernel": names[0]}
    assert modules.unexpected == (names[1],)
    assert modules.biases == {}
