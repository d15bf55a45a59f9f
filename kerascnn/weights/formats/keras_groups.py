"""Names the groups of a Keras 3 weights file that has none, as older versions of Keras wrote it.

Such a file calls a group after its layer's class and counts the layers of a class: conv2d,
conv2d_1. The configuration of a whole model lists the layers in the same order, with their names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
"""The groups in which a model of Keras 3 has its layers."""
MAXIMUM_DEPTH = 8
"""Models inside models."""


def group_kind(class_name: str) -> str:
    """Returns the name of the first group of a class: batch_normalization of BatchNormalization."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", class_name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def by_kind(groups: Iterable[str]) -> dict[str, list[str]]:
    """Returns groups by their class, those of each class in the order of their numbers."""
    numbers: dict[str, dict[int, str]] = {}
    for group in groups:
        kind, _, number = group.rpartition("_")
        if not kind or not number.isdecimal() or len(number) > 9:
            kind, number = group, "0"
        numbers.setdefault(kind, {})[int(number)] = group
    return {kind: [of[number] for number in sorted(of)] for kind, of in numbers.items()}


def layer_names(paths: Iterable[str], model: Any) -> dict[str, str]:
    """Returns the layer's name for the path of each group, as far as a configuration tells it.

    Args:
        paths: of the groups with variables, "layers/conv2d_1".
        model: the configuration of the model, parsed.
    """
    names: dict[str, str] = {}
    _add_names(names, [path.split("/") for path in paths], model, "")
    return names


def _add_names(names: dict[str, str], paths: list[list[str]], model: Any, above: str) -> None:
    """Adds the names of a model's groups; `paths` begin in its group, whose path is `above`."""
    config = model.get("config") if isinstance(model, dict) else None
    layers = config.get("layers") if isinstance(config, dict) else None
    if not isinstance(layers, list) or above.count("/") > 2 * MAXIMUM_DEPTH:
        return
    listed: dict[str, list[Mapping[str, Any]]] = {}
    for layer in layers:
        if isinstance(layer, dict) and isinstance(layer.get("config"), dict):
            listed.setdefault(group_kind(str(layer.get("class_name"))), []).append(layer)
    for container in CONTAINERS:
        inside = [path[1:] for path in paths if len(path) > 1 and path[0] == container]
        for kind, groups in by_kind(dict.fromkeys(path[0] for path in inside)).items():
            if len(groups) != len(listed.get(kind, [])):
                continue  # layers of this class without variables: the order does not tell them
            for group, layer in zip(groups, listed[kind], strict=True):
                path = f"{above}{container}/{group}"
                names[path] = str(layer["config"].get("name", group))
                deeper = [rest[1:] for rest in inside if rest[0] == group and len(rest) > 1]
                if deeper:
                    _add_names(names, deeper, layer, f"{path}/")
