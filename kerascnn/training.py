"""Training: policy, scope, build, compile, callbacks, fit."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kerascnn import __version__
from kerascnn.assemble import SMALL_IMAGE, provenance
from kerascnn.data import Data, data_errors, load_data
from kerascnn.devices import policy_scope, resolve_precision, resolve_strategy, strategy_name
from kerascnn.endpoints import check_classes, gives_logits, preprocessing_for
from kerascnn.errors import DataError, Interrupted
from kerascnn.feeding import fit_batch, standardized, training_pipelines
from kerascnn.lazy import keras, tf
from kerascnn.recipes import Recipe, make_optimizer, resolve_recipe
from kerascnn.registry import create_model, model_info
from kerascnn.runs import Run, choose_directory, kept_files, start_directory

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

    from kerascnn.preprocessing import Preprocessing

LEAST_IMAGE = 32
"""CIFAR's size, which every network for photographs can take; smaller images are enlarged to it."""


def train(
    model: str | keras.Model,
    data: Any,
    *,
    recipe: str | Recipe = "default",
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    precision: str = "auto",
    strategy: str | tf.distribute.Strategy = "auto",
    run_dir: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    seed: int = 0,
    verbose: bool = True,
) -> Run:
    """Trains a network and leaves a run directory: configuration, history, models, curves, events.

    The held-out images are evaluated after every epoch and choose the best one, so its accuracy
    flatters a little; the last model's does not. A seeded run repeats bit for bit on the same
    CPU; for that the global seeds of Python, NumPy and TensorFlow are set.

    A network by name gets the paper's input and stem, with one exception: where all images are of
    one size up to 64 pixels and the paper's are larger, it is built for theirs, 32 pixels or more,
    with the stem for small images if it has one (stem="auto"), since enlarging CIFAR's images to
    224 pixels costs 49 times the work and teaches it nothing. The run's configuration says which.

    Args:
        model: a name of `list_models()`, built for the data's classes and image size (above), or
            a `keras.Model`, which is compiled anew and trained in place.
        data: whatever `load_data` takes.
        recipe: a name of `kerascnn.recipes.RECIPES`, or a `Recipe`.
        epochs: passes over the training images; the recipe's when None.
        batch_size: images in a step over all replicas; the recipe's when None.
        learning_rate: the highest one; the recipe's when None.
        precision: "auto", "float32", "mixed_float16" or "mixed_bfloat16".
        strategy: "auto", "none", "mirrored" or a `tf.distribute.Strategy`.
        run_dir: the directory to write; runs/<model>-<time> when None.
        overwrite: replace an earlier run in that directory.
        seed: of weights, order, distortions, and of the split where the source has none.
        verbose: show progress.

    Returns:
        The `Run`; `run.load("best")` is the model of the best epoch.

    Raises:
        UsageError: an argument is unknown or out of range.
        MismatchError: image shape or class count of model and data do not fit.
        DataError: there is nothing to train on or to evaluate.
        DivergedError: the loss became NaN or infinite; the files of the epoch before are kept.
        OutputError: the directory is occupied or cannot be written.
        Interrupted: Ctrl-C or SIGTERM; the models so far are kept and named.
    """
    wish = resolve_recipe(recipe, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate)
    given = None if isinstance(model, str) else model
    name = model_info(model).name if isinstance(model, str) else model.name
    directory = choose_directory(run_dir, name, overwrite=overwrite)
    where = resolve_strategy(strategy, given)
    policy = resolve_precision(precision, given, where)
    data = _checked(load_data(data, seed=seed))
    replicas = where.num_replicas_in_sync
    fitted = fit_batch(wish, len(data.train), replicas)
    steps = len(data.train) // fitted.batch_size
    keras.utils.set_random_seed(seed)
    with policy_scope(policy), where.scope(), data_errors():
        network = given if given is not None else _build(name, data)
        check_classes(network, data.class_names, data.name)
        preprocessing = preprocessing_for(network, data.image_shape)
        preprocessing = standardized(preprocessing, data.train)
        network.compile(
            optimizer=make_optimizer(fitted, steps * fitted.epochs),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=gives_logits(network)),
            metrics=["accuracy"],
        )
        config = _config(network, data, preprocessing, fitted, policy, where, seed)
        run = start_directory(directory, config)
        training, validation = training_pipelines(data, preprocessing, fitted, replicas, seed)
        with _recorded(run, network, fitted, steps, verbose) as callbacks:
            network.fit(
                training,
                validation_data=validation,
                epochs=fitted.epochs,
                steps_per_epoch=steps,
                callbacks=callbacks,
                shuffle=False,
                verbose=0,
            )
    return run


