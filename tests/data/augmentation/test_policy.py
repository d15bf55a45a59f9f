"""What recipes do to training images, against NumPy, Pillow and the definitions in the papers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from kerascnn.data import image_batches
from kerascnn.data.augmentation.policy import Distortion, generator
from kerascnn.data.augmentation.randaugment import DISTORTIONS, randaugment
from kerascnn.data.load import load_data
from kerascnn.data.pipeline import pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import MismatchError, UsageError
from kerascnn.imaging.decode import load_image
from kerascnn.imaging.preprocessing import Preprocessing

PLAIN = Preprocessing(None, channels="any", scale=1.0)
SQUARE = Preprocessing((16, 16), scale=1.0)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


# Windows


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
    for number in range(12):
        path = tmp_path / "ab"[number % 2] / f"{number:02}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(noise(20 + number, 30 - number, 3, seed=number)).save(path)
    return tmp_path


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
        pipeline(split, PLAIN, batch_size=1, training=True, distortion=Distortion(randaugment=1))
    split = Split(noise(3, 8, 8, 3), np.arange(3))
    with pytest.raises(MismatchError, match="give the preprocessing a size"):
        pipeline(split, PLAIN, batch_size=1, training=True, distortion=Distortion(crop="area"))
    with pytest.raises(UsageError, match="crop is 'random'"):
        Distortion(crop="random")


# RandAugment


def test_the_fourteen_distortions_of_the_paper():
    assert len(DISTORTIONS) == 14
    picture = Image.fromarray(noise(24, 20, 3))
    for name, distort in DISTORTIONS.items():
        got = distort(picture, 0.9)
        assert (got.size, got.mode) == (picture.size, "RGB")
        assert (got != picture) == (name != "identity"), name
        assert DISTORTIONS[name](picture.convert("L"), -0.5).mode == "L"
    for name in ("rotate", "color", "contrast", "brightness", "sharpness", "shear_x", "posterize"):
        assert DISTORTIONS[name](picture, 0.0) == picture, name


def test_distortions_are_what_they_are_called():
    pixels = noise(20, 20, 3)
    picture = Image.fromarray(pixels)
    moved = np.asarray(DISTORTIONS["translate_x"](picture, 1.0))
    assert np.array_equal(moved[:, : 20 - 9], pixels[:, 9:])  # 0.45 of 20 pixels
    assert (moved[:, 20 - 9 :] == 128).all()
    solarized = np.asarray(DISTORTIONS["solarize"](picture, 0.5))
    assert np.array_equal(solarized, np.where(pixels < 128, pixels, 255 - pixels))
    posterized = np.asarray(DISTORTIONS["posterize"](picture, 1.0))
    assert np.array_equal(posterized, pixels & 0xF0)
    bright = np.asarray(DISTORTIONS["brightness"](picture, 1.0)).astype(int)
    assert np.abs(bright - np.minimum(pixels * 1.9, 255)).max() <= 1
    turned = np.asarray(DISTORTIONS["rotate"](Image.new("L", (99, 99), 0), 1.0))
    assert (turned > 64).mean() == pytest.approx(corner_share(30), abs=0.02)


def corner_share(degrees):
    """The part of a square that the same square, turned about its centre, does not cover."""
    turn = math.radians(degrees)
    grid = (np.arange(400) + 0.5) / 400 - 0.5
    x, y = np.meshgrid(grid, grid)
    u = math.cos(turn) * x + math.sin(turn) * y
    v = math.cos(turn) * y - math.sin(turn) * x
    return float(np.mean((np.abs(u) > 0.5) | (np.abs(v) > 0.5)))


def test_so_many_distortions_are_drawn():
    picture = Image.fromarray(noise(24, 24, 3))
    assert randaugment(picture, 0, 9, generator(0, 0, 0)) is picture
    results = {randaugment(picture, 2, 9, generator(0, 0, k)).tobytes() for k in range(60)}
    assert len(results) > 40


# Colours


def colours(images, preprocessing=PLAIN, **fields):
    split = Split(images, np.arange(len(images)))
    dataset = pipeline(
        split, preprocessing, batch_size=len(images), training=True, distortion=Distortion(**fields)
    )
    ((got, labels),) = dataset.take(1)
    return got.numpy()[np.argsort(labels)]


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_lighting_moves_along_imagenet_s_principal_components(channels):
    images = noise(2000, 4, 4, 3)
    preprocessing = Preprocessing(None, channels=channels, scale=1.0)
    got = colours(images, preprocessing, lighting=0.1)
    if channels == "bgr":
        got = got[..., ::-1]
    shift = got - images.astype(np.float32)
    assert np.abs(shift - shift[:, :1, :1]).max() < 1e-4  # one shift for the whole image
    shift = shift[:, 0, 0]
    # The covariance of p1 a1 l1 + ..., a ~ N(0, 0.1), is sum (0.1 l_i)^2 p_i p_i'.
    vectors = np.array(
        [[-0.5675, -0.5808, -0.5836], [0.7192, -0.0045, -0.6948], [0.4009, -0.814, 0.4203]]
    )
    values = np.array([0.2175, 0.0188, 0.0045])
    expected = sum((25.5 * v) ** 2 * np.outer(p, p) for v, p in zip(values, vectors, strict=True))
    np.testing.assert_allclose(np.cov(shift.T), expected, rtol=0.12, atol=0.1)


def test_jitter_is_brightness_then_contrast_then_saturation():
    images = noise(300, 5, 6, 3)
    got = colours(images, jitter=0.4)
    luma = np.array([0.299, 0.587, 0.114])
    seen = []
    for image, result in zip(images.astype(np.float64), got, strict=True):
        grey = image @ luma
        mean = grey.mean()
        # result = b (c s x + c (1 - s) g + (1 - c) m): three unknown factors, many pixels.
        columns = np.stack(
            [image.ravel(), np.repeat(grey.ravel(), 3), np.full(image.size, mean)], axis=1
        )
        found, residual, *_ = np.linalg.lstsq(columns, result.ravel().astype(np.float64))
        assert residual[0] < 1e-2
        bright = found.sum()
        contrast = (found[0] + found[1]) / bright
        seen.append((bright, contrast, found[0] / (bright * contrast)))
    factors = np.array(seen)
    assert factors.min() > 0.6 - 1e-3
    assert factors.max() < 1.4 + 1e-3
    np.testing.assert_allclose(factors.mean(axis=0), 1.0, atol=0.04)
    assert np.abs(np.corrcoef(factors.T) - np.eye(3)).max() < 0.2


def test_grey_images_have_brightness_and_contrast_only():
    images = noise(20, 5, 6, 1)
    got = colours(images, jitter=0.4, lighting=0.5)
    for image, result in zip(images[..., 0].astype(float), got[..., 0], strict=True):
        slope, offset = np.polyfit(image.ravel(), result.ravel(), 1)
        np.testing.assert_allclose(result, slope * image + offset, atol=1e-2)


# Mixtures


def mixtures(count, batch_size, **fields):
    """Images whose pixels are their index, and rows of labels that are too."""
    images = np.broadcast_to(
        np.arange(count, dtype=np.float32)[:, None, None, None], (count, 8, 8, 1)
    )
    split = Split(images.copy(), np.arange(count))
    dataset = pipeline(
        split, PLAIN, batch_size=batch_size, training=True, distortion=Distortion(**fields),
        classes=count,
    )  # fmt: skip
    return dataset.take(count // batch_size)


def test_mixup_mixes_images_and_labels_in_the_same_parts():
    shares = []
    for images, rows in mixtures(400, 4, mixup=0.4):
        assert rows.shape == (4, 400)
        np.testing.assert_allclose(rows.numpy().sum(axis=1), 1.0, rtol=1e-5)
        expected = rows.numpy() @ np.arange(400)
        np.testing.assert_allclose(images[:, 0, 0, 0], expected, rtol=1e-4, atol=1e-3)
        assert float(tf.reduce_max(images) - tf.reduce_max(images[:, :1, :1])) == 0
        shares.append(float(tf.reduce_max(rows)))
    # Beta(0.4, 0.4): max(l, 1 - l) has the mean 0.5 + E|l - 0.5|.
    draws = np.random.default_rng(0).beta(0.4, 0.4, 100_000)
    assert np.mean(shares) == pytest.approx(np.maximum(draws, 1 - draws).mean(), abs=0.05)


def test_cutmix_takes_a_rectangle_and_its_area():
    areas = []
    for images, rows in mixtures(400, 4, cutmix=1.0):
        for image, row in zip(images.numpy()[..., 0], rows.numpy(), strict=True):
            values, counts = np.unique(image, return_counts=True)
            assert len(values) <= 2
            for value, count in zip(values, counts, strict=True):
                assert row[int(value)] == pytest.approx(count / 64, abs=1e-5)
                other = image == value
                if count < 64 and other.any(axis=0).sum() * other.any(axis=1).sum() == count:
                    areas.append(count / 64)
    assert len(set(areas)) > 5


def test_with_both_half_of_the_batches_get_each():
    cut = 0
    for images, _ in mixtures(800, 4, cutmix=1.0, mixup=1.0):
        whole = images.numpy() == images.numpy()[:, :1, :1]
        blended = whole.all() and (images.numpy() % 1 != 0).any()
        cut += not blended
    assert 60 < cut < 140


def test_mixing_is_a_function_of_seed_epoch_and_batch():
    first = [images.numpy() for images, _ in mixtures(16, 4, cutmix=1.0, mixup=0.2)]
    again = [images.numpy() for images, _ in mixtures(16, 4, cutmix=1.0, mixup=0.2)]
    assert all(map(np.array_equal, first, again))
    split = Split(noise(4, 8, 8, 1), np.arange(4))
    with pytest.raises(UsageError, match="needs labels and the number of classes"):
        pipeline(split, PLAIN, batch_size=2, training=True, distortion=Distortion(mixup=0.2))


# Images that become unreadable


def test_a_bad_image_is_replaced_by_another_of_its_class(photos):
    data = load_data(f"folder:{photos}", test_fraction=0.1)
    expected = {i: SQUARE(load_image(path)) for i, path in enumerate(data.train.images)}
    data.train.images[3].write_bytes(b"")
    dataset = pipeline(data.train, SQUARE, batch_size=2, training=False, max_bad=1)
    with pytest.warns(UserWarning, match=r"is empty.*another image of its class takes its place"):
        images = np.concatenate([batch for batch, _ in dataset])
    alike = [
        k for k in range(len(images)) if k != 3 and data.train.labels[k] == data.train.labels[3]
    ]
    assert any(np.array_equal(images[3], expected[k]) for k in alike)
    for k, image in enumerate(images):
        assert k == 3 or np.array_equal(image, expected[k])
