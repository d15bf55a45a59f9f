"""A tf.data.Dataset as a source: contents, splits, order and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.load import load_data
from kerascnn.data.pipeline import pipeline
from kerascnn.errors import DataError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from support.images import AS_STORED

IMAGES = np.random.default_rng(0).integers(0, 256, (20, 6, 5, 1), np.uint8)
LABELS = np.arange(20) % 4


def slices(images=IMAGES, labels=LABELS):
    return tf.data.Dataset.from_tensor_slices((images, labels))


def everything(split, preprocessing=AS_STORED, **options) -> tuple[np.ndarray, np.ndarray]:
    batches = list(pipeline(split, preprocessing, batch_size=8, training=False, **options))
    return tuple(np.concatenate(part) for part in zip(*batches, strict=True))


FORMS = {
    "single": slices,
    "batched": lambda: slices().batch(3),
    "one-hot": lambda: slices(labels=np.eye(4)[LABELS]),
    "batched one-hot": lambda: slices(labels=np.eye(4)[LABELS]).batch(7),
    "column": lambda: slices(labels=LABELS[:, None]).batch(7),
    "no channel axis": lambda: slices(IMAGES[..., 0]),
    "batched, no channel axis": lambda: slices(IMAGES[..., 0]).batch(7, drop_remainder=False),
    "0 to 1": lambda: slices((IMAGES / 255).astype(np.float32)).batch(7),
    "float 0 to 255": lambda: slices(IMAGES.astype(np.float64)),
    "whole numbers": lambda: slices(IMAGES.astype(np.int64)),
    "dictionary": lambda: slices().map(lambda x, y: {"label": y, "image": x, "id": y}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_pixels_and_labels(form):
    data = load_data((FORMS[form](), FORMS[form]()))
    assert (len(data.train), len(data.test)) == (20, 20)
    assert data.image_shape == (6, 5, 1)
    assert data.class_names == ("0", "1", "2", "3")
    images, labels = everything(data.test)
    assert np.abs(images - IMAGES).max() < 1e-4
    assert np.array_equal(labels, LABELS)
    assert np.array_equal(data.test.labels, LABELS)


def test_one_dataset_is_split_without_overlap():
    data = load_data(slices().batch(3), seed=2)
    parts = [everything(split) for split in (data.train, data.test)]
    assert [len(labels) for _, labels in parts] == [12, 8]
    for (_, labels), split in zip(parts, (data.train, data.test), strict=True):
        assert np.array_equal(labels, split.labels)
    assert np.bincount(parts[1][1]).tolist() == [2, 2, 2, 2]
    got = sorted(x.tobytes() for images, _ in parts for x in images)
    assert got == sorted(x.tobytes() for x in IMAGES.astype(np.float32))
    other = load_data(slices(), seed=3)
    assert not np.array_equal(everything(other.test)[0], parts[1][0])


def test_everything_for_testing():
    data = load_data(slices(), test_fraction=1.0)
    assert (len(data.train), len(data.test)) == (0, 20)
    assert np.array_equal(everything(data.test)[0], IMAGES)


def test_a_dataset_that_shuffles_itself_cannot_be_split():
    shuffled = slices().shuffle(20)
    with pytest.raises(DataError, match="another order at every pass"):
        load_data(shuffled)
    assert len(load_data((shuffled, slices())).train) == 20


@pytest.mark.parametrize("batched", [False, True])
def test_training_repeats_the_datasets_own_order(batched):
    source = slices().shuffle(20, seed=1)
    data = load_data((source.batch(5) if batched else source, slices()))
    dataset = pipeline(data.train, AS_STORED, batch_size=8, training=True)
    batches = [(x.numpy(), y.numpy()) for x, y in dataset.take(9)]
    assert [len(y) for _, y in batches] == [8, 8, 4] * 3
    wanted = sorted(x.tobytes() for x in IMAGES.astype(np.float32))
    passes = []
    for epoch in range(3):
        images = np.concatenate([x for x, _ in batches[3 * epoch : 3 * epoch + 3]])
        assert sorted(x.tobytes() for x in images) == wanted
        passes.append(images.tobytes())
    assert len(set(passes)) == 3
    dropped = pipeline(data.train, AS_STORED, batch_size=8, training=True, drop_remainder=True)
    assert [len(y) for _, y in dropped.take(4)] == [8] * 4


def test_distortion_changes_from_epoch_to_epoch():
    data = load_data((slices(), slices()))
    options = {"batch_size": 20, "training": True, "distortion": Distortion(rotate=30.0)}
    dataset = pipeline(data.train, AS_STORED, **options)
    first, second = (x.numpy() for x, _ in dataset.take(2))
    again = next(iter(pipeline(data.train, AS_STORED, **options)))
    assert np.array_equal(again[0], first)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("batch", [None, 3])
def test_images_get_the_models_size_and_values(batch):
    data = load_data((slices() if batch is None else slices().batch(batch), slices()))
    preprocessing = Preprocessing((9, 8), mean=(0.1, 0.2, 0.3), std=(0.5,))
    for split in (data.train, data.test):
        images, _ = everything(split, preprocessing)
        assert np.array_equal(images, preprocessing(IMAGES))


def test_images_of_different_sizes():
    def generate():
        for number in range(8):
            yield np.full((4 + number, 5, 3), 10 * number, np.uint8), number % 2

    signature = (tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int32))
    dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
    data = load_data((dataset, dataset))
    assert data.image_shape == (None, None, 3)
    images, labels = everything(data.test, Preprocessing((4, 4), scale=1.0))
    assert images.shape == (8, 4, 4, 3)
    assert images[:, 0, 0, 0].tolist() == [10 * number for number in range(8)]
    assert labels.tolist() == [0, 1] * 4


@pytest.mark.parametrize(
    ("dataset", "error", "words"),
    [
        (lambda: slices().repeat(), DataError, "infinite"),
        (lambda: slices().take(0), DataError, "no sample"),
        (lambda: slices().map(lambda x, _: x), UsageError, r"\(image, label\) is needed"),
        (lambda: slices(labels=LABELS - 1), DataError, "-1 at index 0"),
        (lambda: slices(labels=np.where(LABELS == 3, np.nan, LABELS)), DataError, "nan at index 3"),
        (lambda: slices(labels=np.zeros((20, 4))), DataError, "one-hot"),
        (lambda: slices(labels=np.zeros((20, 4, 2))), UsageError, "one label"),
        (lambda: slices(IMAGES[:, 0, 0]), UsageError, "height x width"),
    ],
)
def test_datasets_that_are_refused(dataset, error, words):
    with pytest.raises(error, match=words):
        load_data((dataset(), slices()))


def test_shapes_that_differ():
    with pytest.raises(DataError, match="make them equal"):
        load_data((slices(), slices(IMAGES[:, 1:])))


def test_fingerprint_knows_counts_and_types_but_not_order():
    prints = {
        load_data(pair).fingerprint
        for pair in (
            (slices(), slices()),
            (slices().shuffle(20), slices()),
            (slices().take(19), slices()),
            (slices(IMAGES.astype(np.float32)), slices()),
        )
    }
    assert len(prints) == 3
