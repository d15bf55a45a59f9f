"""Finds the file's tensor for each variable of a network, by names alone.

Every naming (layout) that is known for the network's family is tried, and the one that finds most
variables is used. This needs neither Keras nor the tensors' values.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kerascnn.fileio.untrusted import quoted
from kerascnn.models.planning import PREFIX
from kerascnn.weights import running_numbers
from kerascnn.weights.axis_order import fits, tensor_names
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.formats.byte_range import volume
from kerascnn.weights.formats.tensor_table import Contents, StoredTensor
from kerascnn.weights.name_maps import layouts
from kerascnn.weights.name_maps.layout import OURS
from kerascnn.weights.prefixes import EQUAL, Names

KERAS_STYLE = (OURS, "keras", "keras_files")
"""Sources whose tensors have Keras's names and order of axes; all others have PyTorch's."""
RECOGNISED = 0.5
"""Smallest fraction of the model's variables that must match by name before a load goes on."""
ORDER = "order"
"""The source of tensors that were matched by their order and not by names."""
HEAD = "predictions"
"""Our name of the classifier."""
COUNTERS = ("num_batches_tracked",)
"""Endings of the step counters of PyTorch's batch norms, which Keras does not have."""


@dataclass(frozen=True)
class Match:
    """How a naming pairs a network's variables with a file's tensors.

    Args:
        source: the naming: "kerascnn", "torchvision", "timm", "keras", …, or "order".
        style: the tensors' names and order of axes: "keras" or "torch".
        keys: the file's tensor for each variable, "layer/variable".
        biases: the file's bias for each convolution that has none here; a batch norm absorbs it.
        missing: variables that have no tensor in the file.
        unexpected: tensors of the file that have no variable, and may belong to the network.
        outside: tensors that stand beside the network, as those of a loss or of another network.
        prefix: what stands before the names of the network in the file.
        others: the other prefixes under which the file has this network.
    """

    source: str
    style: str
    keys: dict[str, str]
    biases: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    prefix: str = ""
    others: tuple[str, ...] = ()

    def fraction(self, layers: Mapping[str, Expected]) -> float:
        """Returns the fraction of the network's variables that have a tensor, from 0 to 1."""
        total = sum(len(layer.variables) for layer in layers.values())
        return len(self.keys) / total if total else 0.0

    def bias(self, layer: Expected, variable: str) -> str | None:
        """Returns the file's bias that a moving mean must absorb; None for other variables."""
        if variable != "moving_mean" or layer.normalizes is None:
            return None
        return self.biases.get(layer.normalizes)


def _spellings(style: str, module: str, layer: Expected, variable: str, before: int) -> list[str]:
    """Returns the names that the file may use for a variable, the most likely first.

    Args:
        style: "torch" or "keras".
        module: the layer's name in the source.
        layer: our layer.
        variable: our variable's name.
        before: number of the module's variables that belong to earlier layers of ours; Keras's
            separable convolution is two layers here.
    """
    names = tensor_names(layer.kind, variable, style)
    if style == "torch":
        return [f"{module}.{name}" for name in names]
    # Keras 3 numbers the variables of a layer, Keras 2 names them.
    index = before + list(layer.variables).index(variable)
    return [*(f"{module}/{name}" for name in names), f"{module}/{variable}", f"{module}/{index}"]


def match_layout(
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Expected],
    source: str,
    modules: dict[str, str],
) -> Match:
    """Returns how a naming pairs the network's variables with the file's tensors.

    Args:
        tensors: the file's tensors.
        layers: the network's layers with weights.
        source: the naming's name, for the result.
        modules: the layer's name in the source for each of our layers.
    """
    style = "keras" if source in KERAS_STYLE else "torch"
    if style == "keras":
        modules = running_numbers.in_file(modules, tensors)
    unused = dict.fromkeys(tensors)
    keys: dict[str, str] = {}
    biases: dict[str, str] = {}
    missing: list[str] = []
    counts: dict[str | None, int] = {}  # variables of each module that earlier layers have
    for name, layer in layers.items():
        module = modules.get(name)
        before = counts.get(module, 0)
        counts[module] = before + len(layer.variables)
        for variable in layer.variables:
            spellings = [] if module is None else _spellings(style, module, layer, variable, before)
            key = next((spelling for spelling in spellings if spelling in unused), None)
            if key is None:
                missing.append(f"{name}/{variable}")
            else:
                keys[f"{name}/{variable}"] = key
                del unused[key]
    for layer in layers.values():
        convolution = layer.normalizes
        if convolution is None or "bias" in layers[convolution].variables:
            continue
        module = modules.get(convolution)
        # The bias comes after the kernels, of which a separable convolution has two.
        last = f"{module}/{counts.get(module, 0)}"
        spellings = [f"{module}.bias"] if style == "torch" else [f"{module}/bias", last]
        key = next((spelling for spelling in spellings if spelling in unused), None)
        if key is not None:
            biases[convolution] = key
            del unused[key]
    if style == "torch":
        for name, key in _inner_head(unused, tensors, layers, modules, missing).items():
            keys[name] = key
            missing.remove(name)
            del unused[key]
    rest = [key for key in unused if not key.endswith(COUNTERS)]
    # A module of PyTorch may hold a loss or a metric beside the network; a model of Keras does not.
    stems = {_stem(module) for module in modules.values()}
    outside = tuple(key for key in rest if style == "torch" and _stem(key) not in stems)
    unexpected = tuple(key for key in rest if key not in outside)
    return Match(source, style, keys, biases, tuple(missing), unexpected, outside)


