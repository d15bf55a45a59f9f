"""Finds the file's tensor for each variable of a network, by names alone.

Every naming (layout) that is known for the network's family is tried, and the one that finds most
variables is used. This needs neither Keras nor the tensors' values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kerascnn.fileio.untrusted import quoted
from kerascnn.models.planning import PREFIX
from kerascnn.weights.axis_order import fits, tensor_names
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.formats.tensor_table import Contents, StoredTensor
from kerascnn.weights.name_maps import layouts
from kerascnn.weights.name_maps.layout import OURS

KERAS_STYLE = (OURS, "keras", "keras_files")
"""Sources whose tensors have Keras's names and order of axes; all others have PyTorch's."""
RECOGNISED = 0.5
"""Smallest fraction of the model's variables that must match by name before a load goes on."""
ORDER = "order"
"""The source of tensors that were matched by their order and not by names."""
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
        unexpected: tensors of the file that have no variable.
    """

    source: str
    style: str
    keys: dict[str, str]
    biases: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()

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
    unexpected = tuple(key for key in unused if not key.endswith(COUNTERS))
    return Match(source, style, keys, biases, tuple(missing), unexpected)


def best_match(
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Expected],
    family: str | None,
    prefix: str = "",
) -> Match:
    """Returns the match of the naming that finds most of the network's variables in the file.

    Args:
        tensors: the file's tensors.
        layers: the network's layers with weights.
        family: of the network; None for a network that is not of the registry.
        prefix: of the names of the model's layers, which a file with our names may have too.
    """
    names = list(layers)
    known = {OURS: own_names(tensors, names, prefix)}
    if family is not None:
        known |= {source: layout(names) for source, layout in layouts(family).items()}
    matches = []
    for source, modules in known.items():
        match = match_layout(tensors, layers, source, modules)
        if not match.missing and not match.unexpected:
            return match
        matches.append(match)
    return max(matches, key=lambda match: (len(match.keys), -len(match.unexpected)))


def own_names(
    tensors: Mapping[str, StoredTensor], names: Sequence[str], prefix: str = ""
) -> dict[str, str]:
    """Returns the name that each of our layers has in a file with our own names.

    These are the names themselves, or all of them behind one prefix, as in a file of a model that
    was built with `prefix`. With several prefixes, `prefix` is preferred, then none.
    """
    stored = {key.rpartition("/")[0] for key in tensors}
    first, middle = (names[0], names[len(names) // 2]) if names else ("", "")
    ends = sorted(name for name in stored if first and name.endswith(first))
    others = [
        text for text in (name.removesuffix(first) for name in ends) if text + middle in stored
    ]
    prefixes = [prefix, "", *(text for text in others if PREFIX.fullmatch(text))]
    best = max(prefixes, key=lambda text: sum(text + name in stored for name in names))
    return {name: best + name for name in names}


def find_source(
    tensors: Mapping[str, StoredTensor],
    layers: Mapping[str, Expected],
    family: str | None,
    source: str,
    prefix: str = "",
) -> Match | None:
    """Returns the match of one naming, or None if the family has no naming of this source."""
    if source == OURS:
        return match_layout(tensors, layers, OURS, own_names(tensors, list(layers), prefix))
    layout = layouts(family).get(source) if family is not None else None
    return None if layout is None else match_layout(tensors, layers, source, layout(list(layers)))


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
