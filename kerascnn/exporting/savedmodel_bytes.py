"""The second signature of a SavedModel, from JPEG and PNG files to class names and scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kerascnn.exporting.common.network import Network
from kerascnn.imaging.preprocessing import CHANNELS, Preprocessing
from kerascnn.lazy import tf
from kerascnn.models.signature import gives_logits
from kerascnn.runtimes.contract import INPUT, OUTPUT

BYTES = "image_bytes"
TOP = 5


def serving_bytes(
    network: Network, preprocessing: Preprocessing, class_names: Sequence[str] | None
) -> Any:
    """Returns a `tf.function` from N encoded images to `classes` and `scores`, N x 5 at most.

    The best class comes first. The images are decoded and preprocessed as `preprocessing` does it,
    except that TensorFlow resizes with float weights, Pillow with integers: scores differ by some
    thousandths. The EXIF orientation is ignored.

    Args:
        network: has the classes as the last axis of its output.
        preprocessing: has a size.
        class_names: one for each class, or None for their numbers.
    """
    names = tf.constant(class_names or [str(index) for index in range(network.classes)])
    top = min(TOP, network.classes)
    logits = gives_logits(network.model)

    def top_classes(images: Any) -> dict[str, Any]:
        output = network.function(images)[OUTPUT]
        if logits:
            output = tf.sigmoid(output) if network.classes == 1 else tf.nn.softmax(output)
        scores, indices = tf.math.top_k(output, top)
        return {"classes": tf.gather(names, indices), "scores": scores}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name=BYTES)])
    def serve(image_bytes: Any) -> dict[str, Any]:
        shape = tf.TensorSpec(network.image_shape, network.dtype, name=INPUT)
        images = tf.map_fn(
            lambda encoded: tf.cast(_prepared(encoded, preprocessing), network.dtype),
            image_bytes,
            fn_output_signature=shape,
        )
        return top_classes(images)

    return serve


def _prepared(encoded: Any, preprocessing: Preprocessing) -> Any:
    """Returns the model's input for one encoded image."""
    count = CHANNELS[preprocessing.channels] or 3
    image = tf.io.decode_image(encoded, channels=count, expand_animations=False)
    image.set_shape((None, None, count))
    image = tf.cast(image, tf.float32)
    if preprocessing.channels == "bgr":
        image = image[..., ::-1]
    image = _resized(image, preprocessing)
    scale, offset = preprocessing.affine()
    return image * tf.constant(scale, tf.float32) + tf.constant(offset, tf.float32)


def _resized(image: Any, preprocessing: Preprocessing) -> Any:
    """Resizes, crops or pads an image to the size of the preprocessing."""
    if preprocessing.size is None:
        return image
    height, width = preprocessing.size
    method = {"lanczos": "lanczos3"}.get(preprocessing.interpolation, preprocessing.interpolation)

    def resize(sides: Any) -> Any:
        resized = tf.image.resize(image, sides, method=method, antialias=method != "nearest")
        return tf.clip_by_value(tf.round(resized), 0.0, 255.0)

    if preprocessing.fit == "resize":
        return tf.reshape(resize((height, width)), (height, width, image.shape[-1]))
    sides = tf.shape(image)[:2]
    if preprocessing.fit == "crop":
        if preprocessing.resize is not None:
            shorter = tf.reduce_min(sides)
            image = resize(sides * preprocessing.resize // shorter)
        return _centred(image, height, width, preprocessing.pad_value)
    if preprocessing.fit == "pad":
        real_sides = tf.cast(sides, tf.float64)
        longer = preprocessing.resize
        limit = 1.0 if longer is None else longer / tf.reduce_max(real_sides)
        factor = tf.reduce_min(tf.stack([height / real_sides[0], width / real_sides[1], limit]))
        fits = tf.reduce_all(tf.equal(sides, [height, width]))
        new_sides = tf.cast(tf.maximum(1.0, tf.round(real_sides * factor)), tf.int32)
        image = tf.cond(fits, lambda: image, lambda: resize(new_sides))
        return _centred(image, height, width, preprocessing.pad_value)
    return tf.ensure_shape(image, (height, width, image.shape[-1]))


def _centred(image: Any, height: int, width: int, value: int) -> Any:
    """Crops or pads around the centre, and rounds as `kerascnn.imaging.resize.centred` does."""
    sides, size = tf.shape(image)[:2], tf.constant([height, width])
    cut = tf.cast(tf.round(tf.cast(tf.maximum(sides - size, 0), tf.float32) / 2), tf.int32)
    image = image[cut[0] : cut[0] + height, cut[1] : cut[1] + width]
    gap = tf.maximum(size - tf.shape(image)[:2], 0)
    before = gap // 2
    pads = tf.concat([tf.stack([before, gap - before], axis=1), [[0, 0]]], axis=0)
    image = tf.pad(image, pads, constant_values=float(value))
    return tf.ensure_shape(image, (height, width, image.shape[-1]))
