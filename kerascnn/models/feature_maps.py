"""Multi-scale maps of any network, for detection and segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.lazy import keras

PROBE = 1_441_440
"""A multiple of every stride up to 16 and of 32: sizes that a layer is asked about differ by it."""


@dataclass(frozen=True)
class Level:
    """One map of a feature pyramid.

    Args:
        stride: pixels of the image from one value to the next.
        channels: of the map.
        layer: name of the layer whose output it is.
    """

    stride: int
    channels: int
    layer: str


@dataclass(frozen=True)
class _Step:
    """A layer on the way to the output: where its inputs come from, and its stride in pixels."""

    layer: Any
    sources: tuple[str, ...]
    stride: Fraction | None


def features(model: keras.Model, levels: Sequence[int] = (4, 8, 16, 32)) -> keras.Model:
    """Returns a model of the last map at each stride; its attribute `levels` says what they are.

    Strides are worked out from the layers' shapes, not from names. The last map of a stride is the
    last that everything on the way to the output passes through: the end of a stage, and not the
    inside of the next one's first block. Where paths overlap from stage to stage, as in NASNet, it
    is the last join of paths. Layers and weights are shared with `model`.

        backbone = kerascnn.features(kerascnn.create_model("resnet50", include_top=False))
        [level.channels for level in backbone.levels]  # [256, 512, 1024, 2048]

    Args:
        model: a flat functional model, with or without its classifier, of fixed or open image size.
        levels: strides in pixels, in the order wanted.

    Returns:
        A functional model with the inputs of `model` and a list of maps as outputs, each (N, about
        H / stride, about W / stride, channels), with a tuple of `Level` in the same order.

    Raises:
        UsageError: the model has no map of one of these strides, or is not flat and functional.
    """
    found = pyramid(model)
    missing = ", ".join(str(stride) for stride in levels if stride not in found)
    if missing or not levels:
        raise UsageError(
            f"{model.name} has no map of stride {missing or '(none was given)'}; "
            f"its strides are: {', '.join(map(str, sorted(found))) or 'none'}"
        )
    chosen = tuple(found[stride] for stride in levels)
    maps = [model.get_layer(level.layer).output for level in chosen]
    # A list of one input would want a list of one batch.
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    tapped = keras.Model(inputs, maps, name=f"{model.name}_features")
    tapped.levels = chosen
    return tapped


def pyramid(model: keras.Model) -> dict[int, Level]:
    """Returns the last map of every stride that a model has, as `features` understands it."""
    steps = _steps(model)
    place = {name: index for index, name in enumerate(steps)}
    reach = dict.fromkeys(steps, 0)  # the place of the last layer that takes this one's output
    for name, step in steps.items():
        for source in step.sources:
            reach[source] = max(reach[source], place[name])
    cuts: dict[int, Level] = {}
    joins: dict[int, Level] = {}
    beyond = 0  # how far the outputs of the layers so far reach
    for name, step in steps.items():
        if _is_map(step):
            level = Level(int(step.stride or 0), step.layer.output.shape[-1], name)
            if beyond <= place[name]:
                cuts[level.stride] = level
            if len(step.sources) > 1:
                joins[level.stride] = level
        beyond = max(beyond, reach[name])
    return {**joins, **cuts}


def _is_map(step: _Step) -> bool:
    # A padded or cropped map belongs to the layer that it was made for.
    made_for_others = (
        keras.layers.InputLayer,
        keras.layers.ZeroPadding2D,
        keras.layers.Cropping2D,
    )
    whole = step.stride is not None and step.stride.denominator == 1
    return whole and not isinstance(step.layer, made_for_others)


def _steps(model: keras.Model) -> dict[str, _Step]:
    """Returns the layers on the way to the deepest output, in the order of the data."""
    owners: dict[int, str] = {}
    steps: dict[str, _Step] = {}
    try:
        for layer in model.layers:
            given = []
            if not isinstance(layer, keras.layers.InputLayer):
                given = keras.tree.flatten(layer.input)
            sources = tuple(owners[id(one)] for one in given)
            strides = [steps[source].stride for source in sources]
            steps[layer.name] = _Step(layer, sources, _stride(layer, given, strides))
            owners.update((id(one), layer.name) for one in keras.tree.flatten(layer.output))
        # Auxiliary classifiers leave the way early.
        used = max((_behind(steps, owners[id(one)]) for one in model.outputs), key=len)
    except (AttributeError, KeyError, ValueError) as error:
        raise UsageError(
            f"the maps of {model.name!r} cannot be told apart: take a functional model without "
            "models inside it, of which every layer is used once"
        ) from error
    return {name: step for name, step in steps.items() if name in used}


def _behind(steps: dict[str, _Step], output: str) -> set[str]:
    """Returns the layers that an output depends on, its own with them."""
    found: set[str] = set()
    wanted = [output]
    while wanted:
        name = wanted.pop()
        if name not in found:
            found.add(name)
            wanted += steps[name].sources
    return found


def _stride(layer: Any, given: list[Any], strides: list[Fraction | None]) -> Fraction | None:
    """Returns how far apart a layer's values are, in pixels; None where it makes no map.

    It is asked what it makes of two sizes: their difference by the results' is its stride.
    """
    if isinstance(layer, keras.layers.InputLayer):
        return Fraction(1) if len(layer.output.shape) == 4 else None
    known = [stride for stride in strides if stride is not None]
    if not known or isinstance(layer.output, list | tuple):
        return None
    first = given[strides.index(known[0])].shape
    if len(layer.output.shape) < 4:
        return None
    try:
        small, large = (_shape_at(layer, given, strides, size) for size in (PROBE, 2 * PROBE))
    except Exception:  # a layer may refuse a size in any way, a Reshape to a fixed one always does
        kept = None not in first[1:3] and first[1:3] == layer.output.shape[1:3]
        return known[0] if kept else None
    rows, columns = large[1] - small[1], large[2] - small[2]
    return known[0] * Fraction(PROBE, rows) if rows == columns and rows > 0 else None


def _shape_at(
    layer: Any, given: list[Any], strides: list[Fraction | None], size: int
) -> tuple[int, ...]:
    """Returns the shape that a layer makes of square maps of `size`; what is no map stays."""
    shapes = [
        (1, *one.shape[1:]) if stride is None else (1, size, size, *one.shape[3:])
        for one, stride in zip(given, strides, strict=True)
    ]
    made: tuple[int, ...] = layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    return made
