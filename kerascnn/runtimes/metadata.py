"""Reads the metadata of exported files, which may come from anyone: bounded, as JSON only."""

from __future__ import annotations

import json
from typing import IO, Any

from kerascnn.errors import DamagedFileError

LARGEST_FILE = 2**31
"""Largest size in bytes of an ONNX or LiteRT file: their formats hold no more."""
LARGEST_METADATA = 2**24
"""Largest size in bytes of metadata; 1,000 class names take 20 kB."""
METADATA_KEYS = ("class_names", "preprocessing", "input", "output", "precision")
"""The entries that are read; files of other programs may store others, of any form."""


def parse_metadata(text: str | bytes, name: str) -> Any:
    """Returns the value of a JSON text.

    Args:
        text: of the metadata.
        name: of the file, for messages.

    Raises:
        DamagedFileError: it is too large.
        ValueError, RecursionError: it is no JSON; callers turn these into DamagedFileError.
    """
    refuse_large(len(text), name)
    return json.loads(text)


def read_metadata_stream(stream: IO[bytes], name: str) -> Any:
    """Returns the value of a JSON file; never reads more than `LARGEST_METADATA` bytes.

    Raises: as `parse_metadata`.
    """
    return parse_metadata(stream.read(LARGEST_METADATA + 1), name)


def refuse_large(size: int, name: str) -> None:
    """Raises DamagedFileError when metadata is larger than any that `export` writes."""
    if size > LARGEST_METADATA:
        raise DamagedFileError(
            f"the metadata of {name} has {size:,} bytes; at most {LARGEST_METADATA:,} are "
            "accepted; export the model again"
        )
