"""From a functional Keras model to an ONNX file's contents, layer by layer.

tf2onnx sees the traced TensorFlow graph with the weights inside as constants, and copies them
through freezing, folding and a dozen passes: 10 s and 4.8 GB for a ResNet-50, with operator set 18
as its newest. The networks of this package are flat graphs of some thirty kinds of layers, so they
are written directly; tf2onnx converts what has a layer without a rule.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kerascnn.exporting.common.network import Network

# The second module enters its rules into the table of the first.
from kerascnn.exporting.onnx import layers_plain as layers_plain
from kerascnn.exporting.onnx.activations import known
from kerascnn.exporting.onnx.fold_shuffles import absorb_shuffles
from kerascnn.exporting.onnx.graph import TO_CHANNELS_FIRST, Graph, NotCovered, Value
from kerascnn.exporting.onnx.layers_weighted import RULES
from kerascnn.lazy import keras, np
from kerascnn.runtimes.contract import INPUT, OUTPUT

if TYPE_CHECKING:
    from kerascnn.exporting.onnx.preprocessing import Prologue


_DIMENSIONS = ("batch", "height", "width")


@dataclasses.dataclass(frozen=True)
class _Call:
    """One layer applied to tensors, which are called by layer, call and place."""

    layer: Any
    inputs: tuple[tuple[str, int, int], ...]
    output: tuple[str, int, int]


def first_without_rule(model: Any) -> str | None:
    """Returns what of a model has no rule, or None when it can be written directly."""
    if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
        return "no functional model"
    for operation in model.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        kind = type(operation)
        ours = kind.__module__.startswith(("keras.", "kerascnn."))
        if not (ours and kind.__name__ in RULES and known(getattr(operation, "activation", None))):
            return f"{operation.name} ({kind.__name__})"
    return None


def write_graph(
    network: Network, opset: int, layout: str = "nhwc", prologue: Prologue | None = None
) -> Any:
    """Returns the `onnx.ModelProto` of a network whose layers all have rules.

    Args:
        network: made ready for export.
        opset: operator set, of OPSETS.
        layout: "nhwc", or "nchw" for input and output maps with the channels first.
        prologue: preprocessing in front of the model, or None.

    Raises:
        NotCovered: a layer has no rule, or is used in a way that its rule does not know.
    """
    found = first_without_rule(network.model)
    if found is not None:
        raise NotCovered(found)
    graph = Graph(opset)
    calls, inputs, outputs = _calls(network.model)
    uses = Counter(key for call in calls for key in call.inputs)
    uses.update(outputs)
    shape = (None, *network.image_shape)
    values = {inputs[0]: _input(graph, network, layout, prologue)}
    for call in calls:
        if isinstance(call.layer, keras.layers.InputLayer):
            continue
        made = RULES[type(call.layer).__name__](graph, call.layer, [values[k] for k in call.inputs])
        values[call.output] = dataclasses.replace(made, uses=uses[call.output])
    result = graph.padded(values[outputs[0]])
    if layout == "nhwc" or result.flat is not None:
        result = graph.in_keras_order(result)
    graph.prune(result.name)
    absorb_shuffles(graph, result.name)
    return _finished(graph, network, result, shape, layout, prologue)


def _input(graph: Graph, network: Network, layout: str, prologue: Prologue | None) -> Value:
    shape = (None, *network.image_shape)
    if prologue is not None:
        return prologue.write(graph, layout, shape)
    name = INPUT
    if network.dtype != "float32":
        name = graph.node("Cast", [INPUT], f"{INPUT}_float", to=1)  # 1 is ONNX's float32
    return Value(name, shape, channels_first=layout == "nchw" and len(shape) == 4)


def _calls(
    model: Any,
) -> tuple[list[_Call], list[tuple[str, int, int]], list[tuple[str, int, int]]]:
    """Returns the calls of a model's layers in order, its inputs and its outputs.

    Read from the configuration, Keras's public description of a graph.
    """
    if isinstance(model, keras.Sequential):
        return _chain(model.inputs[0], model.layers)
    config = model.get_config()
    operations = {operation.name: operation for operation in model.operations}
    calls = []
    for entry in config["layers"]:
        layer = operations[entry["name"]]
        nodes = entry["inbound_nodes"]
        if not nodes:
            calls.append(_Call(layer, (), (layer.name, 0, 0)))
        for place, node in enumerate(nodes):
            taken = tuple(_tensors(node["args"])) + tuple(_tensors(node["kwargs"]))
            calls.append(_Call(layer, taken, (layer.name, place, 0)))
    inputs, outputs = (
        [tuple(one) for one in _listed(config[key])] for key in ("input_layers", "output_layers")
    )
    return _ordered(calls, inputs), inputs, outputs


def _chain(
    first: Any, layers: Sequence[Any]
) -> tuple[list[_Call], list[tuple[str, int, int]], list[tuple[str, int, int]]]:
    key = (first.name, 0, 0)
    start, calls = key, []
    for layer in layers:
        if not isinstance(layer, keras.layers.InputLayer):
            calls.append(_Call(layer, (key,), (layer.name, 0, 0)))
            key = calls[-1].output
    return calls, [start], [key]


def _tensors(value: Any) -> Iterator[tuple[str, int, int]]:
    """Yields the names of the tensors among serialised arguments."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            name, call, place = value["config"]["keras_history"]
            yield name, call, place
        else:
            for part in value.values():
                yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _listed(value: Any) -> list[Any]:
    """Returns the tensor names of `input_layers`: one, a list or a dictionary of them."""
    if isinstance(value, dict):
        return list(value.values())
    return [value] if value and isinstance(value[0], str) else list(value)


