"""The preprocessing that a text names: an architecture, published weights, or a record in JSON."""

from __future__ import annotations

import json
from pathlib import Path

from kerascnn.errors import UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.registry import UnknownModelError, model_info
from kerascnn.published.catalogue import BY_TAG


def named_preprocessing(text: str) -> Preprocessing:
    """Returns the preprocessing that a user names.

    Args:
        text: an architecture, such as "resnet50"; a tag of `kerascnn weights list`; a record in
            JSON, which needs "size": '{"size": [32, 32], "channels": "grey"}'; or the path of a
            .json file with such a record, or with one as its "preprocessing", as config.json of a
            run has it.

    Raises:
        UsageError: it is none of these.
    """
    if text in BY_TAG:
        return BY_TAG[text].preprocessing
    if text.lstrip().startswith("{"):
        return _of_json(text, text)
    if text.endswith(".json"):
        try:
            return _of_json(Path(text).read_text("utf-8"), text)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"cannot read the preprocessing of {text}: {error}") from error
    try:
        return model_info(text).preprocessing
    except UnknownModelError as error:
        raise UsageError(
            f"{text[:100]!r} names no preprocessing: give an architecture, a tag of published "
            'weights, or a record such as {"size": [32, 32], "mean": [0.5], "std": [0.5]}'
        ) from error


def _of_json(text: str, name: str) -> Preprocessing:
    try:
        record = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{name[:100]} is not JSON: {error}") from error
    if isinstance(record, dict) and isinstance(record.get("preprocessing"), dict):
        record = record["preprocessing"]
    return Preprocessing.from_json(record)
