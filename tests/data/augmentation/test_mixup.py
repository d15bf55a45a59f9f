"""Mixup and CutMix: images and labels are mixed in the same parts."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.pipeline import pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import UsageError
from support.images import AS_STORED, noise


def mixtures(count, batch_size, **fields):
    """Images whose pixels are their index, and rows of labels that are too."""
    images = np.broadcast_to(
        np.arange(count, dtype=np.float32)[:, None, None, None], (count, 8, 8, 1)
    )
    split = Split(images.copy(), np.arange(count))
    dataset = pipeline(
        split, AS_STORED, batch_size=batch_size, training=True, distortion=Distortion(**fields),
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
        pipeline(split, AS_STORED, batch_size=2, training=True, distortion=Distortion(mixup=0.2))
