"""The content of a run's config.json: versions, network, data, recipe, precision, strategy."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kerascnn.data.sources.dataset import Data
from kerascnn.lazy import keras, tf
from kerascnn.models.provenance import provenance
from kerascnn.training.auto_precision import Choice
from kerascnn.training.strategy import strategy_name
from kerascnn.training.training_setup import TrainingSetup
from kerascnn.version import __version__

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from kerascnn.imaging.preprocessing import Preprocessing


def circumstances() -> dict[str, Any]:
    """Returns versions, threads and kind of device, which can change the last bits of results."""
    return {
        "kerascnn": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "python": platform.python_version(),
        "backend": keras.config.backend(),
        "threads": {
            "cores": os.cpu_count(),
            "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
            "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
        },
        "device": "GPU" if tf.config.list_logical_devices("GPU") else "CPU",
    }


def run_config(
    network: keras.Model,
    data: Data,
    preprocessing: Preprocessing,
    setup: TrainingSetup,
    choice: Choice,
) -> dict[str, Any]:
    """Returns the content of config.json for a new run.

    Args:
        network: the network to train.
        data: the data to train and evaluate on.
        preprocessing: how images are prepared for the network.
        setup: the settings of the training.
        choice: the precision and the reason for it.
    """
    origin, recipe = provenance(network), setup.recipe
    strategy = {"name": strategy_name(setup.strategy), "replicas": setup.replicas}
    if setup.replicas > 1:
        strategy["batch_norm"] = setup.batch_norm
    return {
        **circumstances(),
        "seed": setup.seed,
        "model": {
            "name": network.name if origin is None else origin.name,
            "arguments": None if origin is None else origin.arguments,
            "input_shape": list(network.input_shape[1:]),
            "stem": None if origin is None else origin.arguments.get("stem", "paper"),
            "parameters": network.count_params(),
        },
        "data": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "split": data.split,
            "class_names": list(data.class_names),
            "image_shape": list(data.image_shape),
            "train": len(data.train),
            "test": len(data.test),
            **(
                {"skipped": [f"{path}: {why}" for path, why in data.skipped]}
                if data.skipped
                else {}
            ),
        },
        "preprocessing": preprocessing.to_json(),
        "recipe": recipe.to_json(),
        "epochs": recipe.epochs,
        "precision": choice.policy,
        "precision_choice": choice.to_json(),
        "strategy": strategy,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
    }
