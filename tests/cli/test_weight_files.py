"""Files of weights of other libraries, from the shell: inspected, used, converted and exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.cli import main
from kerascnn.models.planning import plan
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.published.imagenet_classes import CLASS_NAMES
from kerascnn.runtimes.available import installed
from kerascnn.weights.axis_order import tensor_names
from kerascnn.weights.expected_shapes import expected
from kerascnn.weights.name_maps import layouts
from support.weight_files.other_libraries import as_torch
from support.weight_files.torch_files import state_dict, write_zip

pytestmark = pytest.mark.usefixtures("own_home")
EXTRAS = ("litert", "openvino")
ARTIFACTS = (".onnx", ".tflite", ".xml")
ROW, WIDTH = "mobilenet_v1", 0.25


def write_keras(path: Path, row: str, **arguments: Any) -> Path:
    """Writes random weights in the format and with the names of keras.applications' files."""
    draw = np.random.default_rng(3)
    variant = model_info(row)
    layers = expected(plan(variant, Request.of(arguments)))
    modules = layouts(variant.family)["keras"](list(layers))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [module.encode() for module in modules.values()]
        for name, module in modules.items():
            group, names = file.create_group(module), []
            for variable, shape in layers[name].variables.items():
                key = f"{module}/{tensor_names(layers[name].kind, variable, 'keras')[0]}:0"
                scale = (2 / max(np.prod(shape[:-1]), 1)) ** 0.5 if len(shape) > 1 else 0.1
                values = draw.normal(0, scale, shape)
                values = values + 1 if variable in ("gamma", "moving_variance") else values
                group[key] = np.abs(values) if "variance" in variable else values
                names.append(key.encode())
            group.attrs["weight_names"] = names
    return path


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_keras(tmp_path_factory.mktemp("w") / "mobilenet_2_5.h5", ROW, width=WIDTH)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    draw = np.random.default_rng(1)
    for number in range(2):
        small = Image.fromarray(draw.integers(0, 256, (7, 9, 3), "uint8"))
        small.resize((300, 260)).save(folder / f"{number}.png")
    return folder


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = main([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out, told.err


def predicted(capsys: pytest.CaptureFixture[str], *words: object) -> list[tuple[str, float]]:
    code, out, err = run(capsys, "predict", *words, "--json", "--precision", "float32")
    assert code == 0, err
    return [
        (image["classes"][0]["label"], image["classes"][0]["score"]) for image in json.loads(out)
    ]


def test_inspect_names_row_width_and_preprocessing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, "weights", "inspect", file)
    assert code == 0
    assert "fits         mobilenet_v1 with width=0.25 completely (keras)" in out
    assert "images       224x224 rgb, crop of 256, (x / 255 - 0.5) / 0.5" in out


def test_from_the_file_to_every_artifact(
    file: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = predicted(capsys, file, photos)
    assert {name for name, _ in first} <= set(CLASS_NAMES)
    converted = tmp_path / "m.safetensors"
    assert run(capsys, "weights", "convert", file, converted)[0] == 0
    exported = tmp_path / "out"
    formats = ["onnx", "savedmodel", *(name for name in EXTRAS if installed(name))]
    assert run(capsys, "export", file, exported, "--formats", ",".join(formats))[0] == 0
    artifacts = [path for path in exported.rglob("model.*") if path.suffix in ARTIFACTS]
    assert len(artifacts) == len(formats) - 1  # a SavedModel is a folder
    for source in (converted, exported, *artifacts):
        again = predicted(capsys, source, photos)
        assert [name for name, _ in again] == [name for name, _ in first]
        np.testing.assert_allclose([s for _, s in again], [s for _, s in first], rtol=1e-3)
    again = predicted(capsys, exported / "savedmodel", photos, "--trust")
    assert [name for name, _ in again] == [name for name, _ in first]


def test_builder_arguments_of_a_file(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.npz"
    words = ("weights", "convert", file, out, "--model", ROW)
    code, _, err = run(capsys, *words)
    assert code == 5
    assert 'build create_model("mobilenet_v1", width=0.25)' in err
    assert run(capsys, *words, "--set", "width=0.25")[0] == 0
    assert run(capsys, "weights", "verify", file, "--model", ROW, "--set", "width=0.25")[0] == 0
    code, _, err = run(capsys, "weights", "verify", file, "--model", ROW, "--set", "width=0.5")
    assert code == 5
    assert run(capsys, "export", file, tmp_path / "e", "--set", "width")[0] == 2


def test_a_tie_names_the_options_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = expected(plan(model_info("resnet20_cifar"), Request()))
    path = tmp_path / "x.npz"
    np.savez(path, **{f"{name}/{variable}": np.ones(shape, "f4")
                      for name, layer in layers.items()
                      for variable, shape in layer.variables.items()})  # fmt: skip
    code, _, err = run(capsys, "weights", "convert", path, tmp_path / "y.npz")
    assert code == 2
    assert "equally well; give --model plain20_cifar or --model resnet20_cifar" in err
    words = ("weights", "convert", path, tmp_path / "y.npz", "--model", "resnet20_cifar")
    assert run(capsys, *words)[0] == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.h5", b"\x1c\0\0\0TFL3" + bytes(90), "a LiteRT (TensorFlow Lite) network"),
        ("x.pth", b"\x89PNG\r\n\x1a\n" + bytes(90), "an image"),
        ("x.npz", b"\x93NUMPY\x01\0v\0{'descr'", "a single NumPy array"),
        ("x.mat", b"MATLAB 5.0 MAT-file, Platform" + bytes(90), "a MATLAB file"),
        ("x.param", b"7767517\n75 83\n", "a network of ncnn"),
        ("x.bin", bytes(range(1, 200)) + bytes(9), "the values of a network of OpenVINO or ncnn"),
        ("x.pb", b"\n\x05\n\x03abc" + bytes(90), "a graph of TensorFlow"),
        ("x.mlmodel", b"\x08\x04" + bytes(90), "Core ML"),
        ("x.caffemodel", b"\n\x04name" + bytes(90), "weights of Caffe"),
        ("x.csv", b"a,b\n1,2\n", "a text"),
        ("x.xml", b'<?xml version="1.0"?>\n<net name="m">', "an OpenVINO network"),
        ("x.npz", b"\x89HDF\r\n\x1a\n" + bytes(90), "rename it to end in '.h5'"),
    ],
)
def test_files_of_other_formats_are_described(
    name: str, content: bytes, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    code, _, err = run(capsys, "weights", "inspect", path)
    assert code == 4
    assert words in err
    assert "amaged" not in err
    if name not in ("x.xml",):
        code, _, err = run(capsys, "predict", path, tmp_path)
        assert (code, words in err) == (4, True)


def test_predict_does_not_call_an_existing_folder_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.txt").write_text("x")
    code, _, err = run(capsys, "predict", tmp_path, tmp_path)
    assert code == 2
    assert "a folder without a run, an export or a SavedModel; it holds notes.txt" in err


def test_convert_takes_a_table_and_a_part(tmp_path, capsys):
    """A file of two tables, of which one has two networks."""
    model = kerascnn.create_model("resnet18", width=0.125, depth=0.5, classes=3)
    tensors = as_torch(model, "torchvision")
    both = {
        f"{side}.{name}": array for side in ("left", "right") for name, array in tensors.items()
    }
    path = write_zip(
        tmp_path / "x.pth", {"plain": state_dict(tensors), "pair": {"nets": state_dict(both)}}
    )
    out = tmp_path / "x.npz"
    assert main(["weights", "inspect", str(path)]) == 0
    assert "'pair/nets', 'plain'" in capsys.readouterr().out
    convert = ["weights", "convert", str(path), str(out)]
    convert += ["--model", "resnet18", "--set", "width=0.125", "--set", "depth=0.5"]
    convert += ["--classes", "3", "--table", "nets"]
    assert main(convert) == 5
    assert "part='left'" in capsys.readouterr().err
    assert main([*convert, "--part", "right"]) == 0
    with np.load(out) as written:
        np.testing.assert_array_equal(written["predictions/bias"], tensors["fc.bias"])
