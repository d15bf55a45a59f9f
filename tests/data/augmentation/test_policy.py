"""Distortions of training images: windows, and what decides about each image."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from kerascnn.data import image_batches
from kerascnn.data.augmentation.policy import Distortion, generator
from kerascnn.data.load import load_data
from kerascnn.data.pipeline import pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import MismatchError, UsageError
from kerascnn.imaging.decode import load_image
from kerascnn.imaging.preprocessing import Preprocessing
from support.images import AS_STORED, noise, write_photos

SQUARE = Preprocessing((16, 16), scale=1.0)


def test_windows_of_drawn_area_have_the_papers_distribution():
    """Szegedy 2014: area even in 8 % to 100 %, aspect between 3/4 and 4/3, anywhere."""
    distortion = Distortion(crop="area")
    boxes = np.array(
        [distortion.window(generator(0, 0, k), 500, 375, (224, 224)) for k in range(4000)]
    )
    left, upper, right, lower = boxes.T
    assert left.min() == 0
    assert upper.min() == 0
    assert right.max() == 500
    assert lower.max() == 375
    aspects = (right - left) / (lower - upper)
    assert aspects.min() > 3 / 4 - 0.01
    assert aspects.max() < 4 / 3 + 0.01
    areas = (right - left) * (lower - upper) / (500 * 375)
    assert areas.min() == pytest.approx(0.08, abs=0.003)
    # Even in what fits: below the largest square, 75 % of the image, all draws do.
    small = np.sort(areas[areas < 0.5])
    even = np.linspace(0.08, 0.5, len(small))
    assert np.abs(small - even).max() < 0.02
    assert np.mean(left / np.maximum(500 - (right - left), 1)) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(("width", "height"), [(500, 375), (300, 900)])
def test_windows_of_scaled_images_have_the_papers_scales(width, height):
    """He 2015: the shorter side in [256, 480], a window of 224 in it."""
    distortion = Distortion(crop="scale", shorter_side=(256, 480))
    boxes = np.array(
        [distortion.window(generator(0, 0, k), width, height, (224, 224)) for k in range(3000)]
    )
    left, upper, right, lower = boxes.T
    np.testing.assert_allclose(right - left, lower - upper, rtol=1e-6)
    shorter = 224 / (right - left) * min(width, height)
    assert shorter.min() == pytest.approx(256, abs=1)
    assert shorter.max() == pytest.approx(480, abs=1)
    assert shorter.mean() == pytest.approx(368, abs=4)
    assert left.min() >= 0
    assert right.max() <= width
    assert lower.max() <= height
    assert np.corrcoef(left, upper)[0, 1] == pytest.approx(0, abs=0.35)


def test_a_window_that_never_fits_is_the_largest_of_an_allowed_aspect():
    left, upper, right, lower = Distortion(crop="area", area=(1.0, 1.0)).window(
        generator(0, 0, 0), 1000, 10, (8, 8)
    )
    assert (right - left) / (lower - upper) == pytest.approx(4 / 3)
    assert (left + right) / 2 == pytest.approx(500)


def test_a_window_is_resampled_as_pillow_does_it():
    image = noise(40, 50, 3)
    distortion = Distortion(crop="area", flip=True)
    split = Split(image[None], np.array([1]))
    for epoch in range(6):
        dataset = pipeline(
            split, SQUARE, batch_size=1, training=True, distortion=distortion, start_epoch=epoch
        )
        ((got, _),) = dataset.take(1)
        draw = generator(0, epoch, 0)
        box = distortion.window(draw, 50, 40, (16, 16))
        cut = Image.fromarray(image).resize((16, 16), Image.Resampling.BILINEAR, box=box)
        expected = np.asarray(ImageOps.mirror(cut) if draw.random() < 0.5 else cut)
        assert np.array_equal(got[0], expected)


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path, ".png")


ALL = Distortion(
    crop="area", flip=True, rotate=5.0, lighting=0.1, jitter=0.3, randaugment=2, magnitude=5
)


def one_epoch(split, distortion, batch_size, number=0, seed=0, **options):
    dataset = pipeline(
        split, SQUARE, batch_size=batch_size, training=True, distortion=distortion, seed=seed,
        start_epoch=number,
    )  # fmt: skip
    if options:
        wanted = tf.data.Options()
        wanted.threading.private_threadpool_size = options["threads"]
        dataset = dataset.with_options(wanted)
    return {
        int(label): image
        for images, labels in dataset.take(-(-len(split) // batch_size))
        for image, label in zip(images.numpy(), labels, strict=True)
    }


def test_a_file_s_distortion_is_a_function_of_seed_epoch_and_sample(photos, monkeypatch):
    data = load_data(f"folder:{photos}", test_fraction=0.1)
    split = Split(data.train.images, np.arange(len(data.train)))
    first = one_epoch(split, ALL, 4)
    for other in (one_epoch(split, ALL, 3), one_epoch(split, ALL, 10, threads=1)):
        assert all(np.array_equal(first[index], other[index]) for index in first)
    # As many threads as there may be: one, and more than images.
    for workers in (1, 17):
        pool = image_batches.ThreadPoolExecutor(workers)
        monkeypatch.setattr(image_batches, "_pool", lambda pool=pool: pool)
        other = one_epoch(split, ALL, 5)
        assert all(np.array_equal(first[index], other[index]) for index in first)
    for other in (one_epoch(split, ALL, 4, number=1), one_epoch(split, ALL, 4, seed=1)):
        assert not any(np.array_equal(first[index], other[index]) for index in first)


def test_arrays_files_and_datasets_get_the_same_distortion(photos):
    data = load_data(f"folder:{photos}", test_fraction=0.1)
    files = Split(data.train.images, np.arange(len(data.train)))
    contents = Split(tuple(path.read_bytes() for path in files.images), files.labels)
    pixels = [load_image(path) for path in files.images]
    dataset = tf.data.Dataset.from_generator(
        lambda: zip(pixels, range(len(pixels)), strict=True),
        output_signature=(tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int64)),
    )
    expected = one_epoch(files, ALL, 4)
    for split in (contents, Split(dataset, files.labels)):
        single = Distortion(crop="area", flip=True, randaugment=2, magnitude=5)
        wanted = one_epoch(files, single, 4)
        got = one_epoch(split, single, 4)
        assert all(np.array_equal(got[index], wanted[index]) for index in wanted)
    again = one_epoch(contents, ALL, 4)
    assert all(np.array_equal(again[index], expected[index]) for index in expected)


def test_what_pillow_has_no_mode_for_is_refused():
    split = Split(noise(3, 8, 8, 5).astype(np.float32), np.arange(3))
    with pytest.raises(MismatchError, match="uint8 images of 1 or 3 channels"):
        pipeline(
            split, AS_STORED, batch_size=1, training=True, distortion=Distortion(randaugment=1)
        )
    split = Split(noise(3, 8, 8, 3), np.arange(3))
    with pytest.raises(MismatchError, match="give the preprocessing a size"):
        pipeline(split, AS_STORED, batch_size=1, training=True, distortion=Distortion(crop="area"))
    with pytest.raises(UsageError, match="crop is 'random'"):
        Distortion(crop="random")
