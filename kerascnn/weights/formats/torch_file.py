"""PyTorch's files: the zip archive of today and the chain of pickles before version 1.6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_machine import PICKLE_LIMIT, Machine, Storage, TensorRecord
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.tensor_table import Contents, Stored
from kerascnn.weights.formats.zipped import Zipped

WRAPPERS = ("state_dict", "model", "model_state_dict", "model_state", "net", "weights")
"""Keys under which training scripts put the weights of a model, tried in this order."""
PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and Lightning put before the name of every tensor."""
MAXIMUM_DEPTH = 4
OLD_PROTOCOL = 1001
MAXIMUM_GAPS = 2**24
"""Bytes between the values of a tensor that is a slice of a larger one; they are read too."""


def read_zip(archive: Zipped) -> Contents:
    """Returns the tensors of a file of torch.save's zip form."""
    pickles = [
        name for name in archive.members if name.endswith("/data.pkl") and name.count("/") == 1
    ]
    if len(pickles) != 1:
        raise DamagedFileError("it has no single data.pkl; torch.save did not write it")
    prefix = pickles[0].removesuffix("data.pkl")
    if f"{prefix}constants.pkl" in archive.members:
        raise UnsafeFileError(
            "it is a TorchScript program; save the weights alone: torch.save(model.state_dict(), "
            "path)"
        )
    order = f"{prefix}byteorder"
    if order in archive.members and archive.extract(order, 16) != b"little":
        raise DamagedFileError("it was written on a big-endian machine; save it on another")
    found = Machine(memoryview(archive.extract(pickles[0], PICKLE_LIMIT))).run()

    def place(storage: Storage) -> Region:
        name = f"{prefix}data/{storage.key}"
        if name not in archive.members:
            raise DamagedFileError(f"its storage {quoted(storage.key)} is missing")
        return archive.view(name)

    return Contents("torch", {n: _stored(n, t, place) for n, t in _tensors(found).items()})


def read(region: Region) -> Contents:
    """Returns the tensors of a file from before PyTorch 1.6."""
    head = memoryview(region.read(0, min(region.size, PICKLE_LIMIT)))
    position = 0
    found: list[Any] = []
    storages: dict[str, Storage] = {}
    # Magic number, protocol version, the writer's machine, the object, the order of the storages.
    for _ in range(5):
        machine = Machine(head, position)
        found.append(machine.run())
        position = machine.position
        storages.update(machine.storages)
    _, version, writer, weights, keys = found
    if version != OLD_PROTOCOL or not isinstance(writer, dict) or not isinstance(keys, list):
        raise DamagedFileError("its parts are not those of an old PyTorch file")
    if writer.get("little_endian") is False:
        raise DamagedFileError("it was written on a big-endian machine; save it on another")
    places = _old_places(region, position, keys, storages)

    def place(storage: Storage) -> Region:
        if storage.key not in places:
            raise DamagedFileError(f"its storage {quoted(storage.key)} is missing")
        return places[storage.key]

    tensors = {name: _stored(name, one, place) for name, one in _tensors(weights).items()}
    return Contents("torch before 1.6", tensors)


def _old_places(
    region: Region, position: int, keys: list[Any], storages: dict[str, Storage]
) -> dict[str, Region]:
    """Returns where the storages lie: each behind the last, its number of elements before it."""
    places: dict[str, Region] = {}
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or key in places:
            raise DamagedFileError("its list of storages makes no sense")
        count = int.from_bytes(region.read(position, 8), "little")
        if count != storage.count:
            raise DamagedFileError(f"its storage {quoted(key)} has two different sizes")
        places[key] = region.part(position + 8, count * ITEM_BYTES[storage.dtype])
        position += 8 + places[key].size
    if position != region.size:
        raise DamagedFileError(f"it has {region.size - position:,} bytes behind its tensors")
    return places


def _tensors(found: Any) -> dict[str, TensorRecord]:
    """Returns the state dict inside what a training script saved, `module.` prefixes removed."""
    for _ in range(MAXIMUM_DEPTH):
        if not isinstance(found, dict):
            break
        inner = [key for key in WRAPPERS if isinstance(found.get(key), dict)]
        if not inner:
            tensors = {str(k): v for k, v in found.items() if isinstance(v, TensorRecord)}
            if tensors:
                return _without_prefix(tensors)
            break
        found = found[inner[0]]
    raise DamagedFileError(
        "it holds no table of tensors; save it with torch.save(model.state_dict(), path)"
    )


def _without_prefix(tensors: dict[str, TensorRecord]) -> dict[str, TensorRecord]:
    for _ in PREFIXES:
        for prefix in PREFIXES:
            if all(name.startswith(prefix) for name in tensors):
                tensors = {name.removeprefix(prefix): one for name, one in tensors.items()}
    return tensors


def _stored(name: str, tensor: TensorRecord, place: Callable[[Storage], Region]) -> Stored:
    storage, shape, strides = tensor.storage, tensor.shape, tensor.strides
    elements = volume(shape)
    width = ITEM_BYTES[storage.dtype]
    region = place(storage)
    if region.size != storage.count * width:
        raise DamagedFileError(
            f"its tensor {quoted(name)} should have {storage.count * width:,} bytes stored and has "
            f"{region.size:,}"
        )
    if elements > storage.count:
        raise UnsafeFileError(
            f"its tensor {quoted(name)} claims {elements:,} values and stores {storage.count:,}"
        )
    span = 0
    if elements:
        span = 1 + sum((side - 1) * step for side, step in zip(shape, strides, strict=True))
    if tensor.offset + span > storage.count:
        raise DamagedFileError(f"its tensor {quoted(name)} lies outside of its storage")
    if (span - elements) * width > MAXIMUM_GAPS:
        raise UnsafeFileError(f"its tensor {quoted(name)} is scattered over {span * width:,} bytes")

    if strides == _contiguous(shape) or not elements:
        held = region.part(tensor.offset * width if elements else 0, elements * width)
        return Stored(shape, storage.dtype, held, held.size)

    def strided() -> Any:
        import numpy as np

        flat = region.array(storage.dtype, span, tensor.offset * width)
        steps = [step * flat.itemsize for step in strides]
        return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)

    return Stored(shape, storage.dtype, strided, elements * width)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the strides of values that lie end to end, in elements."""
    return tuple(volume(shape[axis + 1 :]) for axis in range(len(shape)))
