"""The pipeline: order, repeatable distortion and values, against NumPy, Pillow and arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data import image_batches
from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.pipeline import batch_indices, data_errors, pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import (
    DataError,
    UsageError,
)
from kerascnn.imaging.preprocessing import Preprocessing
from support.images import AS_STORED

TURNED = Distortion(rotate=20.0, translate=1)


def numbered(count: int, side: int = 2) -> Split:
    """Images whose pixels, and labels, are their index."""
    values = np.arange(count, dtype=np.float32)[:, None, None, None]
    return Split(np.broadcast_to(values, (count, side, side, 1)).copy(), np.arange(count))


def epochs(dataset, count: int, steps: int) -> list[list[int]]:
    """The labels of so many epochs, after a check that images and labels stayed together."""
    iterator = iter(dataset)
    result = []
    for _ in range(count):
        labels: list[int] = []
        for _ in range(steps):
            images, marks = next(iterator)
            assert np.array_equal(images[:, 0, 0, 0], marks)
            labels += marks.numpy().tolist()
        result.append(labels)
    return result


# Order


@pytest.mark.parametrize(("count", "batch_size"), [(1, 4), (12, 4), (13, 4), (3, 8), (100, 7)])
def test_every_epoch_has_every_sample_once_in_another_order(count, batch_size):
    dataset = pipeline(numbered(count), AS_STORED, batch_size=batch_size, training=True)
    orders = epochs(dataset, 10, -(-count // batch_size))
    assert all(sorted(order) == list(range(count)) for order in orders)
    if count > 12:
        assert len({tuple(order) for order in orders}) == 10
        assert list(range(count)) not in orders


def test_order_is_a_function_of_seed_and_epoch():
    split = numbered(50)

    def orders(**options) -> list[list[int]]:
        return epochs(pipeline(split, AS_STORED, batch_size=8, training=True, **options), 3, 7)

    first = orders(seed=3)
    assert orders(seed=3) == first
    assert orders(seed=3, start_epoch=2)[0] == first[2]
    other = orders(seed=4)
    assert not set(map(tuple, first)) & set(map(tuple, other))


def test_orders_of_epochs_are_not_correlated():
    """With 4,000 samples, an independent pair of orders correlates by 0.016 (one sigma)."""
    orders = epochs(pipeline(numbered(4000), AS_STORED, batch_size=4000, training=True), 8, 1)
    correlations = np.corrcoef(np.array([*orders, list(range(4000))]))
    assert np.abs(correlations - np.eye(9)).max() < 0.08


def test_dropped_remainders_differ_from_epoch_to_epoch():
    dataset = pipeline(numbered(10), AS_STORED, batch_size=4, training=True, drop_remainder=True)
    assert dataset.element_spec[0].shape == (4, 2, 2, 1)
    orders = epochs(dataset, 6, 2)
    assert all(len(set(order)) == 8 for order in orders)
    assert len({frozenset(order) for order in orders}) > 1


@pytest.mark.parametrize(("drop", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_evaluation_is_one_pass_in_order(drop, sizes):
    dataset = pipeline(numbered(10), AS_STORED, batch_size=4, training=False, drop_remainder=drop)
    batches = list(dataset)
    assert [len(labels) for _, labels in batches] == sizes
    assert np.concatenate([labels for _, labels in batches]).tolist() == list(range(sum(sizes)))
    assert dataset.cardinality() == len(sizes)
    assert [spec.dtype for spec in dataset.element_spec] == [tf.float32, tf.int32]


def test_training_is_endless():
    dataset = pipeline(numbered(10), AS_STORED, batch_size=4, training=True)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


def test_without_labels_there_are_images_only():
    split = Split(numbered(5).images, None)
    assert len(split) == 5
    (first, *_) = pipeline(split, AS_STORED, batch_size=4, training=False)
    assert first.shape == (4, 2, 2, 1)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"batch_size": 0}, UsageError),
        ({"start_epoch": -1}, UsageError),
        ({"distortion": {"translate": -1}}, UsageError),
        ({"distortion": {"translate": 0.5}}, UsageError),
        ({"distortion": {"rotate": 181}}, UsageError),
        ({"distortion": {"rotate": math.nan}}, UsageError),
        ({"distortion": {"zoom": 1.0}}, UsageError),
        ({"distortion": {"flip": True}, "training": False}, UsageError),
        ({"batch_size": 11, "drop_remainder": True}, DataError),
    ],
)
def test_wrong_arguments(options, error):
    with pytest.raises(error):
        options = {**options, "distortion": Distortion(**options.get("distortion", {}))}
        pipeline(numbered(10), AS_STORED, **{"batch_size": 4, "training": True, **options})


def test_empty_split():
    with pytest.raises(DataError, match="no samples"):
        pipeline(numbered(0), AS_STORED, batch_size=4, training=True)


# Values and sizes


@pytest.mark.parametrize(
    "preprocessing",
    [
        Preprocessing((32, 32), fit="pad", resize=28, channels="grey"),
        Preprocessing((32, 32), fit="pad", channels="grey", scale=1.275 / 255, mean=(0.1,)),
        Preprocessing((20, 24), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        Preprocessing((24, 24), fit="crop", resize=26, channels="bgr", scale=1.0, mean=(103.939,)),
        Preprocessing(None, channels="any"),
    ],
)
@pytest.mark.parametrize("limit", [2**31, 0])
@pytest.mark.parametrize("training", [False, True])
def test_batches_are_what_preprocessing_gives(preprocessing, limit, training, monkeypatch):
    monkeypatch.setattr(image_batches, "CACHE_LIMIT", limit)
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28, 1), np.uint8)
    before = images.copy()
    split = Split(images, np.arange(9))
    batches = pipeline(split, preprocessing, batch_size=4, training=training).take(3)
    for pixels, labels in batches:
        assert np.array_equal(pixels, preprocessing(images[labels.numpy()]))
    assert np.array_equal(images, before)


def test_lecuns_border_of_two_pixels():
    digits = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), np.uint8)
    preprocessing = Preprocessing.for_data((28, 28, 1), (32, 32, 1))
    split = Split(digits, np.arange(3))
    ((pixels, _),) = pipeline(split, preprocessing, batch_size=3, training=False)
    expected = np.pad(digits, ((0, 0), (2, 2), (2, 2), (0, 0))) / 255
    assert np.abs(pixels - expected).max() < 1e-7


def distorted(dataset, steps: int) -> dict[int, np.ndarray]:
    return {
        int(label): image
        for images, labels in dataset.take(steps)
        for image, label in zip(images.numpy(), labels, strict=True)
    }


def test_distortion_is_a_function_of_seed_epoch_and_sample():
    images = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1), np.uint8)
    split = Split(images, np.arange(20))
    distortion = Distortion(translate=2, rotate=10.0, zoom=0.1, flip=True)
    options = {"distortion": distortion, "training": True}

    def epoch(batch_size: int, number: int, seed: int = 0) -> dict[int, np.ndarray]:
        dataset = pipeline(
            split, AS_STORED, batch_size=batch_size, seed=seed, start_epoch=number, **options
        )
        return distorted(dataset, -(-20 // batch_size))

    first = epoch(20, 0)
    for other in (epoch(20, 0), epoch(3, 0)):
        assert all(np.array_equal(first[index], other[index]) for index in range(20))
    for other in (epoch(20, 1), epoch(20, 0, seed=1)):
        assert not any(np.array_equal(first[index], other[index]) for index in range(20))
    changed = [not np.array_equal(first[index], images[index]) for index in range(20)]
    assert np.mean(changed) > 0.9


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_change_nothing(threads):
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8, 1), np.uint8)
    split = Split(images, np.arange(60))
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    dataset = pipeline(split, AS_STORED, batch_size=4, training=True, distortion=TURNED)
    got = list(dataset.with_options(options).take(30))
    again = pipeline(split, AS_STORED, batch_size=4, training=True, distortion=TURNED)
    for (x, y), (x2, y2) in zip(got, again.take(30), strict=True):
        assert np.array_equal(x, x2)
        assert np.array_equal(y, y2)


def test_background_of_distortions_is_the_padding():
    split = Split(np.full((4, 8, 8, 1), 200, np.uint8), np.arange(4))
    preprocessing = Preprocessing(None, channels="grey", pad_value=255)
    dataset = pipeline(
        split, preprocessing, batch_size=4, training=True, distortion=Distortion(translate=3)
    )
    images = np.concatenate([x for x, _ in dataset.take(8)])
    assert set(np.unique(images * 255).round().astype(int).tolist()) == {200, 255}


def test_other_errors_pass_through_data_errors():
    with pytest.raises(tf.errors.InvalidArgumentError), data_errors():
        tf.reshape(tf.zeros(3), [2])


def test_a_pipeline_begins_at_any_step_of_any_epoch():
    images = np.arange(23, dtype=np.uint8).reshape(23, 1, 1, 1)
    split, prepared = Split(images, np.arange(23)), Preprocessing(size=(1, 1), channels="grey")
    options = {"batch_size": 4, "training": True, "seed": 5, "drop_remainder": True}
    batches = [
        labels.numpy().tolist() for _, labels in pipeline(split, prepared, **options).take(15)
    ]
    for epoch, step in ((0, 0), (0, 3), (1, 2), (2, 0), (0, 5)):
        part = pipeline(split, prepared, start_epoch=epoch, start_step=step, **options).take(4)
        first = epoch * 5 + step
        assert [labels.numpy().tolist() for _, labels in part] == batches[first : first + 4]
        indices = batch_indices(split, batch_size=4, seed=5, epoch=epoch, step=step)
        assert indices.tolist() == batches[first]
