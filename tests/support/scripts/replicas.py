"""What tests/training/test_replicas.py asks of logical devices.

A process can make these only at its start, hence one of its own.

Called with a number of devices; prints one line of JSON.
"""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from kerascnn.training.train_step import Engine, SkippedSteps, padded_batches

REPLICAS = int(sys.argv[1])
BATCH, SIDE, CLASSES = 8, 6, 3
draw = np.random.default_rng(0)
IMAGES = draw.normal(size=(40, SIDE, SIDE, 2)).astype("float32")
LABELS = draw.integers(0, CLASSES, 40)

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * REPLICAS)
MIRRORED = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(REPLICAS)])


def network(norm=False, frozen=False):
    keras.utils.set_random_seed(1)
    image = keras.Input((SIDE, SIDE, 2))
    x = keras.layers.Conv2D(4, 3, name="conv")(image)
    if norm:
        x = keras.layers.BatchNormalization(momentum=0.5, name="norm")(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    out = keras.layers.Dense(CLASSES, activation="softmax", dtype="float32")(x)
    model = keras.Model(image, out)
    model.get_layer("conv").trainable = not frozen
    return model


def dataset(count=32, images=IMAGES, drop=True):
    pairs = tf.data.Dataset.from_tensor_slices((images[:count], LABELS[:count]))
    return pairs.batch(min(BATCH, count), drop_remainder=drop)


def sgd(**options):
    return lambda: keras.optimizers.SGD(0.1, momentum=0.9, **options)


def train(strategy, optimizer, *, policy="float32", accumulate=1, batch_norm="synchronized",
          count=32, images=IMAGES, epochs=2, **options):  # fmt: skip
    keras.config.set_dtype_policy(policy)
    with strategy.scope():
        engine = Engine(network(**options), accumulate, batch_norm)
        engine.compile(optimizer(), "sparse_categorical_crossentropy", ["accuracy"])
        counter = [SkippedSteps()] if policy == "mixed_float16" else []
        data = dataset(count, images)
        history = engine.fit(data, epochs=epochs, callbacks=counter, verbose=0).history
    scale = getattr(engine.optimizer, "dynamic_scale", None)
    return {
        "weights": [np.asarray(weight).tolist() for weight in engine.network.get_weights()],
        "history": history,
        "iterations": int(keras.ops.convert_to_numpy(engine.optimizer.iterations)),
        "scale": None if scale is None else float(keras.ops.convert_to_numpy(scale)),
    }


def pair(optimizer=None, **options):
    """The same training on one device and on all."""
    optimizer = optimizer or sgd()
    return [
        train(strategy, optimizer, **options)
        for strategy in (tf.distribute.get_strategy(), MIRRORED)
    ]


def spoilt(value):
    """The images with one bad value in the last replica's share of the second batch."""
    images = IMAGES.copy()
    images[2 * BATCH - 1, 0, 0, 0] = value
    return images


def stock_clipping():
    """Keras's own fit, to see whether it still clips before it adds up."""
    keras.config.set_dtype_policy("float32")
    weights = []
    for strategy in (tf.distribute.get_strategy(), MIRRORED):
        with strategy.scope():
            model = network()
            model.compile(sgd(global_clipnorm=0.05)(), "sparse_categorical_crossentropy")
        model.fit(dataset(), epochs=2, verbose=0)
        weights.append([weight.tolist() for weight in model.get_weights()])
    return weights


def evaluations():
    """The figures of every size of set from 1 to 33, on one device and on all."""
    keras.config.set_dtype_policy("float32")
    results = []
    for strategy in (tf.distribute.get_strategy(), MIRRORED):
        with strategy.scope():
            engine = Engine(network(norm=True))
            engine.compile(sgd()(), "sparse_categorical_crossentropy", ["accuracy"])
            sizes = [
                engine.evaluate(dataset(count, drop=False), verbose=0, return_dict=True)
                for count in range(1, 34)
            ]
        results.append([[figures["loss"], figures["accuracy"]] for figures in sizes])
    return results


def shares():
    """Which image goes where and how often, for every size of set."""
    numbers = np.arange(1, 41, dtype="float32").reshape(-1, 1, 1, 1)
    results = []
    for count in range(1, 34):
        seen, per_replica = [], []
        data = padded_batches(dataset(count, numbers, drop=False), REPLICAS)
        for batch in MIRRORED.experimental_distribute_dataset(data):
            parts = [MIRRORED.experimental_local_results(part) for part in batch]
            per_replica.append([len(part) for part in parts[0]])
            if len(parts) == 2:
                parts.append([np.ones(len(part)) for part in parts[1]])
            for images, _, weights in zip(*parts, strict=True):
                numbers_seen = np.asarray(images).ravel()
                seen += [int(n) for n, w in zip(numbers_seen, weights, strict=True) if w > 0]
        results.append({"seen": seen, "shares": per_replica})
    return results


cases = {
    "plain": pair(),
    "synchronized": pair(norm=True),
    "small": pair(count=5, epochs=3),
}
if REPLICAS == 4:
    cases["smallest"] = pair(count=1, epochs=3)
else:
    cases |= {
        "clip": pair(sgd(global_clipnorm=0.05)),
        "clip value": pair(sgd(clipvalue=0.01)),
        "average and decay": pair(sgd(use_ema=True, weight_decay=1e-2)),
        "accumulated": pair(accumulate=2),
        "frozen": pair(frozen=True),
        "replica": pair(norm=True, batch_norm="replica", count=8, epochs=1),
        "float16": pair(sgd(global_clipnorm=0.05), policy="mixed_float16"),
        "overflow": pair(policy="mixed_float16", norm=True, images=spoilt(1e6)),
        "nan": pair(norm=True, images=spoilt(np.nan), epochs=1),
    }
results = {"cases": cases, "evaluations": evaluations(), "shares": shares()}
print(json.dumps({**results, "stock": stock_clipping() if REPLICAS == 2 else None}))
