"""Trains a network on a data set and writes a run directory."""

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
from kerascnn.models.adopted import adopt
from kerascnn.models.auxiliary import main_model, with_output_list
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
from kerascnn.training.resume import recorded_config, resuming_command
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
    """Trains a network and writes a run directory: configuration, history, models, curves, events.

    The test images are evaluated after every epoch. The epoch with the best test accuracy becomes
    `best.keras`, so the accuracy of that model is slightly optimistic; that of `last.keras` is not.
    A run with the same seed repeats bit for bit on the same CPU. For this, `train` sets the global
    seeds of Python, NumPy and TensorFlow.

    A network given by name gets the input size and stem of its paper, with one exception: if all
    images have one size of at most 64 pixels and the paper's input is larger, the network is built
    for the size of the images (at least 32 pixels), with the stem for small images if it has one.
    Enlarging CIFAR images to 224 pixels would cost 49 times as much and add no information. The
    run's configuration records the input size and the stem.

    Args:
        model: a name of `list_models()`, built for the classes and image size of the data (see
            above), or a `keras.Model`, which is compiled again and trained in place.
        data: anything that `load_data` accepts.
        recipe: a name of `kerascnn.recipes.lookup.RECIPES`, or a `Recipe`.
        epochs: number of passes over the training images; None for the recipe's.
        batch_size: images in a training step, over all replicas; None for the recipe's.
        learning_rate: the highest learning rate; None for the recipe's.
        precision: "auto", "float32", "mixed_float16" or "mixed_bfloat16".
        strategy: "auto", "none", "mirrored", "multiworker" or a `tf.distribute.Strategy`.
            "multiworker" uses the cluster of TF_CONFIG: every worker makes this same call with a
            run_dir that all of them share. It must be the first use of TensorFlow in the process.
        batch_norm: on several replicas, "synchronized" computes the batch statistics over the
            images of all replicas, as one device would; "replica" computes them for each replica
            alone, which is faster.
        run_dir: the directory to write; None for runs/<model>-<time>.
        overwrite: replace an earlier run in that directory.
        resume: what to do if `run_dir` holds an interrupted run. "auto" resumes it (bitwise
            identical to an uninterrupted run on a CPU) and returns a finished run unchanged;
            "must" fails if there is no run; "never" refuses the directory. These three refuse a
            run with another configuration or other data; "force" resumes it nevertheless.
        checkpoint_every: training steps between two checkpoints. Independent of it, a checkpoint
            is written at the end of each epoch and when a signal stops the run.
        max_bad: number or share ("1%") of image files of a folder that may be unreadable. All
            files are decoded before the first epoch; unreadable ones are left out and listed, and
            more than this end the run. As many may become unreadable later; other images of the
            same class replace them.
        seed: seed of the weights, the order of the images, the augmentation, and of the split if
            the data has none.
        profile: number of training steps to record for TensorBoard's profile page.
        report: write report.html, a page about the run, at the end.
        verbose: show progress.

    Returns:
        The `Run`; `run.load("best")` is the model of the best epoch.

    Raises:
        UsageError: an argument is unknown or out of range.
        MismatchError: image shape or number of classes differ between model and data.
        DataError: there are no images to train on or to evaluate on.
        DivergedError: the loss became NaN or infinite. The model has the weights of the last
            finite step or checkpoint again, and the files of the epoch before are kept.
        DamagedFileError: there are checkpoints to resume from, but all of them are damaged.
        OutputError: the directory is occupied or cannot be written.
        Interrupted: Ctrl-C or SIGTERM; a checkpoint of the current step is written first.
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
    # A resumed run keeps the precision that was measured to be the fastest at its start.
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
            network = with_output_list(built if built is not None else _build(name, data, fitted))
            check_classes(main_model(network), data.class_names, data.name)
            preprocessing = preprocessing_for(network, data.image_shape)
            preprocessing = standardized(preprocessing, data.train)
            adopt(network, preprocessing, data.class_names, exact=True)
            engine = compiled_engine(network, setup)
        # The rest runs outside the scope: within it every new variable is sent to all workers,
        # and Keras creates variables while it saves, which only the chief does.
        config = run_config(network, data, preprocessing, setup, choice)
        with shared_run(
            resolved_strategy, directory, config, earlier, resume=resume, overwrite=overwrite
        ) as start:
            if start.finished:
                return say_finished(start.run, verbose=verbose)
            training, validation = training_pipelines(data, preprocessing, setup, start.position)
            training = with_targets(training, fitted, network, data, training=True)
            validation = with_targets(validation, fitted, network, data, training=False)
            command = resuming_command(directory, run_dir, resume=resume, overwrite=overwrite)
            options = RecordingOptions(checkpoint_every, profile, verbose, command)
            with open_recording(start, engine, data, setup, options) as recording:
                engine.fit(
                    recording.timed(training),
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
    """Returns the data; raises DataError if one of its splits is empty."""
    for split, purpose in ((data.train, "train on"), (data.test, "evaluate on")):
        if len(split) == 0:
            raise DataError(
                f"{data.name} has no images to {purpose} ({data.split}); give data that has both"
            )
    return data


def _arguments(name: str, data: Data, recipe: Recipe) -> dict[str, Any]:
    """Returns the arguments of `create_model` for an architecture, its data and its recipe."""
    arguments: dict[str, Any] = {} if recipe.dropout is None else {"dropout": recipe.dropout}
    if recipe.auxiliary and model_info(name).auxiliary is not None:
        arguments["auxiliary"] = True
    if recipe.stochastic_depth and hasattr(model_info(name).row, "stochastic_depth"):
        arguments["stochastic_depth"] = recipe.stochastic_depth
    shape = input_shape_for(model_info(name), data.image_shape)
    return {"input_shape": shape, "classes": len(data.class_names), "stem": "auto", **arguments}


def _build(name: str, data: Data, recipe: Recipe) -> keras.Model:
    """Builds the network that `train` uses for a name."""
    return create_model(name, **_arguments(name, data, recipe))


def _precision(name: str, data: Data, setup: TrainingSetup) -> Choice:
    """Returns the precision to train in; measures it for a network by name and "auto"."""
    from kerascnn.training.multi_worker import spans_machines

    if setup.policy != "auto":
        return Choice(setup.policy, "")
    if spans_machines(setup.strategy):
        return Choice(candidates()[0], "not measured: all workers must use the same")
    recipe = setup.recipe
    arguments = _arguments(name, data, recipe)
    macs = plan(model_info(name), Request.of(arguments)).macs or 0
    return choose_for(
        setup,
        lambda: with_output_list(_build(name, data, recipe)),
        {"name": name, **arguments},
        macs=macs * len(data.train) * recipe.epochs,
    )
