"""Writes checkpoints of training scripts with torch, and compares our reader with torch's.

    python tools/make_torch_checkpoints.py           # writes tests/fixtures/torch/saved.zip
    python tools/make_torch_checkpoints.py --check   # compares all of them, stores none

It needs torch. Every stored checkpoint holds the same network under "state_dict", so that
`expected.json` has its values once; the check calls torch.load(weights_only=True).
"""

from __future__ import annotations

import argparse
import collections
import inspect
import io
import itertools
import json
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
STORED = ROOT / "tests/fixtures/torch/saved.zip"

Entry = tuple[str, Any, dict[str, Any]]
"""Name of a file, what is saved in it, and the options of torch.save."""


def unchanged(epoch: int) -> float:
    return 1.0


SCHEDULERS: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [1, 2]},
    "LambdaLR": {"lr_lambda": unchanged},
    "MultiplicativeLR": {"lr_lambda": unchanged},
    "ConstantLR": {},
    "LinearLR": {},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 3},
    "PolynomialLR": {},
    "CyclicLR": {"base_lr": 0.1, "max_lr": 0.2, "cycle_momentum": False},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 9, "cycle_momentum": False},
    "CosineAnnealingWarmRestarts": {"T_0": 2},
    "ReduceLROnPlateau": {},
}


def network() -> torch.nn.Module:
    """A convolution and a dense layer whose values bfloat16 holds exactly."""
    net = torch.nn.Sequential(
        collections.OrderedDict(conv=torch.nn.Conv2d(1, 1, 2), fc=torch.nn.Linear(2, 2))
    )
    with torch.no_grad():
        for value in net.state_dict().values():
            value.copy_((torch.arange(value.numel()).reshape(value.shape) - 1) / 8)
    return net


def optimizers(net: torch.nn.Module) -> Iterator[tuple[str, torch.optim.Optimizer]]:
    for name, kind in sorted(vars(torch.optim).items()):
        if not inspect.isclass(kind) or not issubclass(kind, torch.optim.Optimizer):
            continue
        if kind is torch.optim.Optimizer:
            continue
        # Muon takes matrices alone, and SparseAdam steps with sparse gradients alone.
        parameters = [net.fc.weight] if name == "Muon" else list(net.parameters())
        optimizer = kind(parameters, lr=1e-3)
        before = {key: value.clone() for key, value in net.state_dict().items()}
        for parameter in parameters:
            parameter.grad = torch.ones_like(parameter)
        if name != "SparseAdam":
            optimizer.step(lambda: torch.tensor(1.0))
        net.load_state_dict(before)
        yield name, optimizer


def schedulers(optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Any]]:
    library = torch.optim.lr_scheduler
    for name, options in SCHEDULERS.items():
        yield name, getattr(library, name)(optimizer, **options)
    pair = [library.ConstantLR(optimizer), library.StepLR(optimizer, 2)]
    yield "SequentialLR", library.SequentialLR(optimizer, pair, [2])
    yield "ChainedScheduler", library.ChainedScheduler(pair)


def values() -> dict[str, Any]:
    """What stands beside the weights, by the name of its file."""
    ones = torch.ones(2)
    types = [torch.bfloat16, torch.int64, torch.complex64, torch.bool, torch.uint16, torch.quint8]
    return {
        "set": [{1, "a"}, set()],
        "complex": {"x": 1 + 2j},
        "size": torch.Size([1, 2]),
        "dtypes": {"float32": torch.float32, "others": types, torch.float16: 1},
        "device": torch.device("cpu"),
        "layout": torch.strided,
        "scheme": torch.per_tensor_affine,
        "counter": collections.Counter([1, 1, 2]),
        "bytes": [b"\xff\x00", b"", bytearray(b"x"), bytearray()],
        "keys": {(1, 2): 3, 0.5: 1, 2**40: 1, True: 2},
        "numbers": [2**100, -(2**70), 1e300],
        "surrogate": "\ud800",
        "sparse": [torch.eye(2).to_sparse(), torch.eye(2).to_sparse_csr()],
        "quantized": torch.quantize_per_tensor(ones, 0.1, 0, torch.qint8),
        "complex_tensor": ones.to(torch.complex64),
        "uint16": ones.to(torch.uint16),
        "float8": ones.to(torch.float8_e4m3fn),
        "meta": torch.ones(2, device="meta"),
        "nested": torch.nested.nested_tensor([torch.ones(1), ones]),
        "parameter": [torch.nn.Parameter(ones), torch.nn.Buffer(ones)],
        "rng": torch.zeros(16, dtype=torch.uint8),
        "scaler": torch.amp.GradScaler("cpu").state_dict(),
    }


