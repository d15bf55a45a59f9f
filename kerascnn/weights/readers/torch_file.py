"""PyTorch's files: the zip archive of today and the chain of pickles before version 1.6."""

from __future__ import annotations

from typing import Any, BinaryIO

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.weights.checkpoint import ITEM_BYTES, Contents, Stored
from kerascnn.weights.readers.torch_pickle import Machine, Storage, TensorRecord
from kerascnn.weights.readers.zipped import Zipped

WRAPPERS = ("state_dict", "model", "model_state_dict", "model_state", "net", "weights")
"""Keys under which training scripts put the weights of a model, tried in this order."""
MAXIMUM_DEPTH = 4


def read_zip(archive: Zipped) -> Contents:
    """Returns the tensors of a file of torch.save's zip form."""
    pickles = [
        name for name in archive.members if name.endswith("/data.pkl") and name.count("/") == 1
    ]
    if len(pickles) != 1:
        raise DamagedFileError("it has no single data.pkl; torch.save did not write it")
    prefix = pickles[0].removesuffix("data.pkl")
    if f"{prefix}constants.pkl" in archive.members:
        raise UnsafeFileError("it is a TorchScript program; save model.state_dict() instead")
    order = f"{prefix}byteorder"
    if order in archive.members and archive.extract(order, 16) != b"little":
        raise DamagedFileError("it was written on a big-endian machine; save it again")
    found = Machine(memoryview(archive.extract(pickles[0], 2**28))).run()

    def place(storage: Storage) -> memoryview:
        name = f"{prefix}data/{storage.key}"
        if name not in archive.members:
            raise DamagedFileError(f"its storage {storage.key[:40]!r} is missing")
        return archive.view(name)

    return Contents("torch", {n: _stored(n, t, place) for n, t in _tensors(found).items()})


def read(stream: BinaryIO, data: memoryview) -> Contents:
    """Returns the tensors of a file from before PyTorch 1.6."""
    position = 0
    found: list[Any] = []
    storages: dict[str, Storage] = {}
    # Magic number, protocol version, the writer's machine, the object, the order of the storages.
    for _ in range(5):
        machine = Machine(data, position)
        found.append(machine.run())
        position = machine.position
        storages.update(machine.storages)
    tensors, keys = _tensors(found[3]), found[4]
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise DamagedFileError("its list of storages makes no sense")
    places: dict[str, memoryview] = {}
    for key in keys:
        storage = storages.get(key)
        if storage is None:
            raise DamagedFileError(f"its storage {key[:40]!r} belongs to nothing")
        count = int.from_bytes(data[position : position + 8], "little")
        if count != storage.count:
            raise DamagedFileError(f"its storage {key[:40]!r} has two different sizes")
        size = count * ITEM_BYTES[storage.dtype]
        if position + 8 + size > len(data):
            raise DamagedFileError("its tensors end early; the file is truncated")
        places[key] = data[position + 8 : position + 8 + size]
        position += 8 + size
    if position != len(data):
        raise DamagedFileError(f"it has {len(data) - position:,} bytes behind its tensors")

    def place(storage: Storage) -> memoryview:
        if storage.key not in places:
            raise DamagedFileError(f"its storage {storage.key[:40]!r} is missing")
        return places[storage.key]

    return Contents("torch (before 1.6)", {n: _stored(n, t, place) for n, t in tensors.items()})


def _tensors(found: Any) -> dict[str, TensorRecord]:
    """Returns the state dict inside what a training script saved, `module.` prefixes removed."""
    for _ in range(MAXIMUM_DEPTH):
        if not isinstance(found, dict):
            break
        tensors = {k: v for k, v in found.items() if isinstance(v, TensorRecord)}
        inner = [key for key in WRAPPERS if isinstance(found.get(key), dict)]
        if inner:
            found = found[inner[0]]
            continue
        if tensors:
            return _without_prefix({str(name): tensor for name, tensor in tensors.items()})
        break
    raise DamagedFileError(
        "it holds no table of tensors; save it with torch.save(model.state_dict(), path)"
    )


def _without_prefix(tensors: dict[str, TensorRecord]) -> dict[str, TensorRecord]:
    for prefix in ("module.", "model."):
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    return tensors


def _stored(name: str, tensor: TensorRecord, place: Any) -> Stored:
    storage, shape, strides = tensor.storage, tensor.shape, tensor.strides
    elements = 1
    for side in shape:
        elements *= side
    if elements > storage.count:
        raise UnsafeFileError(
            f"its tensor {name[:60]!r} claims {elements:,} values and stores {storage.count:,}"
        )
    last = tensor.offset + sum(
        (side - 1) * step for side, step in zip(shape, strides, strict=True) if side
    )
    if elements and last >= storage.count:
        raise DamagedFileError(f"its tensor {name[:60]!r} lies outside of its storage")

    def values() -> Any:
        import numpy as np

        held = place(storage)
        width = ITEM_BYTES[storage.dtype]
        if len(held) < storage.count * width:
            raise DamagedFileError(f"its tensor {name[:60]!r} is truncated")
        raw = "uint16" if storage.dtype == "bfloat16" else storage.dtype
        flat = np.frombuffer(held, np.dtype(raw).newbyteorder("<"), storage.count)
        view = np.lib.stride_tricks.as_strided(
            flat[tensor.offset :], shape, [step * width for step in strides], writeable=False
        )
        if storage.dtype == "bfloat16":
            return (np.ascontiguousarray(view).astype("<u4") << 16).view("<f4")
        return view

    return Stored(shape, storage.dtype, values)
