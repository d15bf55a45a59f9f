"""`kerascnn tune` and `scale`: architecture search and scaling studies."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator
from typing import Any

from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras
from kerascnn.cli.training import DATA_HELP

_TUNE = """\
examples:
  kerascnn tune convnet digits --params 60000 --trials 20
  kerascnn tune resnet20_cifar digits --axis width=0.25:1 --axis depth=0.5,1 --tuner bayesian

on several machines that share DIR, one command on each; it restarts processes that fail:
  kerascnn tune convnet digits --dir DIR --chief 10.0.0.1:7000                (distributes trials)
  kerascnn tune convnet digits --dir DIR --chief 10.0.0.1:7000 --worker 1     (runs them)
The port has no password and no encryption: use it in a trusted network only."""


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the command's parser."""
    tune = verbs.add_parser(
        "tune",
        help="search for depth, width, filter size and training under a budget",
        description="Trains candidates within a budget and writes a directory with all of them, a\n"
        "table, plots and report.html. After an interruption, the same command resumes it;\n"
        "with --overwrite it starts again.",
        epilog=_TUNE,
    )
    tune.add_argument("names", metavar="NAME[,NAME]", help="as `kerascnn list` prints them")
    tune.add_argument("data", metavar="DATA", help=DATA_HELP)
    tune.add_argument(
        "--axis",
        action="append",
        default=[],
        metavar="NAME=VALUES",
        help="depth, width, kernel_size, stem, dropout, head, pooling, augmentation, a column of "
        "the table or a field of the recipe; 0.5,1,2 or LOW:HIGH[:STEP|:log]; repeatable",
    )
    tune.add_argument(
        "--per-stage", default="", metavar="A,A", help="axes that are set for each stage separately"
    )
    tune.add_argument("--params", type=float, metavar="N", help="the most trainable parameters")
    tune.add_argument(
        "--macs", type=float, metavar="N", help="the most multiply-accumulates for one image"
    )
    tune.add_argument(
        "--memory", type=float, metavar="BYTES", help="the most memory of a training step"
    )
    tune.add_argument("--latency", type=float, metavar="S", help="the most seconds for one image")
    tune.add_argument(
        "--runtime", default="keras", help="runtime of the latency measurement: keras or onnx"
    )
    tune.add_argument(
        "--tuner", default="random", help="random (default), bayesian, hyperband or grid"
    )
    tune.add_argument("--trials", type=int, default=10, metavar="N", help="the most trials (10)")
    tune.add_argument("--epochs", type=int, default=5, metavar="N", help="epochs of each trial (5)")
    tune.add_argument("--recipe", default="default", help="training settings that are not axes")
    tune.add_argument("--precision", default="auto", help="as in train")
    tune.add_argument("--strategy", default="auto", help="auto, none or mirrored")
    tune.add_argument("--keep-poor", action="store_true", help="do not stop poor trials early")
    tune.add_argument(
        "--dir", default="search", metavar="DIR", help="directory of the search (search)"
    )
    tune.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the search (0)")
    tune.add_argument("--overwrite", action="store_true", help="replace the search in DIR")
    tune.add_argument(
        "--retrain",
        action="store_true",
        help="train the best candidate on all training images, in DIR/best",
    )
    tune.add_argument(
        "--chief", metavar="HOST:PORT", help="address on which trials are distributed"
    )
    tune.add_argument("--worker", metavar="ID", help="run trials of the chief, under this name")
    tune.set_defaults(run=_tune)

    scale = verbs.add_parser(
        "scale",
        help="compare depth, width and resolution at equal cost",
        description="Trains an architecture deeper, wider and with larger images at equal\n"
        "multiply-accumulates, and fits the growth of accuracy with each.",
        epilog="example:\n  kerascnn scale resnet20_cifar digits --factors 1,2,4 --epochs 5",
    )
    scale.add_argument("name", metavar="NAME", help="as `kerascnn list` prints it")
    scale.add_argument("data", metavar="DATA", help=DATA_HELP)
    scale.add_argument(
        "--factors",
        default="1,2,4",
        metavar="F,F",
        help="multiples of the architecture's cost (1,2,4)",
    )
    scale.add_argument(
        "--epochs", type=int, default=5, metavar="N", help="epochs of each network (5)"
    )
    scale.add_argument(
        "--repeats",
        type=int,
        default=1,
        metavar="N",
        help="trainings of each network, with different seeds (1)",
    )
    scale.add_argument("--recipe", default="default", help="a recipe of `kerascnn recipes`")
    scale.add_argument(
        "--dir", default="scaling", metavar="DIR", help="directory of the study (scaling)"
    )
    scale.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the study (0)")
    scale.add_argument("--overwrite", action="store_true", help="replace the study in DIR")
    scale.set_defaults(run=_scale)


