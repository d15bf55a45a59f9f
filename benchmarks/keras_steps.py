"""Times training steps of rows; as a script, one step for every line of standard input.

A line is a row, the side of its images, the batch size, and "ours" or "stock" for the layer of
grouped convolutions; the answer is the seconds of the step.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import kerascnn
from kerascnn.cli.startup import start_keras
from kerascnn.training.strategy import policy_scope


def training_step(
    row: str, side: int, batch: int, policy: str, instead: Mapping[str, Any]
) -> Callable[[], float]:
    """Returns a function that times a training step of a row, after two warm-up steps.

    Args:
        row: name in the registry.
        side: of the images, pixels.
        batch: number of images.
        policy: dtype policy.
        instead: a layer of `kerascnn.layers` by name -> the class to take for it.
    """
    import keras
    import numpy as np
    import tensorflow as tf

    from kerascnn import layers

    ours = {name: getattr(layers, name) for name in instead}
    try:
        for name, other in instead.items():
            setattr(layers, name, other)
        with policy_scope(policy):
            model = kerascnn.create_model(
                row, input_shape=(side, side, 3), classifier_activation=None
            )
    finally:
        for name, own in ours.items():
            setattr(layers, name, own)
    model.compile(
        keras.optimizers.SGD(1e-3, 0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    draw = np.random.default_rng(0)
    images = tf.constant(draw.normal(size=(batch, side, side, 3)).astype("float32"))
    labels = tf.constant(draw.integers(0, 1000, batch))

    def once() -> float:
        start = time.perf_counter()
        model.train_on_batch(images, labels)
        return time.perf_counter() - start

    once()
    once()
    return once


@functools.lru_cache(maxsize=2)
def _grouped(row: str, side: int, batch: int, layer: str) -> Callable[[], float]:
    import keras

    instead = {"GroupedConv2D": keras.layers.Conv2D} if layer == "stock" else {}
    return training_step(row, side, batch, "float32", instead)


def main() -> None:
    start_keras()
    for line in sys.stdin:
        row, side, batch, layer = line.split()
        print(_grouped(row, int(side), int(batch), layer)(), flush=True)


if __name__ == "__main__":
    main()
