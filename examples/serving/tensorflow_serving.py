"""TensorFlow Serving: writes a model repository and a request, and computes the answer.

    python examples/serving/tensorflow_serving.py runs/demo/exported models three.png --name digits
    tensorflow_model_server --rest_api_port=8501 --model_name=digits \\
        --model_base_path=$PWD/models/digits
    curl --data @models/digits-request.json http://127.0.0.1:8501/v1/models/digits:predict

This example was not tested with the server itself. A test compares the answer, which has the form
{"predictions": [[…], …]}, with NumPy to 1e-5, and checks the method name that the server requires
of a signature.

The script writes `models/digits/1/` and the request for the images, and prints the answer. As the
server does for the row format, it loads the version by the tag `serve`, takes the signature
`serving_default`, checks that it is a prediction with one input, converts the `instances` of the
request to that input and its output to `predictions`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.fileio.atomic import atomic_directory, atomic_file

SIGNATURE = "serving_default"
METHOD = "tensorflow/serving/predict"


def write_version(exported: Path, models: Path, name: str, version: int = 1) -> Path:
    """Copies the SavedModel of an export to models/name/version, atomically.

    A server that is running loads it as soon as it is there, so it must never see half of it.
    """
    target = models / name / str(version)
    with atomic_directory(target) as temporary:
        shutil.copytree(exported / "savedmodel", temporary, dirs_exist_ok=True)
    return target


def request_for(images: list[Path], exported: Path) -> dict[str, Any]:
    """Returns a request for image files, prepared according to the metadata of the export."""
    from kerascnn.imaging.decode import load_image
    from kerascnn.imaging.preprocessing import Preprocessing

    described = json.loads((exported / "savedmodel/assets.extra/kerascnn.json").read_text("utf-8"))
    preprocessing = Preprocessing.from_json(described["preprocessing"])
    kind = "grey" if preprocessing.channels == "grey" else "rgb"
    ready = [preprocessing(load_image(image, kind)) for image in images]
    return {"signature_name": SIGNATURE, "instances": [image.tolist() for image in ready]}


def answer(version: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Returns the answer of TensorFlow Serving to a request in the row format.

    Raises:
        ValueError: the SavedModel or the request is not as the server needs it.
    """
    import tensorflow as tf

    if not (version / "saved_model.pb").is_file() or not version.name.isdecimal():
        raise ValueError(
            f"{version} is not a version of a model: a directory with a number and saved_model.pb"
        )
    model = tf.saved_model.load(str(version), tags=["serve"])
    signature = model.signatures[request.get("signature_name", SIGNATURE)]
    ((name, spec),) = signature.structured_input_signature[1].items()
    rows = [
        instance[name] if isinstance(instance, dict) else instance
        for instance in request["instances"]
    ]
    outputs = signature(**{name: tf.constant(np.asarray(rows), spec.dtype)})
    arrays = {key: value.numpy() for key, value in outputs.items()}
    if any(len(value) != len(rows) for value in arrays.values()):
        raise ValueError("an output has another batch than the input")
    if len(arrays) == 1:
        return {"predictions": next(iter(arrays.values())).tolist()}
    rows_of = zip(*arrays.values(), strict=True)
    return {"predictions": [dict(zip(arrays, map(_plain, row), strict=True)) for row in rows_of]}


def method_of(version: Path) -> str:
    """Returns the method name of the signature, which the server checks."""
    from tensorflow.core.protobuf import saved_model_pb2

    content = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    (graph,) = [
        meta_graph for meta_graph in content.meta_graphs if "serve" in meta_graph.meta_info_def.tags
    ]
    return graph.signature_def[SIGNATURE].method_name


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("exported", type=Path, help="an export directory with a SavedModel")
    parser.add_argument("models", type=Path, help="directory of models, created if needed")
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--name", required=True)
    arguments = parser.parse_args()
    version = write_version(arguments.exported, arguments.models, arguments.name)
    if method_of(version) != METHOD:
        raise SystemExit(f"{SIGNATURE} is a {method_of(version)}, not a {METHOD}")
    request = request_for(arguments.images, arguments.exported)
    with atomic_file(arguments.models / f"{arguments.name}-request.json") as temporary:
        temporary.write_text(json.dumps(request), "utf-8")
    print(json.dumps(answer(version, json.loads(json.dumps(request))), indent=2))


if __name__ == "__main__":
    main()
