"""How long the training step waits for its images."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class DataWait:
    """Adds up the time between asking a dataset for a batch and having it.

    The step asks from within its compiled graph, where Python has no clock, so the dataset itself
    looks at one before and after. Under several replicas batches are fetched ahead for each of
    them, and nothing can be told.
    """

    def __init__(self) -> None:
        with tf.device("/CPU:0"):
            self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)

    def watching(self, batches: tf.data.Dataset) -> tf.data.Dataset:
        """Returns the dataset with a clock at its end."""

        def arrived(asked: tf.Tensor, batch: Any) -> Any:
            self._seconds.assign_add(tf.timestamp() - asked)
            return batch

        # The two are asked in this order, one after the other.
        asked = tf.data.Dataset.counter().map(lambda _: tf.timestamp())
        options = tf.data.Options()
        # Fetching ahead belongs before the clock, not after it.
        options.experimental_optimization.inject_prefetch = False
        return tf.data.Dataset.zip(asked, batches).map(arrived).with_options(options)

    def taken(self) -> float:
        """Returns the seconds since the last call."""
        seconds = float(self._seconds.numpy())
        self._seconds.assign(0.0)
        return seconds
