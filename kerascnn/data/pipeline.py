"""Feeds a split to a model: order, decoding, distortion and values, in one `tf.data` pipeline."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from kerascnn import errors
from kerascnn.data.augmentation.colour import jittered
from kerascnn.data.augmentation.mixup import mixed
from kerascnn.data.augmentation.policy import Distortion
from kerascnn.data.batch_order import Batch, BatchOrder, Draws
from kerascnn.data.image_batches import ImagePreparer, Substitutes, batch_function, on_host
from kerascnn.data.sources.dataset import Split
from kerascnn.data.sources.image_check import allowed_bad
from kerascnn.data.sources.tf_dataset import is_batched
from kerascnn.errors import DataError, KerasCNNError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import np, tf

UNDISTORTED = Distortion()


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
    """Returns a dataset of batches (images float32 [B, H, W, C], labels int32 [B]).

    Without labels, its elements are images alone.

    Args:
        split: the samples. A `tf.data.Dataset` keeps its own order.
        preprocessing: sets the size and the values of the images.
        batch_size: samples in a batch; the last batch of an epoch may be smaller.
        training: return an endless dataset that is shuffled anew and distorted in every epoch;
            otherwise one epoch in the split's order.
        seed: of the order and the distortions.
        distortion: changes of the images, only for training. Pixels from outside an image have the
            value `preprocessing.pad_value`.
        classes: number of classes; required if images are mixed. Labels are then float32 rows
            [B, classes].
        drop_remainder: leave out the smaller last batch of every epoch. In training these are other
            samples in each epoch.
        start_epoch, start_step: the first epoch, and the number of its batches that are left out;
            both counted from 0. For resuming a training.
        max_bad: up to so many unreadable images (a number, or a share as "1%") are replaced by
            other images of their class, with a warning. One more is an error.

    Raises:
        UsageError: an argument is out of range, or there are distortions without training.
        DataError: the split is empty, or has less than one batch with drop_remainder.
        MismatchError: the images do not fit the preprocessing.
    """
    if batch_size < 1 or start_epoch < 0 or start_step < 0:
        raise UsageError(
            f"batch_size={batch_size}, start_epoch={start_epoch}, start_step={start_step}: "
            "batch_size must be at least 1, the others at least 0"
        )
    if distortion.active and not training:
        raise UsageError("distortions are for training only; set training=True or leave them out")
    if distortion.mixes and (classes is None or split.labels is None):
        raise UsageError("mixing images needs labels and the number of classes; give both")
    count = len(split)
    if not count:
        raise DataError("the split holds no samples; at least one is needed")
    if drop_remainder and count < batch_size:
        raise DataError(f"{count} samples are less than one batch of {batch_size}; make it smaller")
    coloured = preprocessing.output_channels(_channels(split.images)) == 3
    draws = Draws(seed, distortion, preprocessing.channels == "bgr" if coloured else None)
    start = (start_epoch, start_step)
    order = BatchOrder(count, batch_size, draws, training, drop_remainder, start)
    if isinstance(split.images, tf.data.Dataset):
        batches, ready = _dataset_batches(split.images, preprocessing, order), False
    else:
        substitutes = None
        if max_bad and split.labels is not None:
            substitutes = Substitutes(split.labels, allowed_bad(max_bad, count))
        batches, ready = _file_batches(split, preprocessing, order, substitutes)
    if distortion.affine.active or distortion.jitter:
        # A separate map: TensorFlow sums in another order where it knows the size of the batch, so
        # the last bits of an image would depend on the size.
        distort = _distortion_function(preprocessing, draws)
        batches = batches.map(distort, num_parallel_calls=tf.data.AUTOTUNE)
    finish = _finish_function(preprocessing, draws, classes, ready)
    batches = batches.map(finish, num_parallel_calls=tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.deterministic = True
    # Data in memory has no files to divide between workers.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def batch_indices(split: Split, *, batch_size: int, seed: int, epoch: int, step: int) -> np.ndarray:
    """Returns the indices of the samples in a batch of `pipeline` with training, drop_remainder.

    Args:
        split: the samples. For a `tf.data.Dataset` the indices count in its own order.
        batch_size, seed: the arguments of `pipeline`.
        epoch, step: of the batch, counted from 0.
    """
    if isinstance(split.images, tf.data.Dataset):
        return np.arange(step * batch_size, (step + 1) * batch_size)
    draws = Draws(seed, UNDISTORTED)
    order = BatchOrder(len(split), batch_size, draws, True, True, (epoch, step))
    (batch,) = order.batches().take(1)
    return batch.indices.numpy()


@contextlib.contextmanager
def data_errors() -> Iterator[None]:
    """Converts errors of TensorFlow into the package's own error that caused them.

    To be used around code that runs a pipeline. TensorFlow reports an error of the decoder as an
    error of its own class, with the original class and message inside a long text.

    Raises:
        KerasCNNError: the error that the decoder raised; it names the unreadable image.
    """
    try:
        yield
    except tf.errors.OpError as error:
        original = re.search(r"(\w+Error): (.*)", error.message or "")
        error_class = getattr(errors, original[1], None) if original else None
        if original and isinstance(error_class, type) and issubclass(error_class, KerasCNNError):
            raise error_class(original[2]) from error
        raise


def _file_batches(
    split: Split, preprocessing: Preprocessing, order: BatchOrder, substitutes: Substitutes | None
) -> tuple[tf.data.Dataset, bool]:
    """Returns batches (images, batch, labels) of files or arrays; and whether values are final."""
    distortion = order.draws.distortion
    prepare = ImagePreparer(preprocessing, distortion, order.draws.seed)
    last = not distortion.affine.active and not distortion.jitter
    images, ready = batch_function(split.images, prepare, substitutes, last=last)
    labels = None if split.labels is None else on_host(split.labels.astype(np.int32))

    def gathered(batch: Batch) -> tuple[Any, ...]:
        labels_of_batch = () if labels is None else (tf.gather(labels, batch.indices),)
        return (images(batch.indices, batch.epoch, batch.shifts), batch, *labels_of_batch)

    return order.batches().map(gathered, num_parallel_calls=tf.data.AUTOTUNE), ready


def _dataset_batches(
    dataset: tf.data.Dataset, preprocessing: Preprocessing, order: BatchOrder
) -> tf.data.Dataset:
    """Returns batches (images, batch, labels) of a dataset, in the dataset's own order."""
    spec = dataset.element_spec[0]
    height, width, channels = spec.shape[-3:].as_list()
    unchanged = preprocessing.leaves((height, width, channels)) and None not in (height, width)
    single = order.draws.distortion.single or not unchanged
    if single:
        # Images of different sizes cannot share a batch before they are resized.
        dataset = dataset.unbatch() if is_batched(dataset) else dataset
        shape = (*(preprocessing.size or (None, None)), preprocessing.output_channels(channels))
        prepare = ImagePreparer(preprocessing, order.draws.distortion, order.draws.seed)

        def prepared(epoch: Any, index: Any, image: Any) -> Any:
            image = tf.numpy_function(prepare, [image, epoch, index], spec.dtype, stateful=False)
            return tf.ensure_shape(image, shape)

    def one_epoch(epoch: Any) -> tf.data.Dataset:
        samples = dataset
        if single:
            samples = samples.enumerate().map(
                lambda index, sample: (prepared(epoch, index, sample[0]), sample[1]),
                num_parallel_calls=tf.data.AUTOTUNE,
            )
        if is_batched(samples):
            batches = samples.rebatch(order.batch_size, drop_remainder=order.drop_remainder)
        else:
            batches = samples.batch(order.batch_size, drop_remainder=order.drop_remainder)
        return tf.data.Dataset.zip(batches, order.epoch(epoch, shuffled=False)).map(
            lambda samples, batch: (samples[0], batch, tf.cast(samples[1], tf.int32))
        )

    return order.repeated(one_epoch)


