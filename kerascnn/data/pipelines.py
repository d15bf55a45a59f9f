"""Feeding a split to a model: order, decoding, caching, distortion and values, in `tf.data`.

The order and the distortions of an epoch are a function of (seed, epoch, sample) alone, so neither
threads nor prefetching nor a restart change them. `tf.random.experimental.index_shuffle` is not
used for the order: measured, its permutations of 60,000 correlate by up to 0.9 between epochs.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from kerascnn import errors
from kerascnn.data.augment import DRAWS, Affine
from kerascnn.data.datasets import is_batched
from kerascnn.data.records import Split
from kerascnn.errors import DataError, KerasCNNError, MismatchError, UsageError
from kerascnn.images import load_image
from kerascnn.lazy import np, tf
from kerascnn.preprocessing import Preprocessing

if TYPE_CHECKING:
    import numpy
    import tensorflow

# Spatially prepared images up to this size together stay in memory, as bytes.
CACHE_LIMIT = 2 * 2**30
_LAST_EPOCH = 2**62


def pipeline(
    split: Split,
    preprocessing: Preprocessing,
    *,
    batch_size: int,
    training: bool,
    seed: int = 0,
    translate: int = 0,
    flip: bool = False,
    rotate: float = 0.0,
    zoom: float = 0.0,
    drop_remainder: bool = False,
    start_epoch: int = 0,
    start_step: int = 0,
) -> tensorflow.data.Dataset:
    """Makes batches of (image float32 [B, H, W, C], label int32 [B]), or of images without labels.

    Args:
        split: the samples. A `tf.data.Dataset` keeps its own order.
        preprocessing: gives images their size and values.
        batch_size: samples in a batch; the last one of an epoch may be smaller.
        training: an endless dataset in another order every epoch, distorted if asked for; otherwise
            one pass in order.
        seed: of the order and the distortions.
        translate, flip, rotate, zoom: see `Affine`; pixels, yes or no, degrees, fraction. Only for
            training. What comes in at the edges has the value `preprocessing.pad_value`.
        drop_remainder: leave out the smaller last batch of every epoch (in training, each epoch
            leaves out other samples).
        start_epoch, start_step: the epoch that comes first and the batches of it that are left
            out, both counted from 0; where an interrupted training goes on.

    Raises:
        UsageError: an argument is out of range, or distortions are asked for without training.
        DataError: the split is empty, or holds less than one batch with drop_remainder.
        MismatchError: the images do not fit the preprocessing.
    """
    affine = Affine(translate, flip, rotate, zoom)
    if batch_size < 1 or start_epoch < 0 or start_step < 0:
        raise UsageError(
            f"batch_size={batch_size}, start_epoch={start_epoch}, start_step={start_step}: at "
            "least 1, 0 and 0"
        )
    if affine.active and not training:
        raise UsageError("translate, flip, rotate and zoom are for training=True")
    count = len(split)
    if not count:
        raise DataError("the split holds no samples; at least one is needed")
    if drop_remainder and count < batch_size:
        raise DataError(f"{count} samples are less than one batch of {batch_size}; make it smaller")
    start = (start_epoch, start_step)
    order = _Order(count, batch_size, training, seed, drop_remainder, start, affine.active)
    if isinstance(split.images, tf.data.Dataset):
        batches = _dataset_batches(split.images, preprocessing, order)
    else:
        images = _gathering(split.images, preprocessing)
        labels = None if split.labels is None else _on_host(split.labels.astype(np.int32))

        def gathered(indices: Any, draws: Any) -> tuple[Any, ...]:
            marks = () if labels is None else (tf.gather(labels, indices),)
            return (images(indices), draws, *marks)

        batches = order.batches().map(gathered, num_parallel_calls=tf.data.AUTOTUNE)
    affine_values = _values(preprocessing)

    def finished(images: Any, draws: Any, *labels: Any) -> Any:
        images = tf.cast(images, tf.float32)
        if affine.active:
            images = affine(images, draws, float(preprocessing.pad_value))
        images = affine_values(images)
        return (images, *labels) if labels else images

    batches = batches.map(finished, num_parallel_calls=tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.deterministic = True
    # In-memory sets cannot be sharded by file.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def batch_indices(
    split: Split, *, batch_size: int, seed: int, epoch: int, step: int
) -> numpy.ndarray:
    """Returns which samples `pipeline` puts into a batch for training with drop_remainder.

    Args:
        split: the samples. For a `tf.data.Dataset` the result counts in its own order.
        batch_size, seed: as given to `pipeline`.
        epoch, step: of the batch, counted from 0.
    """
    if isinstance(split.images, tf.data.Dataset):
        return np.arange(step * batch_size, (step + 1) * batch_size)
    order = _Order(len(split), batch_size, True, seed, True, (epoch, step), draws=False)
    ((indices, _),) = order.batches().take(1)
    return indices.numpy()


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
        draws: bool,
    ) -> None:
        self.count = count
        self.batch_size = batch_size
        self.drop_remainder = drop_remainder
        self._training = training
        self._seed = seed
        self._start_epoch, self._start_step = start
        self._columns = DRAWS if draws else 0

    def batches(self) -> tensorflow.data.Dataset:
        """Returns (indices, draws), shuffled for training and in order otherwise."""
        return self.repeated(lambda epoch: self.epoch(epoch, shuffled=self._training))

    def repeated(
        self, epoch_of: Callable[[Any], tensorflow.data.Dataset]
    ) -> tensorflow.data.Dataset:
        """Returns every epoch after the other for training, else the first alone."""
        if not self._training:
            return epoch_of(tf.constant(0, tf.int64))
        epochs = tf.data.Dataset.range(self._start_epoch, _LAST_EPOCH).flat_map(epoch_of)
        epochs = epochs.skip(self._start_step)
        return epochs.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    def epoch(self, epoch: Any, *, shuffled: bool) -> tensorflow.data.Dataset:
        """Returns (indices, draws) of one epoch."""
        key = tf.stack([tf.constant(self._seed, tf.int64), epoch])
        order = tf.range(self.count, dtype=tf.int64)
        if shuffled:
            order = tf.random.experimental.stateless_shuffle(order, seed=key, alg="philox")
        # One table for the epoch: a row depends on its sample, not on when its batch is made.
        table = tf.random.stateless_uniform(
            [self.count, self._columns],
            seed=tf.random.experimental.stateless_fold_in(key, 1, alg="philox"),
            alg="philox",
        )
        size = self.batch_size
        stop = self.count - self.count % size if self.drop_remainder else self.count

        def batch(start: Any) -> tuple[Any, Any]:
            indices = order[start : tf.minimum(start + size, stop)]
            indices.set_shape([size if self.drop_remainder or not self.count % size else None])
            return indices, tf.gather(table, indices)

        return tf.data.Dataset.range(0, stop, size).map(batch)


def _dataset_batches(
    dataset: tensorflow.data.Dataset, preprocessing: Preprocessing, order: _Order
) -> tensorflow.data.Dataset:
    """Returns (images, draws, labels) of a dataset that keeps its own order."""
    spec = dataset.element_spec[0]
    height, width, channels = spec.shape[-3:].as_list()
    if not preprocessing.leaves((height, width, channels)) or None in (height, width):
        # Images of different sizes cannot share a batch before they are brought to one.
        dataset = dataset.unbatch() if is_batched(dataset) else dataset
        shape = (*(preprocessing.size or (None, None)), preprocessing.output_channels(channels))

        def spatial(image: Any, label: Any) -> tuple[Any, Any]:
            image = tf.numpy_function(preprocessing.spatial, [image], spec.dtype, stateful=False)
            return tf.ensure_shape(image, shape), label

        dataset = dataset.map(spatial, num_parallel_calls=tf.data.AUTOTUNE)

    def one_epoch(epoch: Any) -> tensorflow.data.Dataset:
        if is_batched(dataset):
            batches = dataset.rebatch(order.batch_size, drop_remainder=order.drop_remainder)
        else:
            batches = dataset.batch(order.batch_size, drop_remainder=order.drop_remainder)
        positions = order.epoch(epoch, shuffled=False)
        return tf.data.Dataset.zip(batches, positions).map(
            lambda batch, position: (batch[0], position[1], tf.cast(batch[1], tf.int32))
        )

    return order.repeated(one_epoch)


def _gathering(
    images: numpy.ndarray | tuple[Any, ...], preprocessing: Preprocessing
) -> Callable[[Any], Any]:
    """Returns the TensorFlow function from indices to a batch of spatially prepared images."""
    if isinstance(images, tuple):
        mode = "grey" if preprocessing.channels == "grey" else "rgb"

        def load(index: int) -> numpy.ndarray:
            return preprocessing.spatial(load_image(images[index], mode))
    else:

        def load(index: int) -> numpy.ndarray:
            return preprocessing.spatial(images[index])

    first = load(0)
    fits = first.nbytes * len(images) <= CACHE_LIMIT
    if fits and not isinstance(images, tuple):
        prepared = _on_host(preprocessing.spatial_batch(images))
        return lambda indices: tf.gather(prepared, indices)
    fetcher = _Fetcher(load, first, len(images), keep=fits)

    def fetched(indices: Any) -> Any:
        # Stateless for TensorFlow: the same indices always give the same images.
        batch = tf.numpy_function(fetcher, [indices], first.dtype, stateful=False)
        batch.set_shape([indices.shape[0], *first.shape])
        return batch

    return fetched


class _Fetcher:
    """Loads batches of images in parallel, and keeps each one where memory allows."""

    def __init__(
        self, load: Callable[[int], numpy.ndarray], first: numpy.ndarray, count: int, *, keep: bool
    ) -> None:
        self._load = load
        self._shape = first.shape
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)
        # Memory that is not written to is not taken, so this grows with what was read.
        self._kept = np.empty((count, *first.shape), first.dtype) if keep else None
        self._has = np.zeros(count, bool)

    def __call__(self, indices: numpy.ndarray) -> numpy.ndarray:
        if self._kept is None:
            return np.stack(list(self._pool.map(self._checked, indices.tolist())))
        missing = indices[~self._has[indices]].tolist()
        for index, image in zip(missing, self._pool.map(self._checked, missing), strict=True):
            self._kept[index] = image
            self._has[index] = True
        return self._kept[indices]

    def _checked(self, index: int) -> numpy.ndarray:
        image = self._load(index)
        if image.shape != self._shape:
            raise MismatchError(
                f"image {index} is {image.shape} and the first one {self._shape}; give the "
                "preprocessing a size"
            )
        return image


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


def _on_host(array: numpy.ndarray) -> tensorflow.Tensor:
    # tf.data runs on the CPU; on a GPU the whole set would be copied back for every batch.
    with tf.device("/CPU:0"):
        return tf.constant(array)
