"""Lists the tensors of PyTorch's files: zip archives, and the pickles of versions before 1.6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn.errors import DamagedFileError, KerasCNNError, UnsafeFileError
from kerascnn.fileio.pickle_machine import PICKLE_LIMIT, Machine
from kerascnn.fileio.pickle_names import (
    UNREAD_BYTES,
    Name,
    Opaque,
    Storage,
    TensorRecord,
    UnreadTensor,
)
from kerascnn.fileio.untrusted import quoted
from kerascnn.weights.formats.byte_range import ITEM_BYTES, Region, volume
from kerascnn.weights.formats.tensor_table import MAXIMUM_TENSORS, Contents, StoredTensor
from kerascnn.weights.formats.zipped import Zipped

WRAPPERS = ("state_dict", "model", "model_state_dict", "model_state", "net", "weights")
"""Keys under which training scripts store a model's weights, the most usual first."""
TIMM_AVERAGE = "state_dict_ema"
NAMES = ("arch", "architecture")
"""Keys under which training scripts store the name of the network."""
OPTIMIZER = {"state", "param_groups"}
"""Keys of an optimizer's state."""
MAXIMUM_DEPTH = 4
"""Levels of dictionaries in which tables of tensors are searched."""
MAXIMUM_OBJECTS = 10_000
"""Dictionaries and lists that are searched."""
OLD_PROTOCOL = 1001
MAXIMUM_GAPS = 2**24
"""Bytes between the values of a slice of a larger tensor; these bytes are read too."""


def read_zip(archive: Zipped) -> Contents:
    """Returns the tensors of a zip archive that torch.save wrote, without their values."""
    pickles = [
        name for name in archive.members if name.endswith("/data.pkl") and name.count("/") == 1
    ]
    if len(pickles) != 1:
        raise DamagedFileError("it has no single data.pkl; torch.save has not written it")
    prefix = pickles[0].removesuffix("data.pkl")
    if f"{prefix}constants.pkl" in archive.members:
        raise UnsafeFileError(
            "it is a TorchScript program; save the weights alone: torch.save(model.state_dict(), "
            "path)"
        )
    order = f"{prefix}byteorder"
    if order in archive.members and archive.extract(order, 16) != b"little":
        raise DamagedFileError("it was written on a big-endian machine; save it on another")
    machine = Machine(memoryview(archive.extract(pickles[0], PICKLE_LIMIT)))
    saved = machine.run()

    def region_of(storage: Storage) -> Region:
        name = f"{prefix}data/{storage.key}"
        if name not in archive.members:
            raise DamagedFileError(f"its storage {quoted(storage.key)} is missing")
        return archive.view(name)

    return _contents("torch", saved, region_of, list(machine.unknown))


def read(region: Region) -> Contents:
    """Returns the tensors of a file of PyTorch before 1.6, without their values."""
    head = memoryview(region.read(0, min(region.size, PICKLE_LIMIT)))
    position = 0
    objects: list[Any] = []
    storages: dict[str, Storage] = {}
    unknown: dict[str, None] = {}
    # Five pickles: magic number, protocol version, the writer's machine, the object that was saved,
    # and the order of the storages.
    for _ in range(5):
        machine = Machine(head, position)
        objects.append(machine.run())
        position = machine.position
        storages.update(machine.storages)
        unknown.update(machine.unknown)
    _, version, writer, saved, keys = objects
    if version != OLD_PROTOCOL or not isinstance(writer, dict) or not isinstance(keys, list):
        raise DamagedFileError("its parts are not those of an old PyTorch file")
    if writer.get("little_endian") is False:
        raise DamagedFileError("it was written on a big-endian machine; save it on another")
    regions = _old_storage_regions(region, position, keys, storages)

    def region_of(storage: Storage) -> Region:
        if storage.key not in regions:
            raise DamagedFileError(f"its storage {quoted(storage.key)} is missing")
        return regions[storage.key]

    return _contents("torch before 1.6", saved, region_of, list(unknown))


def _old_storage_regions(
    region: Region, position: int, keys: list[Any], storages: dict[str, Storage]
) -> dict[str, Region]:
    """Returns the regions of the storages, which are stored one after another.

    The number of elements, eight bytes, comes before each storage.
    """
    regions: dict[str, Region] = {}
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None or key in regions:
            raise DamagedFileError("its list of storages is damaged")
        count = int.from_bytes(region.read(position, 8), "little")
        if count != storage.count:
            raise DamagedFileError(f"its storage {quoted(key)} has two different sizes")
        regions[key] = region.part(position + 8, count * _item_bytes(storage))
        position += 8 + regions[key].size
    if position != region.size:
        raise DamagedFileError(f"it has {region.size - position:,} bytes behind its tensors")
    return regions


def _item_bytes(storage: Storage) -> int:
    return UNREAD_BYTES.get(storage.dtype) or ITEM_BYTES[storage.dtype]


