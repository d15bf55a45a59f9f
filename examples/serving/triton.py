"""Writes a model repository for NVIDIA's Triton from an ONNX file: config.pbtxt and labels.

    python examples/serving/triton.py runs/demo/exported/model.onnx models --name digits
    tritonserver --model-repository models

For LeNet-5 on digits it prints

    name: "digits"
    backend: "onnxruntime"
    max_batch_size: 16
    input [{ name: "image" data_type: TYPE_FP32 dims: [32, 32, 1] }]
    output [{ name: "predictions" data_type: TYPE_FP32 dims: [10] label_filename: "labels.txt" }]
    instance_group [{ count: 1 kind: KIND_AUTO }]
    dynamic_batching { max_queue_delay_microseconds: 500 }

This example was not tested with Triton itself: a test parses the text as Triton's ModelConfig
message and compares it with the ONNX file.

The repository then holds

    models/digits/config.pbtxt     input, output, types and sizes as the ONNX file says them
    models/digits/labels.txt       class names, for Triton's classification extension
    models/digits/1/model.onnx     the file itself

A batch dimension that is open becomes `max_batch_size` with dynamic batching; one that is fixed
stays in the shape.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from kerascnn.fileio.atomic import atomic_directory

TYPES = {1: "TYPE_FP32", 2: "TYPE_UINT8", 3: "TYPE_INT8", 10: "TYPE_FP16", 11: "TYPE_FP64"}
"""ONNX element type -> its name in Triton."""
LABELS = "labels.txt"


def config(model: Any, name: str, *, max_batch: int, wait: int) -> str:
    """Returns the text of config.pbtxt for an `onnx.ModelProto`.

    Args:
        model: one image input, one output.
        name: of the model, and of its directory in the repository.
        max_batch: images that Triton computes together at most, where the batch is open.
        wait: microseconds that it waits for a batch to fill.
    """
    value = model.graph.input[0]
    open_batch = not value.type.tensor_type.shape.dim[0].HasField("dim_value")
    lines = [
        f'name: "{name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {max_batch if open_batch else 0}",
        f"input [{_tensor(value, open_batch, [])}]",
    ]
    labels = [f'label_filename: "{LABELS}"'] if _metadata(model).get("class_names") else []
    lines.append(f"output [{_tensor(model.graph.output[0], open_batch, labels)}]")
    lines.append("instance_group [{ count: 1 kind: KIND_AUTO }]")
    if open_batch:
        lines.append(f"dynamic_batching {{ max_queue_delay_microseconds: {wait} }}")
    return "\n".join(lines) + "\n"


def _tensor(value: Any, open_batch: bool, more: list[str]) -> str:
    tensor = value.type.tensor_type
    sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    dims = ", ".join(map(str, sizes[1:] if open_batch else sizes))
    fields = [f'name: "{value.name}"', f"data_type: {TYPES[tensor.elem_type]}", f"dims: [{dims}]"]
    return "{ " + " ".join([*fields, *more]) + " }"


def _metadata(model: Any) -> dict[str, Any]:
    return {entry.key: json.loads(entry.value) for entry in model.metadata_props}


def write(file: Path, repository: Path, name: str, *, max_batch: int = 16, wait: int = 500) -> Path:
    """Writes and returns the directory of a model; refuses an existing directory."""
    import onnx

    model = onnx.load(file)
    names = _metadata(model).get("class_names")
    with atomic_directory(repository / name) as temporary:
        (temporary / "config.pbtxt").write_text(
            config(model, name, max_batch=max_batch, wait=wait), "utf-8"
        )
        if names:
            (temporary / LABELS).write_text("\n".join(names) + "\n", "utf-8")
        (temporary / "1").mkdir()
        shutil.copyfile(file, temporary / "1" / "model.onnx")
    return repository / name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path, help="model.onnx of an export")
    parser.add_argument("repository", type=Path, help="directory of models, created if needed")
    parser.add_argument("--name", required=True)
    parser.add_argument("--max-batch", type=int, default=16)
    parser.add_argument("--wait", type=int, default=500, help="microseconds for a batch to fill")
    arguments = parser.parse_args()
    directory = write(
        arguments.file,
        arguments.repository,
        arguments.name,
        max_batch=arguments.max_batch,
        wait=arguments.wait,
    )
    print((directory / "config.pbtxt").read_text("utf-8"), end="")


if __name__ == "__main__":
    main()
