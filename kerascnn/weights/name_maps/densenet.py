"""The names of DenseNet's layers in torchvision, timm and keras.applications.

The published files are older than the code of their libraries: those of torchvision have "norm.1"
instead of "norm1", those of keras.applications "conv1/conv" for the stem and "fc1000" for the
classifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kerascnn.weights.name_maps.layout import SourceNetwork

DENSE_LAYER = re.compile(r"dense(?P<block>\d+)_(?P<layer>\d+)_conv(?P<number>[12])(?P<norm>_bn)?")
TRANSITION = re.compile(r"transition(?P<block>\d+)_conv(?P<norm>_bn)?")

Module = Callable[[re.Match[str]], str]


def _layout(
    names: Sequence[str], ends: Mapping[str, str], dense_layer: Module, transition: Module
) -> dict[str, str]:
    """Returns the source's module for each of our layers.

    Args:
        names: our layers with weights.
        ends: the modules of the stem and of the classifier.
        dense_layer: returns the module for a match of `DENSE_LAYER`.
        transition: returns the module for a match of `TRANSITION`.
    """
    modules = {}
    for name in names:
        if name in ends:
            modules[name] = ends[name]
        elif match := DENSE_LAYER.fullmatch(name):
            modules[name] = dense_layer(match)
        elif match := TRANSITION.fullmatch(name):
            modules[name] = transition(match)
    return modules


def _torchvision(names: Sequence[str], separator: str = "") -> dict[str, str]:
    ends = {
        "conv0": "features.conv0",
        "conv0_bn": "features.norm0",
        "bn": "features.norm5",
        "predictions": "classifier",
    }

    def dense_layer(match: re.Match[str]) -> str:
        block, layer, number, norm = match.groups()
        part = f"{'norm' if norm else 'conv'}{separator}{number}"
        return f"features.denseblock{block}.denselayer{layer}.{part}"

    def transition(match: re.Match[str]) -> str:
        return f"features.transition{match['block']}.{'norm' if match['norm'] else 'conv'}"

    return _layout(names, ends, dense_layer, transition)


def _torchvision_files(names: Sequence[str]) -> dict[str, str]:
    return _torchvision(names, ".")


def _keras(names: Sequence[str]) -> dict[str, str]:
    ends = {
        "conv0": "conv1_conv",
        "conv0_bn": "conv1_bn",
        "bn": "bn",
        "predictions": "predictions",
    }

    def dense_layer(match: re.Match[str]) -> str:
        block, layer, number, norm = match.groups()
        # Keras numbers a batch norm by the convolution before it, we by the convolution after it.
        part = f"{int(number) - 1}_bn" if norm else f"{number}_conv"
        return f"conv{int(block) + 1}_block{layer}_{part}"

    def transition(match: re.Match[str]) -> str:
        return f"pool{int(match['block']) + 1}_{'bn' if match['norm'] else 'conv'}"

    return _layout(names, ends, dense_layer, transition)


def _keras_files(names: Sequence[str]) -> dict[str, str]:
    renamed = {"conv0": "conv1/conv", "conv0_bn": "conv1/bn", "predictions": "fc1000"}
    return {name: renamed.get(name, module) for name, module in _keras(names).items()}


LAYOUTS = {
    "torchvision": _torchvision,
    "torchvision_files": _torchvision_files,
    "timm": _torchvision,
    "keras": _keras,
    "keras_files": _keras_files,
}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the network of a source, in which only the epsilon is invisible."""
    return (SourceNetwork({}, 1.001e-5 if source in ("keras", "keras_files") else 1e-5),)
