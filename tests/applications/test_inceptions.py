"""What the modules inception_v3 and inception_v4 have in common: stems, sizes, scaling."""

from __future__ import annotations

import pytest

from kerascnn.errors import MismatchError
from kerascnn.models.planning import minimum_size
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from support.plans import plan_of, shapes_of

NAMES = ("inception_v3", "inception_v4", "inception_resnet_v2")


@pytest.mark.parametrize("name", NAMES)
def test_smallest_image(name):
    assert minimum_size(model_info(name), Request()) == 75  # as in keras.applications
    with pytest.raises(MismatchError, match="at least 75"):
        plan_of(name, input_shape=(74, 74, 3))


@pytest.mark.parametrize("name", NAMES)
def test_the_small_stem_keeps_the_size(name):
    shapes = shapes_of(name, stem="small", input_shape=(32, 32, 3))
    assert shapes["reduction_a"][:2] == (15, 15)
    assert shapes["features"][:2] == (7, 7)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 5, 7])
def test_the_filter_size_keeps_the_shapes(name, size):
    def borders_apart(built):
        return {
            layer: shape for layer, shape in built.items() if layer[-4:] not in ("_pad", "crop")
        }

    assert borders_apart(shapes_of(name, kernel_size=size)) == borders_apart(shapes_of(name))


def test_depth_repeats_modules_in_their_place():
    shapes = shapes_of("inception_v3", depth=2)
    assert [shapes[f"a{i}"][-1] for i in range(1, 7)] == [256, 256, 288, 288, 288, 288]
    assert "b8" in shapes
    assert "b9" not in shapes
    shapes = shapes_of("inception_resnet_v2", depth=0.5)
    assert "a5_add" in shapes
    assert "a6_add" not in shapes
    assert "tail_1_add" in shapes
