"""A data set and a network so small that a training takes a second."""

from __future__ import annotations

import keras
import numpy as np

from kerascnn import create_model
from kerascnn.data.sources.dataset import Data, Split
from kerascnn.recipes.fields import Recipe
from kerascnn.training.train import train

RECIPE = Recipe("test", learning_rate=0.02, batch_size=16, epochs=3)
STEPS = 6


def halves() -> Data:
    """Three classes told apart by where the bright half of an 8 x 8 image is."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 150)
    images = draw.integers(0, 150, (150, 8, 8, 1))
    images[labels == 1, :4] += 100
    images[labels == 2, :, :4] += 100
    images, names = images.astype("uint8"), ("none", "top", "left")
    train, test = Split(images[:100], labels[:100]), Split(images[100:], labels[100:])
    return Data("halves", train, test, names, (8, 8, 1), "f" * 64, "by hand")


def small(classes=3, activation="softmax", dropout=0.0, hidden="tanh"):
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(4, 3, activation=hidden)(image)
    x = keras.layers.Dropout(dropout)(keras.layers.Flatten(name="features")(x))
    head = keras.layers.Dense(classes, activation=activation, dtype="float32", name="predictions")
    out = head(x)
    return keras.Model(image, out, name="small")


def linear(classes=3, activation="softmax"):
    """Returns a linear classifier of grey 4 x 4 images."""
    image = keras.Input((4, 4, 1), name="image")
    x = keras.layers.Flatten()(image)
    out = keras.layers.Dense(classes, activation=activation, name="predictions")(x)
    return keras.Model(image, out)


def googlenet_with_heads(prefix: str = "") -> keras.Model:
    """Returns a narrow GoogLeNet with both auxiliary classifiers."""
    return create_model(
        "googlenet", input_shape=(64, 64, 3), classes=3, width=0.125, stem="small", auxiliary=True,
        prefix=prefix,
    )  # fmt: skip


def quiet(model, data, path, **arguments):
    return train(model, data, **{"recipe": RECIPE, "run_dir": path, "verbose": False, **arguments})
