"""SavedModels that take encoded images, beside Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from kerascnn.imaging.preprocessing import Preprocessing
from support.digit_exports import GREY, NAMES


def test_encoded_images(digits, everything):
    model, data = digits
    picture = np.asarray(data.test.images[7])
    files = []
    for image in (picture, np.asarray(data.test.images[8])):
        stream = io.BytesIO()
        Image.fromarray(image.squeeze()).save(stream, "PNG")
        files.append(stream.getvalue())
    loaded = tf.saved_model.load(str(everything[0] / "savedmodel"))
    got = loaded.signatures["serving_bytes"](image_bytes=tf.constant(files))
    assert got["classes"].shape == (2, 5)
    wanted = model.predict(GREY(np.asarray(data.test.images[7:9])), verbose=0)
    names = [[name.decode() for name in row] for row in got["classes"].numpy()]
    assert [row[0] for row in names] == [NAMES[index] for index in wanted.argmax(-1)]
    # Pillow resizes with whole numbers.
    assert np.abs(got["scores"].numpy()[:, 0] - wanted.max(-1)).max() < 2e-2


@pytest.mark.parametrize("fit", ["crop", "pad", "resize"])
@pytest.mark.parametrize("sides", [(50, 71), (31, 24), (32, 32)])
def test_tensorflow_prepares_as_pillow(fit, sides):
    from kerascnn.exporting.savedmodel_bytes import _prepared

    resize = {"crop": 40, "pad": 28, "resize": None}[fit]
    preprocessing = Preprocessing(
        size=(32, 32), fit=fit, resize=resize, channels="bgr", mean=(0.1, 0.2, 0.3), pad_value=9
    )
    small = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype("uint8")
    image = np.asarray(Image.fromarray(small).resize(sides[::-1], Image.Resampling.BICUBIC))
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    got = _prepared(tf.constant(stream.getvalue()), preprocessing).numpy()
    assert np.abs(got - preprocessing(image)).max() < 3 / 255