def entries() -> Iterator[Entry]:
    net = network()
    state = net.state_dict()
    for optimizer_name, optimizer in optimizers(net):
        saved = {"epoch": 1, "state_dict": state, "optimizer": optimizer.state_dict()}
        yield f"{optimizer_name}.pth", saved, {}
        for name, scheduler in schedulers(optimizer):
            yield f"{optimizer_name}-{name}.pth", {**saved, "s": scheduler.state_dict()}, {}
    for (name, value), old in itertools.product(values().items(), (False, True)):
        options = {"_use_new_zipfile_serialization": False} if old else {}
        yield f"{'old-' * old}{name}.pth", {"state_dict": state, "x": value}, options
    for protocol, old in itertools.product(range(2, 6), (False, True)):
        options = {"pickle_protocol": protocol, "_use_new_zipfile_serialization": not old}
        yield f"{'old-' * old}protocol{protocol}.pth", {"state_dict": state, "x": {1}}, options
    for name in ("float16", "bfloat16", "float64"):
        kind = getattr(torch, name)
        yield f"{name}.pth", {"state_dict": {k: v.to(kind) for k, v in state.items()}}, {}
    average = torch.optim.swa_utils.AveragedModel(net)
    yield "average.pth", {"state_dict": average.state_dict()}, {}
    yield "parallel.pth", {"state_dict": {f"module.{k}": v for k, v in state.items()}}, {}
    yield "compiled.pth", {"state_dict": torch.compile(net).state_dict()}, {}
    step = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(net.parameters(), lr=1e-3), 2)
    yield "scheduler_object.pth", {"state_dict": state, "x": step}, {}
    yield "path_object.pth", {"state_dict": state, "x": [Path("/x"), argparse.Namespace(a=1)]}, {}


def is_stored(name: str) -> bool:
    """Every optimizer, every scheduler once, and all other entries."""
    optimizer, _, scheduler = name.removesuffix(".pth").partition("-")
    return not scheduler or optimizer in ("SGD", "old")


def store() -> None:
    expected = {name: value.tolist() for name, value in network().state_dict().items()}
    with zipfile.ZipFile(STORED, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("expected.json", json.dumps(expected) + "\n")
        for name, saved, options in entries():
            if is_stored(name):
                stream = io.BytesIO()
                torch.save(saved, stream, **options)
                archive.writestr(name, stream.getvalue())


def check() -> list[str]:
    """Returns the files that torch reads and our reader does not, or reads with other values."""
    from kerascnn.errors import KerasCNNError
    from kerascnn.weights.formats.checkpoint import open_checkpoint

    faults, both, ours = [], 0, 0
    for name, saved, options in entries():
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            torch.save(saved, path, **options)
            try:
                theirs = torch.load(path, weights_only=True)["state_dict"]
            except Exception:
                theirs = None  # torch raises many types
            try:
                with open_checkpoint(path) as file:
                    arrays = {
                        key: stored.raw()
                        for key, stored in file.contents.tables["state_dict"].items()
                    }
            except KerasCNNError as error:
                faults += [f"{name}: {error}"]
                continue
            for key, tensor in (theirs or {}).items():
                wanted = tensor.view(torch.uint16) if tensor.dtype == torch.bfloat16 else tensor
                if arrays[key].tolist() != wanted.tolist():
                    faults.append(f"{name}: {key} has other values")
            both += theirs is not None
            ours += theirs is None
    print(f"{both} files are read by both, {ours} by our reader alone")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the readers; write nothing")
    warnings.simplefilter("ignore")  # of schedulers that step before their optimizer
    if not parser.parse_args().check:
        store()
        return 0
    faults = check()
    print("\n".join(faults))
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
