"""Makes small samples of all that kerascnn writes, and records how they answer.

    PYTHONPATH=.:tests python -m support.earlier_samples FOLDER

`tests/project/test_earlier_files.py` reads the samples with the code of today: what an earlier
version wrote must stay readable. Run this with the version whose files are to be kept, not with a
later one. The folder then holds

    run/              a finished training run, LeNet-5 at an eighth of its width
    run_own_layers/   a run that was interrupted in its second epoch, of a network with a layer and
                      an optimizer that Keras does not have
    exports/          the network of run/ in the formats that need nothing else installed
    exports_openvino/ the same for OpenVINO, which must be installed
    search/           a finished search of three trials
    weights/          the network of run/ in the formats of `save_weights`, and a model of Keras's
                      own format that has every layer of this package
    expected.json     the figures of the runs and of the search, and what was written
    expected.npz      ten images, and the probabilities that everything above gives for them

TensorBoard's events are left out, whose names tell of the machine, and so are pictures and pages:
nothing reads them.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import kerascnn
from kerascnn.errors import Interrupted
from kerascnn.tuning import Budget, SearchSpace, search

FORMATS = ("savedmodel", "onnx", "onnx-float16", "onnx-int8", "litert", "litert-float16")
PICTURES = (".png", ".html")
COUNT = 10
"""Images whose answers are kept."""


def lenet() -> Any:
    """Returns LeNet-5 at an eighth of its width."""
    import keras

    keras.utils.set_random_seed(1)
    return kerascnn.create_model("lenet5", width=0.125, classes=10)


def convnet() -> Any:
    """Returns a network with a pooling of this package's own and a dropout."""
    import keras

    keras.utils.set_random_seed(2)
    return kerascnn.create_model(
        "convnet", n=1, m=2, k=1, filters=4, units=8, pool="weighted", dropout=0.2,
        input_shape=(16, 16, 1), classes=10,
    )  # fmt: skip


def constant() -> kerascnn.Recipe:
    """Returns a recipe under which LeNet-5's last epoch is not the best."""
    return kerascnn.Recipe(
        "constant", schedule="constant", learning_rate=0.04, batch_size=16, epochs=3
    )


def l2() -> kerascnn.Recipe:
    """Returns a recipe whose optimizer is one of this package's own."""
    return kerascnn.Recipe(
        "l2", optimizer="sgd", momentum=0.9, learning_rate=0.02, weight_decay=1e-3, decay="l2",
        spare=("bias",), schedule="plateau", patience=1, batch_size=16, epochs=2, translate=1,
    )  # fmt: skip


