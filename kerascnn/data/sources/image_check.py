"""Decodes the image files of a data set, and limits how many of them may be unreadable."""

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
    """Returns the number of images that may be unreadable.

    Args:
        limit: a number, or a share of all images as "1%", which is rounded down.
        images: number of all images.

    Raises:
        UsageError: `limit` is no whole number from 0 and no share from 0% to 100%.
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
class ImageCheck:
    """The result of decoding an image file.

    Attributes:
        digest: SHA-256 of the file.
        height, width: in pixels.
        grey: whether the image has grey values only.
        fault: why the image cannot be read; "" if it can.
    """

    digest: str = ""
    height: int = 0
    width: int = 0
    grey: bool = False
    fault: str = ""


def check_image(path: Path) -> ImageCheck:
    """Decodes an image file; an unreadable file is reported in `fault`, not raised."""
    try:
        with open_regular(path, limit=FILE_LIMIT) as stream:
            content = stream.read()
        picture = load_picture(content)
    except KerasCNNError as error:
        # Callers print the path themselves, so the message goes without it.
        reason = str(error).removeprefix(f"{named(path)} ").removeprefix("the image ")
        return ImageCheck(fault=reason)
    digest, grey = hashlib.sha256(content).hexdigest(), read_header(content).grey
    return ImageCheck(digest, picture.height, picture.width, grey)


def check_images(paths: Iterable[Path]) -> list[ImageCheck]:
    """Returns the results of `check_image` for all files, in their order."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(check_image, paths))


def refuse_bad(bad: Sequence[tuple[Any, str]], allowed: int, images: int) -> None:
    """Raises a DataError that names the first bad images if there are more than `allowed`."""
    if len(bad) > allowed:
        first = "; ".join(f"{named(path)} {reason}" for path, reason in bad[:2])
        raise DataError(
            f"{len(bad):,} of {images:,} images cannot be read, at most {allowed:,} may be: "
            f"{first[:230]}{' ...' if len(bad) > 2 else ''}; remove them, or raise --max-bad"
        )
