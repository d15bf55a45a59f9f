"""The network that a file's tensors are of: by its layout, its record, its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kerascnn
from kerascnn.errors import KerasCNNError, MismatchError
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Provenance, Request
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.formats.byte_range import BytesRegion
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.formats.tensor_table import Contents
from kerascnn.weights.load_report import LoadError
from kerascnn.weights.name_maps import layouts, networks
from kerascnn.weights.source_network import check, find_network
from support.plans import plan_of
from support.weight_files.other_libraries import as_torch, scrambled, values
from support.weight_loads import torch_file

SMALL: dict[str, Any] = {"width": 0.125, "depth": 0.25, "input_shape": (64, 64, 3), "classes": 10}


class _NoFile(BytesRegion):
    def state(self) -> tuple[int, int]:
        return 0, 0


def opened(path: Path, **metadata: str) -> Checkpoint:
    """Returns an open file without tensors, at a path that need not exist."""
    return Checkpoint(path, _NoFile(b""), Contents("torch", {}, metadata))


def pairs() -> list[tuple[str, str]]:
    """Returns every row with each source whose layout names its classifier."""
    return [
        (row, source)
        for row in list_models()
        for source, layout in layouts(model_info(row).family).items()
        if "predictions" in layout(list(expected(plan_of(row))))
    ]


@pytest.mark.parametrize(("row", "source"), pairs())
def test_a_row_with_another_value_is_refused(row: str, source: str, tmp_path: Path) -> None:
    """Every column that a layout states is set wrongly once, and once as the file needs it."""
    variant = model_info(row)
    wrong: dict[str, Any] = {
        "padding": "same", "stride_in": "1x1", "stride_at": "first", "ceil_pool": True,
        "border_counts": True, "gamma": True, "lrn": True, "pad": 7, "pool4": 3, "large": 5,
        "batch_norm": False, "module": "naive", "skip_reduction": True, "shortcut": "none",
        "border_maximum": False,
    }  # fmt: skip
    other: dict[str, Any] = {
        "padding": "symmetric", "stride_in": "3x3", "stride_at": "last", "shortcut": "A",
    }  # fmt: skip
    file = opened(tmp_path / "weights")
    known = networks(variant.family, source, variant.row)
    # Without evidence, a network that needs no name is the only one.
    known = tuple(network for network in known if not network.names) or known
    for network in known:
        for column, right in network.columns.items():
            value = wrong[column]
            if value == right:
                value = other.get(column, not right)
            arguments = {**network.columns, column: value}
            finding = find_network(file, {}, source, variant, Request(columns=arguments))
            if len([other for other in known if not other.unsupported]) > 1:
                assert finding.warnings  # the other value belongs to the second network
                continue
            with pytest.raises(LoadError, match=f"{column}=.*create_model"):
                check(file, finding, Provenance(row, arguments), row)
            check(file, finding, Provenance(row, dict(network.columns)), row)


# What the libraries' code says, for rows that others would be confused with.
@pytest.mark.parametrize(
    ("row", "source", "columns", "epsilon"),
    [
        ("resnet50", "torchvision", {"stride_in": "3x3"}, 1e-5),
        ("resnet50", "keras", {"stride_in": "1x1"}, 1.001e-5),
        ("resnet50_v2", "keras_files", {"stride_at": "last"}, 1.001e-5),
        ("wrn28_10", "cifar", {"stride_at": "first"}, 1e-5),
        ("se_resnet50", "timm", {"stride_in": "3x3", "ceil_pool": False}, 1e-5),
        ("se_resnet50", "timm_legacy", {"stride_in": "1x1", "ceil_pool": True}, 1e-5),
        ("se_resnext50_32x4d", "timm_legacy", {"stride_in": "3x3", "ceil_pool": True}, 1e-5),
        ("mobilenet_v1", "keras", {"padding": "far"}, 1e-3),
        ("mobilenet_v1", "timm", {"padding": "symmetric"}, 1e-5),
        ("mobilenet_v2", "keras", {"padding": "same"}, 1e-3),
        ("mobilenet_v2", "torchvision", {"padding": "symmetric"}, 1e-5),
        ("mobilenet_v3_small", "keras_files", {"padding": "same"}, 1e-3),
        ("efficientnet_b0", "torchvision", {"padding": "symmetric"}, 1e-5),
        ("efficientnet_b5", "torchvision", {"padding": "symmetric"}, 1e-3),
        ("efficientnet_b5", "timm", {"padding": "symmetric"}, 1e-5),
        ("efficientnet_b0", "keras", {"padding": "same"}, 1e-3),
        ("inception_v3", "keras", {"gamma": False, "border_counts": False}, 1e-3),
        ("inception_v3", "torchvision", {"gamma": True, "border_counts": True}, 1e-3),
        ("inception_v4", "timm", {"gamma": True, "border_counts": False}, 1e-3),
        ("inception_resnet_v2", "timm", {"gamma": True, "border_counts": False}, 1e-3),
        ("googlenet", "torchvision", {"pool4": 2, "large": 3, "batch_norm": True}, 1e-3),
        ("vgg11_lrn", "torchvision", {"lrn": False}, 1e-5),
        ("alexnet_owt", "torchvision", {"pad": 2, "lrn": None}, None),
        ("nasnet_large", "keras", {"skip_reduction": True, "border_maximum": True}, 1e-3),
        ("nasnet_large", "timm", {"skip_reduction": True, "border_maximum": False}, 1e-3),
        ("resnet50", "huggingface", {"stride_in": "3x3"}, 1e-5),
        ("resnet50", "huggingface_backbone", {"stride_in": "3x3"}, 1e-5),
        ("mobilenet_v1", "huggingface", {"padding": "same"}, 1e-3),
        ("mobilenet_v2", "huggingface_backbone", {"padding": "same"}, 1e-3),
        ("efficientnet_b5", "huggingface", {"padding": "same"}, 1e-3),
        ("nasnet_mobile", "keras", {"skip_reduction": False}, 1e-3),
        ("resnet20_cifar", "cifar", {"shortcut": "A"}, 1e-5),
    ],
)
def test_what_the_libraries_do(
    row: str, source: str, columns: dict[str, Any], epsilon: float | None
) -> None:
    network = networks(model_info(row).family, source, model_info(row).row)[0]
    assert columns.items() <= dict(network.columns).items()
    assert network.epsilon == epsilon


EFFICIENT = (
    ("tf_efficientnet_b0_aa-827b6e33.pth", "same"),
    ("efficientnet_b0_ra-3dd342df.pth", "symmetric"),
    ("tf_efficientnet_b0.ns_jft_in1k/model.safetensors", "same"),
    ("models--timm--tf_efficientnet_b0.in1k/snapshots/1a2b/model.safetensors", "same"),
    ("efficientnet_b0.ra_in1k/pytorch_model.bin", "symmetric"),
)


@pytest.mark.parametrize(("name", "padding"), EFFICIENT)
def test_the_name_tells_one_of_two_networks(name: str, padding: str, tmp_path: Path) -> None:
    variant = model_info("efficientnet_b0")
    finding = find_network(opened(tmp_path / name), {}, "timm", variant, Request())
    assert finding.network.columns == {"padding": padding}
    assert finding.network.epsilon == {"same": 1e-3, "symmetric": 1e-5}[padding]
    assert finding.warnings == ()


def test_metadata_counts_more_than_a_configuration_and_that_more_than_a_name(
    tmp_path: Path,
) -> None:
    variant, path = model_info("efficientnet_b0"), tmp_path / "efficientnet_b0.pth"
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "tf_efficientnet_b0"}))
    finding = find_network(opened(path), {}, "timm", variant, Request())
    assert finding.network.columns == {"padding": "same"}
    assert "config.json" in finding.text
    file = opened(path, architecture="efficientnet_b0")
    finding = find_network(file, {}, "timm", variant, Request())
    assert finding.network.columns == {"padding": "symmetric"}


@pytest.mark.parametrize("text", ["{", "[1]", '{"architecture": 3}', "\xff"])
def test_a_configuration_that_tells_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text, "latin-1")
    variant = model_info("efficientnet_b0")
    finding = find_network(opened(tmp_path / "a.pth"), {}, "timm", variant, Request())
    assert len(finding.warnings) == 1


def test_anti_aliased_networks_are_refused_by_name(tmp_path: Path) -> None:
    for name in ("resnetblur50_84f4748f.pth", "resnetaa50_a1h.bin"):
        with pytest.raises(LoadError, match="smooths"):
            find_network(opened(tmp_path / name), {}, "timm", model_info("resnet50"), Request())


def test_networks_to_be_quantised_are_refused_by_name(tmp_path: Path) -> None:
    """torchvision's MobileNetV2 to be quantised has ReLU: our logits differ by 73 %."""
    variant = model_info("mobilenet_v2")
    for name in ("quantized_mobilenet_v2.pth", "mobilenet_v2_qnnpack_float.pth"):
        with pytest.raises(LoadError, match="ReLU"):
            find_network(opened(tmp_path / name), {}, "torchvision", variant, Request())
    finding = find_network(opened(tmp_path / "best.pth"), {}, "torchvision", variant, Request())
    assert "ReLU" in finding.warnings[0]
    file = opened(tmp_path / "mobilenet_v2-b0353104.pth")
    assert find_network(file, {}, "torchvision", variant, Request()).warnings == ()


