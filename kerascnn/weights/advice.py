"""What to do with a file that does not fit a model: only what was tried with its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kerascnn.models.provenance import provenance
from kerascnn.models.request import Request
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.identify import Candidate, equals, identify
from kerascnn.weights.match_names import match_order
from kerascnn.weights.target_model import TargetModel


def advice(checkpoint: Checkpoint, record: Mapping[str, Any], target: TargetModel) -> str:
    """Returns what to do with a file that does not fit a model; empty if nothing is known.

    Args:
        checkpoint: the open file.
        record: what `save_weights` recorded in it; empty for other files.
        target: the model, which is recognised by the record of how it was built.
    """
    equal = equals(identify(checkpoint, record))
    if equal and not any(_is_of(target, candidate) for candidate in equal):
        names = " and ".join(candidate.text for candidate in equal)
        ending = " equally well" if len(equal) > 1 else ""
        return f"it fits {names}{ending}: build {equal[0].call} and load it into that"
    if not equal and not isinstance(match_order(checkpoint.contents, target.layers), str):
        return "all its tensors fit in the model's order: match='order' loads them"
    return ""


def _is_of(target: TargetModel, candidate: Candidate) -> bool:
    """Returns whether a model was built as the candidate is."""
    origin = provenance(target.model)
    if origin is None or origin.name != candidate.row:
        return False
    ours, theirs = Request.of(origin.arguments), Request.of(dict(candidate.arguments))
    return _network(ours) == _network(theirs)


def _network(request: Request) -> dict[str, Any]:
    """Returns the arguments that change tensors."""
    ignored = ("weights", "classifier_activation", "dropout", "prefix", "input_shape", "pooling")
    return {name: value for name, value in request.arguments().items() if name not in ignored}