def _stem(name: str) -> str:
    """Returns the letters with which a name begins; those of a network's layers are a few."""
    return re.match(r"[A-Za-z_]*", name)[0]  # type: ignore[index]


def _inner_head(
    unused: Iterable[str],
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Expected],
    modules: Mapping[str, str],
    missing: Sequence[str],
) -> dict[str, str]:
    """Returns the tensors of a classifier that stands inside the module that it should be.

    Such as `fc.1.weight` for `fc.weight`, where `fc` is Sequential(Dropout, Linear). It is
    recognised if it is the only layer of the module that no other variable takes.
    """
    module, layer = modules.get(HEAD), layers.get(HEAD)
    if module is None or layer is None or f"{HEAD}/kernel" not in missing:
        return {}
    root = module.partition(".")[0] + "."
    kernels = [
        key
        for key in unused
        if key.startswith(root) and key.endswith(".weight") and len(tensors[key].shape) > 1
    ]
    if len(kernels) != 1:
        return {}
    inputs = volume(layer.variables["kernel"][:-1])
    if volume(tensors[kernels[0]].shape[1:]) != inputs:
        return {}
    names = {f"{HEAD}/kernel": kernels[0]}
    bias = kernels[0].removesuffix("weight") + "bias"
    if f"{HEAD}/bias" in missing and bias in tensors:
        names[f"{HEAD}/bias"] = bias
    return names


def _all_spellings(
    layers: Mapping[str, Expected], source: str, modules: Mapping[str, str]
) -> list[list[str]]:
    """Returns the names that a file may use for each variable of the network."""
    style = "keras" if source in KERAS_STYLE else "torch"
    counts: Counter[str] = Counter()
    spellings = []
    for name, layer in layers.items():
        module = modules.get(name)
        if module is not None:
            before = counts[module]
            counts[module] += len(layer.variables)
            spellings += [
                _spellings(style, module, layer, variable, before) for variable in layer.variables
            ]
    return spellings


def match_part(
    names: Names,
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Expected],
    source: str,
    modules: dict[str, str],
    part: str | None = None,
) -> Match:
    """Returns the match of a naming under the prefix that the network's names have in the file.

    Args:
        names: those of the tensors.
        tensors: the file's tensors.
        layers: the network's layers with weights.
        source: the naming's name.
        modules: the layer's name in the source for each of our layers.
        part: the prefix, or its last components, if a user has chosen one; None for the best.
    """
    places = names.places(_all_spellings(layers, source, modules))
    if part is not None:
        places = [place for place in places if place.is_part(part)]
        if not places:
            missing = tuple(f"{n}/{v}" for n, layer in layers.items() for v in layer.variables)
            return Match(source, "keras", {}, {}, missing, outside=tuple(tensors))
    prefix = places[0].prefix if places else ""
    originals = names.under(prefix)
    below = {name: tensors[original] for name, original in originals.items()}
    match = match_layout(below, layers, source, modules)
    elsewhere = tensors.keys() - originals.values()
    return replace(
        match,
        keys={name: originals[key] for name, key in match.keys.items()},
        biases={name: originals[key] for name, key in match.biases.items()},
        unexpected=tuple(originals[key] for key in match.unexpected),
        outside=(
            *(originals[key] for key in match.outside),
            *(key for key in tensors if key in elsewhere and not key.endswith(COUNTERS)),
        ),
        prefix=prefix,
        others=tuple(place.prefix for place in places[1:]) if prefix else (),
    )