def _tune(arguments: argparse.Namespace) -> None:
    from kerascnn.errors import UsageError
    from kerascnn.models.registry import model_info
    from kerascnn.tuning.axes import parse_domain
    from kerascnn.tuning.supervisor import end_with_parent, is_child, supervise

    names = [model_info(name).name for name in arguments.names.split(",") if name]
    axes: dict[str, Any] = {}
    for text in arguments.axis:
        name, equals, values = text.partition("=")
        if not equals:
            raise UsageError(f"--axis {text}: write NAME=VALUES, for example width=0.5,1,2")
        axes[name.strip().replace("-", "_")] = parse_domain(name, values)
    if arguments.worker is not None and arguments.chief is None:
        raise UsageError("--worker needs --chief HOST:PORT")
    if arguments.chief is not None and not is_child():
        supervise(arguments.chief, arguments.worker, arguments.dir)
        return
    if is_child():
        end_with_parent()
    start_keras(debug=arguments.debug)
    from kerascnn.tuning.budget import Budget
    from kerascnn.tuning.run_search import search
    from kerascnn.tuning.space import SearchSpace

    with progress_stream(as_json=arguments.json):
        budget = Budget(
            params=arguments.params,
            macs=arguments.macs,
            memory=arguments.memory,
            latency=arguments.latency,
            runtime=arguments.runtime,
        )
        per_stage = [name for name in arguments.per_stage.replace("-", "_").split(",") if name]
        space = SearchSpace(names, per_stage=per_stage, **axes)
        result = search(
            space,
            arguments.data,
            budget=budget,
            tuner=arguments.tuner,
            trials=arguments.trials,
            epochs=arguments.epochs,
            recipe=arguments.recipe,
            precision=arguments.precision,
            strategy=arguments.strategy,
            stop_poor=not arguments.keep_poor,
            directory=arguments.dir,
            seed=arguments.seed,
            overwrite=arguments.overwrite,
            chief=arguments.chief,
            worker=arguments.worker,
        )
        if result is not None and arguments.retrain:
            with _stopped_retraining(arguments.dir, overwrite=arguments.overwrite):
                result.retrain(arguments.data, overwrite=True)
    if arguments.json and result is not None:
        best = result.best
        print_json(
            {
                "dir": arguments.dir,
                "trials": len(result.trials),
                "completed": len(result.completed),
                "best": {"trial": best.trial, "val_accuracy": best.score, "values": best.values},
            }
        )


@contextlib.contextmanager
def _stopped_retraining(directory: str, *, overwrite: bool) -> Iterator[None]:
    """Says what the command does after an interruption of the block, which trains the winner."""
    from kerascnn.errors import Interrupted

    try:
        yield
    except Interrupted as error:
        stopped = str(error).partition(";")[0]
        raise Interrupted(
            f"{stopped}; the search in {directory} is finished: run the same command"
            f"{' without --overwrite' if overwrite else ''} to train its best network again"
        ) from None


def _scale(arguments: argparse.Namespace) -> None:
    from kerascnn.errors import UsageError
    from kerascnn.models.registry import model_info

    model_info(arguments.name)
    try:
        factors = tuple(float(factor) for factor in arguments.factors.split(","))
    except ValueError:
        raise UsageError(
            f"--factors {arguments.factors}: give numbers, for example 1,2,4"
        ) from None
    start_keras(debug=arguments.debug)
    from kerascnn.tuning.compound_scaling import scaling_study

    with progress_stream(as_json=arguments.json):
        study = scaling_study(
            arguments.name,
            arguments.data,
            factors=factors,
            epochs=arguments.epochs,
            repeats=arguments.repeats,
            recipe=arguments.recipe,
            directory=arguments.dir,
            seed=arguments.seed,
            overwrite=arguments.overwrite,
        )
        print(study)
    if arguments.json:
        print_json(study.to_json())
