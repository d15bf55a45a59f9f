"""What `input_shape` may be, and what the refusals of other orders propose."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import UsageError


@pytest.mark.parametrize(
    ("row", "shape", "proposal"),
    [
        ("resnet50", (3, 224, 224), (224, 224, 3)),
        ("resnet50", [3, 224, 200], (224, 200, 3)),
        ("zfnet", (1, 128, 128), (128, 128, 1)),
        ("resnet50", (3, None, None), (None, None, 3)),
        ("resnet50", (224, 224), (224, 224, 3)),
        ("lenet5", (36, 36), (36, 36, 1)),
        ("resnet50", (224,), (224, 224, 3)),
        ("resnet50", 224, (224, 224, 3)),
        ("resnet50", np.int64(64), (64, 64, 3)),
        ("resnet50", (None, None, None), (None, None, 3)),
        ("resnet50", (None, 224, 224, 3), (224, 224, 3)),
        ("resnet50", (1, 3, 224, 224), (224, 224, 3)),
    ],
)
def test_another_order_is_refused_with_the_right_one(row, shape, proposal):
    with pytest.raises(UsageError, match=r"must be \(height, width, channels\), ") as why:
        kerascnn.create_model(row, input_shape=shape, include_top=False, width=0.125)
    assert str(why.value).endswith(f"; write {proposal}")
    model = kerascnn.create_model(row, input_shape=proposal, include_top=False, width=0.125)
    assert model.input_shape == (None, *proposal)


@pytest.mark.parametrize("shape", [(), (0, 64, 3), (64, 64, True), "64", (64.0, 64, 3), (1,) * 5])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(UsageError, match="height and width may be None, channels may not"):
        kerascnn.create_model("resnet18", input_shape=shape)


def test_small_images_are_no_channels():
    model = kerascnn.create_model(
        "convnet", n=1, m=1, k=0, pool=None, input_shape=(3, 32, 3), include_top=False
    )
    assert model.input_shape == (None, 3, 32, 3)


def test_numbers_of_numpy_are_numbers():
    model = kerascnn.create_model(
        "lenet5",
        input_shape=tuple(np.array([36, 36, 1])),
        classes=np.int64(4),
        width=np.float32(0.5),
        kernel_size=np.uint8(3),
        c5=np.int32(20),
    )
    arguments = kerascnn.provenance(model).arguments
    assert arguments == {
        "input_shape": (36, 36, 1), "classes": 4, "width": 0.5, "kernel_size": 3, "c5": 20,
    }  # fmt: skip
    numbers = [*arguments.pop("input_shape"), *arguments.values()]
    assert {type(number) for number in numbers} == {int, float}


def test_a_model_of_numpy_numbers_can_be_saved(tmp_path):
    model = kerascnn.create_model("lenet5", classes=np.int64(4), c5=np.int32(20))
    again = kerascnn.load_model(kerascnn.save_weights(model, tmp_path / "x.npz"))
    assert again.output_shape == (None, 4)


def test_an_input_tensor_has_its_channels_last_too():
    with pytest.raises(UsageError, match=r"got \(3, 64, 64\); .*; write \(64, 64, 3\)"):
        kerascnn.create_model("resnet18", input_tensor=keras.Input((3, 64, 64)))


def test_input_tensor_and_input_shape_agree():
    image = keras.Input((32, 32, 1))
    for shape in ((32, 32, 1), (None, None, 1)):
        model = kerascnn.create_model("lenet5", input_tensor=image, input_shape=shape)
        assert model.output_shape == (None, 10)
    for shape in ((48, 32, 1), (32, 32, 3), 32):
        with pytest.raises(UsageError, match="give only one of them"):
            kerascnn.create_model("lenet5", input_tensor=image, input_shape=shape)