def own_layers() -> Any:
    """Returns a network with every layer and initializer that Keras does not have."""
    import keras

    from kerascnn.applications import layers

    keras.utils.set_random_seed(3)
    image = keras.Input((16, 16, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same")(image)
    x = layers.PositionBias()(layers.BatchNormalization()(x))
    x = layers.ExactGelu()(x)
    x = layers.ChannelShuffle(2)(x)
    x = layers.GroupedConv2D(4, 3, groups=2, padding="same")(x)
    x = layers.LocalResponseNormalization(alpha=0.1)(x)
    halves = [layers.ChannelSlice(part, 2)(x) for part in (1, 0)]
    large = keras.layers.Concatenate()(halves)
    x = layers.WeightedPooling2D()(layers.EvenBorder2D()(large))
    x = keras.layers.Conv2DTranspose(
        4, 4, 2, use_bias=False, kernel_initializer=layers.Bilinear(), name="enlarged"
    )(x)
    x = layers.CropLike()([x, large])
    x = layers.L2Pooling2D()(x)
    x = layers.TrainableSubsampling()(x)
    x = layers.TableConv2D(((0, 1), (1, 2, 3), (0, 3)), 3)(layers.HardSigmoid()(x))
    x = keras.layers.Flatten(name="features")(layers.SumPooling2D()(x))
    codes = np.random.default_rng(0).choice((-1, 1), (10, 6)).tolist()
    x = layers.RadialBasis(codes)(layers.ScaledTanh()(keras.layers.Dense(6)(x)))
    out = keras.layers.Softmax(name="predictions")(x)
    model = keras.Model(image, out, name="own_layers")
    for weight in model.trainable_weights:  # so that the answers to the images differ
        if weight.name == "kernel":
            weight.assign(3 * weight)
    return model


def probabilities(source: Any, images: np.ndarray, **arguments: Any) -> np.ndarray:
    """Returns the probability of every class for every image."""
    predictions = kerascnn.predict(source, images, top=1000, **arguments)
    return np.array(
        [np.array(prediction.scores)[np.argsort(prediction.indices)] for prediction in predictions],
        "float32",
    )


def files(folder: Path) -> list[str]:
    """Returns the names of the files below a folder."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def without_pictures(folder: Path) -> None:
    """Removes what nothing reads."""
    for events in list(folder.rglob("tensorboard")):
        shutil.rmtree(events)
    for path in list(folder.rglob("*")):
        if path.suffix in PICTURES:
            path.unlink()


def figures(run: kerascnn.Run) -> dict[str, Any]:
    """Returns what must be the same for everyone who reads a run."""
    names = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    return {
        "history": {name: run.history[name] for name in names},
        "best_epoch": run.best["epoch"],
        "weights_sha256": run.result.get("weights_sha256"),
        "class_names": list(run.class_names),
        "files": [name for name in files(run.path) if not name.startswith("tensorboard")],
    }


def make_run(folder: Path, images: np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Trains to the end."""
    path = folder / "run"
    run = kerascnn.train(
        lenet(), "digits", recipe=constant(), precision="float32", run_dir=path, verbose=False
    )
    expected = figures(run)
    evaluation = kerascnn.evaluate(run, "digits")
    expected["evaluation"] = {
        name: value for name, value in evaluation.items() if name != "images_per_second"
    }
    expected["steps"] = int(run.load("last").optimizer.iterations)
    answers = {
        "run": probabilities(run, images),
        "run_last": probabilities(path / "last.keras", images, preprocessing=run.preprocessing),
    }
    without_pictures(path)
    return expected, answers


def interrupt(history: Path) -> None:
    """Stops the training of this process in its second epoch."""
    while not history.is_file() or len(history.read_text("utf-8").splitlines()) < 2:
        time.sleep(0.01)
    time.sleep(0.15)
    os.kill(os.getpid(), signal.SIGINT)


def make_interrupted(
    folder: Path, images: np.ndarray
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Trains the same twice: to the end, which is what is expected, and until it is stopped."""
    asked = {"recipe": l2(), "precision": "float32", "seed": 7, "verbose": False}
    with tempfile.TemporaryDirectory() as place:
        whole = kerascnn.train(convnet(), "digits", run_dir=Path(place) / "whole", **asked)
        expected = figures(whole)
        answers = {
            "run_own_layers": probabilities(
                whole.load("last"), images, preprocessing=whole.preprocessing
            )
        }
    path = folder / "run_own_layers"
    threading.Thread(target=interrupt, args=(path / "history.csv",), daemon=True).start()
    try:
        kerascnn.train(convnet(), "digits", run_dir=path, **asked)
    except Interrupted as stop:
        print(stop)
    else:
        raise SystemExit("the training was over before it could be stopped; try again")
    without_pictures(path)
    newest = max((path / "checkpoints").iterdir())
    for commit in list((path / "checkpoints").iterdir()):
        if commit != newest:  # would be read if the newest were damaged
            shutil.rmtree(commit)
    expected["stopped_at"] = json.loads((newest / "commit.json").read_text("utf-8"))["position"]
    expected["epochs_before"] = kerascnn.load_run(path).history["epoch"]
    return expected, answers


def make_exports(folder: Path, images: np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Exports the run, and keeps what every artifact answers."""
    expected: dict[str, Any] = {}
    answers = {}
    for name, formats in (("exports", FORMATS), ("exports_openvino", ("openvino",))):
        path = folder / name
        options = kerascnn.ExportOptions(max_drop=1.0)
        reports = kerascnn.export(folder / "run", path, formats, options=options)
        for report in reports:
            artifact = path / report.path.name
            answers[f"exports_{report.format}"] = probabilities(artifact, images, trust=True)
        formats = [report.format for report in reports]
        expected[name] = {"formats": formats, "files": files(path)}
    return expected, answers


def space() -> SearchSpace:
    """Returns what is searched."""
    return SearchSpace("lenet5", width=(0.125, 0.25), kernel_size=(3, 5))


def make_search(folder: Path, images: np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Searches, and keeps the table of the trials."""
    path = folder / "search"
    result = search(
        space(), "digits", budget=Budget(params=5_000), trials=3, epochs=1, precision="float32",
        directory=path, seed=9, verbose=False,
    )  # fmt: skip
    without_pictures(path)
    expected = {
        "best": result.best.trial,
        "pareto": [trial.trial for trial in result.pareto("params")],
        "trials": [
            {
                "trial": trial.trial,
                "values": trial.values,
                "score": trial.score,
                "metrics": trial.metrics,
                "params": trial.params,
                "macs": trial.macs,
                "seed": trial.seed,
                "epochs": trial.epochs,
            }
            for trial in result.trials
        ],
        "files": files(path),
    }
    return expected, {"search": probabilities(result.best_model(), images)}


def make_weights(folder: Path, images: np.ndarray) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Writes weights in every format, and a whole model in Keras's own."""
    path = folder / "weights"
    path.mkdir()
    run = kerascnn.load_run(folder / "run")
    trained = lenet()
    trained.set_weights(run.load("best").get_weights())
    answers = {}
    for suffix in (".weights.h5", ".safetensors", ".npz"):
        kerascnn.save_weights(
            trained, path / f"lenet{suffix}",
            class_names=run.class_names, preprocessing=run.preprocessing,
        )  # fmt: skip
        answers[f"weights{suffix}"] = probabilities(path / f"lenet{suffix}", images)
    model = own_layers()
    model.save(path / "own_layers.keras")
    answers["own_layers"] = probabilities(
        path / "own_layers.keras", images,
        preprocessing=kerascnn.Preprocessing(size=(16, 16), channels="grey"),
    )  # fmt: skip
    kinds = sorted({type(layer).__name__ for layer in model.layers})
    return {"layers": kinds, "files": files(path)}, answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where the samples are written")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("run", "run_own_layers", "exports", "exports_openvino", "search", "weights"):
        shutil.rmtree(folder / name, ignore_errors=True)
    images = np.asarray(kerascnn.load_data("digits", seed=0).test.images[:COUNT])
    expected: dict[str, Any] = {"kerascnn": kerascnn.__version__}
    answers: dict[str, np.ndarray] = {"images": images}
    for name, make in (
        ("run", make_run),
        ("run_own_layers", make_interrupted),
        ("all_exports", make_exports),
        ("search", make_search),
        ("weights", make_weights),
    ):
        expected[name], values = make(folder, images)
        answers |= values
    text = json.dumps(expected, indent=2, ensure_ascii=False) + "\n"
    (folder / "expected.json").write_text(text, "utf-8")
    np.savez_compressed(folder / "expected.npz", **answers)


if __name__ == "__main__":
    main()
