"""The rows, and the arguments that make them fit, that files of tensors are recognised as."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kerascnn.models.planning import plan
from kerascnn.models.registry import list_models, model_info
from kerascnn.models.request import Request
from kerascnn.weights.axis_order import tensor_names
from kerascnn.weights.expected_shapes import Expected, expected
from kerascnn.weights.formats.tensor_table import StoredTensor
from kerascnn.weights.identify import fits_of
from kerascnn.weights.name_maps import layouts
from kerascnn.weights.name_maps.layout import OURS


def torch_shape(layer: Expected, variable: str) -> tuple[int, ...]:
    """The shape in which PyTorch stores a variable."""
    shape = layer.variables[variable]
    if variable != "kernel":
        return shape
    if len(shape) == 2:
        return shape[::-1]
    height, width, inputs, outputs = shape
    if layer.kind == "DepthwiseConv2D":
        return inputs * outputs, 1, height, width
    return outputs, inputs, height, width


def tensors_of(row: str, source: str, arguments: dict[str, Any]) -> dict[str, StoredTensor]:
    """The names and shapes that a source's file of a network has."""
    variant = model_info(row)
    layers = expected(plan(variant, Request.of(arguments)))
    ours = source == OURS
    modules = dict.fromkeys(layers) if ours else layouts(variant.family)[source](list(layers))
    keras = source in (OURS, "keras", "keras_files")
    tensors = {}
    for name in modules:
        layer = layers[name]
        for variable, shape in layer.variables.items():
            stored = shape if keras else torch_shape(layer, variable)
            end = tensor_names(layer.kind, variable, "keras" if keras else "torch")[0]
            key = f"{name if ours else modules[name]}{'/' if keras else '.'}{end}"
            tensors[key] = StoredTensor(stored, "float32", lambda: None, 0)
    return tensors


# row, source, the arguments of the file's network, which are the expected ones
NETWORKS: list[tuple[str, str, dict[str, Any]]] = [
    ("wrn16_8", OURS, {"channels": (16, 32, 64)}),  # WRN-16-1
    ("wrn16_8", "cifar", {"channels": (16, 32, 64)}),
    ("densenet_bc100_12", OURS, {"layers": (6, 7, 8), "width": 2.0}),
    ("densenet_bc100_12", "torchvision", {"layers": (8, 8, 8), "classes": 100}),
    ("densenet121", "keras", {"layers": (4, 6, 8, 6), "width": 0.5, "include_top": False}),
    ("mobilenet_v1", "keras", {"width": 0.75}),
    ("mobilenet_v1", "keras", {"width": 0.25, "classes": 1001}),
    ("mobilenet_v2", "keras", {"width": 0.35, "include_top": False}),
    ("mobilenet_v2", "torchvision", {"width": 1.4, "classes": 5}),
    ("mobilenet_v3_large", "timm", {"width": 0.75, "classes": 20}),
    ("resnet50_v1_5", "torchvision", {"repeats": (2, 2, 2, 2)}),
    ("resnet18", "torchvision", {"width": 0.5, "input_shape": (224, 224, 1), "classes": 7}),
    ("resnet18", "cifar", {"stem": "small", "classes": 10}),
    ("vgg16", "torchvision", {"classes": 10}),
    ("vgg16", "keras", {"classes": 3, "input_shape": (224, 224, 10)}),
    ("vgg11", "torchvision", {"input_shape": (96, 96, 3), "classes": 10}),
    ("lenet5", OURS, {"input_shape": (32, 32, 3)}),
    ("lenet5", OURS, {"c1": 8, "c3": 20, "f6": 50}),
    ("lenet5", OURS, {"kernel_size": 3}),
    ("resnext50_32x4d", "torchvision", {"groups": 16, "group_width": 8}),
    ("wide_resnet50_2", "torchvision", {"group_width": 96}),
    ("se_resnet50", "timm", {"reduction": 8}),
    ("efficientnet_b0", "keras", {"width": 0.5}),
    ("shufflenet_v2_x1_0", "torchvision", {"channels": (80, 160, 320), "last": 512}),
    ("convnet", OURS, {"n": 1, "m": 2, "filters": 16, "units": 64, "classes": 3}),
    ("alphago_policy", OURS, {"filters": 128}),
    ("fcn8s", OURS, {"classes": 5}),
]


@pytest.mark.parametrize(("row", "source", "arguments"), NETWORKS)
def test_the_arguments_of_a_file_are_inferred(
    row: str, source: str, arguments: dict[str, Any]
) -> None:
    tensors = tensors_of(row, source, arguments)
    fits = [(name, fit) for name, fit in fits_of(tensors, list_models()) if fit.exact]
    assert fits
    for name, fit in fits:  # other rows can be changed into the same network
        again = tensors_of(name, source, fit.request.arguments())
        assert {key: stored.shape for key, stored in again.items()} == {
            key: stored.shape for key, stored in tensors.items()
        }
    if row in dict(fits):
        assert dict(fits)[row].request.arguments() == arguments


@pytest.mark.parametrize("row", [name for name in list_models() if "1998" not in name])
def test_every_row_fits_its_own_tensors(row: str) -> None:
    variant = model_info(row)
    for source in (OURS, *layouts(variant.family)):
        tensors = tensors_of(row, source, {})
        layers = len({re.split(r"[/.][^/.]*$", key)[0] for key in tensors})
        if source != OURS and layers < 0.6 * len(expected(plan(variant, Request()))):
            continue  # the source has no names for this network
        assert dict(fits_of(tensors, [row]))[row].fraction > 0.5


def test_networks_with_equal_tensors_tie() -> None:
    for depth in (20, 32, 44, 56):
        fits = fits_of(tensors_of(f"resnet{depth}_cifar", OURS, {}), list_models())
        exact = {row for row, fit in fits if fit.exact}
        assert exact == {f"resnet{depth}_cifar", f"plain{depth}_cifar"}
