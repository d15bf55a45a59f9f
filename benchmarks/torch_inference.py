"""Forward passes in PyTorch, one for every line on standard input; started by inference.py.

A line names a network of torchvision and a batch size; the answer is the seconds of one forward
pass in eager mode, channels last, float32. A line `export NETWORK FILE` writes the network
with torch.onnx, as users of torchvision do; the answer is the seconds of that.
"""

from __future__ import annotations

import functools
import sys
import time
import warnings
from typing import Any

import torch
from torch_steps import torchvision

ARGUMENTS: dict[str, dict[str, Any]] = {"googlenet": {"aux_logits": False, "init_weights": False}}


@functools.cache
def network(name: str) -> Any:
    torch.manual_seed(0)
    model = getattr(torchvision().models, name)(weights=None, **ARGUMENTS.get(name, {}))
    return model.eval().to(memory_format=torch.channels_last)


@functools.cache
def images(batch: int) -> Any:
    return torch.randn(batch, 3, 224, 224).contiguous(memory_format=torch.channels_last)


def export(name: str, file: str) -> None:
    torch.onnx.export(
        network(name).to(memory_format=torch.contiguous_format),
        (torch.randn(1, 3, 224, 224),),
        file,
        dynamo=False,
        opset_version=17,
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )
    network(name).to(memory_format=torch.channels_last)


def main() -> None:
    warnings.simplefilter("ignore")  # that the other exporter is the default now
    print(torch.__version__, flush=True)
    for line in sys.stdin:
        first, second, *rest = line.split()
        start = time.perf_counter()
        if first == "export":
            export(second, *rest)
        else:
            with torch.inference_mode():
                network(first)(images(int(second)))
        print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
