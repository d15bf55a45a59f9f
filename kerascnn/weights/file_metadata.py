"""What `save_weights` writes beside the tensors: what network it is, and digests of everything.

Each value is JSON. "seal" is the SHA-256 of all the others, so that a bit that flips in the record
is found like one in a tensor.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kerascnn.errors import DamagedFileError
from kerascnn.weights.formats import json_text

SEAL = "seal"
DIGESTS = "digests"


def sealed(values: Mapping[str, Any]) -> dict[str, str]:
    """Returns a record as texts, its seal included."""
    made = {key: json.dumps(value) for key, value in values.items()}
    return {**made, SEAL: _seal(made)}


def opened(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Returns the record of a file of ours; empty for any other file.

    Raises:
        DamagedFileError: it is not as it was written.
    """
    if DIGESTS not in metadata and SEAL not in metadata:
        return {}
    others = {key: value for key, value in metadata.items() if key != SEAL}
    if metadata.get(SEAL) != _seal(others):
        raise DamagedFileError(
            "its record is not what was written (its seal differs); fetch or write the file again"
        )
    return {key: json_text.parse(value.encode(), "record") for key, value in others.items()}


def _seal(texts: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(texts, sort_keys=True).encode()).hexdigest()
