"""Lighting and jitter of colours against NumPy and the definitions in the papers."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.pipeline import pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.imaging.preprocessing import Preprocessing
from support.images import AS_STORED, noise


def colours(images, preprocessing=AS_STORED, **fields):
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
        coefficients, residual, *_ = np.linalg.lstsq(columns, result.ravel().astype(np.float64))
        assert residual[0] < 1e-2
        bright = coefficients.sum()
        contrast = (coefficients[0] + coefficients[1]) / bright
        seen.append((bright, contrast, coefficients[0] / (bright * contrast)))
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
