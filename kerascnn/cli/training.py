"""`kerascnn train` and `reproduce`."""

from __future__ import annotations

import argparse
from typing import Any

from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras

DATA_HELP = (
    "digits (bundled), folder:PATH, idx:DIR, cifar:DIR, npz:FILE, tfrecord:FILES or tfds:NAME"
)


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the command's parser."""
    train = verbs.add_parser(
        "train",
        help="train an architecture and write a run directory",
        description="Trains an architecture. The run directory holds the configuration, the\n"
        "history, the best and the last model, TensorBoard events, curves.png and\n"
        "report.html.",
        epilog="example:\n  kerascnn train lenet5 digits --epochs 20 --run-dir runs/lenet5\n"
        "After an interruption, the same command resumes the run of a --run-dir, with the same\n"
        "result. With --overwrite it starts again; the message says which command resumes.",
    )
    train.add_argument("name", metavar="NAME", help="as `kerascnn list` prints it")
    train.add_argument("data", metavar="DATA", help=DATA_HELP)
    train.add_argument("--recipe", default="default", help="a recipe of `kerascnn recipes`")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="set a field of the recipe; repeatable",
    )
    train.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's")
    train.add_argument("--batch-size", type=int, metavar="N", help="instead of the recipe's")
    train.add_argument("--learning-rate", type=float, metavar="X", help="instead of the recipe's")
    train.add_argument(
        "--precision", default="auto", help="auto, float32, mixed_float16 or mixed_bfloat16"
    )
    train.add_argument(
        "--strategy", default="auto", help="auto, none, mirrored or multiworker (with TF_CONFIG)"
    )
    train.add_argument(
        "--batch-norm",
        default="synchronized",
        help="on several replicas: synchronized (default), or replica, which is faster",
    )
    train.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="seed of the weights and of the order of images (0)",
    )
    train.add_argument("--run-dir", metavar="DIR", help="instead of runs/NAME-TIME")
    train.add_argument(
        "--max-bad",
        default="1%",
        metavar="N",
        help="unreadable images that are accepted in a folder: a number or a share (1%%)",
    )
    train.add_argument("--overwrite", action="store_true", help="replace the run in DIR")
    train.add_argument(
        "--resume",
        default="auto",
        help="if DIR holds an interrupted run: auto resumes it, never refuses DIR, force resumes\n"
        "it despite another configuration; must fails if there is none (auto)",
    )
    train.add_argument(
        "--checkpoint-every",
        type=int,
        metavar="N",
        help="steps between checkpoints, in addition to those after each epoch and at a signal",
    )
    train.add_argument(
        "--profile", type=int, metavar="N", help="record N steps for TensorBoard's profile page"
    )
    train.set_defaults(run=_train)

    again = verbs.add_parser(
        "reproduce",
        help="repeat a finished run and compare metrics and weights",
        description="Repeats a recorded training in another directory and compares every\n"
        "metric and, on a CPU, every bit of the weights. Exit code 5 if they differ.",
        epilog="example:\n  kerascnn reproduce runs/lenet5",
    )
    again.add_argument("run_dir", metavar="RUN", help="a directory that `train` wrote")
    again.add_argument("--data", metavar="DATA", help="the data, if it has moved")
    again.add_argument(
        "--out", metavar="DIR", help="directory of the new run, instead of RUN-again"
    )
    again.set_defaults(run=_reproduce)


def _train(arguments: argparse.Namespace) -> None:
    from kerascnn.models.registry import model_info
    from kerascnn.recipes.lookup import resolve_recipe

    # Report a wrong name before TensorFlow starts.
    model_info(arguments.name)
    recipe = resolve_recipe(arguments.recipe, arguments.set)
    start_keras(debug=arguments.debug)
    from kerascnn.training.train import train

    with progress_stream(as_json=arguments.json):
        run = train(
            arguments.name,
            arguments.data,
            recipe=recipe,
            max_bad=arguments.max_bad,
            epochs=arguments.epochs,
            precision=arguments.precision,
            strategy=arguments.strategy,
            batch_norm=arguments.batch_norm,
            run_dir=arguments.run_dir,
            overwrite=arguments.overwrite,
            resume=arguments.resume,
            checkpoint_every=arguments.checkpoint_every,
            profile=arguments.profile,
            report=True,
            seed=arguments.seed,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
        )
    if arguments.json:
        print_json({"run_dir": run.path, "best": run.best})


def _reproduce(arguments: argparse.Namespace) -> None:
    from kerascnn.errors import MismatchError
    from kerascnn.runs.run import load_run

    run = load_run(arguments.run_dir)
    start_keras(debug=arguments.debug)
    from kerascnn.training.reproduce import reproduce

    with progress_stream(as_json=arguments.json):
        comparison = reproduce(run, data=arguments.data, run_dir=arguments.out)
    if arguments.json:
        print_json(
            {
                "exact": comparison.exact,
                "holds": comparison.holds,
                "same_weights": comparison.same_weights,
                "different": comparison.different,
                "circumstances": comparison.circumstances,
                "run_dir": comparison.again.path,
            }
        )
    elif comparison.holds:
        print(comparison)
    if not comparison.holds:
        raise MismatchError(str(comparison)[:400])
