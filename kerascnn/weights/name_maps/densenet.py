"""DenseNet's names elsewhere.

The published files of torchvision and of keras.applications are older than their code: the ones
write "norm.1" for "norm1", the others "conv1/conv" and "fc1000" for the stem and the classifier.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_DENSE = re.compile(r"dense(\d+)_(\d+)_conv([12])(_bn)?")
_TRANSITION = re.compile(r"transition(\d+)_conv(_bn)?")


def _torchvision(names: Sequence[str], numbered: str = "") -> dict[str, str]:
    found = {
        "conv0": "features.conv0",
        "conv0_bn": "features.norm0",
        "bn": "features.norm5",
        "predictions": "classifier",
    }
    for name in names:
        if dense := _DENSE.fullmatch(name):
            block, layer, number, norm = dense.groups()
            kind = "norm" if norm else "conv"
            found[name] = f"features.denseblock{block}.denselayer{layer}.{kind}{numbered}{number}"
        elif transition := _TRANSITION.fullmatch(name):
            kind = "norm" if transition[2] else "conv"
            found[name] = f"features.transition{transition[1]}.{kind}"
    return {name: found[name] for name in names if name in found}


def _torchvision_files(names: Sequence[str]) -> dict[str, str]:
    return _torchvision(names, ".")


def _keras(names: Sequence[str]) -> dict[str, str]:
    found = {
        "conv0": "conv1_conv",
        "conv0_bn": "conv1_bn",
        "bn": "bn",
        "predictions": "predictions",
    }
    for name in names:
        if dense := _DENSE.fullmatch(name):
            block, layer, number, norm = dense.groups()
            # There a batch norm has the number of the convolution before it, here of the one after.
            part = f"{int(number) - 1}_bn" if norm else f"{number}_conv"
            found[name] = f"conv{int(block) + 1}_block{layer}_{part}"
        elif transition := _TRANSITION.fullmatch(name):
            part = "bn" if transition[2] else "conv"
            found[name] = f"pool{int(transition[1]) + 1}_{part}"
    return {name: found[name] for name in names if name in found}


def _keras_files(names: Sequence[str]) -> dict[str, str]:
    found = {"conv0": "conv1/conv", "conv0_bn": "conv1/bn", "predictions": "fc1000"}
    return {name: found.get(name, module) for name, module in _keras(names).items()}


LAYOUTS = {
    "torchvision": _torchvision,
    "torchvision_files": _torchvision_files,
    "timm": _torchvision,
    "keras": _keras,
    "keras_files": _keras_files,
}
EPSILONS = {"keras": 1.001e-5, "keras_files": 1.001e-5}
