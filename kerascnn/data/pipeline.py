"""Feeding a split to a model: order, decoding, caching, distortion and values, in `tf.data`.

The order and the distortions of an epoch are a function of (seed, epoch, sample) alone, so neither
threads nor prefetching nor a restart change them. `tf.random.experimental.index_shuffle` is not
used for the order: measured, its permutations of 60,000 correlate by up to 0.9 between epochs.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kerascnn import errors
from kerascnn.data.augmentation.affine import DRAWS
from kerascnn.data.augmentation.colour import NORMAL, UNIFORM, jittered, lighting
from kerascnn.data.augmentation.mixup import mixed
from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.image_batches import Maker, Substitutes, gathering, on_host
from kerascnn.data.sources.dataset import Split
from kerascnn.data.sources.image_check import allowed_bad
from kerascnn.data.sources.tf_dataset import is_batched
from kerascnn.errors import DataError, KerasCNNError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np, tf

UNDISTORTED = Distortion()
_LAST_EPOCH = 2**62
_MIXING = 16  # streams of random numbers below this belong to samples


def pipeline(
    split: Split,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    training: bool,
    seed: int = 0,
    distortion: Distortion = UNDISTORTED,
    classes: int | None = None,
    drop_remainder: bool = False,
    start_epoch: int = 0,
    start_step: int = 0,
    max_bad: int | str = 0,
) -> tf.data.Dataset:
    """Makes batches of (image float32 [B, H, W, C], label int32 [B]), or of images without labels.

    Args:
        split: the samples. A `tf.data.Dataset` keeps its own order.
        preprocessing: gives images their size and values.
        batch_size: samples in a batch; the last one of an epoch may be smaller.
        training: an endless dataset in another order every epoch, distorted if asked for; otherwise
            one pass in order.
        seed: of the order and the distortions.
        distortion: only for training. What comes in at the edges has the value
            `preprocessing.pad_value`.
        classes: how many there are; needed where images are mixed, whose labels then are float32
            rows [B, classes].
        drop_remainder: leave out the smaller last batch of every epoch (in training, each epoch
            leaves out other samples).
        start_epoch, start_step: the epoch that comes first and the batches of it that are left
            out, both counted from 0; where an interrupted training goes on.
        max_bad: so many images that cannot be read (a number, or a share as "1%") are replaced by
            others of their class, with a warning; more raise.

    Raises:
        UsageError: an argument is out of range, or distortions are asked for without training.
        DataError: the split is empty, or holds less than one batch with drop_remainder.
        MismatchError: the images do not fit the preprocessing.
    """
    if batch_size < 1 or start_epoch < 0 or start_step < 0:
        raise UsageError(
            f"batch_size={batch_size}, start_epoch={start_epoch}, start_step={start_step}: at "
            "least 1, 0 and 0"
        )
    if distortion.active and not training:
        raise UsageError("distortions are for training=True")
    if distortion.mixes and (classes is None or split.labels is None):
        raise UsageError("mixing images needs labels and the number of classes")
    count = len(split)
    if not count:
        raise DataError("the split holds no samples; at least one is needed")
    if drop_remainder and count < batch_size:
        raise DataError(f"{count} samples are less than one batch of {batch_size}; make it smaller")
    start = (start_epoch, start_step)
    coloured = preprocessing.output_channels(_channels(split.images)) == 3
    bgr = preprocessing.channels == "bgr" if coloured else None
    order = _Order(count, batch_size, training, seed, drop_remainder, start, distortion, bgr)
    ready = False
    if isinstance(split.images, tf.data.Dataset):
        batches = _dataset_batches(split.images, preprocessing, order)
    else:
        substitutes = None
        if max_bad and split.labels is not None:
            substitutes = Substitutes(split.labels, allowed_bad(max_bad, count))
        make = Maker(preprocessing, distortion, seed)
        last = not distortion.affine.active and not distortion.jitter
        images, ready = gathering(split.images, make, substitutes, last=last)
        labels = None if split.labels is None else on_host(split.labels.astype(np.int32))

        def gathered(place: _Place) -> tuple[Any, ...]:
            marks = () if labels is None else (tf.gather(labels, place.indices),)
            return (images(place.indices, place.epoch, place.light), place, *marks)

        batches = order.batches().map(gathered, num_parallel_calls=tf.data.AUTOTUNE)
    affine, affine_values = distortion.affine, _values(preprocessing)

    def distorted(images: Any, place: _Place, *labels: Any) -> tuple[Any, ...]:
        images = tf.cast(images, tf.float32)
        if affine.active:
            images = affine(images, place.affine, float(preprocessing.pad_value))
        if distortion.jitter:
            images = jittered(images, place.uniform, distortion.jitter, bgr=order.bgr)
        return (images, place, *labels)

    def finished(images: Any, place: _Place, *labels: Any) -> Any:
        if not ready:
            images = tf.cast(images, tf.float32)
            if order.lit:
                images = images + place.light[:, tf.newaxis, tf.newaxis]
            images = affine_values(images)
        if distortion.mixes:
            rows = tf.one_hot(labels[0], classes)
            mixup, cutmix = distortion.mixup, distortion.cutmix
            return mixed(images, rows, place.seed, mixup=mixup, cutmix=cutmix)
        return (images, *labels) if labels else images

    if affine.active or distortion.jitter:
        # A step of its own: TensorFlow adds in another order where it knows the size of the batch,
        # and the last bits of an image would depend on it.
        batches = batches.map(distorted, num_parallel_calls=tf.data.AUTOTUNE)
    batches = batches.map(finished, num_parallel_calls=tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.deterministic = True
    # In-memory sets cannot be sharded by file.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def batch_indices(split: Split, *, batch_size: int, seed: int, epoch: int, step: int) -> np.ndarray:
    """Returns which samples `pipeline` puts into a batch for training with drop_remainder.

    Args:
        split: the samples. For a `tf.data.Dataset` the result counts in its own order.
        batch_size, seed: as given to `pipeline`.
        epoch, step: of the batch, counted from 0.
    """
    if isinstance(split.images, tf.data.Dataset):
        return np.arange(step * batch_size, (step + 1) * batch_size)
    order = _Order(len(split), batch_size, True, seed, True, (epoch, step), UNDISTORTED)
    (place,) = order.batches().take(1)
    return place.indices.numpy()


@contextlib.contextmanager
def data_errors() -> Iterator[None]:
    """Around whatever runs a pipeline: gives back the error that named the broken image.

    Raises:
        KerasCNNError: what the decoder raised, which TensorFlow reports as an error of its own kind
            with the words of ours somewhere in a long text.
    """
    try:
        yield
    except tf.errors.OpError as error:
        found = re.search(r"(\w+Error): (.*)", error.message or "")
        kind = getattr(errors, found[1], None) if found else None
        if found and isinstance(kind, type) and issubclass(kind, KerasCNNError):
            raise kind(found[2]) from error
        raise


class _Place(NamedTuple):
    """Where a batch is, and the random numbers that belong to it and to its samples."""

    epoch: Any
    indices: Any
    affine: Any
    uniform: Any
    light: Any
    seed: Any


class _Order:
    """Which samples make each batch, and the random numbers that belong to them."""

    def __init__(
        self,
        count: int,
        batch_size: int,
        training: bool,
        seed: int,
        drop_remainder: bool,
        start: tuple[int, int],
        distortion: Distortion,
        bgr: bool | None = None,
    ) -> None:
        self.count = count
        self.batch_size = batch_size
        self.drop_remainder = drop_remainder
        self.distortion = distortion
        self.seed = seed
        self._training = training
        self._start_epoch, self._start_step = start
        self._affine = DRAWS if distortion.affine.active else 0
        self._uniform = UNIFORM if distortion.jitter else 0
        # Light has three principal components, so other images than coloured ones keep theirs.
        self.lit = distortion.lighting > 0 and bgr is not None
        self.bgr = bool(bgr)

    def batches(self) -> tf.data.Dataset:
        """Returns every batch's place, shuffled for training and in order otherwise."""
        return self.repeated(lambda epoch: self.epoch(epoch, shuffled=self._training))

    def repeated(self, epoch_of: Callable[[Any], tf.data.Dataset]) -> tf.data.Dataset:
        """Returns every epoch after the other for training, else the first alone."""
        if not self._training:
            return epoch_of(tf.constant(0, tf.int64))
        epochs = tf.data.Dataset.range(self._start_epoch, _LAST_EPOCH).flat_map(epoch_of)
        epochs = epochs.skip(self._start_step)
        return epochs.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    def epoch(self, epoch: Any, *, shuffled: bool) -> tf.data.Dataset:
        """Returns the places of the batches of one epoch."""
        key = tf.stack([tf.constant(self.seed, tf.int64), epoch])
        order = tf.range(self.count, dtype=tf.int64)
        if shuffled:
            order = tf.random.experimental.stateless_shuffle(order, seed=key, alg="philox")

        def seed(number: Any) -> Any:
            return tf.random.experimental.stateless_fold_in(key, number, alg="philox")

        # One table for the epoch: a row depends on its sample, not on when its batch is made.
        def table(stream: int, columns: int) -> Any:
            if not columns:
                return tf.zeros([self.count, 0])  # tracing the other takes 30 ms
            shape = [self.count, columns]
            return tf.random.stateless_uniform(shape, seed(stream), alg="philox")

        affine, uniform = table(1, self._affine), table(2, self._uniform)
        light = tf.zeros([self.count, 0])
        if self.lit:
            normal = tf.random.stateless_normal([self.count, NORMAL], seed(3), alg="philox")
            light = lighting(normal, self.distortion.lighting, bgr=self.bgr)
        size = self.batch_size
        stop = self.count - self.count % size if self.drop_remainder else self.count

        def batch(start: Any) -> _Place:
            indices = order[start : tf.minimum(start + size, stop)]
            indices.set_shape([size if self.drop_remainder or not self.count % size else None])
            return _Place(
                epoch,
                indices,
                tf.gather(affine, indices),
                tf.gather(uniform, indices),
                tf.gather(light, indices),
                seed(start + _MIXING) if self.distortion.mixes else key,
            )

        return tf.data.Dataset.range(0, stop, size).map(batch)


