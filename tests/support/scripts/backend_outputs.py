"""Builds rows on the backend named by KERAS_BACKEND and saves what they make of fixed weights.

    KERAS_BACKEND=jax python tests/support/scripts/backend_outputs.py folder row…

Reads folder/<row>.weights.npz and folder/<row>.images.npy, writes folder/<row>.<backend>.npy.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np

from kerascnn.create import create_model


def main() -> None:
    folder = Path(sys.argv[1])
    backend = keras.config.backend()
    for row in sys.argv[2:]:
        arguments = json.loads((folder / f"{row}.json").read_text())
        model = create_model(row, **{**arguments, "input_shape": tuple(arguments["input_shape"])})
        with np.load(folder / f"{row}.weights.npz") as weights:
            for layer in model.layers:
                for variable in layer.weights:
                    if "seed_generator" not in variable.path:
                        variable.assign(weights[f"{layer.name}/{variable.name}"])
        images = np.load(folder / f"{row}.images.npy")
        # predict compiles the whole network at once, which JAX does much faster than op by op.
        np.save(folder / f"{row}.{backend}.npy", model.predict(images, verbose=0))


if __name__ == "__main__":
    main()