def _distortion_function(preprocessing: Preprocessing, draws: Draws) -> Callable[..., Any]:
    """Returns the function that distorts (images, batch, labels) by affine maps and jitter."""
    affine, jitter = draws.distortion.affine, draws.distortion.jitter

    def distort(images: Any, batch: Batch, *labels: Any) -> tuple[Any, ...]:
        images = tf.cast(images, tf.float32)
        if affine.active:
            images = affine(images, batch.affine, float(preprocessing.pad_value))
        if jitter:
            images = jittered(images, batch.jitter, jitter, bgr=bool(draws.bgr))
        return (images, batch, *labels)

    return distort


def _finish_function(
    preprocessing: Preprocessing, draws: Draws, classes: int | None, ready: bool
) -> Callable[..., Any]:
    """Returns the function from (images, batch, labels) to the elements of the pipeline.

    It adds lighting, scales the values (both unless `ready`), and mixes images.
    """
    values, distortion = _values(preprocessing), draws.distortion

    def finish(images: Any, batch: Batch, *labels: Any) -> Any:
        if not ready:
            images = tf.cast(images, tf.float32)
            if draws.has_lighting:
                images = images + batch.shifts[:, tf.newaxis, tf.newaxis]
            images = values(images)
        if distortion.mixes:
            rows = tf.one_hot(labels[0], classes)
            mixup, cutmix = distortion.mixup, distortion.cutmix
            return mixed(images, rows, batch.mixing_seed, mixup=mixup, cutmix=cutmix)
        return (images, *labels) if labels else images

    return finish


def _channels(images: Any) -> int:
    """Returns the number of channels of a split's images; 3 for files, decoded in colour."""
    if isinstance(images, tf.data.Dataset):
        return int(images.element_spec[0].shape[-1])
    return int(images.shape[-1]) if isinstance(images, np.ndarray) else 3


def _values(preprocessing: Preprocessing) -> Callable[[Any], Any]:
    """Returns `Preprocessing.values` as a TensorFlow function, bitwise identical."""
    scale, offset = (tf.constant(part, tf.float32) for part in preprocessing.affine())
    if len(set(zip(*preprocessing.affine(), strict=True))) == 1:
        return lambda images: images * scale[0] + offset[0]

    def values(images: Any) -> Any:
        # The product with a vector of 3 channels takes 5 times as long as with a whole image row.
        shape, width = tf.shape(images), tf.shape(images)[2]
        rows = tf.reshape(images, [shape[0], shape[1], -1])
        rows = rows * tf.tile(scale, [width]) + tf.tile(offset, [width])
        return tf.ensure_shape(tf.reshape(rows, shape), images.shape)

    return values
