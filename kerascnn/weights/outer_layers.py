"""Layers that a Keras file has behind the network: a user's own head on a backbone.

A user puts dense layers of any names behind a network of keras.applications or of this package, in
a model around it or in the same one. One dense layer that fits is the classifier. Other layers are
left out when the model has no head, and are described when it has another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.expected_shapes import Expected
from kerascnn.weights.formats.tensor_table import Contents, StoredTensor
from kerascnn.weights.keras_graph import NEUTRAL, graph_of_config
from kerascnn.weights.match_names import Match
from kerascnn.weights.target_model import CLASSIFIERS

CLASSIFIER = CLASSIFIERS[0]


@dataclass(frozen=True)
class _Dense:
    """A dense layer of a file: its kernel's name and shape, and its bias's name or None."""

    module: str
    kernel: str
    bias: str | None
    shape: tuple[int, ...]


def _dense_layers(tensors: Mapping[str, StoredTensor], keys: Sequence[str]) -> list[_Dense] | None:
    """Returns the dense layers that have these tensors; None if one has tensors of another kind."""
    modules: dict[str, list[str]] = {}
    for key in keys:
        modules.setdefault(key.rpartition("/")[0], []).append(key)
    layers = []
    for module, names in modules.items():
        by_rank = {len(tensors[name].shape): name for name in names}
        if 2 not in by_rank or len(by_rank) != len(names) or not set(by_rank) <= {1, 2}:
            return None
        kernel = by_rank[2]
        layers.append(_Dense(module, kernel, by_rank.get(1), tensors[kernel].shape))
    return layers


def with_classifier(
    match: Match, contents: Contents, layers: Mapping[str, Expected]
) -> tuple[Match, tuple[str, ...]]:
    """Returns the match with the file's only other layer, if it is dense and fits, as classifier.

    The second value is what the report warns of: without a configuration, a file does not tell how
    this layer is used.

    Args:
        match: the match by names.
        contents: the file's tensors.
        layers: the model's layers with weights.
    """
    ours = [name for name in match.missing if name.startswith(f"{CLASSIFIER}/")]
    if match.style != "keras" or CLASSIFIER not in layers or len(ours) != len(match.missing):
        return match, ()
    variables = layers[CLASSIFIER].variables
    dense = _dense_layers(contents.tensors, match.unexpected)
    if dense is None or len(dense) != 1 or set(variables) != {"kernel", "bias"} or len(ours) != 2:
        return match, ()
    (layer,) = dense
    if layer.bias is None or layer.shape[0] != prod(variables["kernel"][:-1]):
        return match, ()
    if _reads_maximum(contents, layer):
        return match, ()
    keys = {f"{CLASSIFIER}/kernel": layer.kernel, f"{CLASSIFIER}/bias": layer.bias}
    warnings: tuple[str, ...] = ()
    if contents.config is None:
        warnings = (
            f"the file's layer {quoted(layer.module)} was taken as the classifier; nothing in the "
            "file tells the pooling before it and its activation, so compare the results",
        )
    return replace(match, keys={**match.keys, **keys}, missing=(), unexpected=()), warnings


def _reads_maximum(contents: Contents, layer: _Dense) -> bool:
    """Returns whether a file's configuration has a global max pool before a dense layer."""
    graph = graph_of_config(contents.config)
    node = graph.get(layer.module)
    for _ in range(len(graph)):
        if node is None or len(node.inputs) != 1:
            return False
        node = graph.get(node.inputs[0])
        if node is None or node.kind not in NEUTRAL:
            break
    return node is not None and node.kind.startswith("GlobalMax")


def other_layers(
    match: Match, contents: Contents, layers: Mapping[str, Expected]
) -> tuple[str, ...]:
    """Returns the tensors behind a network that has no head here: those that may be left out.

    Empty if the model has a classifier, or lacks tensors that the file should have.
    """
    if match.style != "keras" or match.missing or CLASSIFIER in layers:
        return ()
    rest = tuple(key for key in match.unexpected if key not in contents.outer)
    return match.unexpected if _dense_layers(contents.tensors, rest) is not None else ()


def other_head(match: Match, contents: Contents, layers: Mapping[str, Expected]) -> str:
    """Returns a description of the file's head if it has another than the model; else empty."""
    if match.style != "keras" or CLASSIFIER not in layers or not match.missing:
        return ""
    if not all(name.startswith(f"{CLASSIFIER}/") for name in match.missing):
        return ""
    dense = _dense_layers(contents.tensors, match.unexpected)
    if not dense:
        return ""
    texts = []
    for layer in dense:
        notes = f"{layer.shape[0]} to {layer.shape[1]}" + ("" if layer.bias else ", no bias")
        notes += ", behind a global max pool" if _reads_maximum(contents, layer) else ""
        texts.append(f"{quoted(layer.module)} ({notes})")
    kernel = layers[CLASSIFIER].variables["kernel"]
    return (
        f"its head is {' and '.join(texts)}, and here it is one layer, {kernel[-2]} to {kernel[-1]}"
    )
