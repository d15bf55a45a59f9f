"""The promise of `export`: what is kept is whole, a failure leaves nothing, a run says the rest."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
import kerascnn.runs.run
from kerascnn.errors import MismatchError, OutputError, UsageError
from kerascnn.exporting.exporter import export
from kerascnn.exporting.onnx import format
from kerascnn.imaging.preprocessing import Preprocessing
from support.exports import tiny, tree
from support.onnx_graphs import session_of

layers = keras.layers
NAMES = ("nought", "one", "two", "drei", "vier")


def test_layout_reports_and_manifest(tmp_path):
    reports = export(tiny(), tmp_path / "out", class_names=NAMES)

    assert [report.format for report in reports] == ["savedmodel", "onnx"]
    files = tree(tmp_path / "out")
    manifest = json.loads(files.pop("manifest.json"))["files"]
    assert set(manifest) == set(files)
    for name, content in files.items():
        assert manifest[name]["bytes"] == len(content)
        assert manifest[name]["sha256"] == hashlib.sha256(content).hexdigest()

    stored = json.loads(files["report.json"])
    assert stored == [report.to_json() for report in reports]
    assert [entry["path"] for entry in stored] == ["savedmodel", "model.onnx"]
    first, second = reports
    assert first.path == tmp_path / "out" / "savedmodel"
    # A kernel of 3x3x1x2 with 2 biases, and 6x6x2 features to 5 classes with 5 biases.
    assert first.parameter_bytes == second.parameter_bytes == 4 * (18 + 2 + 72 * 5 + 5)
    assert second.bytes == len(files["model.onnx"])
    assert (second.opset, first.opset) == (17, None)
    assert (second.real, second.random) == (0, 12)
    assert second.top1_agreement == 1
    assert second.relative <= second.tolerance <= 1e-4
    assert second.difference < 1e-6
    assert second.nodes == {"Transpose": 1, "Conv": 1, "Flatten": 1, "Gemm": 1, "Softmax": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "temporary files are left"
    assert "12 random images" in str(second)
    assert "\n" not in str(second)


def test_nothing_is_printed(tmp_path, capfd):
    export(tiny(), tmp_path / "out")
    out, err = capfd.readouterr()
    assert out == ""
    # TensorFlow's C++ part logs for itself unless TF_CPP_MIN_LOG_LEVEL was set before its import.
    ours = [line for line in err.splitlines() if not line.startswith(("I0", "W0", "E0"))]
    assert [line for line in ours if "absl::InitializeLog" not in line] == []


def test_ctrl_c_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(job, path):
        raise KeyboardInterrupt

    monkeypatch.setattr(format, "write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(tiny(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_output_error(tmp_path, monkeypatch):
    import tensorflow as tf

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", full)
    with pytest.raises(OutputError, match="No space left"):
        export(tiny(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_another_export_is_overwritten_only_when_asked(tmp_path):
    export(tiny(), tmp_path / "out", formats=["savedmodel"])
    before = tree(tmp_path / "out")
    with pytest.raises(OutputError, match="not empty"):
        export(tiny(), tmp_path / "out")
    assert tree(tmp_path / "out") == before

    export(tiny(), tmp_path / "out", formats=["onnx"], overwrite=True)
    assert set(tree(tmp_path / "out")) == {
        "model.onnx",
        "report.json",
        "proof.npz",
        "manifest.json",
    }


@pytest.mark.parametrize("name", ["thesis.tex", "savedmodel/assets.extra/warmup"])
def test_files_of_the_user_are_never_overwritten(tmp_path, name):
    out = tmp_path / "out"
    export(tiny(), out, formats=["savedmodel"])
    (out / name).write_text("mine")
    with pytest.raises(OutputError, match="no export wrote") as caught:
        export(tiny(), out, overwrite=True)
    assert name in str(caught.value)
    assert (out / name).read_text() == "mine"


def test_what_does_not_fit_the_model_is_refused(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(MismatchError, match="2 class names for a model with 5 outputs"):
        export(tiny(), out, class_names=["a", "b"])
    with pytest.raises(MismatchError, match=r"makes images of \(9, 8\)"):
        export(tiny(), out, preprocessing=Preprocessing(size=(9, 8), channels="grey"))
    with pytest.raises(UsageError, match="unknown format 'tflite'; export writes savedmodel, onnx"):
        export(tiny(), out, formats=["onnx", "tflite"])
    with pytest.raises(UsageError, match="formats is empty"):
        export(tiny(), out, formats=[])
    with pytest.raises(UsageError, match="tolerance"):
        export(tiny(), out, tolerance=0)
    with pytest.raises(UsageError, match="no known input shape"):
        export(keras.Sequential([layers.Dense(3)]), out)
    with pytest.raises(UsageError, match=r"expected a keras\.Model"):
        export(3, out)
    with pytest.raises(UsageError, match="no run directory"):
        export(tmp_path / "missing", out)
    assert not out.exists()


def test_no_trace_of_the_machine_in_any_byte(tmp_path, monkeypatch):
    host = "host-of-the-test-0917"
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    user = "user-of-the-test-0917"
    monkeypatch.setenv("USER", user)
    export(tiny(), tmp_path / "deep" / "out", class_names=NAMES)
    telling = [str(tmp_path), str(Path.cwd()), str(Path.home()), os.path.dirname(keras.__file__)]
    telling += [host, user, "site-packages", os.fspath(Path(__file__).name)]
    for name, content in tree(tmp_path / "deep" / "out").items():
        for word in telling:
            assert word.encode() not in content, f"{word} in {name}"


def run_directory(path: Path) -> tuple[Path, keras.Model]:
    """What `train` leaves, as far as export reads it."""
    from kerascnn import create_model

    model = create_model("lenet5", classes=10)
    path.mkdir()
    model.save(path / "best.keras")
    preprocessing = Preprocessing(
        size=(32, 32), fit="pad", channels="grey", scale=1 / 255, mean=(0.13,), std=(0.31,)
    )
    config = {
        "model": {"name": "lenet5", "arguments": {"dropout": 0.25}},
        "data": {"name": "digits", "class_names": [f"digit {n}" for n in range(10)]},
        "preprocessing": preprocessing.to_json(),
    }
    (path / "config.json").write_text(json.dumps(config))
    return path, model


def test_a_run_brings_names_preprocessing_and_real_images(tmp_path):
    path, model = run_directory(tmp_path / "run")
    for source in (path, str(path), kerascnn.runs.run.load_run(path)):
        (report,) = export(source, tmp_path / "out", ["onnx"], overwrite=True)
        assert (report.real, report.random) == (32, 12)

    session = session_of(report.path)
    stored = {k: json.loads(v) for k, v in session.get_modelmeta().custom_metadata_map.items()}
    assert stored["class_names"] == [f"digit {n}" for n in range(10)]
    assert stored["model"] == {"name": "lenet5", "arguments": {"dropout": 0.25}}
    preprocessing = Preprocessing.from_json(stored["preprocessing"])
    assert (preprocessing.size, preprocessing.mean) == ((32, 32), (0.13,))

    image = np.random.default_rng(1).random((3, 32, 32, 1), "float32")
    (got,) = session.run(None, {"image": image})
    assert np.abs(got - model.predict(image, verbose=0)).max() < 1e-5


def test_a_run_of_a_foreign_model_exports_too(tmp_path):
    path, _ = run_directory(tmp_path / "run")
    config = json.loads((path / "config.json").read_text())
    config["model"] = {"name": "mine", "arguments": None}  # as `train` writes it
    (path / "config.json").write_text(json.dumps(config))
    (report,) = export(path, tmp_path / "out", ["savedmodel"])
    stored = json.loads((Path(report.path) / "assets.extra" / "kerascnn.json").read_text())
    assert stored["model"] == {"name": "mine", "arguments": {}}


def test_data_that_is_not_at_hand_stops_no_export(tmp_path):
    path, _ = run_directory(tmp_path / "run")
    config = json.loads((path / "config.json").read_text())
    for name in ("folder:/nowhere/at/all", "tfds:mnist", "arrays"):
        config["data"]["name"] = name
        (path / "config.json").write_text(json.dumps(config))
        (report,) = export(path, tmp_path / "out", ["savedmodel"], overwrite=True)
        assert (report.real, report.random) == (0, 12)


def test_no_trace_of_the_machine_in_any_format(everything):
    telling = [str(everything[0].parent), str(Path.cwd()), str(Path.home()), "site-packages"]
    telling.append(os.path.dirname(keras.__file__))
    if len(socket.gethostname()) > 5:  # a shorter one stands in any file's weights by chance
        telling.append(socket.gethostname())
    for path in everything[0].rglob("*"):
        if path.is_file():
            for word in telling:
                assert word.encode() not in path.read_bytes(), f"{word} in {path.name}"
