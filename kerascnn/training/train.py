"""Training: policy, scope, build, compile, callbacks, fit."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kerascnn.create import create_model
from kerascnn.data.load import load_data
from kerascnn.data.pipeline import data_errors
from kerascnn.data.sources.dataset import Data
from kerascnn.errors import DataError
from kerascnn.lazy import keras, tf
from kerascnn.models.auxiliary import listed, served
from kerascnn.models.input_size import input_shape_for
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.models.signature import check_classes, preprocessing_for
from kerascnn.recipes.lookup import Recipe, resolve_recipe
from kerascnn.runs.run import Run, choose_directory
from kerascnn.training.auto_precision import Choice, candidates, choose_for
from kerascnn.training.input import fit_batch, standardized, training_pipelines
from kerascnn.training.losses import with_targets
from kerascnn.training.resume import recorded_config
from kerascnn.training.run_config import run_config
from kerascnn.training.strategy import (
    check_batch_norm,
    policy_scope,
    resolve_precision,
    resolve_strategy,
)
from kerascnn.training.training_setup import TrainingSetup, compiled_engine

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


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
    batch_norm: str = "synchronized",
    run_dir: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    resume: str = "auto",
    checkpoint_every: int | None = None,
    max_bad: int | str = "1%",
    seed: int = 0,
    profile: int | None = None,
    report: bool = False,
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
        recipe: a name of `kerascnn.recipes.lookup.RECIPES`, or a `Recipe`.
        epochs: passes over the training images; the recipe's when None.
        batch_size: images in a step over all replicas; the recipe's when None.
        learning_rate: the highest one; the recipe's when None.
        precision: "auto", "float32", "mixed_float16" or "mixed_bfloat16".
        strategy: "auto", "none", "mirrored", "multiworker" or a `tf.distribute.Strategy`.
            "multiworker" is the cluster of TF_CONFIG, each worker of which runs this same call on
            a run_dir that they share; it must be the first use of TensorFlow in the process.
        batch_norm: on several replicas, "synchronized" normalises over the images of all of them,
            as one device would; "replica" over each one's own, which is faster.
        run_dir: the directory to write; runs/<model>-<time> when None.
        overwrite: replace an earlier run in that directory.
        resume: what to do where `run_dir` holds a run that was interrupted: "auto" goes on with it
            to the same end, to the bit on a CPU, and returns one that is finished; "must" fails
            where there is none; "never" refuses the directory. All three refuse a run of another
            configuration or other data; "force" goes on in spite of that.
        checkpoint_every: steps between two checkpoints, of which there is one at the end of each
            epoch and at a signal anyway.
        max_bad: image files of a folder that may be unreadable, as a number or a share: all are
            decoded before the first epoch, these are left out and listed, and more end the run. As
            many may become unreadable later; others of their class take their place.
        seed: of weights, order, distortions, and of the split where the source has none.
        profile: so many steps to record for TensorBoard's profile page.
        report: write report.html at the end, all about the run on one page.
        verbose: show progress.

    Returns:
        The `Run`; `run.load("best")` is the model of the best epoch.

    Raises:
        UsageError: an argument is unknown or out of range.
        MismatchError: image shape or class count of model and data do not fit.
        DataError: there is nothing to train on or to evaluate.
        DivergedError: the loss became NaN or infinite; the weights of the last step or checkpoint
            before are in the model again, and the files of the epoch before are kept.
        DamagedFileError: there are checkpoints to go on from, but none of them is whole.
        OutputError: the directory is occupied or cannot be written.
        Interrupted: Ctrl-C or SIGTERM; a checkpoint of that very step is written first.
    """
    from kerascnn.reports.run_report import report_ended
    from kerascnn.training.multi_worker import (
        check_directory,
        is_chief,
        shared_run,
    )
    from kerascnn.training.session import RecordingOptions, open_recording, say_finished

    complete_recipe = resolve_recipe(
        recipe, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate
    )
    built = None if isinstance(model, str) else model
    name = model_info(model).name if isinstance(model, str) else model.name
    earlier = recorded_config(run_dir, resume=resume, overwrite=overwrite)
    directory = choose_directory(run_dir, name, overwrite=overwrite or earlier is not None)
    check_directory(run_dir, strategy)
    resolved_strategy = resolve_strategy(strategy, built)
    # A run goes on in what was measured to be the best when it began.
    policy = earlier["precision"] if earlier and precision == "auto" else precision
    policy = resolve_precision(policy, built)
    check_batch_norm(batch_norm)
    data = _checked(load_data(data, seed=seed, max_bad=max_bad))
    fitted = fit_batch(complete_recipe, len(data.train), resolved_strategy.num_replicas_in_sync)
    setup = TrainingSetup(fitted, policy, resolved_strategy, batch_norm, seed, max_bad)
    choice = _precision(name, data, setup)
    setup = replace(setup, policy=choice.policy)
    keras.utils.set_random_seed(seed)
    with policy_scope(setup.policy), data_errors():
        with resolved_strategy.scope():
            network = listed(built if built is not None else _build(name, data, fitted))
            check_classes(served(network), data.class_names, data.name)
            preprocessing = preprocessing_for(network, data.image_shape)
            preprocessing = standardized(preprocessing, data.train)
            engine = compiled_engine(network, setup)
        # From here on outside the scope, in which every variable that is made is sent to all
        # workers: Keras makes some while it saves, which the chief does alone.
        config = run_config(network, data, preprocessing, setup, choice)
        with shared_run(
            resolved_strategy, directory, config, earlier, resume=resume, overwrite=overwrite
        ) as start:
            if start.finished:
                return say_finished(start.run, verbose=verbose)
            training, validation = training_pipelines(data, preprocessing, setup, start.position)
            training = with_targets(training, fitted, network, data, training=True)
            validation = with_targets(validation, fitted, network, data, training=False)
            options = RecordingOptions(checkpoint_every, profile, verbose)
            with open_recording(start, engine, data, setup, options) as recording:
                engine.fit(
                    recording.watched(training),
                    validation_data=validation,
                    initial_epoch=recording.begin(validation),
                    epochs=fitted.epochs,
                    steps_per_epoch=setup.steps(data),
                    callbacks=recording.callbacks,
                    shuffle=False,
                    verbose=0,
                )
    if report and is_chief(resolved_strategy):
        report_ended(start.run, data)
    return start.run


