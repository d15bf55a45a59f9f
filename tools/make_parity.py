"""Writes tests/fixtures/parity: results of other libraries' networks for seeded weights and images.

    python tools/make_parity.py resnet18 vgg11        # these rows
    python tools/make_parity.py                       # every row whose library is installed here

torchvision and timm need torch; the twins of keras.applications need Keras. The weights are those
that tests/support/seeded_weights.py draws for our names, put into the twin through the family's
layout.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import operator
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from kerascnn.models.costs import Plan  # noqa: E402
from kerascnn.models.planning import plan  # noqa: E402
from kerascnn.models.registry import model_info  # noqa: E402
from kerascnn.models.request import Request  # noqa: E402
from kerascnn.weights import axis_order  # noqa: E402
from kerascnn.weights.expected_shapes import Expected, expected  # noqa: E402
from kerascnn.weights.name_maps import layouts  # noqa: E402
from support import parity, seeded_weights  # noqa: E402

SMALL, LARGE = 1.0, 100.0
"""Range of the largest logit: large enough to depend on the image, small enough for float32."""


class Network(Protocol):
    """A network of another library; its tensors are called "module/name"."""

    style: str
    version: str
    shapes: dict[str, tuple[int, ...]]

    def assign(self, key: str, array: np.ndarray) -> None:
        """Sets one tensor."""

    def epsilon(self, module: str) -> float:
        """Returns the epsilon of a batch norm."""

    def run(self, images: np.ndarray, modules: list[str]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Returns the logits for images (N, H, W, C) and the results of some modules."""


