"""Images with their channels first are refused wherever images come in."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import kerascnn
from kerascnn.errors import DataError, MismatchError
from kerascnn.imaging.axes import channels_last, is_channels_first, refuse_channels_first


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((3, 224, 224), True),
        ((1, 28, 28), True),
        ((4, 64, 48), True),
        ((3, None, None), True),
        ((1, None, 40), True),
        ((224, 224, 3), False),
        ((3, 32, 3), False),  # an image 3 pixels high
        ((3, 32, 1), False),
        ((1, 32, 2), False),
        ((3, 3, 64), False),
        ((2, 64, 64), False),
        ((64, 64, 64), False),
        ((None, None, 3), False),
    ],
)
def test_which_sizes_are_channels_first(shape, expected):
    assert is_channels_first(shape) is expected


def test_channels_are_moved_last():
    assert channels_last((3, 20, 10)) == (20, 10, 3)
    with pytest.raises(DataError, match=r"these are 3 x \? x 20, .* \? x 20 x 3, as numpy"):
        refuse_channels_first((3, None, 20), "these")


def first(count=12, channels=3):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, channels, 32, 40), dtype=np.uint8)


LABELS = np.arange(12) % 3
MESSAGE = "32 x 40, which is channels x height x width; move the channels to the end, 32 x 40 x "


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("kind", ["uint8", "float32"])
def test_arrays_are_refused_as_data(channels, kind):
    images = first(channels=channels).astype(kind)
    with pytest.raises(DataError, match=f"the images of the data are {channels} x {MESSAGE}"):
        kerascnn.load_data((images, LABELS))
    moved = np.moveaxis(images, -3, -1)  # the advice of the message
    assert kerascnn.load_data((moved, LABELS)).image_shape == (32, 40, channels)


def test_files_of_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", x=first(), y=LABELS)
    with pytest.raises(DataError, match=MESSAGE):
        kerascnn.load_data(f"npz:{tmp_path / 'x.npz'}")


@pytest.mark.parametrize("batch", [None, 4])
def test_datasets_are_refused(batch):
    dataset = tf.data.Dataset.from_tensor_slices((first(), LABELS))
    dataset = dataset if batch is None else dataset.batch(batch)
    with pytest.raises(DataError, match=f"the dataset's images are 3 x {MESSAGE}3"):
        kerascnn.load_data(dataset)


def test_training_and_evaluation_refuse_them(tmp_path):
    model = kerascnn.create_model("lenet5", input_shape=(32, 40, 3), classes=3)
    with pytest.raises(DataError, match=MESSAGE):
        kerascnn.train(model, (first(), LABELS), run_dir=tmp_path / "r", verbose=False)
    with pytest.raises(DataError, match=MESSAGE):
        kerascnn.evaluate(model, (first(), LABELS))


def test_prediction_refuses_them():
    model = kerascnn.create_model("lenet5", input_shape=(32, 40, 3), classes=3)
    for images in (first(2), list(first(2))):
        with pytest.raises(DataError, match=MESSAGE):
            kerascnn.predict(model, images)
    with pytest.raises(MismatchError, match=r"give \(32, 40, 3\) or \(3, 32, 40, 1\)"):
        kerascnn.predict(model, first(1)[0])
    assert len(kerascnn.predict(model, np.moveaxis(first(1)[0], -3, -1))) == 1
    assert len(kerascnn.predict(model, first(1)[0][..., np.newaxis])) == 3


def test_a_stack_of_grey_images_stays_one():
    model = kerascnn.create_model("lenet5", input_shape=(32, 40, 1), classes=3)
    assert len(kerascnn.predict(model, first(1)[0])) == 3
    assert len(kerascnn.predict(model, first(1)[0][:1])) == 1
