"""Decodes images of a data set to find those that are damaged, empty or duplicates."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kerascnn.errors import DataError, KerasCNNError, UsageError
from kerascnn.fileio.untrusted import named, open_regular
from kerascnn.imaging.decode import FILE_LIMIT, load_picture, read_header


def allowed_bad(limit: int | str, images: int) -> int:
    """Returns how many of so many images may be unreadable.

    Args:
        limit: a number, or a share as "1%", which is rounded down.
        images: all there are.

    Raises:
        UsageError: neither.
    """
    text = str(limit).strip()
    share = text.endswith("%")
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf or (share and value > 100) or (not share and value != int(value)):
        raise UsageError(f"max_bad is {limit!r}; give a number of images, or a share as '1%'")
    return int(images * value / 100) if share else int(value)


@dataclass(frozen=True)
class Seen:
    """One image after decoding: the digest of its file, its size, and why it cannot be read."""

    digest: str = ""
    height: int = 0
    width: int = 0
    grey: bool = False
    fault: str = ""


def look_at(path: Path) -> Seen:
    """Reads and decodes one file; never raises for what is wrong with it."""
    try:
        with open_regular(path, limit=FILE_LIMIT) as stream:
            content = stream.read()
        picture = load_picture(content)
    except KerasCNNError as error:
        # The bytes have no name; the caller tells it.
        return Seen(fault=str(error).removeprefix(f"{named(path)} ").removeprefix("the image "))
    digest, grey = hashlib.sha256(content).hexdigest(), read_header(content).grey
    return Seen(digest, picture.height, picture.width, grey)


def look_at_all(paths: Iterable[Path]) -> list[Seen]:
    """Returns what `look_at` finds in each file, in order."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(look_at, paths))


def refuse_bad(bad: Sequence[tuple[Any, str]], allowed: int, images: int) -> None:
    """Raises DataError, which names the first ones, if more images are bad than are allowed."""
    if len(bad) > allowed:
        first = "; ".join(f"{named(path)} {reason}" for path, reason in bad[:2])
        raise DataError(
            f"{len(bad):,} of {images:,} images cannot be read, {allowed:,} may be: "
            f"{first[:230]}{' ...' if len(bad) > 2 else ''}; remove them, or raise --max-bad"
        )