def best_match(
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Expected],
    family: str | None,
    prefix: str = "",
    part: str | None = None,
    names: Names | None = None,
) -> Match:
    """Returns the match of the naming that finds most of the network's variables in the file.

    Args:
        tensors: the file's tensors.
        layers: the network's layers with weights.
        family: of the network; None for a network that is not of the registry.
        prefix: of the names of the model's layers, which a file with our names may have too.
        part: which of several networks in the file, as for `match_part`.
        names: the tensors' names, if they were indexed already.
    """
    listed = list(layers)
    known = {OURS: own_names(tensors, listed, prefix, part)}
    if family is None:
        kinds = {name: layer.kind for name, layer in layers.items()}
        known[OURS] = running_numbers.in_groups(kinds, tensors) or known[OURS]
    else:
        known |= {source: layout(listed) for source, layout in layouts(family).items()}
    if part is None:  # most files have the bare names, and need no search for a prefix
        for source, modules in known.items():
            match = match_layout(tensors, layers, source, modules)
            if not (match.missing or match.unexpected or match.outside):
                return match
    names = Names(tensors) if names is None else names
    matches = []
    for source, modules in known.items():
        first = modules.get(listed[0], "") if source == OURS and listed else ""
        glued = first.removesuffix(listed[0]) if first.endswith(tuple(listed[:1])) else ""
        match = match_part(names, tensors, layers, source, modules, None if glued else part)
        if glued and part is None:
            others = _other_prefixes(tensors, listed, prefix, glued)
            match = replace(match, prefix=glued, others=others)
        if not match.missing and not match.unexpected:
            return match
        matches.append(match)
    return max(matches, key=lambda match: (len(match.keys), -len(match.unexpected)))


def own_prefixes(tensors: Mapping[str, StoredTensor], names: Sequence[str]) -> dict[str, int]:
    """Returns the prefixes of layers in a file with our names -> the number of layers found."""
    stored = {key.rpartition("/")[0] for key in tensors}
    first, middle = (names[0], names[len(names) // 2]) if names else ("", "")
    ends = sorted(name for name in stored if first and name.endswith(first))
    others = [
        text for text in (name.removesuffix(first) for name in ends) if text + middle in stored
    ]
    prefixes = ["", *(text for text in others if PREFIX.fullmatch(text))]
    return {text: sum(text + name in stored for name in names) for text in prefixes}


def own_names(
    tensors: Mapping[str, StoredTensor],
    names: Sequence[str],
    prefix: str = "",
    part: str | None = None,
) -> dict[str, str]:
    """Returns the name that each of our layers has in a file with our own names.

    These are the names themselves, or all of them behind one prefix, as in a file of a model that
    was built with `prefix`. With several prefixes, `part` is preferred, then `prefix`, then none.
    """
    counts = own_prefixes(tensors, names)
    wanted = None if part is None else part.rstrip("_-")
    chosen = [text for text in counts if text.rstrip("_-") == wanted]
    preferred = [prefix, "", *counts]
    best = chosen[0] if chosen else max(preferred, key=lambda text: counts.get(text, 0))
    return {name: best + name for name in names}


def _other_prefixes(
    tensors: Mapping[str, StoredTensor], names: Sequence[str], prefix: str, chosen: str
) -> tuple[str, ...]:
    """Returns the other prefixes of layers under which a file with our names has the network."""
    if chosen in (prefix, ""):
        return ()
    counts = own_prefixes(tensors, names)
    enough = EQUAL * counts[chosen]
    return tuple(text for text in counts if text not in ("", chosen) and counts[text] >= enough)


def find_source(
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Expected],
    family: str | None,
    source: str,
    prefix: str = "",
) -> Match | None:
    """Returns the match of one naming, or None if the family has no naming of this source."""
    if source == OURS:
        modules = own_names(tensors, list(layers), prefix)
    else:
        layout = layouts(family).get(source) if family is not None else None
        if layout is None:
            return None
        modules = layout(list(layers))
    return match_part(Names(tensors), tensors, layers, source, modules)


def match_order(contents: Contents, layers: Mapping[str, Expected]) -> Match | str:
    """Returns the match of tensors and variables in their order, or the reason why none is found.

    All shapes must agree. Kernels may have Keras's or PyTorch's order of axes.
    """
    if not contents.ordered:
        return f"a file of {contents.kind} has its tensors sorted by name, not in the model's order"
    stored_tensors = [item for item in contents.tensors.items() if not item[0].endswith(COUNTERS)]
    variables = [
        (name, layer, variable, shape)
        for name, layer in layers.items()
        for variable, shape in layer.variables.items()
    ]
    if len(stored_tensors) != len(variables):
        return f"it has {len(stored_tensors)} tensors and the model {len(variables)}"
    pairs = list(zip(stored_tensors, variables, strict=True))
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
        return Match(ORDER, styles[0], keys)
    return first or "its kernels fit both in Keras's and in PyTorch's order of axes"