@pytest.mark.parametrize(
    ("row", "settings", "columns"),
    [
        ("resnet50", {"downsample_in_bottleneck": True}, {"stride_in": "1x1"}),
        ("resnet50", {"downsample_in_bottleneck": False, "hidden_act": "relu"},
         {"stride_in": "3x3"}),
        ("resnet50", {"downsample_in_first_stage": True}, None),
        ("resnet18", {"hidden_act": "gelu", "downsample_in_bottleneck": True}, None),
        ("mobilenet_v2", {"tf_padding": False, "hidden_act": "relu6"}, {"padding": "symmetric"}),
        ("mobilenet_v1", {"tf_padding": True, "output_stride": 32}, {"padding": "same"}),
        ("mobilenet_v2", {"tf_padding": False, "output_stride": 8}, None),
        ("efficientnet_b0", {"hidden_act": "swish"}, {"padding": "same"}),
        ("efficientnet_b0", {"hidden_act": "relu"}, None),
    ],
)  # fmt: skip
def test_the_settings_of_transformers(
    row: str, settings: dict[str, Any], columns: dict[str, Any] | None, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(settings))
    file, variant = opened(tmp_path / "model.safetensors"), model_info(row)
    if columns is None:
        with pytest.raises(LoadError, match=r"config\.json beside it.*settings"):
            find_network(file, {}, "huggingface", variant, Request())
        return
    finding = find_network(file, {}, "huggingface", variant, Request())
    assert columns.items() <= dict(finding.network.columns).items()
    assert finding.warnings == ()


