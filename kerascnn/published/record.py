"""The record of a published checkpoint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.published.imagenet_classes import CLASS_NAMES

_HASH_IN_NAME = re.compile(r"-([0-9a-f]{8,})\.")


@dataclass(frozen=True)
class Published:
    """A checkpoint that somebody has published for a row of the registry.

    Args:
        tag: what it is called here, such as "torchvision/resnet50.v2"; the part before the slash
            is who published it.
        row: the architecture.
        url: where it lies.
        layout: whose names its tensors have: a key of the family's `LAYOUTS`.
        preprocessing: what it was evaluated with.
        top1: published accuracy on ImageNet's validation images in per cent, one centre crop.
        licence: under which it is published; see docs/weights.md.
        sha256: hexadecimal digits of the file's SHA-256, as many as are published; None for none.
        md5: where that is what is published.
        arguments: columns in which its network differs from the row; the builder takes them along
            with the weights, unless it is given others.
        class_names: in the order of its outputs.
        note: recipe or origin.
    """

    tag: str
    row: str
    url: str
    layout: str
    preprocessing: Preprocessing
    top1: float
    licence: str
    sha256: str | None = None
    md5: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)
    class_names: tuple[str, ...] = field(default=CLASS_NAMES, repr=False)
    note: str = ""

    @property
    def classes(self) -> int:
        """How many it tells apart."""
        return len(self.class_names)

    @property
    def source(self) -> str:
        """Who published it."""
        return self.tag.partition("/")[0]

    @property
    def file(self) -> str:
        """Name of the file in the cache: that of the URL, unless it says nothing."""
        name = self.url.rpartition("/")[2]
        if name.startswith("model."):
            return f"{self.tag.partition('/')[2]}.{name.rpartition('.')[2]}"
        return name


def hash_in_name(file: str) -> str | None:
    """Returns the beginning of a file's SHA-256 out of its name, as PyTorch's hub writes it."""
    found = _HASH_IN_NAME.search(file)
    return None if found is None else found[1]
