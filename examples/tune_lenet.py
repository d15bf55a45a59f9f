"""Searches for a better network than LeNet-5 for MNIST, within 100,000 parameters, in 24 trials.

    python examples/tune_lenet.py --data /path/to/mnist

Found: 56,570 parameters, 99.55 % of the test images; LeNet-5 with its 61,706 and its own recipe has
98.79 %. It took 16 minutes of processor time (96 minutes of real time on two busy cores).

The directory contains the four MNIST files. The trials use 12,000 of the training images: 9,600 to
train for three epochs and 2,400 to score. The best network is then trained on all 60,000 with the
default recipe, and LeNet-5 with the recipe `lenet_1998` (the decreasing step sizes of the paper).
The 10,000 test images select nothing: both networks are evaluated on them once, after their last
epoch.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from kerascnn.cli.startup import start_keras

PARAMETERS = 100_000
TRIALS = 24
EVERY = 5
"""A trial uses one of this number of training images."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="directory of the MNIST files")
    parser.add_argument("--out", type=Path, default=Path("runs/tune_lenet"))
    parser.add_argument("--epochs", type=int, default=8, help="of the winner (8)")
    parser.add_argument("--lenet-epochs", type=int, default=20, help="of LeNet-5 (20, the paper's)")
    arguments = parser.parse_args()
    begun = time.perf_counter()
    start_keras()

    import kerascnn
    from kerascnn.tuning import Budget, Range, SearchSpace, search

    data = kerascnn.load_data(f"idx:{arguments.data}")
    few = (
        (data.train.images[::EVERY], data.train.labels[::EVERY]),
        (data.test.images[:1000], data.test.labels[:1000]),  # search does not look at them
    )
    space = SearchSpace(
        "convnet",
        input_shape=(32, 32, 1),
        n=(1, 2),
        m=(3, 4),
        k=(0, 1),
        filters=(8, 12, 16),
        filter_size=(3, 5),
        units=(32, 64),
        batch_norm=(True,),
        learning_rate=Range(1e-3, 1e-2, log=True),
        augmentation=("none", "distort"),
        budget=Budget(params=PARAMETERS, macs=5e6),
    )
    result = search(
        space, few, tuner="bayesian", trials=TRIALS, epochs=3, directory=arguments.out / "search"
    )
    searched = time.perf_counter()

    best = result.best
    winner = kerascnn.train(
        space.network_of(best.values),
        data,
        recipe=space.recipe(best.values),
        epochs=arguments.epochs,
        run_dir=arguments.out / "winner",
        overwrite=True,
    )
    lenet = kerascnn.train(
        "lenet5",
        data,
        recipe="lenet_1998",
        epochs=arguments.lenet_epochs,
        run_dir=arguments.out / "lenet5",
        overwrite=True,
    )
    winner_figures, paper = (
        kerascnn.evaluate(run.load("last"), data, preprocessing=run.preprocessing)
        for run in (winner, lenet)
    )
    print(f"\n{len(result.trials)} trials in {searched - begun:.0f} s: {best.values}")
    print(
        f"found   {best.params:,} parameters, {best.macs:,} MACs, {winner_figures['accuracy']:.2%}"
    )
    print(f"lenet5  61,706 parameters, 416,520 MACs, {paper['accuracy']:.2%}")
    print(f"{time.perf_counter() - begun:.0f} s in all; see {arguments.out / 'search/report.html'}")
    return 0 if best.params <= PARAMETERS and winner_figures["accuracy"] > paper["accuracy"] else 1


if __name__ == "__main__":
    sys.exit(main())
