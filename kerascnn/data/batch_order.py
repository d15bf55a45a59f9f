"""The samples of each batch, and the random numbers of the batch's distortions, in `tf.data`.

Both are functions of (seed, epoch, sample) alone, so they do not depend on threads, on prefetching
or on a restart. The order does not use `tf.random.experimental.index_shuffle`: its permutations of
60,000 samples have correlations of up to 0.9 between epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from kerascnn.data.augmentation.affine import DRAWS
from kerascnn.data.augmentation.colour import NORMAL, UNIFORM, lighting
from kerascnn.data.augmentation.policy import Distortion
from kerascnn.lazy import tf

_LAST_EPOCH = 2**62
_MIXING = 16
"""First stream of random numbers for the mixing of batches; streams below it belong to samples."""


class Batch(NamedTuple):
    """The samples of a batch and their random numbers; tables have one row for each sample.

    Attributes:
        epoch: counted from 0.
        indices: of the samples in their split.
        affine: draws of `Affine`, no columns if it is not active.
        jitter: draws of `jittered`, no columns if it is not used.
        shifts: what lighting adds to each channel, no columns if it is not used.
        mixing_seed: of mixup and CutMix.
    """

    epoch: Any
    indices: Any
    affine: Any
    jitter: Any
    shifts: Any
    mixing_seed: Any


@dataclass(frozen=True)
class Draws:
    """Which random numbers a pipeline needs, and the seed that they are drawn from.

    Attributes:
        seed: of the random numbers and of the order.
        distortion: what the numbers are for.
        bgr: whether the channels are blue, green, red; None for images that are not coloured. These
            get no lighting, which has three principal components.
    """

    seed: int
    distortion: Distortion
    bgr: bool | None = None

    @property
    def has_lighting(self) -> bool:
        """Whether lighting changes the images."""
        return self.distortion.lighting > 0 and self.bgr is not None


@dataclass(frozen=True)
class BatchOrder:
    """The order of a split's samples, batch by batch.

    Attributes:
        count: number of samples, at least 1.
        batch_size: samples in a batch.
        draws: the random numbers of the batches.
        training: an endless sequence of shuffled epochs; otherwise one epoch in the split's order.
        drop_remainder: leave out the smaller last batch of every epoch.
        start: the first epoch, and the number of its batches that are left out.
    """

    count: int
    batch_size: int
    draws: Draws
    training: bool
    drop_remainder: bool
    start: tuple[int, int] = (0, 0)

    def batches(self) -> tf.data.Dataset:
        """Returns a dataset of every `Batch`, shuffled for training."""
        return self.repeated(lambda epoch: self.epoch(epoch, shuffled=self.training))

    def repeated(self, epoch_of: Callable[[Any], tf.data.Dataset]) -> tf.data.Dataset:
        """Returns the datasets of all epochs one after the other, or epoch 0 if not training.

        Args:
            epoch_of: returns the dataset of an epoch, whose number is an int64 tensor.
        """
        if not self.training:
            return epoch_of(tf.constant(0, tf.int64))
        first_epoch, first_batch = self.start
        epochs = tf.data.Dataset.range(first_epoch, _LAST_EPOCH).flat_map(epoch_of)
        epochs = epochs.skip(first_batch)
        return epochs.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))

    def epoch(self, epoch: Any, *, shuffled: bool) -> tf.data.Dataset:
        """Returns a dataset of the batches of one epoch."""
        key = tf.stack([tf.constant(self.draws.seed, tf.int64), epoch])
        order = tf.range(self.count, dtype=tf.int64)
        if shuffled:
            order = tf.random.experimental.stateless_shuffle(order, seed=key, alg="philox")
        affine, jitter, shifts = self._tables(key)
        size = self.batch_size
        stop = self.count - self.count % size if self.drop_remainder else self.count

        def batch(start: Any) -> Batch:
            indices = order[start : tf.minimum(start + size, stop)]
            indices.set_shape([size if self.drop_remainder or not self.count % size else None])
            return Batch(
                epoch,
                indices,
                tf.gather(affine, indices),
                tf.gather(jitter, indices),
                tf.gather(shifts, indices),
                _stream(key, start + _MIXING) if self.draws.distortion.mixes else key,
            )

        return tf.data.Dataset.range(0, stop, size).map(batch)

    def _tables(self, key: Any) -> tuple[Any, Any, Any]:
        """Returns an epoch's random numbers for affine maps, jitter and lighting.

        Each table has one row for each sample of the split, so a row does not depend on the batch
        that the sample is in.
        """
        distortion = self.draws.distortion

        def uniform(stream: int, columns: int) -> Any:
            if not columns:
                return tf.zeros([self.count, 0])  # saves the 30 ms of tracing the random operator
            shape = [self.count, columns]
            return tf.random.stateless_uniform(shape, _stream(key, stream), alg="philox")

        affine = uniform(1, DRAWS if distortion.affine.active else 0)
        jitter = uniform(2, UNIFORM if distortion.jitter else 0)
        shifts = tf.zeros([self.count, 0])
        if self.draws.has_lighting:
            shape = [self.count, NORMAL]
            normal = tf.random.stateless_normal(shape, _stream(key, 3), alg="philox")
            shifts = lighting(normal, distortion.lighting, bgr=bool(self.draws.bgr))
        return affine, jitter, shifts


def _stream(key: Any, number: Any) -> Any:
    """Returns the seed of one stream of an epoch's random numbers."""
    return tf.random.experimental.stateless_fold_in(key, number, alg="philox")
