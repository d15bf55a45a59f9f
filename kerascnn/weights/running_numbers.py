"""Finds layers by the order of Keras's running numbers: conv2d, conv2d_1, …, or conv2d_94, ….

Keras names a layer that gets no name after its class, and counts the layers of a class in a
process. The numbers in a file thus say what came before what, and not which number a layer has
elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

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


def _numbers(names: Iterable[str]) -> dict[str, list[str]]:
    """Returns the automatic names of each class, in the order of their numbers."""
    numbered: dict[str, dict[int, str]] = {}
    for name in names:
        if match := NAME.fullmatch(name):
            numbered.setdefault(match[1], {})[int(match[2] or 0)] = name
    return {kind: [of[number] for number in sorted(of)] for kind, of in numbered.items()}
