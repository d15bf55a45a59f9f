"""The share of the time that steps wait for their images."""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from kerascnn.training.callbacks import Measurements
from kerascnn.training.data_wait import DataWait


def source(delay):
    def load(number):
        time.sleep(delay)
        return np.float32(number)

    numbers = tf.data.Dataset.range(1000)
    return numbers.map(lambda number: (tf.numpy_function(load, [number], tf.float32), number))


def test_what_a_batch_takes_is_waited_for():
    wait = DataWait()
    batches = iter(wait.timed(source(0.03)))
    begun = time.perf_counter()
    numbers = [int(next(batches)[1]) for _ in range(5)]
    passed = time.perf_counter() - begun
    assert numbers == [0, 1, 2, 3, 4]
    assert 5 * 0.03 <= wait.take_seconds() <= passed
    assert wait.take_seconds() == 0.0


def test_what_is_ready_is_not_waited_for():
    wait = DataWait()
    batches = iter(wait.timed(source(0.01).prefetch(20)))
    next(batches)
    time.sleep(1.0)  # 20 batches take 0.2 s
    wait.take_seconds()
    for _ in range(10):
        next(batches)
    assert wait.take_seconds() < 10 * 0.01


def test_the_share_is_of_the_steps_after_the_first():
    class Wait:
        take_seconds = staticmethod(iter([7.0, 0.05]).__next__)

    measured = Measurements(16, Wait())
    optimizer = type("Optimizer", (), {"learning_rate": 0.1})()
    measured.set_model(type("Model", (), {"optimizer": optimizer})())
    measured.on_epoch_begin(0)
    for batch in range(3):
        measured.on_train_batch_end(batch)
        time.sleep(0.1)
    logs = {}
    measured.on_epoch_end(0, logs)
    # 0.05 s in two steps of 0.1 s; the 7 s of the first step are its start.
    assert 0.0 < logs["data_wait"] <= 0.25
    assert 0.0 < logs["images_per_second"] <= 2 * 16 / 0.2
