"""Networks to export, and what an export has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

layers = keras.layers


def tiny(outputs: int = 5, activation: str | None = "softmax", **arguments: Any) -> keras.Model:
    """Returns a network for 8 x 8 images; the arguments are those of its convolution."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Flatten(name="features")(layers.Conv2D(2, 3, name="c1", **arguments)(image))
    x = layers.Dense(outputs, activation=activation, name="predictions")(x)
    return keras.Model(image, x, name="tiny")


def randomised(model: keras.Model) -> keras.Model:
    """Gives statistics and biases of a model values that are not neutral."""
    generator = np.random.default_rng(1)
    for weight in model.weights:
        if "variance" in weight.path:
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        elif any(part in weight.path for part in ("moving_mean", "beta", "bias")):
            weight.assign(generator.normal(0, 0.1, weight.shape))
    return model


def tree(directory: Path) -> dict[str, bytes]:
    """Returns the content of every file below a directory."""
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }
