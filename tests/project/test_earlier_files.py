"""What an earlier version wrote is read as that version read it.

The samples and the answers that are expected were made by `support/earlier_samples.py`.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import kerascnn
from kerascnn.tuning import Budget, SearchResult, search
from support import earlier_samples as make
from support.paths import FIXTURES

SAMPLES = FIXTURES / "earlier"
EXPECTED: dict[str, Any] = json.loads((SAMPLES / "expected.json").read_text("utf-8"))
with np.load(SAMPLES / "expected.npz", allow_pickle=False) as _stored:
    ANSWERS = {name: _stored[name] for name in _stored.files}

FORMATS = EXPECTED["all_exports"]["exports"]["formats"]
FILES = {
    "savedmodel": "savedmodel",
    "onnx": "model.onnx",
    "onnx-float16": "model-float16.onnx",
    "onnx-int8": "model-int8.onnx",
    "litert": "model.tflite",
    "litert-float16": "model-float16.tflite",
}
HAVE = [name for name in ("ai_edge_litert", "openvino") if importlib.util.find_spec(name)]
needs_litert = pytest.mark.skipif("ai_edge_litert" not in HAVE, reason="LiteRT is an extra")
needs_openvino = pytest.mark.skipif("openvino" not in HAVE, reason="OpenVINO is an extra")
ROUNDING = 2e-6
"""How far float32 on another processor may be, in a probability."""
TOLERANCES = {"onnx-float16": 1e-3, "onnx-int8": 2e-2, "litert-float16": 1e-3}
FUSED = 1e-5
"""The same for runtimes that calculate in another order."""
WEIGHTS = (".weights.h5", ".safetensors", ".npz")
TRAINED = 1e-3
"""How far a training may be from the same one on another processor, whose roundings add up."""
IMAGES = 5e-3
"""The same of an accuracy: a few of the 599 images."""
VERSIONS = ("kerascnn: ", "keras: ", "tensorflow: ", "backend: ")


def same_answers(source: Any, name: str, tolerance: float = ROUNDING, **arguments: Any) -> None:
    predictions = make.probabilities(source, ANSWERS["images"], **arguments)
    np.testing.assert_allclose(predictions, ANSWERS[name], rtol=0, atol=tolerance)


def same_history(run: kerascnn.Run, wanted: dict[str, list[float]]) -> None:
    for name, values in wanted.items():
        allowed = IMAGES if name.endswith("accuracy") else TRAINED
        np.testing.assert_allclose(run.history[name], values, rtol=0, atol=allowed, err_msg=name)


def copied(name: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(SAMPLES / name, tmp_path / name))


# ---------------------------------------------------------------------- runs


def test_a_run_is_read() -> None:
    wanted, run = EXPECTED["run"], kerascnn.load_run(SAMPLES / "run")
    assert {name: run.history[name] for name in wanted["history"]} == wanted["history"]
    assert run.best["epoch"] == wanted["best_epoch"]
    assert run.result["weights_sha256"] == wanted["weights_sha256"]
    assert list(run.class_names) == wanted["class_names"]
    assert run.config["model"]["arguments"] == {"classes": 10, "width": 0.125}
    same_answers(run, "run")
    same_answers(run.path / "last.keras", "run_last", preprocessing=run.preprocessing)
    # The optimizer comes along, and is where it was.
    network = run.load("last")
    assert int(network.optimizer.iterations) == wanted["steps"]
    assert network.optimizer.name == "adam_w"


def test_a_run_is_evaluated_and_reported(tmp_path: Path) -> None:
    path = copied("run", tmp_path)
    figures = kerascnn.evaluate(path, "digits")
    for name, value in EXPECTED["run"]["evaluation"].items():
        assert figures[name] == pytest.approx(value, abs=1e-5), name
    page = kerascnn.report(path).read_text("utf-8")
    assert f"{EXPECTED['run']['evaluation']['accuracy']:.2%}".rstrip("%") in page


def test_a_run_is_reproduced(tmp_path: Path) -> None:
    again = kerascnn.reproduce(copied("run", tmp_path), model=make.lenet(), verbose=False).again
    # Rounding alone moves a few of the 599 images.
    measured, wanted = again.history["val_accuracy"], EXPECTED["run"]["history"]["val_accuracy"]
    np.testing.assert_allclose(measured, wanted, atol=0.02)
    same_history(again, {"learning_rate": EXPECTED["run"]["history"]["learning_rate"]})
    written = [name for name in make.files(again.path) if not name.startswith("tensorboard")]
    assert written == EXPECTED["run"]["files"]
    old, new = (kerascnn.load_run(path).config for path in (SAMPLES / "run", again.path))
    assert set(new) == set(old)
    assert new["recipe"] == old["recipe"]
    assert new["preprocessing"] == old["preprocessing"]


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    wanted, path = EXPECTED["run_own_layers"], copied("run_own_layers", tmp_path)
    assert kerascnn.load_run(path).history["epoch"] == wanted["epochs_before"]
    assert kerascnn.load_run(path).result == {}
    run = kerascnn.train(
        make.convnet(), "digits", recipe=make.l2(), precision="float32", seed=7, run_dir=path,
        resume="force", verbose=False,
    )  # fmt: skip
    (life,) = run.config["resumed"]
    assert life["position"] == wanted["stopped_at"]
    # Nothing but versions may be called a change.
    assert all(line.startswith(VERSIONS) for line in life["changed"]), life["changed"]
    same_history(run, wanted["history"])
    assert run.history["loss"][0] == wanted["history"]["loss"][0]
    same_answers(run.load("last"), "run_own_layers", TRAINED, preprocessing=run.preprocessing)
    assert type(run.load("last").optimizer).__name__ == "SGDWithL2"
    written = [name for name in make.files(path) if not name.startswith("tensorboard")]
    assert written == wanted["files"]


# ---------------------------------------------------------------------- weights


@pytest.mark.parametrize("suffix", WEIGHTS)
def test_weights_are_read(suffix: str, tmp_path: Path) -> None:
    path = SAMPLES / "weights" / f"lenet{suffix}"
    same_answers(path, "run")
    same_answers(kerascnn.load_model(path), "run")
    model = kerascnn.create_model("lenet5", width=0.125, classes=10)
    report = kerascnn.load_weights(model, path)
    assert (report.layout, report.verified, report.fraction) == ("kerascnn", True, 1.0)
    assert (report.adapted, report.skipped, report.missing, report.unexpected) == ((), (), (), ())
    trained = kerascnn.load_run(SAMPLES / "run").load("best")
    for get_weight, wanted in zip(model.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(get_weight, wanted)


def test_weights_have_the_names_that_they_had(tmp_path: Path) -> None:
    old, new = SAMPLES / "weights" / "lenet.npz", tmp_path / "lenet.npz"
    run, model = kerascnn.load_run(SAMPLES / "run"), kerascnn.load_model(old)
    kerascnn.save_weights(model, new, class_names=run.class_names, preprocessing=run.preprocessing)
    with np.load(old) as old_arrays, np.load(new) as other:
        assert other.files == old_arrays.files
        for name in old_arrays.files:
            if not name.endswith(".json"):
                np.testing.assert_array_equal(other[name], old_arrays[name])


def test_every_layer_of_the_package_is_read() -> None:
    asked = kerascnn.Preprocessing(size=(16, 16), channels="grey")
    same_answers(SAMPLES / "weights" / "own_layers.keras", "own_layers", preprocessing=asked)


# ---------------------------------------------------------------------- exports


@pytest.mark.parametrize(
    "name", ["exports", pytest.param("exports_openvino", marks=needs_openvino)]
)
def test_an_export_is_verified(name: str) -> None:
    reports = kerascnn.verify(SAMPLES / name, trust=True)
    assert [report.format for report in reports] == EXPECTED["all_exports"][name]["formats"]
    for report in reports:
        if report.note:  # the images are drawn anew; another NumPy may draw others
            assert "NumPy" in report.note
        else:
            assert report.difference is not None
            assert report.difference < (1e-5 if report.format not in TOLERANCES else 0.1)
            assert report.top1_agreement == 1


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[needs_litert] if "litert" in name else []) for name in FORMATS],
)
def test_an_artifact_answers_as_it_did(name: str) -> None:
    tolerance = TOLERANCES.get(name, FUSED)
    same_answers(SAMPLES / "exports" / FILES[name], f"exports_{name}", tolerance, trust=True)
    if name not in TOLERANCES:
        same_answers(SAMPLES / "exports" / FILES[name], "run", FUSED, trust=True)


@needs_openvino
def test_an_openvino_artifact_answers_as_it_did() -> None:
    same_answers(SAMPLES / "exports_openvino" / "openvino", "exports_openvino", FUSED)
    same_answers(SAMPLES / "exports_openvino", "run", FUSED)


@pytest.mark.parametrize(
    ("runtime", "precision", "name"),
    [
        ("auto", "float32", "onnx"),
        ("onnxruntime", "int8", "onnx-int8"),
        ("tensorflow", "float32", "savedmodel"),
        pytest.param("litert", "float32", "litert", marks=needs_litert),
        pytest.param("openvino", "float32", "onnx", marks=needs_openvino),
    ],
)
def test_a_predictor_finds_the_artifact(runtime: str, precision: str, name: str) -> None:
    predictor = kerascnn.Predictor(
        SAMPLES / "exports", runtime=runtime, precision=precision, trust=True
    )
    assert predictor.info.precision == precision
    assert runtime in ("auto", predictor.info.runtime)
    assert list(predictor.class_names or ()) == EXPECTED["run"]["class_names"]
    batch = np.stack([predictor.prepare(image) for image in ANSWERS["images"]])
    predictions, wanted = predictor.probabilities(batch), ANSWERS[f"exports_{name}"]
    np.testing.assert_allclose(predictions, wanted, rtol=0, atol=TOLERANCES.get(name, FUSED))


def described(folder: Path) -> dict[str, Any]:
    """Returns what three artifacts tell of themselves, but for the numbers of versions."""
    props = onnx.load(folder / "model.onnx").metadata_props
    with zipfile.ZipFile(folder / "model.tflite") as archive:
        lite = json.loads(archive.read("kerascnn.json"))
    saved = json.loads((folder / "savedmodel/assets.extra/kerascnn.json").read_text("utf-8"))
    result = {
        "onnx": {
            prop.key: json.loads(prop.value) if prop.key in saved else prop.value for prop in props
        },
        "litert": lite,
        "savedmodel": saved,
    }
    return {name: {**value, "versions": list(value["versions"])} for name, value in result.items()}


def test_an_export_of_today_has_the_same_files_and_says_the_same(tmp_path: Path) -> None:
    out = tmp_path / "exports"
    kerascnn.export(
        copied("run", tmp_path), out, FORMATS, options=kerascnn.ExportOptions(max_drop=1.0)
    )
    assert make.files(out) == EXPECTED["all_exports"]["exports"]["files"]
    today = described(out)
    for value in today.values():  # "scores" came later, for networks with one output
        assert value["output"].pop("scores") == "probabilities"
    assert today == described(SAMPLES / "exports")
    old, new = (
        json.loads((folder / "report.json").read_text("utf-8"))
        for folder in (SAMPLES / "exports", out)
    )
    assert [set(item) for item in new] == [set(item) for item in old]
    with np.load(SAMPLES / "exports" / "proof.npz") as kept, np.load(out / "proof.npz") as other:
        assert other.files == kept.files


# ---------------------------------------------------------------------- searches


def searched(path: Path, trials: int) -> SearchResult:
    """Asks for the search of the sample, which goes on from what lies there."""
    result = search(
        make.space(), "digits", budget=Budget(params=5_000), trials=trials, epochs=1,
        precision="float32", directory=path, seed=9, verbose=False,
    )  # fmt: skip
    assert result is not None
    return result


def table(result: SearchResult) -> list[dict[str, Any]]:
    names = EXPECTED["search"]["trials"][0]
    return [{name: getattr(trial, name) for name in names} for trial in result.trials]


def test_a_finished_search_is_read(tmp_path: Path) -> None:
    wanted, path = EXPECTED["search"], copied("search", tmp_path)
    before = {file: file.stat().st_mtime_ns for file in path.glob("trials/trial_*/*")}
    result = searched(path, 3)
    assert {file: file.stat().st_mtime_ns for file in path.glob("trials/trial_*/*")} == before
    assert table(result) == wanted["trials"]
    assert result.best.trial == wanted["best"]
    assert [trial.trial for trial in result.pareto("params")] == wanted["pareto"]
    same_answers(result.best_model(), "search")
    # What the search leaves for people and scripts is the same again.
    assert (path / "results.csv").read_text() == (SAMPLES / "search/results.csv").read_text()
    old, new = (
        json.loads((directory / "best.json").read_text())
        for directory in (SAMPLES / "search", path)
    )
    assert new == old
    assert set(wanted["files"]) <= set(make.files(path))


def test_a_finished_search_goes_on_with_more_trials(tmp_path: Path) -> None:
    path = copied("search", tmp_path)
    result = searched(path, 4)
    assert table(result)[:3] == EXPECTED["search"]["trials"]
    assert [trial.trial for trial in result.trials] == ["0", "1", "2", "3"]
    # The only one of the four candidates that was left.
    assert result.trials[3].values == {"width": 0.125, "kernel_size": 3}
    with (path / "results.csv").open(newline="") as stream:
        assert [row["status"] for row in csv.DictReader(stream)] == ["COMPLETED"] * 4
