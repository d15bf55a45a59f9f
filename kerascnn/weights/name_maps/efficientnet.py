"""The names of EfficientNet's layers in torchvision, timm, transformers and keras.applications."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.weights.name_maps.block_names import (
    Block,
    by_block,
    inverted_in_timm,
    inverted_in_torchvision,
    stem_and_head,
)
from kerascnn.weights.name_maps.huggingface import SOURCES as HUGGINGFACE
from kerascnn.weights.name_maps.huggingface import forms, with_settings
from kerascnn.weights.name_maps.layout import SourceNetwork

FIRST_WIDTH_OF_B5 = 1.6
"""torchvision's networks from B5 on have another epsilon than the smaller ones."""
KERAS_PARTS = {
    "expand": "expand_conv",
    "expand_bn": "expand_bn",
    "dw": "dwconv",
    "dw_bn": "bn",
    "se_reduce": "se_reduce",
    "se_expand": "se_expand",
    "project": "project_conv",
    "project_bn": "project_bn",
}


def _block_in_torchvision(block: Block) -> dict[str, str]:
    prefix = f"features.{block.stage - 1}.{block.index - 1}.block"
    return inverted_in_torchvision(block, prefix)


def _block_in_keras(block: Block) -> dict[str, str]:
    letter = chr(ord("a") + block.index - 1)
    return {
        ours: f"block{block.stage - 1}{letter}_{theirs}" for ours, theirs in KERAS_PARTS.items()
    }


def _torchvision(names: Sequence[str]) -> dict[str, str]:
    stem, last = ("features.0.0", "features.0.1"), ("features.8.0", "features.8.1")
    return by_block(names, stem_and_head(stem, last, "classifier.1"), _block_in_torchvision)


def _timm(names: Sequence[str]) -> dict[str, str]:
    ends = stem_and_head(("conv_stem", "bn1"), ("conv_head", "bn2"), "classifier")
    return by_block(names, ends, inverted_in_timm)


def _keras(names: Sequence[str]) -> dict[str, str]:
    ends = stem_and_head(("stem_conv", "stem_bn"), ("top_conv", "top_bn"), "predictions")
    return by_block(names, ends, _block_in_keras)


HUGGINGFACE_PARTS = {
    "expand": "expansion.expand_conv",
    "expand_bn": "expansion.expand_bn",
    "dw": "depthwise_conv.depthwise_conv",
    "dw_bn": "depthwise_conv.depthwise_norm",
    "se_reduce": "squeeze_excite.reduce",
    "se_expand": "squeeze_excite.expand",
    "project": "projection.project_conv",
    "project_bn": "projection.project_bn",
}


def _block_in_huggingface(block: Block) -> dict[str, str]:
    prefix = f"encoder.blocks.{block.number - 1}."
    return {ours: prefix + theirs for ours, theirs in HUGGINGFACE_PARTS.items()}


def _huggingface(names: Sequence[str]) -> dict[str, str]:
    stem = ("embeddings.convolution", "embeddings.batchnorm")
    ends = stem_and_head(stem, ("encoder.top_conv", "encoder.top_bn"))
    return by_block(names, ends, _block_in_huggingface)


LAYOUTS = {
    "torchvision": _torchvision,
    "timm": _timm,
    "keras": _keras,
    **forms(_huggingface, "efficientnet."),
}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the networks of a source that have the tensors of a row.

    timm has each network twice: its own, and TensorFlow's, whose names begin with "tf_".
    transformers pads as TensorFlow does at the row's own input size.
    """
    if source in ("keras", *HUGGINGFACE):
        same = SourceNetwork({"padding": "same"}, 1e-3)
        return (
            (same,) if source == "keras" else with_settings(same, r"hidden_act=(?!swish\b|silu\b)")
        )
    if source == "torchvision":
        epsilon = 1e-3 if row.width >= FIRST_WIDTH_OF_B5 else 1e-5
        return (SourceNetwork({"padding": "symmetric"}, epsilon),)
    return (
        SourceNetwork({"padding": "symmetric"}, 1e-5, r"(?<!tf_)(?<!tf-)efficientnet[-_]b"),
        SourceNetwork({"padding": "same"}, 1e-3, r"tf[-_]efficientnet[-_]b"),
        SourceNetwork(
            names=r"efficientnet[-_]blur", unsupported="that smooths maps before it halves them"
        ),
    )
