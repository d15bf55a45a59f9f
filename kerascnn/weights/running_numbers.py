"""Finds layers by the order of Keras's running numbers: conv2d, conv2d_1, …, or conv2d_94, ….

Keras names a layer that gets no name after its class, and counts the layers of a class in a
process. The numbers in a file thus say what came before what, and not which number a layer has
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kerascnn.weights.formats.keras_groups import CONTAINERS, by_kind, group_kind

KINDS = (
    "batch_normalization", "conv1d", "conv2d", "conv2d_transpose", "dense", "depthwise_conv2d",
    "group_normalization", "grouped_conv2d", "layer_normalization", "normalization", "p_re_lu",
    "separable_conv2d",
)  # fmt: skip
"""Automatic names of Keras's and our layers with weights, without their numbers."""
NAME = re.compile(rf"({'|'.join(sorted(KINDS, key=len, reverse=True))})(?:_(\d{{1,9}}))?")


def in_file(modules: Mapping[str, str], tensors: Iterable[str]) -> dict[str, str]:
    """Returns the modules with the numbers that their automatic names have in a file.

    The lowest number of a class in the file is that of the first of our layers of the class, and so
    on. A class of which the file has all names, or too few, is unchanged.

    Args:
        modules: the source's name for each of our layers.
        tensors: the names of the file's tensors, "layer/variable".
    """
    ours = _numbers(modules.values())
    if not ours:
        return dict(modules)
    theirs = _numbers({name.rpartition("/")[0] for name in tensors})
    renamed: dict[str, str] = {}
    for kind, names in ours.items():
        stored = theirs.get(kind, [])
        if len(stored) >= len(names) and not set(names) <= set(stored):
            renamed |= zip(names, stored, strict=False)
    return {layer: renamed.get(module, module) for layer, module in modules.items()}


def nameless(tensors: Iterable[str]) -> bool:
    """Returns whether a file of Keras 3 has no layer names, but groups named after classes."""
    return any(name.startswith(tuple(f"{group}/" for group in CONTAINERS)) for name in tensors)


def in_groups(layers: Mapping[str, str], tensors: Iterable[str]) -> dict[str, str]:
    """Returns the group of each layer in a file without layer names, as Keras pairs them.

    Empty if the file has another number of layers of a class. Only for a model that was built as
    the file's was: two models with the same layers in another order have the same groups.

    Args:
        layers: the class of each layer with weights, in the order of the model's layers.
        tensors: the names of the file's tensors.
    """
    modules = dict.fromkeys(name.rpartition("/")[0] for name in tensors)
    parts = [module.partition("/") for module in modules]
    container = next((first for first, _, _ in parts if first in CONTAINERS), None)
    if container is None:
        return {}
    groups = by_kind(group for first, _, group in parts if first == container)
    ours: dict[str, list[str]] = {}
    for name, kind in layers.items():
        ours.setdefault(group_kind(kind), []).append(name)
    if {kind: len(of) for kind, of in ours.items()} != {k: len(of) for k, of in groups.items()}:
        return {}
    return {
        name: f"{container}/{group}"
        for kind, names in ours.items()
        for name, group in zip(names, groups[kind], strict=True)
    }


def _numbers(names: Iterable[str]) -> dict[str, list[str]]:
    """Returns the automatic names of each class, in the order of their numbers."""
    numbered: dict[str, dict[int, str]] = {}
    for name in names:
        if match := NAME.fullmatch(name):
            numbered.setdefault(match[1], {})[int(match[2] or 0)] = name
    return {kind: [of[number] for number in sorted(of)] for kind, of in numbered.items()}