def _checked(data: Data) -> Data:
    for split, purpose in ((data.train, "train on"), (data.test, "evaluate on")):
        if len(split) == 0:
            raise DataError(f"{data.name} has no images to {purpose}; {data.split}")
    return data


def _arguments(name: str, data: Data, recipe: Recipe) -> dict[str, Any]:
    arguments: dict[str, Any] = {} if recipe.dropout is None else {"dropout": recipe.dropout}
    if recipe.auxiliary and model_info(name).auxiliary is not None:
        arguments["auxiliary"] = True
    if recipe.stochastic_depth and hasattr(model_info(name).row, "stochastic_depth"):
        arguments["stochastic_depth"] = recipe.stochastic_depth
    shape = input_shape_for(model_info(name), data.image_shape)
    return {"input_shape": shape, "classes": len(data.class_names), "stem": "auto", **arguments}


def _build(name: str, data: Data, recipe: Recipe) -> keras.Model:
    return create_model(name, **_arguments(name, data, recipe))


def _precision(name: str, data: Data, setup: TrainingSetup) -> Choice:
    """Returns the precision to train in, measured where "auto" is wanted for a network by name."""
    from kerascnn.training.multi_worker import spans_machines

    if setup.policy != "auto":
        return Choice(setup.policy, "")
    if spans_machines(setup.strategy):
        return Choice(candidates()[0], "not measured: all workers must take the same")
    recipe = setup.recipe
    arguments = _arguments(name, data, recipe)
    macs = plan(model_info(name), Request.of(arguments)).macs or 0
    return choose_for(
        setup,
        lambda: listed(_build(name, data, recipe)),
        {"name": name, **arguments},
        macs=macs * len(data.train) * recipe.epochs,
    )
