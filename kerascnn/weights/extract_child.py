"""The process of `extract`: reads one untrusted file under limits and writes its arrays.

python -m kerascnn.weights.extract_child FILE OUT MEMORY SECONDS WRITTEN
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kerascnn.errors import DamagedFileError, KerasCNNError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted
from kerascnn.lazy import np
from kerascnn.weights.formats.archive import KERAS_WEIGHTS
from kerascnn.weights.formats.keras_arrays import is_weight
from kerascnn.weights.formats.tensor_table import MAXIMUM_TENSORS
from kerascnn.weights.save import SAFETENSORS_TYPES, write_safetensors

KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")
REFUSED, DAMAGED = 3, 4
"""Exit codes: a limit or the file's content forbids it, or the file cannot be read."""
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
"""Flags of Linux's `unshare`: names of users and networks of the process's own."""
_NUMBER = re.compile(r"_\d+$")
_KERNEL = ("kernel", "bias")
VARIABLES = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d", "conv2d_transpose", "dense"), _KERNEL),
    **dict.fromkeys(("depthwise_conv2d", "einsum_dense", "grouped_conv2d"), _KERNEL),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
    "layer_normalization": ("gamma", "beta"),
    "group_normalization": ("gamma", "beta"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
}
"""Name that Keras 3 gives a group of a class of layers -> its variables; the file numbers them."""


def main(arguments: list[str]) -> int:
    """Reads a file and returns the process's exit code; the error is on the last line."""
    path, out = Path(arguments[0]), Path(arguments[1])
    restrict(*map(int, arguments[2:]))
    try:
        write_safetensors(arrays_of(path), out, {})
    except MemoryError:
        print("its arrays need more memory than the limit", file=sys.stderr)
        return REFUSED
    except KerasCNNError as error:
        print(str(error), file=sys.stderr)
        return REFUSED if isinstance(error, UnsafeFileError) else DAMAGED
    except Exception as error:  # hostile bytes can raise any class of exception
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        return DAMAGED
    return 0


def restrict(memory: int, seconds: int, written: int) -> None:
    """Limits the process as far as the system can: memory, time, files, network."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        for kind, limit in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_FSIZE, written),
            (resource.RLIMIT_CORE, 0),
        ):
            resource.setrlimit(kind, (limit, limit))
    with contextlib.suppress(OSError, AttributeError):  # not Linux, or users may not do this
        ctypes.CDLL(None, use_errno=True).unshare(NEW_USER | NEW_NETWORK)


def arrays_of(path: Path) -> dict[str, Any]:
    """Returns the arrays of a whole model by name."""
    if path.suffix.lower() not in KERAS_SUFFIXES:
        return _of_pickle(path)
    import h5py

    if path.suffix.lower() == ".keras":
        with zipfile.ZipFile(path) as archive:
            source: Any = io.BytesIO(archive.read(KERAS_WEIGHTS))
    else:
        source = path
    with h5py.File(source, "r") as file:
        root = file.get("model_weights", file)
        legacy = "layer_names" in root.attrs or "layer_names0" in root.attrs
        named: dict[str, Any] = {}
        for parts, labels, dataset in _datasets(root, (), ()):
            if legacy or is_weight("/".join(parts)):
                name = _legacy_name(parts) if legacy else _name(parts, labels)
                named["/".join(parts) if name in named else name] = _array(dataset)
                if len(named) > MAXIMUM_TENSORS:
                    raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} arrays")
    return named


def _datasets(
    group: Any, parts: tuple[str, ...], labels: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Any]]:
    """Yields the arrays of an HDF5 file: their path, the names of their layers, and the array."""
    import h5py

    if len(parts) > 64:
        raise UnsafeFileError("its groups are nested too deep")
    label = group["vars"].attrs.get("name") if isinstance(group.get("vars"), h5py.Group) else None
    labels = (*labels, label) if parts and isinstance(label, str) else labels
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise UnsafeFileError(f"its member {quoted(name)} is a link to another place or file")
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from _datasets(item, (*parts, name), labels)
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise UnsafeFileError(f"its array {quoted(name)} is stored in another file")
            yield (*parts, name), labels, item


def _name(parts: tuple[str, ...], labels: tuple[str, ...]) -> str:
    """Returns "layer/variable" for an array at "layers/dense_1/vars/0"."""
    if len(parts) < 3 or parts[-2] != "vars" or not parts[-1].isdecimal():
        return "/".join(parts)
    variables = VARIABLES.get(_NUMBER.sub("", parts[-3]), ())
    index = int(parts[-1])
    variable = variables[index] if index < len(variables) else parts[-1]
    return "/".join([*(labels or parts[:-2]), variable])


def _legacy_name(parts: tuple[str, ...]) -> str:
    """Returns "layer/variable" for an array at "layer/layer/kernel:0"."""
    return f"{parts[-2] if len(parts) > 1 else ''}/{parts[-1].split(':')[0]}".lstrip("/")


def _array(dataset: Any) -> Any:
    values = np.asarray(dataset)
    if values.dtype.kind == "V" and values.dtype.itemsize == 2:  # so Keras stores bfloat16
        import ml_dtypes

        values = values.view(ml_dtypes.bfloat16)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype.name not in SAFETENSORS_TYPES:
        raise DamagedFileError(f"its array {quoted(dataset.name)} has no numbers")
    return values


def _of_pickle(path: Path) -> dict[str, Any]:
    """Returns the tensors of a pickle, which runs the code that it contains."""
    try:
        import torch
    except ImportError as error:
        raise DamagedFileError("PyTorch is needed to open a pickle; pip install torch") from error
    content = torch.load(path, map_location="cpu", weights_only=False)
    state = content.state_dict() if hasattr(content, "state_dict") else content
    named: dict[str, Any] = {}
    waiting: list[tuple[str, Any]] = [("", state)]
    for prefix, item in waiting:  # the loop appends to this list
        if isinstance(item, Mapping) and len(waiting) < MAXIMUM_TENSORS:
            waiting += [(f"{prefix}.{key}" if prefix else str(key), item[key]) for key in item]
        elif isinstance(item, torch.Tensor):
            tensor = item.detach().contiguous()
            named[prefix] = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()
    return named


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
