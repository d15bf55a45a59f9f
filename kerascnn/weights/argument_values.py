"""Values of builder arguments that are tried when the arguments of a file are inferred."""

from __future__ import annotations

from typing import Any

DEPTHS = (0.25, 0.5, 0.75, 1.25, 1.5, 2.0, 3.0)
WIDTHS = (0.25, 0.35, 0.5, 0.75, 1.3, 1.4, 1.5, 2.0)
CHOICES: dict[str, tuple[Any, ...]] = {
    "stem": ("paper", "small"),
    "auxiliary": (False, True),
    "batch_norm": (False, True),
    "biases": (False, True),
    "block": ("basic", "bottleneck"),
    "entry": ("7x7", "3x3", "deep"),
    "filter_size": (3, 5, 7),
    "groups": (1, 2, 3, 4, 8, 16, 32, 64),
    "kernel_size": (3, 5, 7, 9, 1),
    "normal_cells": tuple(range(1, 9)),
    "n": tuple(range(1, 5)),
    "m": tuple(range(1, 6)),
    "k": tuple(range(4)),
    "reduction": (None, 2, 4, 8, 16, 32),
    "shortcut": ("A", "B", "C"),
    "stride": (8, 16, 32),
}
"""Values that are tried for arguments whose value no shape gives by arithmetic."""
SIDES = (28, 32, 48, 64, 96, 112, 128, 160, 192, 224, 227, 256, 299)
"""Sizes of images that are tried for networks that flatten a map."""
