"""The names of the MobileNets' layers in torchvision, timm, transformers and keras.applications.

The versions are distinguished by our block names: separable (V1), bottleneck (V2) and bneck (V3).
The files that Keras publishes for V2 and V3 are older than its code and have other names, such as
"mobl1_conv_1_expand" and "bn1_conv_1_bn_expand", or "expanded_conv_1/expand/BatchNorm".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kerascnn.weights.name_maps.block_names import (
    Block,
    block_in_timm,
    by_block,
    inverted_in_timm,
    inverted_in_torchvision,
    stem_and_head,
)
from kerascnn.weights.name_maps.huggingface import SOURCES as HUGGINGFACE
from kerascnn.weights.name_maps.huggingface import forms, with_settings
from kerascnn.weights.name_maps.layout import Layout, SourceNetwork

Version = tuple[dict[str, str], Callable[[Block], dict[str, str]]]
"""The arguments `ends` and `inside` of `by_block` for one version."""

KERAS_PARTS = {"expand": "expand", "dw": "depthwise", "project": "project"}
TORCHVISION_STEM = ("features.0.0", "features.0.1")
TORCHVISION_LAST = ("features.{after}.0", "features.{after}.1")
TIMM_STEM = ("conv_stem", "bn1")
# timm counts V3's last convolution as a stage.
TIMM_V3_LAST = ("blocks.{stages}.0.conv", "blocks.{stages}.0.bn1")


def _layout(versions: dict[str, Version]) -> Layout:
    """Returns the layout of a source for all versions.

    Args:
        versions: the version for each prefix of our block names.
    """

    def layout(names: Sequence[str]) -> dict[str, str]:
        for prefix, (ends, inside) in versions.items():
            if any(name.startswith(prefix) for name in names):
                return by_block(names, ends, inside)
        return {}

    return layout


def _bottleneck_in_torchvision(block: Block) -> dict[str, str]:
    module = f"features.{block.number}.conv"
    expands = "expand" in block.parts
    modules = {"expand": f"{module}.0.0", "expand_bn": f"{module}.0.1"} if expands else {}
    step = 1 if expands else 0
    modules.update(
        dw=f"{module}.{step}.0",
        dw_bn=f"{module}.{step}.1",
        project=f"{module}.{step + 1}",
        project_bn=f"{module}.{step + 2}",
    )
    return modules


def _bneck_in_torchvision(block: Block) -> dict[str, str]:
    return inverted_in_torchvision(block, f"features.{block.number}.block")


def _separable_in_timm(block: Block) -> dict[str, str]:
    parts = {"dw": "conv_dw", "dw_bn": "bn1", "pw": "conv_pw", "pw_bn": "bn2"}
    return {ours: f"{block_in_timm(block)}.{theirs}" for ours, theirs in parts.items()}


def _separable_in_keras(block: Block) -> dict[str, str]:
    modules = {"dw": f"conv_dw_{block.number}", "pw": f"conv_pw_{block.number}"}
    return _with_norms(modules, "_bn")


def _with_norms(modules: dict[str, str], ending: str) -> dict[str, str]:
    """Returns the modules of convolutions and those of their batch norms, which add an ending."""
    return modules | {f"{part}_bn": f"{module}{ending}" for part, module in modules.items()}


def _inverted_in_keras(prefix: str, norm: str) -> dict[str, str]:
    return _with_norms({ours: f"{prefix}{theirs}" for ours, theirs in KERAS_PARTS.items()}, norm)


def _bottleneck_in_keras(block: Block) -> dict[str, str]:
    prefix = "expanded_conv_" if block.number == 1 else f"block_{block.number - 1}_"
    return _inverted_in_keras(prefix, "_BN")


def _bottleneck_in_keras_files(block: Block) -> dict[str, str]:
    number = block.number - 1
    modules = {}
    for ours, theirs in KERAS_PARTS.items():
        modules[ours] = f"mobl{number}_conv_{number}_{theirs}"
        modules[f"{ours}_bn"] = f"bn{number}_conv_{number}_bn_{theirs}"
    return modules


def _bneck_in_keras(
    block: Block,
    separator: str = "_",
    norm: str = "_bn",
    squeeze: str = "squeeze_excite_conv",
) -> dict[str, str]:
    number = "" if block.number == 1 else f"_{block.number - 1}"
    prefix = f"expanded_conv{number}{separator}"
    return {
        **_inverted_in_keras(prefix, norm),
        "se_reduce": f"{prefix}{squeeze}",
        "se_expand": f"{prefix}{squeeze}_1",
    }


def _bneck_in_keras_files(block: Block) -> dict[str, str]:
    return _bneck_in_keras(block, "/", "/BatchNorm", "squeeze_excite/Conv")


QUANTISED = "(quant|qnnpack|fbgemm)"


def _in_huggingface(modules: dict[str, str]) -> dict[str, str]:
    """Returns the modules of convolutions and batch norms of these layers of transformers."""
    return {ours: f"{theirs}.convolution" for ours, theirs in modules.items()} | {
        f"{ours}_bn": f"{theirs}.normalization" for ours, theirs in modules.items()
    }


def _separable_in_huggingface(block: Block) -> dict[str, str]:
    number = 2 * (block.number - 1)
    return _in_huggingface({"dw": f"layer.{number}", "pw": f"layer.{number + 1}"})


def _bottleneck_in_huggingface(block: Block) -> dict[str, str]:
    module = "conv_stem" if block.number == 1 else f"layer.{block.number - 2}"
    parts = {"expand": "expand_1x1", "dw": "conv_3x3", "project": "reduce_1x1"}
    return _in_huggingface({ours: f"{module}.{theirs}" for ours, theirs in parts.items()})


def _with_classifier(names: Sequence[str]) -> dict[str, str]:
    """Returns the names in MobileNetV1ForImageClassification or the second version's."""
    first = any(name.startswith("separable") for name in names)
    prefix = "mobilenet_v1." if first else "mobilenet_v2."
    return forms(HUGGINGFACE_BACKBONES, prefix)["huggingface"](names)