def _contents(
    kind: str, saved: Any, region_of: Callable[[Storage], Region], unknown: list[str]
) -> Contents:
    """Returns the tensors of every table in an object that a training script saved.

    Args:
        kind: the file format.
        saved: the object.
        region_of: returns the bytes of a storage.
        unknown: the classes of objects in it that were not built.
    """
    records, unread = _tables(saved)
    if not records:
        raise _no_table(saved, unknown, unread)
    if sum(len(table) for table in records.values()) > MAXIMUM_TENSORS:
        raise UnsafeFileError(f"it has more than {MAXIMUM_TENSORS:,} tensors")
    tables = {
        path: {name: _stored(name, record, region_of) for name, record in table.items()}
        for path, table in records.items()
    }
    taken = _usual_table(saved, tables)
    return Contents(
        kind, tables[taken], _texts(saved), tables=tables, table=taken, unread=(*unread, *unknown)
    )


def _no_table(saved: Any, unknown: list[str], unread: list[str]) -> KerasCNNError:
    """Returns the error for a file without a table of tensors."""
    cure = "Save the weights alone: torch.save(model.state_dict(), path)"
    values = [saved, *saved.values()] if isinstance(saved, dict) else [saved]
    names = [
        *unknown,
        *(value.name for value in values if isinstance(value, Opaque | UnreadTensor)),
    ]
    names += [str(value) for value in values if isinstance(value, Name)]
    if any(names):
        name = next(filter(None, names))
        return UnsafeFileError(f"it asks to run {quoted(name)}; only tensors are read. {cure}")
    if unread:
        return DamagedFileError(f"it holds no tensors that can be read: {quoted(unread[0])}")
    return DamagedFileError(
        "it holds no table of tensors; save it with torch.save(model.state_dict(), path)"
    )


def _tables(saved: Any) -> tuple[dict[str, dict[str, TensorRecord]], list[str]]:
    """Returns the tables of a saved object, and its tensors that are not read.

    The tables are the mappings from names to tensors, by their paths in the object. The state of an
    optimizer has its parameters' shapes, and is none.
    """
    tables: dict[str, dict[str, TensorRecord]] = {}
    unread: list[str] = []
    waiting: list[tuple[Any, str, int]] = []
    if isinstance(saved, dict | list | tuple):
        waiting.append((saved, "", 0))
    seen: set[int] = set()
    for value, path, depth in waiting:  # the loop appends to this list
        if id(value) in seen or depth > MAXIMUM_DEPTH or len(seen) > MAXIMUM_OBJECTS:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            if value.keys() >= OPTIMIZER:
                continue
            items = [(str(key), item) for key, item in value.items()]
            tensors = {key: item for key, item in items if isinstance(item, TensorRecord)}
            unread += [
                f"{path}/{key}, {item.kind}".removeprefix("/")
                for key, item in items
                if isinstance(item, UnreadTensor)
            ]
            if tensors:
                tables[path] = tensors
        else:
            items = [(str(index), item) for index, item in enumerate(value)]
        waiting += [
            (item, f"{path}/{key}" if path else key, depth + 1)
            for key, item in items
            if isinstance(item, dict | list | tuple)
        ]
    return tables, unread


def _usual_table(saved: Any, tables: dict[str, dict[str, StoredTensor]]) -> str:
    """Returns the path of the table that usually holds a model's weights, or of the largest.

    timm's own loader prefers the averaged weights that its training script stores beside the
    others; the scripts of other libraries do not say.
    """
    of_timm = isinstance(saved, dict) and {"arch", "state_dict", TIMM_AVERAGE} <= saved.keys()
    preferred = [TIMM_AVERAGE] if of_timm else []
    usual = (path for path in [*preferred, *WRAPPERS, ""] if path in tables)
    return next(usual, max(tables, key=lambda path: len(tables[path])))


def _texts(saved: Any) -> dict[str, str]:
    """Returns the texts of a saved object that tell the architecture."""
    if not isinstance(saved, dict):
        return {}
    return {key: saved[key] for key in NAMES if isinstance(saved.get(key), str)}


def _stored(
    name: str, tensor: TensorRecord, region_of: Callable[[Storage], Region]
) -> StoredTensor:
    storage, shape, strides = tensor.storage, tensor.shape, tensor.strides
    elements = volume(shape)
    width = ITEM_BYTES[storage.dtype]
    region = region_of(storage)
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
        raise DamagedFileError(f"its tensor {quoted(name)} extends beyond its storage")
    if (span - elements) * width > MAXIMUM_GAPS:
        raise UnsafeFileError(f"its tensor {quoted(name)} is scattered over {span * width:,} bytes")

    if strides == _contiguous(shape) or not elements:
        values = region.part(tensor.offset * width if elements else 0, elements * width)
        return StoredTensor(shape, storage.dtype, values, values.size)

    def strided() -> Any:
        import numpy as np

        flat = region.array(storage.dtype, span, tensor.offset * width)
        steps = [step * flat.itemsize for step in strides]
        return np.lib.stride_tricks.as_strided(flat, shape, steps, writeable=False)

    return StoredTensor(shape, storage.dtype, strided, elements * width)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Returns the strides of a contiguous array of this shape, in elements."""
    return tuple(volume(shape[axis + 1 :]) for axis in range(len(shape)))
