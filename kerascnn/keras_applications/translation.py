"""Adds the layers of a row of ours with the names and settings that keras.applications gives them.

The names of layers with weights are those of the family's name map; the rules here name the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from kerascnn.lazy import keras
from kerascnn.models.layer import Tensor, layer_class
from kerascnn.models.registry import Top

Names = Mapping[str, str | None]
"""Keras's names of our layers or parts of layers; None where Keras numbers the layers."""
Parts = Mapping[str, str]
"""Keras's names of parts of our names."""
Settings = Mapping[str, Mapping[str, Any]]
"""The arguments of classes of layers that differ from ours."""
NUMBERED: Names = {"avg": None, "max": None}
"""The names of global pools that Keras numbers."""


def far_padding(x: Tensor, kernel: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns the zeros before and after a map for a kernel of stride 2.

    Unlike padding="same", it does not depend on the size where the size is not known.
    """
    before, after = kernel // 2, kernel // 2
    height, width = x.shape[1:3]
    if height is None:
        return ((before - 1, after), (before - 1, after))
    return ((before - 1 + height % 2, after), (before - 1 + width % 2, after))


def norm(momentum: float, epsilon: float = 1e-3) -> Settings:
    """Returns the settings of a network's batch norms."""
    return {"BatchNormalization": {"momentum": momentum, "epsilon": epsilon}}


class Translation:
    """A function that adds layers; see `kerascnn.models.layer.translated`.

    Args:
        weighted: Keras's name of each of our layers with weights.
        depth_multiplier: filters of a depthwise convolution for each channel.

    Attributes:
        layers: the layers with weights that were added, each with the names of ours that it
            stands for.
    """

    relu = "Activation"
    """The class of a ReLU."""
    settings: ClassVar[Settings] = {"BatchNormalization": {"momentum": 0.99}}
    """What the layers of a class have in place of our settings."""
    average: str | None = "avg_pool"
    """The name of the head's global average."""
    pools: ClassVar[Names] = {"avg": "avg_pool", "max": "max_pool"}
    """The names of the global pools without the head."""
    initializers: ClassVar[dict[str, Any]] = {}
    """The initialiser of the kernels of a class, where it is not Keras's default."""

    def __init__(self, weighted: dict[str, str], depth_multiplier: int = 1) -> None:
        self.weighted = weighted
        self.multiplier = depth_multiplier
        self.layers: list[tuple[keras.Layer, tuple[str, ...]]] = []

    def __call__(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        """Adds a layer; arguments as in `kerascnn.models.layer.layer`."""
        config = {key: value for key, value in config.items() if not key.endswith("_initializer")}
        config |= self.settings.get(kind, {})
        if kind == "DepthwiseConv2D" and self.multiplier != 1:
            config["depth_multiplier"] = self.multiplier
        if kind in self.initializers:
            key = "depthwise_initializer" if kind == "DepthwiseConv2D" else "kernel_initializer"
            config[key] = self.initializers[kind]
        if kind == "ReLU" and self.relu == "Activation":
            kind, config = "Activation", {"activation": "relu"}
        return self.adapted(kind, x, name, config)

    def adapted(self, kind: str, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        """Adds a layer whose general settings are Keras's; a network changes further ones here."""
        return self.add(kind, x, self.named(name), config, (name,))

    def named(self, name: str) -> str | None:
        """Returns Keras's name of a layer of ours; None where Keras numbers the layers."""
        return self.weighted[name] if name in self.weighted else self.unweighted(name)

    def unweighted(self, name: str) -> str | None:
        """Returns Keras's name of a layer of ours that has no weights."""
        return name

    def head(self, x: Tensor, top: Top, hidden: int) -> Tensor:
        """Adds the head and returns its scores.

        Args:
            x: the features.
            top: the classes, the last activation and the dropout rate.
            hidden: the units of a layer before the classifier, for the networks that have one.
        """
        x = self.add("GlobalAveragePooling2D", x, self.average, {})
        return self.classifier(x, top)

    def classifier(self, x: Tensor, top: Top, **config: Any) -> Tensor:
        """Adds the last dense layer."""
        config |= {"units": top.classes, "activation": top.activation}
        return self.add("Dense", x, "predictions", config, ("predictions",))

    def pooled(self, x: Tensor, pooling: str | None) -> Tensor:
        """Returns the features of a network without a head, averaged or reduced to maxima."""
        if pooling is None or pooling not in self.pools:
            return x  # Keras ignores other texts
        kind = "GlobalAveragePooling2D" if pooling == "avg" else "GlobalMaxPooling2D"
        return self.add(kind, x, self.pools[pooling], {})

    def add(
        self,
        kind: str,
        x: Tensor,
        name: str | None,
        config: dict[str, Any],
        ours: tuple[str, ...] = (),
    ) -> Tensor:
        """Adds a layer and returns its output.

        Args:
            kind: its class.
            x: its input.
            name: its name; None for the next of Keras's numbered names.
            config: the other arguments of its class.
            ours: the names of our layers that it stands for.
        """
        layer = layer_class(kind)(name=name, **config)
        output = layer(x)
        if layer.weights:
            self.layers.append((layer, ours))
        return output

    def padded(self, x: Tensor, name: str, config: dict[str, Any]) -> Tensor:
        """Returns the input of a convolution of stride 2, padded by a layer of its own."""
        strides = config["strides"]
        if config["padding"] != "same" or strides not in (2, (2, 2)):
            return x
        kernel = config["kernel_size"]
        if kernel == 1:
            return x
        config["padding"] = "valid"
        return self.add("ZeroPadding2D", x, name, {"padding": far_padding(x, kernel)})
