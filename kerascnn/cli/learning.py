"""`kerascnn train`, `evaluate` and `predict`."""

from __future__ import annotations

import argparse
from typing import Any

from kerascnn.cli.output import print_json, progress_stream
from kerascnn.cli.startup import start_keras

DATA_HELP = "digits (bundled), folder:PATH, idx:DIR or npz:FILE"

METRICS = {
    "loss": "{:.4f}",
    "accuracy": "{:.2%}",
    "top5": "{:.2%}",
    "images_per_second": "{:,.0f}",
    "count": "{:,}",
}
"""How `evaluate` prints its figures."""


def add_verbs(verbs: Any) -> None:
    """Adds the verbs of this module to the command's parser."""
    train = verbs.add_parser(
        "train",
        help="train an architecture and keep the run in a directory",
        description="Trains an architecture; the run directory keeps the configuration, the\n"
        "history, the best and the last model, TensorBoard events and curves.png.",
        epilog="example:\n  kerascnn train lenet5 digits --epochs 20 --run-dir runs/lenet5",
    )
    train.add_argument("name", metavar="NAME", help="as `kerascnn list` prints it")
    train.add_argument("data", metavar="DATA", help=DATA_HELP)
    train.add_argument("--recipe", default="default", help="as `kerascnn recipes` lists them")
    train.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="another value for a field of the recipe; may be given several times",
    )
    train.add_argument("--epochs", type=int, metavar="N", help="instead of the recipe's")
    train.add_argument("--batch-size", type=int, metavar="N", help="instead of the recipe's")
    train.add_argument("--learning-rate", type=float, metavar="X", help="instead of the recipe's")
    train.add_argument(
        "--precision", default="auto", help="auto, float32, mixed_float16 or mixed_bfloat16"
    )
    train.add_argument("--strategy", default="auto", help="auto, none or mirrored")
    train.add_argument("--seed", type=int, default=0, metavar="N", help="of weights and order (0)")
    train.add_argument("--run-dir", metavar="DIR", help="instead of runs/NAME-TIME")
    train.add_argument(
        "--overwrite", action="store_true", help="replace the run that the directory holds"
    )
    train.set_defaults(run=_train)

    evaluate = verbs.add_parser(
        "evaluate",
        help="loss and accuracy of a run on the test split of some data",
        description="Measures the best model of a run on the test split of some data.",
        epilog="example:\n  kerascnn evaluate runs/lenet5 digits",
    )
    evaluate.add_argument("run_dir", metavar="RUN", help="a directory that `train` wrote")
    evaluate.add_argument("data", metavar="DATA", help=DATA_HELP)
    evaluate.add_argument("--batch-size", type=int, default=256, metavar="N")
    evaluate.set_defaults(run=_evaluate)

    predict = verbs.add_parser(
        "predict",
        help="the likeliest classes of image files",
        description="Prints the likeliest classes of each image file.",
        epilog="example:\n  kerascnn predict runs/lenet5 three.png seven.png --top 3",
    )
    predict.add_argument("run_dir", metavar="RUN", help="a directory that `train` wrote")
    predict.add_argument("images", metavar="IMAGE", nargs="+")
    predict.add_argument("--top", type=int, default=5, metavar="K", help="classes an image (5)")
    predict.set_defaults(run=_predict)


def _train(arguments: argparse.Namespace) -> None:
    from kerascnn.recipes import resolve_recipe
    from kerascnn.registry import model_info

    # A wrong name is told before TensorFlow starts.
    model_info(arguments.name)
    recipe = resolve_recipe(arguments.recipe, arguments.set)
    start_keras(debug=arguments.debug)
    from kerascnn.training import train

    with progress_stream(as_json=arguments.json):
        run = train(
            arguments.name,
            arguments.data,
            recipe=recipe,
            epochs=arguments.epochs,
            precision=arguments.precision,
            strategy=arguments.strategy,
            run_dir=arguments.run_dir,
            overwrite=arguments.overwrite,
            seed=arguments.seed,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
        )
    if arguments.json:
        print_json({"run_dir": run.path, "best": run.best})


def _evaluate(arguments: argparse.Namespace) -> None:
    from kerascnn.runs import load_run

    run = load_run(arguments.run_dir)
    start_keras(debug=arguments.debug)
    from kerascnn.evaluating import evaluate

    with progress_stream(as_json=arguments.json):
        metrics = evaluate(run, arguments.data, batch_size=arguments.batch_size)
    if arguments.json:
        print_json(metrics)
        return
    for name, value in metrics.items():
        print(f"{name.replace('_', ' '):<19}{METRICS[name].format(value)}")


def _predict(arguments: argparse.Namespace) -> None:
    from kerascnn.runs import load_run

    run = load_run(arguments.run_dir)
    start_keras(debug=arguments.debug)
    from kerascnn.predicting import predict

    with progress_stream(as_json=arguments.json):
        predictions = predict(run, arguments.images, top=arguments.top)
    if arguments.json:
        print_json(
            [
                {
                    "source": str(prediction.source),
                    "classes": [
                        {"index": index, "label": label, "score": score}
                        for index, label, score in zip(
                            prediction.indices, prediction.labels, prediction.scores, strict=True
                        )
                    ],
                }
                for prediction in predictions
            ]
        )
        return
    for prediction in predictions:
        ranked = zip(prediction.labels, prediction.scores, strict=True)
        print(f"{prediction.source}  " + "  ".join(f"{name} {score:.4f}" for name, score in ranked))
