"""The catalogue of published checkpoints, for the rows of the registry.

Each publisher has a module in this package. Addresses, digests, accuracies and licences are copied
from the publishers' own pages; the files were not downloaded to check them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from kerascnn.errors import UsageError
from kerascnn.published import keras_applications, timm, torchvision
from kerascnn.published.record import Published as Published

DEFAULT = "imagenet"
"""The source of weights that stands for the default checkpoint of a row."""

CHECKPOINTS = (*torchvision.CHECKPOINTS, *timm.CHECKPOINTS, *keras_applications.CHECKPOINTS)
BY_TAG = {record.tag: record for record in CHECKPOINTS}


def checkpoints(row: str | None = None) -> tuple[Published, ...]:
    """Returns the published checkpoints of a row, its default first, or those of all rows."""
    records = [record for record in CHECKPOINTS if row in (None, record.row)]
    if row is not None:
        # Checkpoints whose network differs from the row come last.
        records.sort(key=lambda record: bool(record.arguments))
    return tuple(records)


def published(tag: str, row: str | None = None) -> Published:
    """Returns the record of a published checkpoint.

    Args:
        tag: such as "torchvision/resnet50.v2", or "imagenet" for the default of `row`.
        row: the architecture, for "imagenet".

    Raises:
        UsageError: no checkpoint has this tag, or none is published for the row.
    """
    if tag == DEFAULT:
        return _default(row)
    if tag in BY_TAG:
        return BY_TAG[tag]
    raise UsageError(f"no published weights are called {tag!r}; {suggestion(tag, BY_TAG)}")


LISTED = "see `kerascnn weights list`"
"""The end of an error message about a tag."""


def suggestion(text: str, tags: Iterable[str], otherwise: str = LISTED) -> str:
    """Returns the end of an error message that names the tags most similar to a text.

    Args:
        text: what is no tag.
        tags: all tags.
        otherwise: the end of the message if none is similar.
    """
    similar = difflib.get_close_matches(text, list(tags), 3)
    return f"the nearest are: {', '.join(similar)}" if similar else otherwise


def _default(row: str | None) -> Published:
    if row is None:
        raise UsageError(
            f"{DEFAULT!r} is the default of an architecture; for another model give a tag, such as "
            "torchvision/resnet50.v2"
        )
    records = checkpoints(row)
    if not records:
        raise UsageError(
            f"no weights are published for {row} that fit it; use weights=None for initial values, "
            "or give the path or URL of a file"
        )
    return records[0]