HUGGINGFACE_BACKBONES = _layout(
    {
        "separable": (_in_huggingface({"conv1": "conv_stem"}), _separable_in_huggingface),
        "bottleneck": (
            _in_huggingface({"conv1": "conv_stem.first_conv", "conv_last": "conv_1x1"}),
            _bottleneck_in_huggingface,
        ),
    }
)

LAYOUTS = {
    "huggingface": _with_classifier,
    "huggingface_backbone": HUGGINGFACE_BACKBONES,
    "torchvision": _layout(
        {
            "bottleneck": (
                stem_and_head(TORCHVISION_STEM, TORCHVISION_LAST, "classifier.1"),
                _bottleneck_in_torchvision,
            ),
            "bneck": (
                stem_and_head(TORCHVISION_STEM, TORCHVISION_LAST, "classifier.3", "classifier.0"),
                _bneck_in_torchvision,
            ),
        }
    ),
    "timm": _layout(
        {
            "separable": (stem_and_head(TIMM_STEM, None, "classifier"), _separable_in_timm),
            "bottleneck": (
                stem_and_head(TIMM_STEM, ("conv_head", "bn2"), "classifier"),
                inverted_in_timm,
            ),
            "bneck": (
                stem_and_head(TIMM_STEM, TIMM_V3_LAST, "classifier", "conv_head"),
                inverted_in_timm,
            ),
        }
    ),
    "keras": _layout(
        {
            "separable": (
                stem_and_head(("conv1", "conv1_bn"), None, "conv_preds"),
                _separable_in_keras,
            ),
            "bottleneck": (
                stem_and_head(("Conv1", "bn_Conv1"), ("Conv_1", "Conv_1_bn"), "predictions"),
                _bottleneck_in_keras,
            ),
            "bneck": (
                stem_and_head(("conv", "conv_bn"), ("conv_1", "conv_1_bn"), "logits", "conv_2"),
                _bneck_in_keras,
            ),
        }
    ),
    "keras_files": _layout(
        {
            "bottleneck": (
                stem_and_head(("Conv1", "bn_Conv1"), ("Conv_1", "Conv_1_bn"), "Logits"),
                _bottleneck_in_keras_files,
            ),
            "bneck": (
                stem_and_head(
                    ("Conv", "Conv/BatchNorm"), ("Conv_1", "Conv_1/BatchNorm"), "Logits", "Conv_2"
                ),
                _bneck_in_keras_files,
            ),
        }
    ),
}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the networks of a source that have the tensors of a row.

    timm has MobileNetV3 twice: its own, and TensorFlow's, whose names begin with "tf_".
    """
    third = hasattr(row, "lines")
    if source in ("keras", "keras_files"):
        first = not third and not hasattr(row, "last")
        return (SourceNetwork({"padding": "far" if first else "same"}, 1e-3),)
    if source in HUGGINGFACE:
        usual = SourceNetwork({"padding": "same"}, 1e-3)
        unknown = r"hidden_act=(?!relu6\b)|output_stride=(?!32\b)"
        return with_settings(usual, unknown, "tf_padding=False", {"padding": "symmetric"})
    symmetric = {"padding": "symmetric"}
    if source == "torchvision" and not third:
        # torchvision's network for quantisation has the same tensors, and ReLU for ReLU6.
        plain = rf"^(?!.*{QUANTISED}).*mobile[-_]?net[-_]?v2"
        return (
            SourceNetwork(symmetric, 1e-5, plain),
            SourceNetwork(
                names=QUANTISED, unsupported="of ReLU without the limit of 6, made to be quantised"
            ),
        )
    if source == "torchvision":
        return (SourceNetwork(symmetric, 1e-3),)
    if not third:
        return (SourceNetwork(symmetric, 1e-5),)
    return (
        SourceNetwork(symmetric, 1e-5, r"(?<!tf_)(?<!tf-)mobilenet[-_]?v3"),
        SourceNetwork({"padding": "same"}, 1e-3, r"tf[-_]mobilenet[-_]?v3"),
    )
