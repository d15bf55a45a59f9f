"""Measures how long training steps wait for their images."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class DataWait:
    """Sums the time between the request for a batch and its arrival.

    The training step requests batches from within its compiled graph, where Python cannot measure
    time. So the dataset itself reads the clock before and after. With several replicas TensorFlow
    prefetches batches for each replica, and the waiting cannot be measured.
    """

    def __init__(self) -> None:
        with tf.device("/CPU:0"):
            self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)

    def timed(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the dataset with the measurement of its waiting time."""

        def arrived(asked: tf.Tensor, batch: Any) -> Any:
            self._seconds.assign_add(tf.timestamp() - asked)
            return batch

        # `zip` reads its two datasets in this order, one after the other.
        asked = tf.data.Dataset.counter().map(lambda _: tf.timestamp())
        options = tf.data.Options()
        # A prefetch after the clock would hide the waiting.
        options.experimental_optimization.inject_prefetch = False
        return tf.data.Dataset.zip(asked, batches).map(arrived).with_options(options)

    def take_seconds(self) -> float:
        """Returns the seconds of waiting since the last call."""
        seconds = float(self._seconds.numpy())
        self._seconds.assign(0.0)
        return seconds
