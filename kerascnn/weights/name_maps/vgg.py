"""The names of VGG's layers in torchvision, timm and keras.applications, for every depth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kerascnn.weights.name_maps.layout import Layout, SourceNetwork


def _features(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields our convolutions and batch norms with their modules of PyTorch's `features`.

    `features` numbers each convolution, batch norm and ReLU, and a pool at the end of each stage.
    """
    number, normalized, stage = 0, "conv1_1_bn" in names, "1"
    for name in names:
        if not name.startswith("conv"):
            continue
        if name.endswith("_bn"):
            yield name, f"features.{number - 2}"
            continue
        if name[4] != stage:
            stage = name[4]
            number += 1
        yield name, f"features.{number}"
        number += 3 if normalized else 2


def _pytorch(fc6: str, fc7: str, predictions: str) -> Layout:
    """Returns the layout of a PyTorch library, from the modules of its dense layers."""
    heads = {"fc6": fc6, "fc7": fc7, "predictions": predictions}

    def layout(names: Sequence[str]) -> dict[str, str]:
        return {**dict(_features(names)), **{key: heads[key] for key in names if key in heads}}

    return layout


def keras(names: Sequence[str]) -> dict[str, str]:
    """Returns the names of our layers in keras.applications' VGG16 and VGG19."""
    modules = {"fc6": "fc1", "fc7": "fc2", "predictions": "predictions"}
    for name in names:
        if name.startswith("conv") and not name.endswith("_bn"):
            stage, step = name.removeprefix("conv").split("_")
            modules[name] = f"block{stage}_conv{step}"
    return {name: modules[name] for name in names if name in modules}


LAYOUTS = {
    "torchvision": _pytorch("classifier.0", "classifier.3", "classifier.6"),
    # In timm, fc6 and fc7 are convolutions of 7x7 and 1x1.
    "timm": _pytorch("pre_logits.fc1", "pre_logits.fc2", "head.fc"),
    "keras": keras,
}


def networks(source: str, row: Any) -> tuple[SourceNetwork, ...]:
    """Returns the network of a source; none has response normalisation."""
    return (SourceNetwork({"lrn": False}, 1e-5),)