def _ordered(calls: list[_Call], inputs: list[Any]) -> list[_Call]:
    """Sorts calls so that each comes after those it takes from; a layer may be called twice."""
    known, waiting, sorted_calls = set(inputs), calls, []
    while waiting:
        ready = [call for call in waiting if known.issuperset(call.inputs)]
        if not ready:
            raise NotCovered("tensors that no layer makes")
        known.update(call.output for call in ready)
        sorted_calls += ready
        done = set(map(id, ready))
        waiting = [call for call in waiting if id(call) not in done]
    return sorted_calls


def _finished(
    graph: Graph,
    network: Network,
    result: Value,
    shape: tuple[int | None, ...],
    layout: str,
    prologue: Prologue | None,
) -> Any:
    import onnx
    from onnx import helper

    if any(result.name in node.output for node in graph.nodes):
        for node in graph.nodes:
            for names in (node.input, node.output):
                for place, name in enumerate(names):
                    if name == result.name:
                        names[place] = OUTPUT
    else:  # a network that only passes its input on
        graph.nodes.append(helper.make_node("Identity", [result.name], [OUTPUT], OUTPUT))
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(network.dtype))
    if prologue is not None:
        kind, shape = onnx.TensorProto.UINT8, prologue.shape(shape)
    ends = [
        helper.make_tensor_value_info(name, dtype, _dimensions(sides, layout, first))
        for name, dtype, sides, first in (
            (INPUT, kind, shape, True),
            (OUTPUT, onnx.TensorProto.FLOAT, result.shape, result.channels_first),
        )
    ]
    made = helper.make_graph(graph.nodes, network.model.name, ends[:1], ends[1:])
    for name, value in graph.weights.items():
        entry = made.initializer.add(name=name, dims=value.shape)
        entry.data_type = helper.np_dtype_to_tensor_dtype(value.dtype)
        entry.raw_data = np.ascontiguousarray(value).tobytes()
    opsets = [helper.make_opsetid("", graph.opset)]
    return helper.make_model(
        made, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets)
    )


def _dimensions(shape: Sequence[int | None], layout: str, image: bool) -> list[int | str]:
    names: list[int | str] = [
        side if side is not None else (_DIMENSIONS[place] if place < 3 else f"side{place}")
        for place, side in enumerate(shape)
    ]
    if layout == "nchw" and image and len(names) == 4:
        return [names[place] for place in TO_CHANNELS_FIRST]
    return names
