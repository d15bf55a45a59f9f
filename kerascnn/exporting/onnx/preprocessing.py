"""Writes the preprocessing into an ONNX graph: resizing, cropping and scaling of uint8 images."""

from __future__ import annotations

import dataclasses
from typing import Any

from kerascnn.errors import MismatchError, UsageError
from kerascnn.exporting.common.options import ExportOptions
from kerascnn.exporting.onnx.activations import clip
from kerascnn.exporting.onnx.graph import Graph, Value
from kerascnn.exporting.onnx.layers_weighted import scaled
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np
from kerascnn.runtimes.contract import INPUT

_MODES = {"nearest": "nearest", "bilinear": "linear", "bicubic": "cubic"}
_ANTIALIAS = 18
"""The first operator set whose Resize can antialias."""


@dataclasses.dataclass(frozen=True)
class Prologue:
    """The preprocessing nodes before the first layer of a model.

    Args:
        preprocessing: with the size of the model's input.
        resizes: whether images of other sizes are accepted.
    """

    preprocessing: Preprocessing
    resizes: bool

    @classmethod
    def of(cls, preprocessing: Preprocessing, options: ExportOptions) -> Prologue:
        """Returns the prologue for a preprocessing.

        Raises:
            MismatchError: ONNX has no operator for its way of resizing.
            UsageError: the operator set is too old.
        """
        if preprocessing.size is None or preprocessing.fit == "none":
            return cls(preprocessing, False)
        if preprocessing.fit == "pad" or preprocessing.interpolation not in _MODES:
            raise MismatchError(
                f"ONNX cannot do fit={preprocessing.fit!r} with {preprocessing.interpolation}; "
                "export without preprocess, and prepare images with the preprocessing in the file"
            )
        if options.opset < _ANTIALIAS:
            raise UsageError(
                f"preprocess resizes, which needs opset {_ANTIALIAS} or above; got {options.opset}"
            )
        return cls(preprocessing, True)

    def shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the input with the prologue, in Keras's order.

        Args:
            shape: of the model's input.
        """
        channels = 1 if self.preprocessing.channels == "grey" else shape[-1]
        return (None, None, None, channels) if self.resizes else (*shape[:-1], channels)

    def write(self, graph: Graph, layout: str, shape: tuple[int | None, ...]) -> Value:
        """Adds the nodes to a graph and returns the input of the first layer.

        Args:
            graph: to add to.
            layout: of the graph's input.
            shape: of the model's input, in Keras's order.
        """
        name = graph.node("Cast", [INPUT], f"{INPUT}_float", to=1)  # 1 is ONNX's float32
        x = Value(name, self.shape(shape), channels_first=layout == "nchw")
        x = graph.channels_first(x)
        if self.resizes:
            x = self._resized(graph, x)
        if self.preprocessing.channels == "bgr":
            order = graph.whole("bgr", [2, 1, 0])
            x = dataclasses.replace(x, name=graph.node("Gather", [x.name, order], "bgr", axis=1))
        scale, offset = (np.array(values) for values in self.preprocessing.affine())
        x = scaled(graph, x, scale, offset, "preprocessing")
        return dataclasses.replace(x, shape=shape)

    def _resized(self, graph: Graph, x: Value) -> Value:
        preprocessing = self.preprocessing
        assert preprocessing.size is not None
        height, width = preprocessing.size
        if preprocessing.fit == "resize":
            sides = graph.whole("resize.sides", [height, width])
            return self._rounded(graph, self._resize(graph, x, sides))
        whole = graph.node("Shape", [x.name], "crop_shape")
        ends = [graph.whole(f"crop.{name}", [axis]) for name, axis in (("from", 2), ("to", 4))]
        sides = graph.node("Slice", [whole, *ends], "crop_sides")
        if preprocessing.resize is not None:
            # As in torchvision, the longer side is rounded down.
            resized = graph.whole("crop.resize", [preprocessing.resize])
            shorter = graph.node("ReduceMin", [sides], "crop_shorter", keepdims=1)
            product = graph.node("Mul", [sides, resized], "crop_product")
            sides = graph.node("Div", [product, shorter], "crop_resized")
            x = self._rounded(graph, self._resize(graph, x, sides))
        # Half of the difference, rounded to even as Python does.
        excess = graph.node("Sub", [sides, graph.whole("crop.size", [height, width])], "crop_over")
        half = graph.weight("crop.half", np.float32(0.5))
        real = graph.node("Cast", [excess], "crop_over_float", to=1)
        start = graph.node("Round", [graph.node("Mul", [real, half], "crop_half")], "crop_round")
        start = graph.node("Cast", [start], "crop_start", to=7)  # int64
        end = graph.node("Add", [start, graph.whole("crop.length", [height, width])], "crop_end")
        axes = graph.whole("crop.axes", [2, 3])
        return dataclasses.replace(x, name=graph.node("Slice", [x.name, start, end, axes], "crop"))

    def _resize(self, graph: Graph, x: Value, sides: str) -> Value:
        mode = _MODES[self.preprocessing.interpolation]
        attributes: dict[str, Any] = {"antialias": 1} if mode != "nearest" else {}
        if mode == "cubic":
            attributes.update(cubic_coeff_a=-0.5, exclude_outside=1)
        elif mode == "nearest":
            attributes["nearest_mode"] = "floor"
        output = graph.node(
            "Resize", [x.name, "", "", sides], "resize",
            mode=mode, axes=[2, 3], coordinate_transformation_mode="half_pixel", **attributes,
        )  # fmt: skip
        return dataclasses.replace(x, name=output)

    def _rounded(self, graph: Graph, x: Value) -> Value:
        """Rounds to whole numbers from 0 to 255, as Pillow does."""
        x = dataclasses.replace(x, name=graph.node("Round", [x.name], "resize_round"))
        return dataclasses.replace(x, name=clip(graph, x, 0.0, 255.0, "resize_clip"))
