"""Checkpoints that others have published for rows of the registry, one module for each publisher.

Standard library only. Nothing here was downloaded to be checked: addresses, digests, figures and
licences are the publishers' own.
"""

from __future__ import annotations

import difflib

from kerascnn.errors import UsageError
from kerascnn.published import keras_applications, timm, torchvision
from kerascnn.published.record import Published as Published

DEFAULT = "imagenet"
"""As a source of weights: a row's own default."""

CHECKPOINTS = (*torchvision.CHECKPOINTS, *timm.CHECKPOINTS, *keras_applications.CHECKPOINTS)
BY_TAG = {one.tag: one for one in CHECKPOINTS}


def checkpoints(row: str | None = None) -> tuple[Published, ...]:
    """Returns the published checkpoints of a row, its default first, or those of all rows."""
    found = [one for one in CHECKPOINTS if row in (None, one.row)]
    if row is not None:
        found.sort(
            key=lambda one: bool(one.arguments)
        )  # a network that is not the row's comes last
    return tuple(found)


def published(tag: str, row: str | None = None) -> Published:
    """Returns the record of a published checkpoint.

    Args:
        tag: such as "torchvision/resnet50.v2", or "imagenet" for the default of `row`.
        row: the architecture that "imagenet" is asked for.

    Raises:
        UsageError: there is none of this tag, or none for the row.
    """
    if tag == DEFAULT:
        return _default(row)
    if tag in BY_TAG:
        return BY_TAG[tag]
    near = difflib.get_close_matches(tag, BY_TAG, 3)
    raise UsageError(
        f"no published weights are called {tag!r}; "
        + (f"the nearest are: {', '.join(near)}" if near else "see `kerascnn weights list`")
    )


def _default(row: str | None) -> Published:
    if row is None:
        raise UsageError(
            f"{DEFAULT!r} is the default of an architecture; for another model give a tag, such as "
            "torchvision/resnet50.v2"
        )
    known = checkpoints(row)
    if not known:
        raise UsageError(
            f"no weights are published for {row} that fit it; weights=None gives fresh ones, and "
            "a path or URL your own"
        )
    return known[0]