def _dataset_batches(
    dataset: tf.data.Dataset, preprocessing: Preprocessing, order: _Order
) -> tf.data.Dataset:
    """Returns (images, place, labels) of a dataset that keeps its own order."""
    spec = dataset.element_spec[0]
    height, width, channels = spec.shape[-3:].as_list()
    leaves = preprocessing.leaves((height, width, channels)) and None not in (height, width)
    single = order.distortion.single or not leaves
    if single:
        # Images of different sizes cannot share a batch before they are brought to one.
        dataset = dataset.unbatch() if is_batched(dataset) else dataset
        shape = (*(preprocessing.size or (None, None)), preprocessing.output_channels(channels))
        make = Maker(preprocessing, order.distortion, order.seed)

        def spatial(epoch: Any, index: Any, image: Any) -> Any:
            image = tf.numpy_function(make, [image, epoch, index], spec.dtype, stateful=False)
            return tf.ensure_shape(image, shape)

    def one_epoch(epoch: Any) -> tf.data.Dataset:
        images = dataset
        if single:
            images = images.enumerate().map(
                lambda index, sample: (spatial(epoch, index, sample[0]), sample[1]),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
        if is_batched(images):
            batches = images.rebatch(order.batch_size, drop_remainder=order.drop_remainder)
        else:
            batches = images.batch(order.batch_size, drop_remainder=order.drop_remainder)
        places = order.epoch(epoch, shuffled=False)
        return tf.data.Dataset.zip(batches, places).map(
            lambda batch, place: (batch[0], place, tf.cast(batch[1], tf.int32))
        )

    return order.repeated(one_epoch)


def _channels(images: Any) -> int:
    """Returns the channels of a split's images; files are read in colour or as grey."""
    if isinstance(images, tf.data.Dataset):
        return int(images.element_spec[0].shape[-1])
    return int(images.shape[-1]) if isinstance(images, np.ndarray) else 3


def _values(preprocessing: Preprocessing) -> Callable[[Any], Any]:
    """Returns `Preprocessing.values` as a TensorFlow function, equal to the last bit."""
    scale, offset = (tf.constant(part, tf.float32) for part in preprocessing.affine())
    if len(set(zip(*preprocessing.affine(), strict=True))) == 1:
        return lambda images: images * scale[0] + offset[0]

    def values(images: Any) -> Any:
        # A product with three numbers takes 5 times as long as one with a row of the image.
        shape, width = tf.shape(images), tf.shape(images)[2]
        rows = tf.reshape(images, [shape[0], shape[1], -1])
        rows = rows * tf.tile(scale, [width]) + tf.tile(offset, [width])
        return tf.ensure_shape(tf.reshape(rows, shape), images.shape)

    return values
