"""Returns the feature maps of a network at several strides, for detection and segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from kerascnn.errors import UsageError
from kerascnn.lazy import keras

PROBE = 1_441_440
"""An image side that is a multiple of 32 and of every stride up to 16.

Output shapes for images of this side and of twice this side give the exact stride of a layer.
"""


@dataclass(frozen=True)
class Level:
    """One map of a feature pyramid.

    Args:
        stride: distance in image pixels between neighbouring values of the map.
        channels: of the map.
        layer: name of the layer that returns the map.
    """

    stride: int
    channels: int
    layer: str


@dataclass(frozen=True)
class _Step:
    """A layer that the output depends on: the layers before it, and its stride in image pixels."""

    layer: Any
    sources: tuple[str, ...]
    stride: Fraction | None


def features(model: keras.Model, levels: Sequence[int] = (4, 8, 16, 32)) -> keras.Model:
    """Returns a model whose outputs are the last feature map at each stride.

    Strides are computed from the layers' shapes, not from names. The last map of a stride is the
    last one that all paths to the output pass through: the end of a stage, and not a map inside the
    first block of the next stage. Where paths skip from stage to stage, as in NASNet, it is the
    output of the last layer that joins paths. Layers and weights are shared with `model`.

        backbone = kerascnn.features(kerascnn.create_model("resnet50", include_top=False))
        [level.channels for level in backbone.levels]  # [256, 512, 1024, 2048]

    Args:
        model: a flat functional model, with or without its classifier, of fixed or open image size.
        levels: strides in pixels, in the order of the outputs.

    Returns:
        A functional model with the inputs of `model` and a list of maps as outputs, each (N, about
        H / stride, about W / stride, channels). Its attribute `levels` is a tuple of `Level`, one
        for each output.

    Raises:
        UsageError: the model has no map of one of these strides, or is not flat and functional.
    """
    available = pyramid(model)
    missing = ", ".join(str(stride) for stride in levels if stride not in available)
    if missing or not levels:
        raise UsageError(
            f"{model.name} has no map of stride {missing or '(none was given)'}; "
            f"its strides are: {', '.join(map(str, sorted(available))) or 'none'}"
        )
    chosen = tuple(available[stride] for stride in levels)
    maps = [model.get_layer(level.layer).output for level in chosen]
    # With a list of one input, Keras would also require each batch in a list.
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    feature_model = keras.Model(inputs, maps, name=f"{model.name}_features")
    feature_model.levels = chosen
    return feature_model


def pyramid(model: keras.Model) -> dict[int, Level]:
    """Returns the last map of every stride of a model, by stride; `features` defines "last"."""
    steps = _steps(model)
    position = {name: index for index, name in enumerate(steps)}
    last_use = dict.fromkeys(steps, 0)  # position of the last layer that takes this layer's output
    for name, step in steps.items():
        for source in step.sources:
            last_use[source] = max(last_use[source], position[name])
    cuts: dict[int, Level] = {}
    joins: dict[int, Level] = {}
    last_use_so_far = 0
    for name, step in steps.items():
        if _is_map(step):
            level = Level(int(step.stride or 0), step.layer.output.shape[-1], name)
            if last_use_so_far <= position[name]:  # no path bypasses this layer
                cuts[level.stride] = level
            if len(step.sources) > 1:
                joins[level.stride] = level
        last_use_so_far = max(last_use_so_far, last_use[name])
    return {**joins, **cuts}


def _is_map(step: _Step) -> bool:
    # A padded or cropped map only prepares the input of the next layer.
    excluded = (keras.layers.InputLayer, keras.layers.ZeroPadding2D, keras.layers.Cropping2D)
    whole = step.stride is not None and step.stride.denominator == 1
    return whole and not isinstance(step.layer, excluded)


def _steps(model: keras.Model) -> dict[str, _Step]:
    """Returns the layers that the deepest output depends on, each after its inputs."""
    owners: dict[int, str] = {}  # id of a tensor -> name of the layer that returns it
    steps: dict[str, _Step] = {}
    try:
        for layer in model.layers:
            inputs = []
            if not isinstance(layer, keras.layers.InputLayer):
                inputs = keras.tree.flatten(layer.input)
            sources = tuple(owners[id(tensor)] for tensor in inputs)
            strides = [steps[source].stride for source in sources]
            steps[layer.name] = _Step(layer, sources, _stride(layer, inputs, strides))
            owners.update((id(tensor), layer.name) for tensor in keras.tree.flatten(layer.output))
        # Outputs of auxiliary classifiers depend on fewer layers than the main output.
        used = max((_dependencies(steps, owners[id(out)]) for out in model.outputs), key=len)
    except (AttributeError, KeyError, ValueError) as error:
        raise UsageError(
            f"the feature maps of {model.name!r} cannot be determined: use a functional model "
            "without nested models, in which every layer is called once"
        ) from error
    return {name: step for name, step in steps.items() if name in used}


def _dependencies(steps: dict[str, _Step], output: str) -> set[str]:
    """Returns the names of the layers that the layer `output` depends on, its own included."""
    visited: set[str] = set()
    pending = [output]
    while pending:
        name = pending.pop()
        if name not in visited:
            visited.add(name)
            pending += steps[name].sources
    return visited


def _stride(layer: Any, inputs: list[Any], strides: list[Fraction | None]) -> Fraction | None:
    """Returns the distance in image pixels between a layer's output values; None if it is no map.

    The layer computes its output shape for two input sizes. Its stride is the difference of the
    input sizes divided by the difference of the output sizes.
    """
    if isinstance(layer, keras.layers.InputLayer):
        return Fraction(1) if len(layer.output.shape) == 4 else None
    known = [stride for stride in strides if stride is not None]
    if not known or isinstance(layer.output, list | tuple):
        return None
    first = inputs[strides.index(known[0])].shape
    if len(layer.output.shape) < 4:
        return None
    try:
        small, large = (_shape_at(layer, inputs, strides, size) for size in (PROBE, 2 * PROBE))
    except Exception:  # a layer may raise any error for another size, as a Reshape does
        same_size = None not in first[1:3] and first[1:3] == layer.output.shape[1:3]
        return known[0] if same_size else None
    rows, columns = large[1] - small[1], large[2] - small[2]
    return known[0] * Fraction(PROBE, rows) if rows == columns and rows > 0 else None


def _shape_at(
    layer: Any, inputs: list[Any], strides: list[Fraction | None], size: int
) -> tuple[int, ...]:
    """Returns the layer's output shape for square maps of side `size`.

    Inputs that are no maps (stride None) keep their shape.
    """
    shapes = [
        (1, *tensor.shape[1:]) if stride is None else (1, size, size, *tensor.shape[3:])
        for tensor, stride in zip(inputs, strides, strict=True)
    ]
    shape: tuple[int, ...] = layer.compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    return shape
