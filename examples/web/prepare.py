"""Prepares a static page that classifies a dropped image in the browser with onnxruntime-web.

    python examples/web/prepare.py runs/demo/exported
    cd examples/web && npm install && python3 -m http.server 8000 --bind 127.0.0.1
    npm test -- ../../runs/demo/digits

LeNet-5 on digits: 40 images dropped in Chromium 150, all probabilities within 1.8e-7 of
Predictor's, 0.4 ms an image (onnxruntime-web 1.30, WebAssembly, one thread).

The page needs the network and the metadata of its images and classes; this script writes both to
examples/web/model/. npm installs onnxruntime-web, whose files the page loads from node_modules/:
for another site, copy dist/ort.wasm.min.mjs and dist/ort-wasm-simd-threaded.*. The test drops every
image of a folder onto the page in headless Chromium, compares all probabilities with those of
`kerascnn.Predictor`, and fails if the page loads anything from another host.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

import kerascnn
from kerascnn.fileio.atomic import atomic_directory

FOLDER = Path(__file__).resolve().parent


def write(artifact: Path, folder: Path = FOLDER) -> Path:
    """Writes folder/model/: model.onnx, and model.json with the metadata that the page needs.

    Args:
        artifact: model.onnx of an export, channels last and without preprocessing inside.
        folder: of the page.
    """
    from kerascnn.inference.open_classifier import open_classifier

    artifact = artifact / "model.onnx" if artifact.is_dir() else artifact
    network = open_classifier(artifact)
    if network.preprocessing is None:
        raise SystemExit(f"{artifact} does not say how its images are prepared")
    import onnx

    graph = onnx.load(artifact).graph
    makers = {node.output[0]: node.op_type for node in graph.node}
    about = {
        "name": f"A network of {network.classes} classes",
        "class_names": network.class_names,
        "preprocessing": network.preprocessing.to_json(),
        "logits": makers[graph.output[0].name] != "Softmax",
    }
    with atomic_directory(folder / "model", overwrite=True) as temporary:
        shutil.copyfile(artifact, temporary / "model.onnx")
        (temporary / "model.json").write_text(json.dumps(about, ensure_ascii=False), "utf-8")
    return folder / "model"


def answers(artifact: Path, images: Path) -> dict[str, list[float]]:
    """Returns file name -> all probabilities, for each image file of a folder."""
    predictor = kerascnn.Predictor(artifact, precision="float32")
    files = sorted(path for path in images.iterdir() if path.is_file())
    return {
        file.name: predictor.probabilities(predictor.prepare(file)[None])[0].tolist()
        for file in files
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("artifact", type=Path, help="an export directory, or its model.onnx")
    parser.add_argument(
        "--answers", type=Path, metavar="FOLDER", help="print the probabilities of Predictor"
    )
    arguments = parser.parse_args()
    if arguments.answers:
        json.dump(answers(arguments.artifact, arguments.answers), sys.stdout)
    else:
        print(f"written: {write(arguments.artifact)}")


if __name__ == "__main__":
    main()
