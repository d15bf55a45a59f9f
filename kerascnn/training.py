"""Training: policy, scope, build, compile, callbacks, fit."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kerascnn import __version__
from kerascnn.assemble import provenance
from kerascnn.data import Data, Split, data_errors, load_data, pipeline
from kerascnn.devices import policy_scope, resolve_precision, resolve_strategy, strategy_name
from kerascnn.endpoints import check_classes, gives_logits, preprocessing_for
from kerascnn.errors import DataError, Interrupted, UsageError
from kerascnn.lazy import keras, np, tf
from kerascnn.recipes import Recipe, make_optimizer, resolve_recipe
from kerascnn.registry import create_model, model_info
from kerascnn.runs import Run, choose_directory, kept_files, start_directory

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tensorflow as tf

    from kerascnn.preprocessing import Preprocessing

STATISTICS_IMAGES = 1024
VALIDATION_BATCH = 256


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

    The held-out images are evaluated after every epoch. A seeded run repeats bit for bit on the
    same machine; for that the global seeds of Python, NumPy and TensorFlow are set.

    Args:
        model: a name of `list_models()`, built for the data's number of classes, or a
            `keras.Model`, which is compiled anew and trained in place.
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
    fitted = fit_batch(wish, len(data.train), where.num_replicas_in_sync)
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
        training, validation = _pipelines(data, preprocessing, fitted, where, seed)
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


def standardized(preprocessing: Preprocessing, split: Split) -> Preprocessing:
    """Returns the preprocessing with the mean and deviation of the training images.

    They are taken over at most `STATISTICS_IMAGES` of them, evenly spread. Only pixels brought to
    [0, 1] and no further are changed: other values are the architecture's or weights' own wish.
    """
    if (preprocessing.scale, preprocessing.mean, preprocessing.std) != (1 / 255, (0.0,), (1.0,)):
        return preprocessing
    batches = pipeline(_spread(split), preprocessing, batch_size=64, training=False)
    count, total, squares = 0, 0.0, 0.0
    for images, _ in batches.take(STATISTICS_IMAGES // 64):
        values = images.numpy().astype("float64")
        count += values[..., 0].size
        total = total + values.sum(axis=(0, 1, 2))
        squares = squares + (values**2).sum(axis=(0, 1, 2))
    mean = total / count
    deviation = np.sqrt(np.maximum(squares / count - mean**2, 0.0))
    return replace(
        preprocessing,
        mean=tuple(round(float(value), 6) for value in mean),
        std=tuple(round(float(value), 6) or 1.0 for value in deviation),
    )


def _spread(split: Split) -> Split:
    if isinstance(split.images, tf.data.Dataset):
        return split
    step = -(-len(split) // STATISTICS_IMAGES)
    labels = None if split.labels is None else split.labels[::step]
    return Split(split.images[::step], labels)


def fit_batch(recipe: Recipe, images: int, replicas: int) -> Recipe:
    """Returns the recipe with a batch no larger than the data and shared evenly by the replicas.

    Every step has this many images; an epoch leaves out the rest of its own order.

    Raises:
        UsageError: the batch size is no multiple of the replicas.
        DataError: there are fewer images than replicas.
    """
    if recipe.batch_size % replicas:
        near = max(recipe.batch_size // replicas, 1) * replicas
        raise UsageError(
            f"batch_size={recipe.batch_size} cannot be shared by {replicas} replicas; take {near}"
        )
    if images < replicas:
        raise DataError(f"{images} training images are too few for {replicas} replicas")
    return replace(recipe, batch_size=min(recipe.batch_size, images // replicas * replicas))


def validation_batch(images: int, replicas: int, limit: int = VALIDATION_BATCH) -> int:
    """Returns the largest batch up to `limit` that the replicas can share, and the last one too.

    The first batch must be even, since Keras averages it over the replicas to build its metrics. In
    the last one no replica may be left without an image: TensorFlow's reductions would fail, and
    with them every later run in the process.

    Raises:
        DataError: no batch does.
    """
    for share in range(max(min(limit, images) // replicas, 1), 0, -1):
        batch = share * replicas
        if images >= batch and (images % batch or batch) > (replicas - 1) * share:
            return batch
    raise DataError(f"{images} held-out images cannot be shared by {replicas} replicas; add some")


def _build(name: str, data: Data) -> keras.Model:
    height, width, channels = model_info(name).input_shape
    if data.image_shape[2] not in (1, 3):  # grey and colour are converted; others have to fit
        channels = data.image_shape[2]
    return create_model(name, input_shape=(height, width, channels), classes=len(data.class_names))


def _pipelines(
    data: Data,
    preprocessing: Preprocessing,
    recipe: Recipe,
    where: tf.distribute.Strategy,
    seed: int,
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    training = pipeline(
        data.train,
        preprocessing,
        batch_size=recipe.batch_size,
        training=True,
        seed=seed,
        translate=recipe.translate,
        rotate=recipe.rotate,
        zoom=recipe.zoom,
        flip=recipe.flip,
        drop_remainder=True,
    )
    batch = validation_batch(len(data.test), where.num_replicas_in_sync)
    return training, pipeline(data.test, preprocessing, batch_size=batch, training=False)


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
    from kerascnn.progress import ProgressDisplay

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
    try:
        with stop.listening():
            yield active
    except (KeyboardInterrupt, Interrupted) as error:
        if callbacks.not_finite(network) is None:
            models.save_last()
        raise Interrupted(f"stopped by {str(error) or 'Ctrl-C'}; {kept_files(run.path)}") from None
    finally:
        if display is not None:
            display.close()
        events.close()
        draw_curves(run)
