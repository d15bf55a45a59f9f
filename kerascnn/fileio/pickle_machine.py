"""Reads the pickle inside a PyTorch file safely; it can only build descriptions of tensors.

Python's own unpickler imports every function that a file names, and ten bytes can make its memo
allocate gigabytes. This pickle machine accepts the opcodes that `torch.save` writes and a few
names, and imports none of these. A tensor becomes a `TensorRecord`, which describes bytes elsewhere
in the file. Other opcodes and names are refused before anything is built.

Formats: https://docs.python.org/3/library/pickletools.html and torch/serialization.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.untrusted import quoted

MAXIMUM_RANK = 16

PICKLE_LIMIT = 16 * 2**20
"""Most bytes of a pickle; the state dict of ResNet-50 has 40,000."""
MAXIMUM_STEPS = 600_000
"""Most opcodes that are run. A state dict of a thousand tensors needs about 40,000; a file of a
training script, with optimizer and averaged weights, needs four times as many."""

# Storage classes of torch -> NumPy types of their elements.
STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


@dataclass(frozen=True, slots=True)
class Storage:
    """A block of numbers in the file: element type, key in the file, number of elements."""

    dtype: str
    key: str
    count: int


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor: its storage, its first element in it, its shape, and its strides in elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    """A function or class that the pickle refers to by name; it is never imported."""

    module: str
    name: str


class _Opaque:
    """Stands for an object that is no tensor and is ignored, such as options of a script."""


def _whole(*values: Any) -> bool:
    return all(type(value) is int for value in values)  # `isinstance` would accept booleans


def _tensor(arguments: tuple[Any, ...]) -> TensorRecord:
    storage, offset, shape, strides = (*arguments, None, None, None, None)[:4]
    good = isinstance(storage, Storage) and _whole(offset) and offset >= 0
    good = good and isinstance(shape, tuple) and isinstance(strides, tuple)
    if not good or not len(shape) == len(strides) <= MAXIMUM_RANK:
        raise DamagedFileError("the description of one of its tensors is not made of numbers")
    if not _whole(*shape, *strides) or min((*shape, *strides, 0)) < 0:
        raise DamagedFileError("one of its tensors has an impossible shape")
    return TensorRecord(storage, offset, shape, strides)


def _dictionary(arguments: tuple[Any, ...]) -> dict[Any, Any]:
    if arguments and not (len(arguments) == 1 and isinstance(arguments[0], list)):
        raise DamagedFileError("one of its dictionaries is not made from a list of pairs")
    dictionary = {}
    for item in arguments[0] if arguments else []:
        if not isinstance(item, tuple | list) or len(item) != 2 or not _hashable(item[0]):
            raise DamagedFileError("one of its dictionaries has an entry that is no pair")
        dictionary[item[0]] = item[1]
    return dictionary


def _hashable(key: Any) -> bool:
    """Returns whether a dictionary may have this key.

    Large numbers are refused: a file could choose them so that all their hashes collide. Hashes of
    texts are random, so this cannot be done with them.
    """
    return isinstance(key, str | bytes | None) or (isinstance(key, int) and abs(key) < 2**31)


def _first(arguments: tuple[Any, ...]) -> Any:
    return arguments[0] if arguments else None


def _opaque(arguments: tuple[Any, ...]) -> Any:
    return _Opaque()


CALLS: dict[tuple[str, str], Callable[[tuple[Any, ...]], Any]] = {
    ("collections", "OrderedDict"): _dictionary,
    ("torch._utils", "_rebuild_tensor"): _tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch.nn.parameter", "Parameter"): _first,
    ("torch", "Size"): _first,
    ("torch", "device"): _opaque,
    ("argparse", "Namespace"): _opaque,
    ("numpy.core.multiarray", "scalar"): _opaque,
    ("numpy._core.multiarray", "scalar"): _opaque,
    ("numpy", "dtype"): _opaque,
    ("_codecs", "encode"): _opaque,
}
"""(module, name) that a file may call -> the function that is called instead."""

_MARK = object()


class Machine:
    """Interprets the opcodes of one pickle.

    Args:
        data: the bytes of the pickle, and possibly more bytes after it.
        start: position of the first byte of the pickle.
    """

    def __init__(self, data: memoryview, start: int = 0) -> None:
        self.data, self.position = data, start
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.steps = 0

    def run(self) -> Any:
        """Returns the object of the pickle; `position` is then the first byte after the pickle.

        Raises:
            UnsafeFileError: the pickle refers to a name that is not in `CALLS`, has an opcode that
                no state dict has, or has too many opcodes.
            DamagedFileError: the pickle ends early or is invalid.
        """
        data, end, actions = self.data, len(self.data), _ACTIONS
        try:
            while self.steps < MAXIMUM_STEPS:
                self.steps += 1
                if self.position >= end:
                    raise DamagedFileError("its pickle ends early; the file is truncated")
                opcode = data[self.position]
                self.position += 1
                if opcode == 0x2E:  # STOP
                    return self.stack.pop()
                action = actions.get(opcode)
                if action is None:
                    raise UnsafeFileError(
                        f"its pickle has the opcode 0x{opcode:02x}, which no state dict "
                        "needs; save the weights alone: torch.save(model.state_dict(), path)"
                    )
                action(self)
        except struct.error as error:
            raise DamagedFileError("its pickle ends early; the file is truncated") from error
        except (IndexError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedFileError(f"its pickle is invalid at byte {self.position}") from error
        raise UnsafeFileError(f"its pickle has more than {MAXIMUM_STEPS:,} steps")

    def _take(self, count: int) -> memoryview:
        end = self.position + count
        if count < 0 or end > len(self.data):
            raise DamagedFileError("its pickle ends early; the file is truncated")
        piece = self.data[self.position : end]
        self.position = end
        return piece

    def _number(self, form: struct.Struct) -> int:
        value: int = form.unpack_from(self.data, self.position)[0]
        self.position += form.size
        return value

    def _line(self) -> str:
        end = self.position
        while end < len(self.data) and self.data[end] != 0x0A and end - self.position < 4096:
            end += 1
        line = bytes(self._take(end - self.position)).decode("utf-8")
        self._take(1)
        return line

    def _marked(self) -> list[Any]:
        stack = self.stack
        place = len(stack) - 1
        while stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise DamagedFileError("its pickle ends a list that it has not begun")
        items = stack[place + 1 :]
        del stack[place:]
        return items

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _text(self, form: struct.Struct) -> None:
        self.stack.append(str(self._take(self._number(form)), "utf-8"))

    def _octets(self, form: struct.Struct) -> None:
        self._push(bytes(self._take(self._number(form))))

    def _long(self, form: struct.Struct) -> None:
        count = self._number(form)
        if count > 32:
            raise UnsafeFileError(f"its pickle has a number of {count} bytes")
        self._push(int.from_bytes(self._take(count), "little", signed=True))

    def _tuple(self, count: int | None) -> None:
        if count is None:
            self._push(tuple(self._marked()))
        else:
            items = tuple(self.stack[-count:])
            if len(items) != count:
                raise DamagedFileError("its pickle makes a tuple of more objects than it has")
            del self.stack[-count:]
            self.stack.append(items)

    def push_global(self, module: str, name: str) -> None:
        """Pushes a stand-in for the function or class `module.name`.

        Raises:
            UnsafeFileError: the name is not allowed.
        """
        if not isinstance(module, str) or not isinstance(name, str):
            raise DamagedFileError("its pickle refers to a name that is no text")
        known = (module, name) in CALLS or (module == "torch" and name in STORAGES)
        if not known:
            raise UnsafeFileError(
                f"it asks to run {quoted(f'{module}.{name}')}; only tensors are read. Save the "
                "weights alone: torch.save(model.state_dict(), path)"
            )
        self._push(_Name(module, name))

    def _stack_name(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.push_global(module, name)

    def call(self) -> None:
        """Replaces a function and its arguments on the stack by the function's result."""
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, _Name) or not isinstance(arguments, tuple) or len(arguments) > 16:
            raise DamagedFileError("its pickle calls something that is no function")
        if arguments and isinstance(arguments[0], list):
            self.steps += len(arguments[0])  # a file could make many copies of one long list
        call = CALLS.get((name.module, name.name))
        if call is None:
            raise UnsafeFileError(f"it asks to run {quoted(f'{name.module}.{name.name}')}")
        self._push(call(arguments))

    def set_state(self) -> None:
        """Removes an object's attributes from the stack; those of a state dict are not needed."""
        self.stack.pop()

    def _persistent(self) -> None:
        identity = self.stack.pop()
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise DamagedFileError("its pickle refers to something that is no storage")
        kind, key, count = identity[1], identity[2], identity[4]
        if not isinstance(kind, _Name) or kind.name not in STORAGES or not isinstance(key, str):
            raise DamagedFileError("its pickle refers to a storage of an unknown type")
        if not _whole(count) or count < 0:
            raise DamagedFileError(f"its storage {quoted(key)} has no valid number of elements")
        if len(identity) > 5 and identity[5] is not None:
            raise UnsafeFileError("it has storages that are views; save it with a newer torch")
        storage = Storage(STORAGES[kind.name], key, count)
        if self.storages.setdefault(key, storage) != storage:
            raise DamagedFileError(f"its storage {quoted(key)} is described in two ways")
        self._push(storage)

    def _set(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, _Opaque):
            return
        if not isinstance(target, dict):
            raise DamagedFileError("its pickle fills something that is no dictionary")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if not _hashable(key):
                raise DamagedFileError("its pickle has a key that is no text or number")
            target[key] = value

    def _extend(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], list):
            raise DamagedFileError("its pickle fills something that is no list")
        self.stack[-1].extend(items)

    def _one_pair(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._set([key, value])

    # These opcodes follow nearly every object, so they call no other method, to save time.
    def _remember_byte(self) -> None:
        self.memo[self.data[self.position]] = self.stack[-1]
        self.position += 1

    def _remember_long(self) -> None:
        self.memo[_U32.unpack_from(self.data, self.position)[0]] = self.stack[-1]
        self.position += 4

    def _recall_byte(self) -> None:
        self.stack.append(self.memo[self.data[self.position]])
        self.position += 1

    def _recall_long(self) -> None:
        self.stack.append(self.memo[_U32.unpack_from(self.data, self.position)[0]])
        self.position += 4

    def _small(self) -> None:
        self.stack.append(self.data[self.position])
        self.position += 1

    def _remember_next(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]


_U8, _U16, _U32, _U64 = (struct.Struct(form) for form in ("<B", "<H", "<I", "<Q"))
_I32, _F64 = struct.Struct("<i"), struct.Struct(">d")

_ACTIONS: dict[int, Callable[[Machine], Any]] = {
    ord("("): lambda m: m.stack.append(_MARK),
    ord("0"): lambda m: m.stack.pop(),
    ord("N"): lambda m: m._push(None),
    0x88: lambda m: m._push(True),
    0x89: lambda m: m._push(False),
    ord("J"): lambda m: m._push(m._number(_I32)),
    ord("K"): Machine._small,
    ord("M"): lambda m: m._push(m._number(_U16)),
    0x8A: lambda m: m._long(_U8),
    0x8B: lambda m: m._long(_I32),
    ord("G"): lambda m: m._push(m._number(_F64)),
    ord("U"): lambda m: m._octets(_U8),
    ord("T"): lambda m: m._octets(_I32),
    ord("C"): lambda m: m._octets(_U8),
    ord("B"): lambda m: m._octets(_U32),
    0x8C: lambda m: m._text(_U8),
    ord("X"): lambda m: m._text(_U32),
    0x8D: lambda m: m._text(_U64),
    ord("}"): lambda m: m._push({}),
    ord("]"): lambda m: m._push([]),
    ord(")"): lambda m: m._push(()),
    ord("t"): lambda m: m._tuple(None),
    0x85: lambda m: m._tuple(1),
    0x86: lambda m: m._tuple(2),
    0x87: lambda m: m._tuple(3),
    ord("d"): lambda m: m._push(_dictionary(([*zip(*[iter(m._marked())] * 2, strict=True)],))),
    ord("l"): lambda m: m._push(m._marked()),
    ord("s"): Machine._one_pair,
    ord("u"): lambda m: m._set(m._marked()),
    ord("a"): lambda m: m._extend([m.stack.pop()]),
    ord("e"): lambda m: m._extend(m._marked()),
    ord("c"): lambda m: m.push_global(m._line(), m._line()),
    0x93: lambda m: m._stack_name(),
    ord("R"): lambda m: m.call(),
    0x81: lambda m: m.call(),
    ord("b"): lambda m: m.set_state(),
    ord("Q"): lambda m: m._persistent(),
    ord("q"): Machine._remember_byte,
    ord("r"): Machine._remember_long,
    0x94: Machine._remember_next,
    ord("h"): Machine._recall_byte,
    ord("j"): Machine._recall_long,
    0x80: lambda m: m._number(_U8),
    0x95: lambda m: m._number(_U64),
}
"""Opcode -> its effect on the machine; `pickletools` calls them MARK, POP, NONE, NEWTRUE, …"""
