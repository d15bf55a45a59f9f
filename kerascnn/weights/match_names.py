"""Which tensor of a file is which variable of a network, told by names alone.

A file is recognised by its keys: every naming that the family knows is tried, and the one that
finds most of the network wins. Nothing here needs Keras or reads a tensor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.axis_order import fits, names
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.formats.tensor_table import Contents, Stored
from kerascnn.weights.name_maps import layouts
from kerascnn.weights.name_maps.types import OURS

KERAS_STYLE = (OURS, "keras", "keras_files")
"""Sources whose tensors have Keras's names and order; all others have PyTorch's."""

COUNTERS = ("num_batches_tracked",)
"""Tensors of PyTorch's batch norms that count steps; Keras has none."""


@dataclass(frozen=True)
class Match:
    """How one naming fits.

    Args:
        source: "kerascnn", "torchvision", "timm", "keras", …, or "order".
        style: whose names and order of axes its tensors have: "keras" or "torch".
        keys: our "layer/variable" -> the file's tensor.
        biases: our convolution without a bias -> the file's bias that a batch norm must absorb.
        missing: our variables that the file has not.
        unexpected: the file's tensors that no variable of ours takes.
    """

    source: str
    style: str
    keys: dict[str, str]
    biases: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

    def fraction(self, wanted: Mapping[str, Expected]) -> float:
        """Returns the share of the network's variables that were found by name."""
        total = sum(len(layer.variables) for layer in wanted.values())
        return len(self.keys) / total if total else 0.0

    def bias(self, layer: Expected, variable: str) -> str | None:
        """Returns the file's bias that a variable, a moving mean, has to absorb."""
        if variable != "moving_mean" or layer.normalizes is None:
            return None
        return self.biases.get(layer.normalizes)


def _spellings(style: str, module: str, layer: Expected, variable: str, before: int) -> list[str]:
    """Returns what the file may call a variable, likeliest first.

    Args:
        style: "torch" or "keras".
        module: the source's.
        layer: ours.
        variable: its name.
        before: variables of the module that other layers of ours have: Keras's separable
            convolution is two of them.
    """
    spelled = names(layer.kind, variable, style)
    if style == "torch":
        return [f"{module}.{one}" for one in spelled]
    # Keras 3 numbers a layer's variables in their order, Keras 2 names them.
    index = before + list(layer.variables).index(variable)
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
    taken: dict[str | None, int] = {}
    for name, layer in wanted.items():
        module = modules.get(name)
        before = taken.get(module, 0)
        taken[module] = before + len(layer.variables)
        for variable in layer.variables:
            spelled = [] if module is None else _spellings(style, module, layer, variable, before)
            key = next((one for one in spelled if one in left), None)
            if key is None:
                missing.append(f"{name}/{variable}")
            else:
                keys[f"{name}/{variable}"] = key
                del left[key]
    for layer in wanted.values():
        before_norm = layer.normalizes
        if before_norm is None or "bias" in wanted[before_norm].variables:
            continue
        module = modules.get(before_norm)
        # Behind the kernels, of which a separable convolution has two.
        last = f"{module}/{taken.get(module, 0)}"
        spelled = [f"{module}.bias"] if style == "torch" else [f"{module}/bias", last]
        key = next((one for one in spelled if one in left), None)
        if key is not None:
            biases[before_norm] = key
            del left[key]
    unexpected = tuple(key for key in left if not key.endswith(COUNTERS))
    return Match(source, style, keys, biases, tuple(missing), unexpected)


def best_match(
    tensors: Mapping[str, Stored], wanted: Mapping[str, Expected], family: str | None
) -> Match:
    """Returns the naming that finds most of the network in the file."""
    known = {OURS: _own, **({} if family is None else layouts(family))}
    tried = []
    for source, layout in known.items():
        tried.append(match_layout(tensors, wanted, source, layout(list(wanted))))
        if not tried[-1].missing and not tried[-1].unexpected:
            return tried[-1]
    return max(tried, key=lambda one: (len(one.keys), -len(one.unexpected)))


def _own(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}


def find_source(
    tensors: Mapping[str, Stored],
    wanted: Mapping[str, Expected],
    family: str | None,
    source: str,
) -> Match | None:
    """Returns how one naming of the family fits, or None where it has no such naming."""
    if source == OURS:
        return match_layout(tensors, wanted, OURS, _own(list(wanted)))
    layout = layouts(family).get(source) if family is not None else None
    return None if layout is None else match_layout(tensors, wanted, source, layout(list(wanted)))


def match_order(contents: Contents, wanted: Mapping[str, Expected]) -> Match | str:
    """Returns the pairing of file and network one by one in order, or why there is none.

    The file's order must be the network's; kernels may be in Keras's or in PyTorch's order of axes.
    """
    if not contents.ordered:
        return f"a file of {contents.kind} has its tensors sorted by name, not in an order"
    kept = [(key, one) for key, one in contents.tensors.items() if not key.endswith(COUNTERS)]
    ours = [
        (name, layer, variable, shape)
        for name, layer in wanted.items()
        for variable, shape in layer.variables.items()
    ]
    if len(kept) != len(ours):
        return f"it has {len(kept)} tensors and the model {len(ours)}"
    pairs = list(zip(kept, ours, strict=True))
    first = ""
    styles = []
    for style in ("torch",) if contents.kind.startswith("torch") else ("keras", "torch"):
        wrong = next(
            (
                f"{quoted(key)} is {stored.shape} where {name}/{variable} is {shape}"
                for (key, stored), (name, layer, variable, shape) in pairs
                if not fits(stored.shape, layer.kind, variable, shape, style, layer.flattened)
            ),
            None,
        )
        first = first or wrong or ""
        if wrong is None:
            styles.append(style)
    if len(styles) == 1:
        keys = {f"{name}/{variable}": key for (key, _), (name, _, variable, _) in pairs}
        return Match("order", styles[0], keys)
    return first or "its kernels fit in Keras's and in PyTorch's order of axes alike"
