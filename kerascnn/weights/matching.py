"""Which tensor of a file is which variable of a network, told by names alone.

A file is recognised by its keys: every naming that the family knows is tried, and the one that
finds most of the network wins. Nothing here needs Keras or reads a tensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kerascnn.weights.checkpoint import Stored
from kerascnn.weights.expected import Expected
from kerascnn.weights.layouts import layouts
from kerascnn.weights.tensors import names

OURS = "kerascnn"
KERAS_STYLE = (OURS, "keras")
"""Sources whose tensors have Keras's names and order; all others have PyTorch's."""

COUNTERS = ("num_batches_tracked",)
"""Tensors of PyTorch's batch norms that count steps; Keras has none."""


@dataclass(frozen=True)
class Match:
    """How one naming fits.

    Args:
        source: "kerascnn", "torchvision", "timm", "keras", …, or "order".
        keys: our "layer/variable" -> the file's tensor.
        biases: our convolution without a bias -> the file's bias that a batch norm must absorb.
        missing: our variables that the file has not.
        unexpected: the file's tensors that no variable of ours takes.
    """

    source: str
    keys: dict[str, str]
    biases: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    @property
    def style(self) -> str:
        return "keras" if self.source in KERAS_STYLE else "torch"

    def fraction(self, wanted: Mapping[str, Expected]) -> float:
        """Returns the share of the network's variables that were found by name."""
        total = sum(len(layer.variables) for layer in wanted.values())
        return len(self.keys) / total if total else 0.0


def _spellings(style: str, module: str, layer: Expected, variable: str) -> list[str]:
    """Returns what the file may call a variable, likeliest first."""
    spelled = names(layer.kind, variable, style)
    if style == "torch":
        return [f"{module}.{one}" for one in spelled]
    # Keras 3 numbers a layer's variables in their order, Keras 2 names them.
    index = list(layer.variables).index(variable)
    return [*(f"{module}/{one}" for one in spelled), f"{module}/{variable}", f"{module}/{index}"]


def match_layout(
    tensors: Mapping[str, Stored],
    wanted: Mapping[str, Expected],
    source: str,
    modules: dict[str, str],
) -> Match:
    """Returns how the naming `modules` (our layer -> the source's module) fits the file."""
    style = "keras" if source in KERAS_STYLE else "torch"
    left = dict.fromkeys(tensors)
    keys: dict[str, str] = {}
    biases: dict[str, str] = {}
    missing: list[str] = []
    for name, layer in wanted.items():
        module = modules.get(name)
        for variable in layer.variables:
            spelled = [] if module is None else _spellings(style, module, layer, variable)
            key = next((one for one in spelled if one in left), None)
            if key is None:
                missing.append(f"{name}/{variable}")
            else:
                keys[f"{name}/{variable}"] = key
                del left[key]
        if module is not None and "kernel" in layer.variables and "bias" not in layer.variables:
            spelled = [f"{module}.bias"] if style == "torch" else [f"{module}/bias", f"{module}/1"]
            key = next((one for one in spelled if one in left), None)
            if key is not None:
                biases[name] = key
                del left[key]
    unexpected = tuple(key for key in left if not key.endswith(COUNTERS))
    return Match(source, keys, biases, tuple(missing), unexpected)


def best_match(
    tensors: Mapping[str, Stored], wanted: Mapping[str, Expected], family: str | None
) -> Match:
    """Returns the naming that finds most of the network in the file."""
    own = {name: name for name in wanted}
    tried = [match_layout(tensors, wanted, OURS, own)]
    if family is not None:
        for source, layout in layouts(family).items():
            tried.append(match_layout(tensors, wanted, source, layout(list(wanted))))
    return max(tried, key=lambda one: (len(one.keys), -len(one.unexpected)))


def find_source(
    tensors: Mapping[str, Stored],
    wanted: Mapping[str, Expected],
    family: str | None,
    source: str,
) -> Match | None:
    """Returns how one naming of the family fits, or None where it has no such naming."""
    if source == OURS:
        return match_layout(tensors, wanted, OURS, {name: name for name in wanted})
    layout = layouts(family).get(source) if family is not None else None
    return None if layout is None else match_layout(tensors, wanted, source, layout(list(wanted)))


def match_order(tensors: Mapping[str, Stored], wanted: Mapping[str, Expected]) -> Match | None:
    """Returns the pairing of file and network one by one in order, or None where a shape differs.

    The file's order must be the network's; kernels may be in Keras's or in PyTorch's order of axes.
    """
    kept = [(key, one) for key, one in tensors.items() if not key.endswith(COUNTERS)]
    ours = [
        (f"{name}/{variable}", shape)
        for name, layer in wanted.items()
        for variable, shape in layer.variables.items()
    ]
    if len(kept) != len(ours):
        return None
    for source in (OURS, "order"):
        if all(
            _fits(one.shape, shape, source) for (_, one), (_, shape) in zip(kept, ours, strict=True)
        ):
            pairs = zip(ours, kept, strict=True)
            return Match(source, {name: key for (name, _), (key, _) in pairs})
    return None


def _fits(stored: Sequence[int], shape: Sequence[int], source: str) -> bool:
    if source == OURS or len(shape) < 2:
        return tuple(stored) == tuple(shape)
    if len(shape) == 2:
        return tuple(stored) == (shape[1], shape[0])
    height, width, inputs, filters = shape
    return tuple(stored) in ((filters, inputs, height, width), (inputs * filters, 1, height, width))
