"""`load_weights`: any file of weights into a model, by name, all or nothing, with a true report."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kerascnn.assemble import Request, plan, provenance
from kerascnn.errors import UsageError
from kerascnn.lazy import np
from kerascnn.registry import model_info
from kerascnn.summary import plan_of
from kerascnn.weights.checkpoint import Checkpoint, open_checkpoint
from kerascnn.weights.expected import Expected, expected
from kerascnn.weights.fitting import Classes, Fitter, Target
from kerascnn.weights.identify import identify
from kerascnn.weights.matching import Match, best_match, match_order
from kerascnn.weights.report import LoadError, LoadReport

if TYPE_CHECKING:
    import keras
    import numpy as np

HEADS = ("auto", "keep", "overlap", "strict")
MATCHES = ("name", "order")
RECOGNISED = 0.5
"""Part of the variables that a naming has to find before it is believed."""


def load_weights(
    model: keras.Model,
    source: str | os.PathLike[str],
    *,
    head: str = "auto",
    strict: bool | float = True,
    match: str = "name",
    class_names: Sequence[str] | None = None,
    source_class_names: Sequence[str] | None = None,
) -> LoadReport:
    """Loads a file of weights into a model, by the names of its tensors.

    Reads .weights.h5, .keras, Keras 2 .h5, PyTorch .pth/.pt/.th/.pkl, .safetensors, .npz and .onnx,
    with our names or those of torchvision, timm and keras.applications. Nothing of the file is run,
    and the model changes only when everything fits.

    Args:
        model: a model of `create_model`, or any flat functional model whose layers the file names.
        source: the file.
        head: when the file's classifier has other classes: "auto" gives the model's a fresh start,
            "keep" leaves it as it is, "overlap" copies the classes both name, "strict" refuses.
        strict: True demands everything but a replaced head, and nothing left over; a number from 0
            to 1 is the part of the model's values that must load; False accepts anything.
        match: "name", or "order" for foreign names whose tensors follow the model's order.
        class_names: of the model, for head="overlap".
        source_class_names: of the file, for head="overlap"; a file of `save_weights` has its own.

    Returns:
        The `LoadReport`.

    Raises:
        UsageError: an argument is unknown.
        LoadError: the file does not fit; its `report` lists all that differs.
        DamagedFileError: the file is truncated or corrupt, or has a value that is not finite.
        UnsafeFileError: the file asks for more than tensors.
    """
    if head not in HEADS:
        raise UsageError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
    if match not in MATCHES:
        raise UsageError(f"match must be one of {', '.join(MATCHES)}, got {match!r}")
    with open_checkpoint(source) as checkpoint:
        target = _target(model)
        found = _matched(checkpoint, target, match)
        classes = Classes(head, class_names, source_class_names or _own_class_names(checkpoint))
        loader = Fitter(checkpoint, target, found, classes)
        arrays = loader.arrays()
        report = loader.report(arrays)
        _check(report, strict, checkpoint, target)
    _assign(target, arrays, loader.replaced if head == "auto" else ())
    return report


def _own_class_names(checkpoint: Checkpoint) -> Sequence[str] | None:
    text = checkpoint.metadata.get("class_names")
    return None if text is None else tuple(json.loads(text))


def _target(model: keras.Model) -> Target:
    variables = {
        f"{layer.name}/{variable.name}": variable
        for layer in model.layers
        for variable in layer.weights
        if "seed_generator" not in variable.path
    }
    wanted = _expected_of(model)
    origin = provenance(model)
    full: dict[str, Expected] = {}
    family = None
    if origin is not None:
        variant = model_info(origin.name)
        family = variant.family
        full = expected(plan(variant, _with_head(Request.of(origin.arguments))))
    first = next((n for n, one in wanted.items() if one.kind in ("Conv2D", "GroupedConv2D")), None)
    return Target(model, wanted, variables, family, full, first)


def _with_head(request: Request) -> Request:
    shape = request.input_shape
    open_size = shape is not None and None in shape[:2]
    return replace(
        request, include_top=True, pooling=None, input_shape=None if open_size else shape
    )


def _expected_of(model: keras.Model) -> dict[str, Expected]:
    try:
        return expected(plan_of(model))
    except UsageError:  # a layer used twice: names and shapes are all that is known
        return {
            layer.name: Expected(
                type(layer).__name__, {one.name: tuple(one.shape) for one in layer.weights}
            )
            for layer in model.layers
            if layer.weights
        }


def _matched(checkpoint: Checkpoint, target: Target, match: str) -> Match:
    if match == "order":
        found = match_order(checkpoint.tensors, target.wanted)
        if found is None:
            raise LoadError(
                f"{checkpoint.path} has {len(checkpoint.tensors)} tensors that do not pair with "
                f"{target.model.name}'s {len(target.variables)} in order and shape"
            )
        return found
    found = best_match(checkpoint.tensors, target.wanted, target.family)
    if found.fraction(target.wanted) < RECOGNISED:
        raise LoadError(_unrecognised(checkpoint, target, found))
    return found


def _unrecognised(checkpoint: Checkpoint, target: Target, found: Match) -> str:
    likely = [one for one in identify(checkpoint.tensors) if one.fraction > 0.9]
    keys = ", ".join(name[:40] for name in list(checkpoint.tensors)[:3])
    text = (
        f"{checkpoint.path}: {len(found.keys)} of {len(target.variables)} tensors of "
        f"{target.model.name} found by name; the file begins with {keys}. "
    )
    if likely:
        return text + f"It looks like {likely[0].row} ({likely[0].source}): build that instead"
    return text + "If its tensors follow the model's order, try match='order'"


def _check(
    report: LoadReport, strict: bool | float, checkpoint: Checkpoint, target: Target
) -> None:
    if strict is False:
        return
    if strict is not True:
        if not 0 <= strict <= 1:
            raise UsageError(f"strict must be True, False or a part from 0 to 1, got {strict!r}")
        if report.fraction < strict:
            raise LoadError(
                f"{checkpoint.path}: {report.fraction:.2%} of {target.model.name}'s values were "
                f"found and strict={strict:g} asks for more",
                report,
            )
        return
    left = [
        *(f"missing {n}" for n in report.missing),
        *(f"unexpected {n}" for n in report.unexpected),
    ]
    if left:
        likely = identify(checkpoint.tensors)
        hint = ""
        if likely and likely[0].fraction > 0.99 and likely[0].row not in target.model.name:
            hint = f"; it looks like {likely[0].row} ({likely[0].source})"
        raise LoadError(
            f"{checkpoint.path} does not fit {target.model.name}: {len(left)} tensors differ: "
            f"{', '.join(one[:60] for one in left[:3])}{hint}; strict=False loads the rest",
            report,
        )


def _assign(target: Target, arrays: dict[str, np.ndarray], fresh: Sequence[str]) -> None:
    """Sets all variables, or none: whatever happens on the way, the old values come back."""
    old = {name: np.array(target.variables[name]) for name in [*arrays, *fresh]}
    layers = {layer.name: layer for layer in target.model.layers}
    try:
        for name, array in arrays.items():
            target.variables[name].assign(array)
        for name in fresh:
            variable = target.variables[name]
            maker = _initializer(layers[name.rsplit("/", 1)[0]], variable)
            if maker is not None:
                variable.assign(maker(variable.shape, dtype=variable.dtype))
    except BaseException:
        for name, array in old.items():
            target.variables[name].assign(array)
        raise


def _initializer(layer: Any, variable: Any) -> Any:
    """Returns a new copy of a variable's initialiser, so that it does not repeat its first draw."""
    maker = getattr(layer, f"{variable.name}_initializer", None)
    return None if maker is None else maker.clone()