@pytest.fixture(scope="module")
def bottlenecks() -> dict[str, np.ndarray]:
    """Tensors of a small ResNet-50 of torchvision."""
    model = kerascnn.create_model("resnet50_v1_5", **SMALL)
    scrambled(model, "file ")
    return as_torch(model, "torchvision")


def test_a_model_of_a_path_takes_the_columns_of_the_file(
    bottlenecks: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = torch_file(tmp_path / "resnet50.pth", bottlenecks)
    images = np.random.default_rng(0).random((2, 64, 64, 3), "f4")
    twin = kerascnn.create_model("resnet50_v1_5", weights=path, **SMALL)
    model = kerascnn.create_model("resnet50", weights=path, **SMALL)
    report = kerascnn.load_report(model)
    assert report is not None
    assert report.columns == {"stride_in": "3x3"}
    assert "stride_in='3x3'" in str(report)
    np.testing.assert_allclose(model(images), twin(images), atol=1e-5)
    with pytest.raises(MismatchError, match="leave that out"):
        kerascnn.create_model("resnet50", weights=path, stride_in="1x1", **SMALL)


def test_a_model_that_is_built_otherwise_is_refused_with_the_call(
    bottlenecks: dict[str, np.ndarray], tmp_path: Path
) -> None:
    path = torch_file(tmp_path / "resnet50.pth", bottlenecks)
    model = kerascnn.create_model("resnet50", **SMALL)
    before = values(model)
    with pytest.raises(LoadError) as info:
        kerascnn.load_weights(model, path, strict=False)
    assert all((values(model)[name] == array).all() for name, array in before.items())
    call = str(info.value).partition("build ")[2].partition(" and load")[0]
    right = eval(call, {"create_model": kerascnn.create_model})
    assert kerascnn.load_weights(right, path).fraction == 1.0


def test_a_file_of_this_package_is_of_the_network_that_it_records(tmp_path: Path) -> None:
    """The tensors of all padded and symmetric MobileNets have the same shapes."""
    arguments = {**SMALL, "depth": 1.0}
    padded = kerascnn.create_model("mobilenet_v2", padding="same", **arguments)
    path = kerascnn.save_weights(padded, tmp_path / "padded.safetensors")
    with pytest.raises(LoadError, match="padding='same'"):
        kerascnn.load_weights(kerascnn.create_model("mobilenet_v2", **arguments), path)
    model = kerascnn.create_model("mobilenet_v2", weights=path, **arguments)
    images = np.random.default_rng(0).random((2, 64, 64, 3), "f4")
    np.testing.assert_allclose(model(images), padded(images), atol=1e-6)


def test_a_shortcut_without_weights_is_told_by_record_and_name(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"width": 0.5, "depth": 0.34}
    residual = kerascnn.create_model("resnet20_cifar", **arguments)
    path = kerascnn.save_weights(residual, tmp_path / "weights.npz")
    plain = kerascnn.create_model("plain20_cifar", **arguments)
    with pytest.raises(KerasCNNError, match="shortcut='A'"):
        kerascnn.load_weights(plain, path)
    # The names of a PyTorch script do not tell; its file's name may.
    tensors = as_torch(residual, "cifar")
    with pytest.raises(KerasCNNError, match="shortcut='A'"):
        kerascnn.load_weights(plain, torch_file(tmp_path / "best.pth", tensors))
    tensors = as_torch(residual, "torchvision")
    report = kerascnn.load_weights(plain, torch_file(tmp_path / "best.pth", tensors))
    assert str(report).startswith("warning: nothing in the file says which of 2 networks")
    report = kerascnn.load_weights(plain, torch_file(tmp_path / "plain20.pth", tensors))
    assert not any("networks" in warning for warning in report.warnings)


def test_a_file_without_a_record_tells_what_was_assumed(tmp_path: Path) -> None:
    """Keras's own .weights.h5 has our names and nothing about padding or shortcuts."""
    padded = kerascnn.create_model("mobilenet_v2", padding="same", **{**SMALL, "depth": 1.0})
    padded.save_weights(tmp_path / "x.weights.h5")
    model = kerascnn.create_model("mobilenet_v2", **{**SMALL, "depth": 1.0})
    report = kerascnn.load_weights(model, tmp_path / "x.weights.h5")
    assert "padding='symmetric' was assumed" in str(report).splitlines()[0]


def test_whole_models_with_and_without_shortcuts_are_told_apart(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"width": 0.5, "depth": 0.34}
    residual = kerascnn.create_model("resnet20_cifar", **arguments)
    plain = kerascnn.create_model("plain20_cifar", **arguments)
    for suffix in (".keras", ".h5"):
        residual.save(tmp_path / f"residual{suffix}")
        plain.save(tmp_path / f"plain{suffix}")
        with pytest.raises(LoadError, match="has shortcuts, and this model has none"):
            kerascnn.load_weights(plain, tmp_path / f"residual{suffix}")
        with pytest.raises(LoadError, match="has no shortcuts, and this model has some"):
            kerascnn.load_weights(residual, tmp_path / f"plain{suffix}")
        assert kerascnn.load_weights(plain, tmp_path / f"plain{suffix}").fraction == 1.0


def test_a_recorded_network_is_compared_layer_by_layer(tmp_path: Path) -> None:
    """Strides inside the table of stages have no column of their own, and change no shape."""
    stages = ((1, 16, 1, 1), (6, 24, 1, 2), (6, 32, 1, 2))
    other = ((1, 16, 1, 1), (6, 24, 1, 1), (6, 32, 1, 2))
    arguments: dict[str, Any] = {"width": 0.5, "input_shape": (64, 64, 3), "classes": 3}
    written = kerascnn.create_model("mobilenet_v2", stages=stages, **arguments)
    path = kerascnn.save_weights(written, tmp_path / "x.npz")
    with pytest.raises(LoadError, match="strides") as info:
        kerascnn.load_weights(
            kerascnn.create_model("mobilenet_v2", stages=other, **arguments), path
        )
    call = str(info.value).partition("build ")[2].partition(" and load")[0]
    right = eval(call, {"create_model": kerascnn.create_model})
    assert kerascnn.load_weights(right, path).fraction == 1.0


def test_another_stem_is_told(tmp_path: Path) -> None:
    """Its stride is 1 where the file's network has 2, and no tensor shows it."""
    arguments = {**SMALL, "depth": 1.0}
    written = kerascnn.create_model("mobilenet_v2", **arguments)
    files = [
        kerascnn.save_weights(written, tmp_path / "own.npz"),
        torch_file(tmp_path / "mobilenet_v2.pth", as_torch(written, "torchvision")),
    ]
    for path in files:
        model = kerascnn.create_model("mobilenet_v2", stem="small", weights=path, **arguments)
        report = kerascnn.load_report(model)
        assert report is not None
        assert "another stride" in str(report).splitlines()[0]
        warnings = kerascnn.load_weights(written, path).warnings
        assert not any("stride" in warning for warning in warnings)