class TorchNetwork:
    """A network of torchvision or timm."""

    style = "torch"

    def __init__(self, source: str, name: str) -> None:
        torch = _torch()
        if source == "torchvision":
            library = importlib.import_module("torchvision")
            more: dict[str, Any] = {}
            if name.endswith(("googlenet", "inception_v3")):
                more["init_weights"] = False
            builder = operator.attrgetter(name)(library.models)
            library_model = builder(weights=None, **more)
            if hasattr(library_model, "aux_logits"):  # a head that only training uses
                library_model.aux_logits = False
                for head in ("aux1", "aux2", "AuxLogits"):
                    if hasattr(library_model, head):
                        setattr(library_model, head, None)
        else:
            library = importlib.import_module("timm")
            library_model = library.create_model(name, pretrained=False)
        self.torch, self.model = torch, library_model.eval()
        self.version = f"{source} {library.__version__}"
        self.tensors = {
            "/".join(key.rsplit(".", 1)): tensor
            for key, tensor in library_model.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        self.shapes = {key: tuple(tensor.shape) for key, tensor in self.tensors.items()}

    def assign(self, key: str, array: np.ndarray) -> None:
        self.tensors[key].copy_(self.torch.from_numpy(np.ascontiguousarray(array)))

    def epsilon(self, module: str) -> float:
        return float(self.model.get_submodule(module).eps)

    def run(self, images: np.ndarray, modules: list[str]) -> tuple[np.ndarray, list[np.ndarray]]:
        seen: dict[str, np.ndarray] = {}

        def look(name: str) -> Callable[..., None]:
            def hook(module: Any, inputs: Any, output: Any) -> None:
                seen[name] = output.numpy().copy()  # a ReLU after it may work in place

            return hook

        hooks = [
            self.model.get_submodule(name).register_forward_hook(look(name)) for name in modules
        ]
        with self.torch.no_grad():
            logits = self.model(self.torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
        for handle in hooks:
            handle.remove()
        return logits.numpy(), [seen[name] for name in modules]


def _torch() -> Any:
    """Imports torch, and torchvision without its compiled operators, which no model needs."""
    torch = importlib.import_module("torch")
    kept = torch.library.register_fake

    def register(name: str, *args: Any, **options: Any) -> Any:
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return kept(name, *args, **options)

    torch.library.register_fake = register
    try:
        importlib.import_module("torchvision")
    finally:
        torch.library.register_fake = kept
    return torch


class KerasNetwork:
    """A network of keras.applications."""

    style = "keras"

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        self.keras = keras = importlib.import_module("keras")
        self.keras.utils.clear_session()  # which numbers the layers afresh
        self.model = getattr(self.keras.applications, name)(
            weights=None, input_shape=(*size, 3), classifier_activation=None
        )
        self.version = f"keras.applications {self.keras.__version__}"
        inputs = keras.layers.Normalization
        self.variables = {
            f"{layer.name}/{variable.name}": variable
            for layer in self.model.layers
            for variable in layer.weights
            if variable.name != "seed_generator_state" and not isinstance(layer, inputs)
        }
        # MobileNetV3 and EfficientNet scale pixels themselves, which is undone beforehand.
        self.scale, self.offset = 1, 0
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Rescaling):
                self.scale, self.offset = layer.scale, layer.offset
        self.shapes = {key: tuple(variable.shape) for key, variable in self.variables.items()}

    def assign(self, key: str, array: np.ndarray) -> None:
        self.variables[key].assign(array)

    def epsilon(self, module: str) -> float:
        return float(self.model.get_layer(module).epsilon)

    def run(self, images: np.ndarray, modules: list[str]) -> tuple[np.ndarray, list[np.ndarray]]:
        maps = [self.model.get_layer(name).output for name in modules]
        tapped = self.keras.Model(self.model.inputs[0], [self.model.outputs[0], *maps])
        pixels = ((images - self.offset) / self.scale).astype(np.float32)
        logits, *arrays = (np.asarray(output) for output in tapped(pixels, training=False))
        return logits, arrays


def fill(
    network: Network, wanted: dict[str, Expected], modules: dict[str, str], gain: float
) -> None:
    """Sets the twin's weights to the seeded values of our layers.

    A twin's convolution may have a bias where ours has none, because a batch norm follows: it gets
    a seeded bias too, which is added to the mean of the batch norm.

    Raises:
        SystemExit: a tensor of either side has no counterpart.
    """
    left = set(network.shapes)
    biased = {}
    for name, layer in wanted.items():
        module = modules[name]
        for variable, shape in layer.variables.items():
            array = seeded_weights.weight(f"{name}/{variable}", shape, layer.kind, gain)
            if variable == "moving_mean" and layer.normalizes in biased:
                array = array + biased[layer.normalizes]
            if variable == "moving_variance":
                assert layer.epsilon is not None
                array, scale = axis_order.with_epsilon(
                    array, layer.epsilon, network.epsilon(module)
                )
                assert (scale == 1).all()
            keys = [
                f"{module}/{tensor}"
                for tensor in axis_order.tensor_names(layer.kind, variable, network.style)
            ]
            key = next((key for key in keys if key in left), None)
            if key is None:
                raise SystemExit(f"{name}/{variable}: the twin has no {' or '.join(keys)} left")
            left.remove(key)
            if network.style == "torch":
                array = axis_order.to_torch(
                    array, layer.kind, variable, network.shapes[key], layer.flattened
                )
            else:
                array = axis_order.as_keras(array, network.shapes[key])
            network.assign(key, array)
        key = f"{module}/bias"
        if "bias" not in layer.variables and key in left and "kernel" in layer.variables:
            left.remove(key)
            biased[name] = seeded_weights.weight(f"{name}/bias", network.shapes[key], layer.kind)
            network.assign(key, biased[name])
    lost = biased.keys() - {layer.normalizes for layer in wanted.values()}
    if left or lost:
        raise SystemExit(f"without counterpart: twin's {sorted(left)}, biases of {sorted(lost)}")


def taps(ledger: Plan, wanted: dict[str, Expected], style: str) -> list[str]:
    """Returns three layers at a quarter, a half and nine tenths of the network.

    Convolutions where the twin is PyTorch's, whose batch norms may hold the activation; batch norms
    where it is Keras's and has any, since its convolutions may have a bias that ours lack.
    """
    norms = [name for name, layer in wanted.items() if layer.kind == "BatchNormalization"]
    maps = [
        name
        for name, layer in wanted.items()
        if layer.kind in ("Conv2D", "GroupedConv2D")
        and ledger.entries[name].config.get("activation") in (None, "relu")
    ]
    if style == "keras" and norms:
        maps = norms
    return [maps[int(part * (len(maps) - 1))] for part in (0.25, 0.5, 0.9)]


def balanced(
    network: Network,
    wanted: dict[str, Expected],
    modules: dict[str, str],
    images: np.ndarray,
    names: list[str],
) -> tuple[float, np.ndarray, list[np.ndarray]]:
    """Returns a gain that keeps the logits between `SMALL` and `LARGE`, its logits and its maps.

    If no batch norm has a gamma, the gain changes nothing and the first one is used.
    """
    scales = any("gamma" in layer.variables for layer in wanted.values())
    low, high = 0.6, 1.4
    while True:
        gain = (low + high) / 2
        fill(network, wanted, modules, gain)
        logits, maps = network.run(images, [modules[name] for name in names])
        largest = float(np.abs(logits).max())
        if not scales or SMALL <= largest <= LARGE or high - low < 0.01:
            return gain, logits, maps
        low, high = (gain, high) if largest < SMALL else (low, gain)


def make(key: str) -> None:
    """Writes one fixture."""
    twin, variant = parity.TWINS[key], model_info(parity.row_of(key))
    shape = (2, *twin.size, 3)
    ledger = plan(variant, Request(input_shape=shape[1:], columns=twin.arguments))
    wanted = expected(ledger)
    modules = layouts(variant.family)[twin.layout or twin.library](list(wanted))
    if twin.library == "keras":
        network: Network = KerasNetwork(twin.name, twin.size)
    else:
        network = TorchNetwork(twin.library, twin.name)
    names = taps(ledger, wanted, network.style)
    gain, logits, maps = balanced(network, wanted, modules, parity.images(shape), names)
    rectified = [
        np.maximum(array, 0) if ledger.entries[name].config.get("activation") == "relu" else array
        for name, array in zip(names, maps, strict=True)
    ]
    parity.Fixture(
        f"{network.version} {twin.name}",
        shape,
        gain,
        logits.astype(np.float32),
        tuple(names),
        np.asarray([array.mean(dtype=np.float64) for array in rectified]),
        np.asarray([array.std(dtype=np.float64) for array in rectified]),
    ).save(key)
    largest = np.abs(logits).max()
    apart = np.abs(logits[0] - logits[1]).max() / largest
    print(f"{key}: gain {gain}, logits up to {largest:.3g}, images {apart:.2f} apart", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help="of the table in parity.py; all when none is given")
    rows = parser.parse_args().rows
    for row in rows or parity.TWINS:
        if not rows and importlib.util.find_spec(parity.TWINS[row].library) is None:
            continue
        start = time.perf_counter()
        make(row)
        print(f"    {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
