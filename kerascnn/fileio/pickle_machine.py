"""Reads the pickle inside a PyTorch file safely; it can only build descriptions of tensors.

Python's own unpickler imports every function that a file names, and ten bytes can make its memo
allocate gigabytes. This pickle machine accepts the opcodes that `torch.save` writes, and imports no
name. A tensor becomes a `TensorRecord`, which describes bytes elsewhere in the file. An instance of
an unknown class becomes an `Opaque` object, which holds nothing; `pickle_names` says which names
are refused.

Formats: https://docs.python.org/3/library/pickletools.html and torch/serialization.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.fileio.pickle_names import (
    CALLS,
    STORAGE_MODULES,
    STORAGES,
    Name,
    Opaque,
    Storage,
    dictionary,
    fill,
    is_data_class,
    refusal,
    spelled,
    whole,
)
from kerascnn.fileio.untrusted import quoted

PICKLE_LIMIT = 16 * 2**20
"""Most bytes of a pickle; the state dict of ResNet-50 has 40,000."""
MAXIMUM_STEPS = 600_000
"""Most opcodes that are run. A state dict of a thousand tensors needs about 40,000; a file of a
training script, with optimizer and averaged weights, needs four times as many."""
MAXIMUM_NUMBER = 255
"""Most bytes of a whole number."""

_MARK = object()


class Machine:
    """Interprets the opcodes of one pickle.

    Args:
        data: the bytes of the pickle, and possibly more bytes after it.
        start: position of the first byte of the pickle.

    Attributes:
        storages: the storages that the pickle refers to, by key.
        unknown: the names of the classes whose instances were not built, in their order.
    """

    def __init__(self, data: memoryview, start: int = 0) -> None:
        self.data, self.position = data, start
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}
        self.unknown: dict[str, None] = {}
        self.steps = 0

    def run(self) -> Any:
        """Returns the object of the pickle; `position` is then the first byte after the pickle.

        Raises:
            UnsafeFileError: the pickle refers to a name that `refusal` refuses, has an opcode that
                no checkpoint has, or has too many opcodes.
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
        self.stack.append(str(self._take(self._number(form)), "utf-8", "surrogatepass"))

    def _octets(self, form: struct.Struct) -> None:
        self._push(bytes(self._take(self._number(form))))

    def _long(self, form: struct.Struct) -> None:
        count = self._number(form)
        if count > MAXIMUM_NUMBER:
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
        refused = refusal(spelled(module, name))
        if refused:
            raise UnsafeFileError(refused)
        self._push(spelled(module, name))

    def _stack_name(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.push_global(module, name)

    def call(self) -> None:
        """Replaces a function and its arguments on the stack by the function's result."""
        arguments, name = self.stack.pop(), self.stack.pop()
        if not isinstance(name, Name) or not isinstance(arguments, tuple):
            raise DamagedFileError("its pickle calls something that is no function")
        call = CALLS.get(name)
        if call is None:
            refused = refusal(name, called=True)
            if refused:
                raise UnsafeFileError(refused)
            self._push(self._opaque(name))
            return
        if len(arguments) > 16:
            raise DamagedFileError("its pickle calls a function with too many arguments")
        if arguments and isinstance(arguments[0], list | dict):
            self.steps += len(arguments[0])  # a file could make many copies of one long list
        self._push(call(arguments))

    def make(self) -> None:
        """Replaces a class and its arguments on the stack by an instance of the class."""
        name = self.stack[-2]
        if isinstance(name, Name) and name not in CALLS:
            del self.stack[-2:]
            self._push(self._opaque(name))
        else:
            self.call()

    def _make_with_names(self) -> None:
        """Does the same as `make` for a class that also takes arguments by name."""
        self.stack.pop()
        self.make()

    def _opaque(self, name: Name) -> Opaque:
        if not is_data_class(name):
            self.unknown.setdefault(str(name))
        return Opaque(str(name))

    def set_state(self) -> None:
        """Removes an object's attributes from the stack; those of a state dict are not needed."""
        self.stack.pop()

    def _persistent(self) -> None:
        identity = self.stack.pop()
        if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
            raise DamagedFileError("its pickle refers to something that is no storage")
        kind, key, count = identity[1], identity[2], identity[4]
        known = isinstance(kind, Name) and kind.module in STORAGE_MODULES and kind.name in STORAGES
        if not known or not isinstance(key, str):
            raise DamagedFileError("its pickle refers to a storage of an unknown type")
        if not whole(count) or count < 0:
            raise DamagedFileError(f"its storage {quoted(key)} has no valid number of elements")
        if len(identity) > 5 and identity[5] is not None:
            raise UnsafeFileError("it has storages that are views; save it with a newer torch")
        storage = Storage(STORAGES[kind.name], key, count)
        if self.storages.setdefault(key, storage) != storage:
            raise DamagedFileError(f"its storage {quoted(key)} is described in two ways")
        self._push(storage)

    def _set(self, pairs: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Opaque):
            return
        if not isinstance(target, dict):
            raise DamagedFileError("its pickle fills something that is no dictionary")
        fill(target, zip(pairs[::2], pairs[1::2], strict=True))

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, Opaque):
            return
        if not isinstance(target, list):
            raise DamagedFileError("its pickle fills something that is no list")
        target.extend(items)

    def _add(self) -> None:
        """Removes new members of a set from the stack; they are not kept."""
        self._marked()
        if not isinstance(self.stack[-1], Opaque):
            raise DamagedFileError("its pickle fills something that is no set")

    def _frozen_set(self) -> None:
        self._marked()
        self._push(Opaque())

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
    0x8E: lambda m: m._octets(_U64),
    0x96: lambda m: m._octets(_U64),
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
    ord("d"): lambda m: m._push(dictionary(([*zip(*[iter(m._marked())] * 2, strict=True)],))),
    ord("l"): lambda m: m._push(m._marked()),
    ord("s"): Machine._one_pair,
    ord("u"): lambda m: m._set(m._marked()),
    ord("a"): lambda m: m._extend([m.stack.pop()]),
    ord("e"): lambda m: m._extend(m._marked()),
    ord("c"): lambda m: m.push_global(m._line(), m._line()),
    0x93: lambda m: m._stack_name(),
    ord("R"): lambda m: m.call(),
    0x81: lambda m: m.make(),
    0x92: Machine._make_with_names,
    0x8F: lambda m: m._push(Opaque()),
    0x90: Machine._add,
    0x91: Machine._frozen_set,
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
