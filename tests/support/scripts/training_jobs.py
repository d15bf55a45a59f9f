"""Trainings that are killed: jobs on standard input, one process forked for each.

TensorFlow is imported once and started only in the children, so a job costs about a second. Each
line is a job as JSON; for each one a line says how its process ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from kerascnn.data.sources.dataset import Data, Split
from kerascnn.recipes.fields import Recipe
from kerascnn.training import callbacks, checkpoint_callback, checkpoints, session
from kerascnn.training.strategy import policy_scope
from kerascnn.training.train import train

STEPS = 6
RECIPE = Recipe("jobs", learning_rate=0.02, batch_size=16, epochs=3, translate=1, flip=True)


def data() -> Data:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 130)
    images = draw.integers(0, 150, (130, 8, 8, 1))
    images[labels == 1, :4] += 100
    images[labels == 2, :, :4] += 100
    images = images.astype("uint8")
    train, test = Split(images[:100], labels[:100]), Split(images[100:], labels[100:])
    return Data("halves", train, test, ("none", "top", "left"), (8, 8, 1), "f" * 64, "by hand")


def network(precision: str) -> keras.Model:
    """Batch norm, dropout and augmentation by layers: everything that has a state of its own."""
    keras.utils.set_random_seed(1)
    with policy_scope(precision):
        image = keras.Input((8, 8, 1), name="image")
        x = keras.layers.RandomFlip("horizontal")(image)
        x = keras.layers.Conv2D(4, 3, use_bias=False)(x)
        x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
        x = keras.layers.Dropout(0.3)(keras.layers.Flatten(name="features")(x))
        x = keras.layers.Dense(3, name="scores")(x)
        out = keras.layers.Activation("softmax", dtype="float32", name="predictions")(x)
        return keras.Model(image, out, name="small")


def plain() -> keras.Model:
    """Batch norm and no random numbers: several replicas calculate what one does."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, use_bias=False)(image))
    x = keras.layers.Flatten(name="features")(keras.layers.ReLU()(x))
    return keras.Model(image, keras.layers.Dense(3, "softmax", name="predictions")(x), name="plain")


def strategy_of(replicas: int) -> tf.distribute.Strategy:
    cpu = tf.config.list_physical_devices("CPU")[0]
    devices = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(cpu, devices)
    if replicas == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])


def network_of(job: dict) -> keras.Model:
    """The network of a job; its strategy is the one that it was built under."""
    if job.get("bare"):
        return tiny()
    if "replicas" in job:
        with strategy_of(job["replicas"]).scope():
            return plain()
    return network(job.get("precision", "float32"))


def tiny() -> keras.Model:
    """The least that has a random state, so that a life is short."""
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Dropout(0.3)(keras.layers.Flatten(name="features")(image))
    out = keras.layers.Dense(3, activation="softmax", name="predictions")(x)
    return keras.Model(image, out, name="tiny")


def run_job(job: dict) -> None:
    if "kill_at" in job:  # after so many steps of the run, once the step's checkpoint is written
        real = checkpoint_callback.CheckpointWriter.on_train_batch_end

        def on_train_batch_end(self, batch, logs=None):
            real(self, batch, logs)
            if self.clock.total == job["kill_at"]:
                os.kill(os.getpid(), signal.SIGKILL)

        checkpoint_callback.CheckpointWriter.on_train_batch_end = on_train_batch_end
    if "kill_in_validation" in job:

        def on_test_batch_end(self, batch, logs=None):
            if self.clock.epoch == job["kill_in_validation"]:
                os.kill(os.getpid(), job.get("signal", signal.SIGKILL))
            self._stop_if_asked()

        callbacks.StopRequest.clock = property(lambda self: job["clock"])
        callbacks.StopRequest.on_test_batch_end = on_test_batch_end
        original_init = callbacks.Clock.__init__

        def keep(self, *arguments):
            original_init(self, *arguments)
            job["clock"] = self

        callbacks.Clock.__init__ = keep
    if "kill_in_write" in job:  # the n-th write dies with its files complete and not yet in place
        real_json, count = json.dumps, iter(range(10**6))

        def dumps(value, **options):
            if "files" in value and next(count) == job["kill_in_write"]:
                os.kill(os.getpid(), signal.SIGKILL)
            return real_json(value, **options)

        checkpoints.json = type("json", (), {"dumps": staticmethod(dumps), "loads": json.loads})
    if job.get("bare"):  # nothing but the weights counts
        tf.config.threading.set_intra_op_parallelism_threads(1)
        session.draw_curves = lambda run: None
        callbacks.ModelFiles.save_last = lambda self: Path(self.directory / "config.json")
        callbacks.EventWriter.on_epoch_end = lambda *_: None
    recipe = replace(RECIPE, **job.get("recipe", {}))
    train(
        network_of(job),
        data(),
        recipe=recipe,
        run_dir=job["run_dir"],
        resume=job.get("resume", "auto"),
        checkpoint_every=job.get("every"),
        seed=job.get("seed", 7),
        verbose=False,
    )


def wait(child: int, job: dict) -> int:
    """Waits for the child; kills it at a random moment after its first new checkpoint, if asked."""
    if "kill_random" in job:
        draw = random.Random(job["kill_random"])
        folder = Path(job["run_dir"], "checkpoints")
        before = set(checkpoints.positions(folder))
        early = draw.random() < 0.2  # while it starts
        deadline = time.monotonic() + draw.uniform(0, 1.5)
        while os.waitpid(child, os.WNOHANG) == (0, 0):
            if early and time.monotonic() > deadline:
                break
            if not early and set(checkpoints.positions(folder)) - before:
                time.sleep(draw.uniform(0, 0.1))
                break
            time.sleep(0.002)
        else:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                if job.get("file_limit"):
                    import resource

                    resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_limit"],) * 2)
                run_job(job)
                code = 0
            except Exception as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                code = getattr(error, "exit_code", 1)
            finally:
                os._exit(code)
        print(json.dumps({"exit": wait(child, job)}), flush=True)


if __name__ == "__main__":
    main()
