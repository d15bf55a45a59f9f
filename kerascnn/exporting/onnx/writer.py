"""Writes a functional Keras model as an ONNX graph, layer by layer.

tf2onnx converts the traced TensorFlow graph, which contains the weights as constants, and copies
them in a dozen passes: this takes 10 s and 4.8 GB for a ResNet-50, and its newest operator set is
18. The networks of this package are flat graphs of about thirty kinds of layers, so they are
written directly. tf2onnx converts only models with a layer that has no rule here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from kerascnn.exporting.common.network import Network

# These modules register their rules in `RULES`.
from kerascnn.exporting.onnx import layers_padding as layers_padding
from kerascnn.exporting.onnx import layers_plain as layers_plain
from kerascnn.exporting.onnx import layers_weighted as layers_weighted
from kerascnn.exporting.onnx.activations import known
from kerascnn.exporting.onnx.fold_shuffles import absorb_shuffles
from kerascnn.exporting.onnx.graph import TO_CHANNELS_FIRST, Graph, NotCovered, Value
from kerascnn.exporting.onnx.rules import RULES
from kerascnn.lazy import keras, np
from kerascnn.runtimes.contract import INPUT, OUTPUT

if TYPE_CHECKING:
    from kerascnn.exporting.onnx.preprocessing import Prologue

_DIMENSIONS = ("batch", "height", "width")
_Key = tuple[str, int, int]
"""Keras's name of a tensor: the layer, the index of its call, and the index of the output."""


@dataclasses.dataclass(frozen=True)
class _Call:
    """A call of a layer, with the tensors that it reads and writes."""

    layer: Any
    inputs: tuple[_Key, ...]
    output: _Key


@dataclasses.dataclass(frozen=True)
class _Calls:
    """The calls of a model's layers in the order of computation, its inputs and its outputs."""

    calls: list[_Call]
    inputs: list[_Key]
    outputs: list[_Key]


def first_without_rule(model: Any) -> str | None:
    """Returns the first layer of a model that has no rule, or None when there is none."""
    if not isinstance(model, keras.Model) or not hasattr(model, "operations"):
        return "a model that is not functional"
    for operation in model.operations:
        if isinstance(operation, keras.layers.InputLayer):
            continue
        kind = type(operation)
        has_rule = kind.__module__.startswith(("keras.", "kerascnn.")) and kind.__name__ in RULES
        if not (has_rule and known(getattr(operation, "activation", None))):
            return f"{operation.name} ({kind.__name__})"
    return None


def write_graph(
    network: Network, opset: int, layout: str = "nhwc", prologue: Prologue | None = None
) -> Any:
    """Returns the `onnx.ModelProto` of a network whose layers all have rules.

    Args:
        network: prepared for export.
        opset: operator set, in the range OPSETS.
        layout: "nhwc", or "nchw" for an input and output maps with the channels first.
        prologue: preprocessing before the first layer, or None.

    Raises:
        NotCovered: a layer has no rule, or is used in a way that its rule does not support.
    """
    layer = first_without_rule(network.model)
    if layer is not None:
        raise NotCovered(layer)
    graph = Graph(opset)
    model = _calls(network.model)
    uses = Counter(key for call in model.calls for key in call.inputs)
    uses.update(model.outputs)
    values = {model.inputs[0]: _input(graph, network, layout, prologue)}
    for call in model.calls:
        if isinstance(call.layer, keras.layers.InputLayer):
            continue
        rule = RULES[type(call.layer).__name__]
        value = rule(graph, call.layer, [values[key] for key in call.inputs])
        values[call.output] = dataclasses.replace(value, uses=uses[call.output])
    result = graph.padded(values[model.outputs[0]])
    if layout == "nhwc" or result.flat is not None:
        result = graph.in_keras_order(result)
    graph.prune(result.name)
    absorb_shuffles(graph, result.name)
    _name_output(graph, result.name)
    return _model_proto(graph, network, result, layout, prologue)


def _input(graph: Graph, network: Network, layout: str, prologue: Prologue | None) -> Value:
    """Returns the input of the model's first layer."""
    shape = (None, *network.image_shape)
    if prologue is not None:
        return prologue.write(graph, layout, shape)
    name = INPUT
    if network.dtype != "float32":
        name = graph.node("Cast", [INPUT], f"{INPUT}_float", to=1)  # 1 is ONNX's float32
    return Value(name, shape, channels_first=layout == "nchw" and len(shape) == 4)


