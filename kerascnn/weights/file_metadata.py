"""The record that `save_weights` stores beside the tensors: the network, and digests.

Each value of the record is JSON. The value "seal" is the SHA-256 of all others, so that a changed
bit in the record is detected, as the digests of the tensors detect one in a tensor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError
from kerascnn.lazy import np
from kerascnn.weights.formats import json_text

if TYPE_CHECKING:
    import numpy as np

SEAL = "seal"
DIGESTS = "digests"


def tensor_digest(array: np.ndarray) -> str:
    """Returns the SHA-256 of an array's values in C order, 64 hexadecimal digits."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return hashlib.sha256(data.data).hexdigest()


def sealed(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns a record as texts in JSON, with its seal."""
    texts = {key: json.dumps(value) for key, value in values.items()}
    return {**texts, SEAL: _seal(texts)}


def opened(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Returns the record that `sealed` wrote; empty if the metadata holds no record.

    Args:
        metadata: the texts of an open file.

    Raises:
        DamagedFileError: the record has changed since it was written.
    """
    if DIGESTS not in metadata and SEAL not in metadata:
        return {}
    others = {key: value for key, value in metadata.items() if key != SEAL}
    if metadata.get(SEAL) != _seal(others):
        raise DamagedFileError(
            "its record is not what was written (its seal differs); fetch or write the file again"
        )
    return {key: json_text.parse(value.encode(), "record") for key, value in others.items()}


def digests(record: Mapping[str, Any]) -> dict[str, str]:
    """Returns the SHA-256 of each variable that a record has one for.

    The names are those of the network's layers without the prefix that the model had.
    """
    arguments = record.get("arguments")
    prefix = str(arguments.get("prefix", "")) if isinstance(arguments, dict) else ""
    return {name.removeprefix(prefix): text for name, text in record.get(DIGESTS, {}).items()}


def _seal(texts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()