def _checked(data: Data) -> Data:
    for split, purpose in ((data.train, "train on"), (data.test, "evaluate on")):
        if len(split) == 0:
            raise DataError(f"{data.name} has no images to {purpose}; {data.split}")
    return data


def _build(name: str, data: Data) -> keras.Model:
    height, width, channels = model_info(name).input_shape
    sides = [side for side in data.image_shape[:2] if side is not None]
    if len(sides) == 2 and max(sides) <= SMALL_IMAGE < min(height, width):
        height, width = (max(side, LEAST_IMAGE) for side in sides)
    if data.image_shape[2] not in (1, 3):  # grey and colour are converted; others have to fit
        channels = data.image_shape[2]
    shape = (height, width, channels)
    return create_model(name, input_shape=shape, classes=len(data.class_names), stem="auto")


def _config(
    network: keras.Model,
    data: Data,
    preprocessing: Preprocessing,
    recipe: Recipe,
    policy: str,
    where: tf.distribute.Strategy,
    seed: int,
) -> dict[str, Any]:
    origin = provenance(network)
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
        "seed": seed,
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
        },
        "preprocessing": preprocessing.to_json(),
        "recipe": recipe.to_json(),
        "epochs": recipe.epochs,
        "precision": policy,
        "strategy": {"name": strategy_name(where), "replicas": where.num_replicas_in_sync},
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
    }


@contextmanager
def _recorded(
    run: Run, network: keras.Model, recipe: Recipe, steps: int, verbose: bool
) -> Iterator[list[keras.callbacks.Callback]]:
    """Yields the callbacks; whatever ends the run, its files are closed and its curves drawn."""
    from kerascnn import callbacks
    from kerascnn.curves import draw_curves
    from kerascnn.progress import ProgressDisplay, figures

    models = callbacks.ModelFiles(run.path)
    models.set_model(network)
    events = callbacks.EventWriter(run.path)
    stop = callbacks.StopRequest()
    active = [
        callbacks.DivergenceGuard(run.path),
        stop,
        callbacks.Measurements(recipe.batch_size),
        models,
        callbacks.HistoryFile(run.path),
        events,
    ]
    display = ProgressDisplay(recipe.epochs, steps, recipe.batch_size) if verbose else None
    if display is not None:
        active.append(display)
        display.say(_headline(run.config))
    try:
        with stop.listening():
            yield active
        if display is not None:
            best = run.best
            display.say(f"best epoch {best['epoch']}: {figures(best['metrics'])}; see {run.path}")
    except (KeyboardInterrupt, Interrupted) as error:
        if callbacks.not_finite(network) is None:
            models.save_last()
        raise Interrupted(f"stopped by {str(error) or 'Ctrl-C'}; {kept_files(run.path)}") from None
    finally:
        if display is not None:
            display.close()
        events.close()
        draw_curves(run)


def _headline(config: dict[str, Any]) -> str:
    model, data, strategy = config["model"], config["data"], config["strategy"]
    devices = "" if strategy["replicas"] == 1 else f" on {strategy['replicas']} replicas"
    size = ""
    if model["stem"] == "small":
        height, width, _ = model["input_shape"]
        size = f", stem for small images, {height} x {width} pixels"
    return (
        f"{model['name']} ({model['parameters']:,} parameters{size}) on {data['name']}: "
        f"{data['train']:,} training and {data['test']:,} held-out images of "
        f"{len(data['class_names'])} classes, {config['precision']}{devices}"
    )