def _calls(model: Any) -> _Calls:
    """Returns the calls of a model's layers.

    They are read from the model's configuration, Keras's public description of a graph.
    """
    if isinstance(model, keras.Sequential):
        return _sequential_calls(model.inputs[0], model.layers)
    config = model.get_config()
    operations = {operation.name: operation for operation in model.operations}
    calls = []
    for entry in config["layers"]:
        layer = operations[entry["name"]]
        nodes = entry["inbound_nodes"]
        if not nodes:
            calls.append(_Call(layer, (), (layer.name, 0, 0)))
        for index, node in enumerate(nodes):
            keys = tuple(_tensors(node["args"])) + tuple(_tensors(node["kwargs"]))
            calls.append(_Call(layer, keys, (layer.name, index, 0)))
    inputs, outputs = (
        [tuple(key) for key in _listed(config[name])] for name in ("input_layers", "output_layers")
    )
    return _Calls(_ordered(calls, inputs), inputs, outputs)


def _sequential_calls(image: Any, layers: Sequence[Any]) -> _Calls:
    key = (image.name, 0, 0)
    start, calls = key, []
    for layer in layers:
        if not isinstance(layer, keras.layers.InputLayer):
            calls.append(_Call(layer, (key,), (layer.name, 0, 0)))
            key = calls[-1].output
    return _Calls(calls, [start], [key])


def _tensors(value: Any) -> Iterator[_Key]:
    """Yields the keys of the tensors in the serialised arguments of a call."""
    if isinstance(value, dict):
        if value.get("class_name") == "__keras_tensor__":
            layer, call, output = value["config"]["keras_history"]
            yield layer, call, output
        else:
            for part in value.values():
                yield from _tensors(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _tensors(part)


def _listed(value: Any) -> list[Any]:
    """Returns the keys in `input_layers`: a single key, a list or a dictionary of keys."""
    if isinstance(value, dict):
        return list(value.values())
    return [value] if value and isinstance(value[0], str) else list(value)


def _ordered(calls: list[_Call], inputs: list[Any]) -> list[_Call]:
    """Sorts calls so that each comes after those whose outputs it reads."""
    computed, waiting, sorted_calls = set(inputs), calls, []
    while waiting:
        ready = [call for call in waiting if computed.issuperset(call.inputs)]
        if not ready:
            raise NotCovered("tensors that no layer computes")
        computed.update(call.output for call in ready)
        sorted_calls += ready
        done = set(map(id, ready))
        waiting = [call for call in waiting if id(call) not in done]
    return sorted_calls


def _name_output(graph: Graph, name: str) -> None:
    """Renames the tensor of the result to `OUTPUT`."""
    from onnx import helper

    if any(name in node.output for node in graph.nodes):
        for node in graph.nodes:
            for names in (node.input, node.output):
                for index, tensor in enumerate(names):
                    if tensor == name:
                        names[index] = OUTPUT
    else:  # a network that only returns its input
        graph.nodes.append(helper.make_node("Identity", [name], [OUTPUT], OUTPUT))


def _model_proto(
    graph: Graph, network: Network, result: Value, layout: str, prologue: Prologue | None
) -> Any:
    """Returns the `onnx.ModelProto` of a complete graph."""
    import onnx
    from onnx import helper

    shape = (None, *network.image_shape)
    dtype = helper.np_dtype_to_tensor_dtype(np.dtype(network.dtype))
    if prologue is not None:
        dtype, shape = onnx.TensorProto.UINT8, prologue.shape(shape)
    image = helper.make_tensor_value_info(INPUT, dtype, _dimensions(shape, layout, True))
    sides = _dimensions(result.shape, layout, result.channels_first)
    output = helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, sides)
    proto = helper.make_graph(graph.nodes, network.model.name, [image], [output])
    for name, value in graph.weights.items():
        entry = proto.initializer.add(name=name, dims=value.shape)
        entry.data_type = helper.np_dtype_to_tensor_dtype(value.dtype)
        entry.raw_data = np.ascontiguousarray(value).tobytes()
    opsets = [helper.make_opsetid("", graph.opset)]
    return helper.make_model(
        proto, opset_imports=opsets, ir_version=helper.find_min_ir_version_for(opsets)
    )


def _dimensions(shape: Sequence[int | None], layout: str, image: bool) -> list[int | str]:
    """Returns the dimensions of an input or output; those that are not fixed get names.

    Args:
        shape: in Keras's order.
        layout: of the file.
        image: whether the layout applies to it.
    """
    names: list[int | str] = [
        side if side is not None else (_DIMENSIONS[axis] if axis < 3 else f"side{axis}")
        for axis, side in enumerate(shape)
    ]
    if layout == "nchw" and image and len(names) == 4:
        return [names[axis] for axis in TO_CHANNELS_FIRST]
    return names
