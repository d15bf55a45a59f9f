"""The pipeline: order, distortion and values, against NumPy, Pillow and arithmetic."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerascnn.data import image_batches
from kerascnn.data.augmentation.affine import DRAWS, Affine
from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.load import load_data
from kerascnn.data.pipeline import data_errors, pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import DamagedFileError, DataError, MismatchError, UsageError
from kerascnn.imaging.decode import load_image, load_picture
from kerascnn.imaging.preprocessing import Preprocessing

TURNED = Distortion(rotate=20.0, translate=1)
PLAIN = Preprocessing(None, channels="any", scale=1.0)


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
    dataset = pipeline(numbered(count), PLAIN, batch_size=batch_size, training=True)
    orders = epochs(dataset, 10, -(-count // batch_size))
    assert all(sorted(order) == list(range(count)) for order in orders)
    if count > 12:
        assert len({tuple(order) for order in orders}) == 10
        assert list(range(count)) not in orders


def test_order_is_a_function_of_seed_and_epoch():
    split = numbered(50)

    def orders(**options) -> list[list[int]]:
        return epochs(pipeline(split, PLAIN, batch_size=8, training=True, **options), 3, 7)

    first = orders(seed=3)
    assert orders(seed=3) == first
    assert orders(seed=3, start_epoch=2)[0] == first[2]
    other = orders(seed=4)
    assert not set(map(tuple, first)) & set(map(tuple, other))


def test_orders_of_epochs_are_not_correlated():
    """With 4,000 samples, an independent pair of orders correlates by 0.016 (one sigma)."""
    orders = epochs(pipeline(numbered(4000), PLAIN, batch_size=4000, training=True), 8, 1)
    correlations = np.corrcoef(np.array([*orders, list(range(4000))]))
    assert np.abs(correlations - np.eye(9)).max() < 0.08


def test_dropped_remainders_differ_from_epoch_to_epoch():
    dataset = pipeline(numbered(10), PLAIN, batch_size=4, training=True, drop_remainder=True)
    assert dataset.element_spec[0].shape == (4, 2, 2, 1)
    orders = epochs(dataset, 6, 2)
    assert all(len(set(order)) == 8 for order in orders)
    assert len({frozenset(order) for order in orders}) > 1


@pytest.mark.parametrize(("drop", "sizes"), [(False, [4, 4, 2]), (True, [4, 4])])
def test_evaluation_is_one_pass_in_order(drop, sizes):
    dataset = pipeline(numbered(10), PLAIN, batch_size=4, training=False, drop_remainder=drop)
    batches = list(dataset)
    assert [len(labels) for _, labels in batches] == sizes
    assert np.concatenate([labels for _, labels in batches]).tolist() == list(range(sum(sizes)))
    assert dataset.cardinality() == len(sizes)
    assert [spec.dtype for spec in dataset.element_spec] == [tf.float32, tf.int32]


def test_training_is_endless():
    dataset = pipeline(numbered(10), PLAIN, batch_size=4, training=True)
    assert dataset.cardinality() == tf.data.INFINITE_CARDINALITY


def test_without_labels_there_are_images_only():
    split = Split(numbered(5).images, None)
    assert len(split) == 5
    (first, *_) = pipeline(split, PLAIN, batch_size=4, training=False)
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
        pipeline(numbered(10), PLAIN, **{"batch_size": 4, "training": True, **options})


def test_empty_split():
    with pytest.raises(DataError, match="no samples"):
        pipeline(numbered(0), PLAIN, batch_size=4, training=True)


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


# Distortion


def bilinear(image: np.ndarray, x: np.ndarray, y: np.ndarray, fill: float) -> np.ndarray:
    """Values of an image at real coordinates, with `fill` at every whole one outside."""

    def at(column: np.ndarray, row: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        value = image[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)]
        return np.where(inside[..., None], value, fill)

    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = at(left, top) * (1 - across) + at(left + 1, top) * across
    lower = at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across
    return upper * (1 - down) + lower * down


def warped(image: np.ndarray, affine: Affine, draw: np.ndarray, fill: float) -> np.ndarray:
    """The distortion as its docstring has it: flip, zoom, rotation about the centre, then shift."""
    shifts = np.floor(draw[:2] * (2 * affine.translate + 1)) - affine.translate
    angle = math.radians((2 * draw[2] - 1) * affine.rotate)
    factor = 1 + (2 * draw[3] - 1) * affine.zoom
    mirror = -1 if affine.flip and draw[4] < 0.5 else 1
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    forward = rotation @ np.diag([factor * mirror, factor])
    height, width = image.shape[:2]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    y, x = np.mgrid[0:height, 0:width]
    points = np.stack([x.ravel(), y.ravel()]) - (centre + shifts)[:, None]
    source = np.linalg.inv(forward) @ points + centre[:, None]
    return bilinear(image, *source.reshape(2, height, width), fill)


@pytest.mark.parametrize(
    "affine",
    [
        Affine(translate=3),
        Affine(flip=True),
        Affine(rotate=25.0),
        Affine(zoom=0.3),
        Affine(translate=2, flip=True, rotate=15.0, zoom=0.2),
    ],
)
def test_distortion_is_the_affine_map(affine):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (16, 12, 17, 3)).astype(np.float32)
    draws = random.random((16, DRAWS)).astype(np.float32)
    result = affine(tf.constant(images), tf.constant(draws), 77.0).numpy()
    for image, draw, got in zip(images, draws, result, strict=True):
        # A float32 coordinate of 17 is exact to 1e-6; neighbours differ by up to 255.
        assert np.abs(got - warped(image, affine, draw, 77.0)).max() < 5e-3


def test_shifts_and_flips_are_exact_and_even():
    images = np.random.default_rng(0).integers(0, 256, (4000, 7, 9, 1)).astype(np.float32)
    draws = tf.random.stateless_uniform([4000, DRAWS], seed=[1, 2])
    result = Affine(translate=2, flip=True)(tf.constant(images), draws, -1.0).numpy()
    counts: dict[tuple[int, int, int], int] = {}
    for image, got in zip(images, result, strict=True):
        padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), constant_values=-1.0)
        found = [
            (down, across, mirror)
            for down in range(5)
            for across in range(5)
            for mirror in (1, -1)
            if np.array_equal(got, padded_at(padded, image, down, across, mirror))
        ]
        assert len(found) == 1
        counts[found[0]] = counts.get(found[0], 0) + 1
    # 50 equally likely cases of 4,000: 80 each, with a deviation of 9.
    assert len(counts) == 50
    assert min(counts.values()) > 40
    assert max(counts.values()) < 125


def padded_at(padded, image, down, across, mirror):
    if mirror == -1:
        padded = padded[:, ::-1]
    return padded[down : down + image.shape[0], across : across + image.shape[1]]


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
            split, PLAIN, batch_size=batch_size, seed=seed, start_epoch=number, **options
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
    dataset = pipeline(split, PLAIN, batch_size=4, training=True, distortion=TURNED)
    got = list(dataset.with_options(options).take(30))
    again = pipeline(split, PLAIN, batch_size=4, training=True, distortion=TURNED)
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


# Files


@pytest.fixture
def photos(tmp_path) -> Path:
    random = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "ab"[number % 2] / f"{number:02}.jpg"
        path.parent.mkdir(exist_ok=True)
        shape = (20 + number, 30 - number, 3)
        Image.fromarray(random.integers(0, 256, shape, np.uint8)).save(path)
    return tmp_path


@pytest.mark.parametrize("limit", [2**31, 0])
@pytest.mark.parametrize("channels", ["rgb", "grey"])
def test_files_come_as_the_decoder_and_preprocessing_give_them(
    photos, limit, channels, monkeypatch
):
    monkeypatch.setattr(image_batches, "CACHE_LIMIT", limit)
    data = load_data(f"folder:{photos}")
    preprocessing = Preprocessing((16, 18), fit="crop", resize=17, channels=channels)
    expected = np.stack([preprocessing(load_image(path)) for path in data.train.images])
    dataset = pipeline(data.train, preprocessing, batch_size=3, training=False)
    for _ in range(2):
        assert np.array_equal(np.concatenate([images for images, _ in dataset]), expected)
    assert np.array_equal(np.concatenate([marks for _, marks in dataset]), data.train.labels)
    assert dataset.element_spec[0].shape[1:] == expected.shape[1:]


def test_prepared_files_are_decoded_once(photos, monkeypatch):
    reads: list[Path] = []

    def counting(path: Path, mode: str) -> np.ndarray:
        reads.append(path)
        return load_picture(path, mode)

    monkeypatch.setattr(image_batches, "load_picture", counting)
    data = load_data(f"folder:{photos}")
    dataset = pipeline(data.train, Preprocessing((8, 8)), batch_size=3, training=False)
    for _ in range(3):
        assert len(list(dataset)) == 3
    # The first one is looked at once more, for its shape.
    assert len(reads) == len(data.train) + 1
    assert set(reads) == set(data.train.images)


def test_a_file_that_breaks_later_is_named(photos):
    data = load_data(f"folder:{photos}")
    broken = data.train.images[3]
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    for training in (False, True):
        dataset = pipeline(data.train, Preprocessing((8, 8)), batch_size=2, training=training)
        with pytest.raises(DamagedFileError) as caught, data_errors():
            list(dataset.take(4))
        assert str(broken) in str(caught.value)
        assert "\n" not in str(caught.value)
    broken.unlink()
    dataset = pipeline(data.train, Preprocessing((8, 8)), batch_size=2, training=False)
    with pytest.raises(DataError, match="does not exist"), data_errors():
        list(dataset)


def test_other_errors_pass_through_data_errors():
    with pytest.raises(tf.errors.InvalidArgumentError), data_errors():
        tf.reshape(tf.zeros(3), [2])


def test_files_of_different_sizes_need_a_size(photos):
    data = load_data(f"folder:{photos}")
    dataset = pipeline(data.train, Preprocessing(None), batch_size=2, training=False)
    with pytest.raises(MismatchError, match="give the preprocessing a size"), data_errors():
        list(dataset)
