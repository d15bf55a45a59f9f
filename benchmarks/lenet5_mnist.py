"""LeNet-5 on MNIST: the mean test error over several seeds, compared with the paper.

    python benchmarks/lenet5_mnist.py --data idx:DIR
    python benchmarks/lenet5_mnist.py --data idx:DIR --recipe lenet_1998

Every run trains on all 60,000 training images, without distortions, for a fixed number of epochs.
The model of the last epoch is evaluated once on the 10,000 test images: the test set selects
nothing. (The default recipe was selected on the last 10,000 training images, after training on the
other 50,000.) Results go to benchmarks/results/lenet5_mnist.json and .md; those of another recipe
to lenet5_mnist_RECIPE. A run of `lenet5` takes about two and a half minutes on two cores, and
longer with the small batches of lenet_1998.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone that is not installed, too

import kerascnn  # noqa: E402
from kerascnn.cli.startup import start_keras  # noqa: E402
from kerascnn.fileio.atomic import atomic_file  # noqa: E402
from kerascnn.fileio.json import write_json  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
PAPER = "LeCun, Bottou, Bengio, Haffner 1998, Figure 9: LeNet-5 without distortions"
PAPER_ERROR = 0.95
DEFAULT = (
    " The default recipe was chosen on the last 10,000 training images, with the other 50,000 "
    "trained on."
)


def main() -> None:
    arguments = _parse()
    start_keras()
    data = kerascnn.load_data(arguments.data)
    models = [_measure(name, data, arguments) for name in arguments.models]
    result = {
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "system": platform.platform()},
        "versions": _versions(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "data": {"fingerprint": data.fingerprint, "train": len(data.train), "test": len(data.test)},
        "paper": {"source": PAPER, "error": PAPER_ERROR},
        "epochs": arguments.epochs,
        "recipe": arguments.recipe,
        "models": models,
    }
    stem = "lenet5_mnist" if arguments.recipe == "default" else f"lenet5_mnist_{arguments.recipe}"
    write_json(RESULTS / f"{stem}.json", result, ascii_only=True)
    with atomic_file(RESULTS / f"{stem}.md") as temporary:
        temporary.write_text(_table(result), "utf-8")
    print(_table(result))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="idx:DIR, the directory of the MNIST files")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each model (3)")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--models", nargs="+", default=["lenet5", "lenet5_1998"])
    parser.add_argument("--recipe", default="default")
    parser.add_argument("--runs", help="directory of the runs, to resume after an interruption")
    return parser.parse_args()


def _measure(name: str, data: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    runs: list[dict[str, float]] = []
    config: dict[str, Any] = {}
    for seed in range(arguments.seeds):
        print(f"{name}, seed {seed}", flush=True)
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(arguments.runs or temporary) / f"{name}-{arguments.recipe}-{seed}"
            run = kerascnn.train(
                name,
                data,
                recipe=arguments.recipe,
                epochs=arguments.epochs,
                seed=seed,
                run_dir=folder,
            )
            seconds = sum(run.history["seconds"])
            config = run.config
            last = run.load("last")
            metrics = kerascnn.evaluate(last, data, preprocessing=run.preprocessing)
        error = 100 * (1 - metrics["accuracy"])
        print(f"{name}, seed {seed}: test error {error:.2f} %", flush=True)
        runs.append({"seed": seed, "error": round(error, 4), "seconds": round(seconds, 1)})
    errors = [run["error"] for run in runs]
    return {
        "name": name,
        "parameters": kerascnn.model_info(name).params,
        "runs": runs,
        "mean_error": round(statistics.mean(errors), 4),
        "deviation": round(statistics.stdev(errors), 4) if len(errors) > 1 else None,
        "recipe": config["recipe"],
        "preprocessing": config["preprocessing"],
    }


def _cpu() -> str:
    listing = Path("/proc/cpuinfo")
    for line in listing.read_text().splitlines() if listing.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    import keras
    import numpy as np
    import tensorflow as tf

    return {
        "kerascnn": kerascnn.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }


def _table(result: dict[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    seeds = [run["seed"] for run in result["models"][0]["runs"]]
    lines = [
        "# LeNet-5 on MNIST",
        "",
        f"Test error after exactly {result['epochs']} epochs on all {result['data']['train']:,} "
        f"training images, recipe `{result['recipe']}`; the last model is measured once on the "
        f"{result['data']['test']:,} test images, which choose nothing."
        + (DEFAULT if result["recipe"] == "default" else ""),
        "",
        "| model | parameters | "
        + " | ".join(f"seed {seed}" for seed in seeds)
        + " | mean ± deviation | time a run |",
        "|---|---|" + "---|" * (len(seeds) + 2),
    ]
    for model in result["models"]:
        errors = " | ".join(f"{run['error']:.2f} %" for run in model["runs"])
        spread = "" if model["deviation"] is None else f" ± {model['deviation']:.2f}"
        seconds = statistics.mean(run["seconds"] for run in model["runs"])
        lines.append(
            f"| `{model['name']}` | {model['parameters']:,} | {errors} | "
            f"**{model['mean_error']:.2f}**{spread} % | {seconds:.0f} s |"
        )
    blanks = " | ".join("" for _ in seeds)
    lines += [
        f"| the paper | 60,000 | {blanks} | {PAPER_ERROR:.2f} % | |",
        "",
        f"The paper: {PAPER}, 20 passes.",
        "",
        f"{machine['cpu']}, {machine['cores']} cores; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f"; {result['date']}.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
