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
    """A published checkpoint for a row of the registry.

    Args:
        tag: its name in the catalogue, such as "torchvision/resnet50.v2"; the part before the slash
            is the publisher.
        row: the architecture.
        url: the address of the file.
        layout: the naming of its tensors, a key of the family's `LAYOUTS`.
        preprocessing: the preprocessing with which it was evaluated.
        top1: published top-1 accuracy on ImageNet's validation images, one centre crop, in percent.
        licence: the licence of the file; see docs/weights.md.
        sha256: published hexadecimal digits of the file's SHA-256, often only the first; or None.
        md5: published MD5 of the file, or None.
        arguments: columns in which its network differs from the row; a builder uses them with these
            weights unless it gets other values.
        class_names: the names of its classes, in the order of its outputs.
        note: the recipe with which it was trained, or its origin.
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
        """The number of its classes."""
        return len(self.class_names)

    @property
    def source(self) -> str:
        """The publisher."""
        return self.tag.partition("/")[0]

    @property
    def file(self) -> str:
        """The name of the file in the cache: the URL's file name, or the tag if that is model.*."""
        name = self.url.rpartition("/")[2]
        if name.startswith("model."):
            return f"{self.tag.partition('/')[2]}.{name.rpartition('.')[2]}"
        return name


def hash_in_name(file: str) -> str | None:
    """Returns the digits of a SHA-256 in a file's name, by the convention of PyTorch's hub."""
    match = _HASH_IN_NAME.search(file)
    return None if match is None else match[1]
