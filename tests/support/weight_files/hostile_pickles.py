"""Hostile pickles, in PyTorch's two containers and bare; a payload writes a marker, no more."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from support.weight_files.benign import flat
from support.weight_files.hostile import DAMAGED, MISMATCH, UNSAFE, Hostile
from support.weight_files.torch_files import Call, Tensor, Writer, state_dict, write_old, write_zip

MARKER = "marker-of-a-pickle"


class Payload:
    """Whose pickle writes a file in the current folder when Python loads it."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


def touch() -> Payload:
    return Payload(open, MARKER, "w")


def run() -> Payload:
    import os

    return Payload(os.system, f"touch {MARKER}")


def evaluate() -> Payload:
    return Payload(eval, f"open({MARKER!r}, 'w')")


PAYLOADS = {"open": touch, "system": run, "eval": evaluate}


def ops(*parts: bytes) -> bytes:
    return b"\x80\x02" + b"".join(parts) + b"."


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


STACKED = b"\x80\x04" + b"\x8c\x08builtins\x8c\x04open\x93" + text(MARKER) + text("w") + b"\x86R."
SMALL: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "stack_global": (STACKED, (UNSAFE,)),
    "inst": (ops(b"(", text(MARKER), text("w"), b"ibuiltins\nopen\n"), (UNSAFE,)),
    "obj": (ops(b"(cbuiltins\nopen\n", text(MARKER), text("w"), b"o"), (UNSAFE,)),
    "newobj_ex": (ops(b"cbuiltins\nopen\n", text(MARKER), b"\x85}\x92"), (UNSAFE,)),
    "extension": (ops(b"\x82\x01"), (UNSAFE,)),
    "dup": (ops(b"]" + b"2" * 100), (UNSAFE,)),
    "persid": (ops(b"Psome id\n"), (UNSAFE,)),
    "protocol_0_call": (b"cbuiltins\nopen\n(V" + MARKER.encode() + b"\ntR.", (UNSAFE,)),
    "next_buffer": (ops(b"\x97"), (UNSAFE,)),
    "call_a_tensor": (ops(b"ctorch\nFloatStorage\n", text("x"), b"\x85R"), (UNSAFE,)),
    "call_a_text": (ops(text("os.system"), b")R"), (DAMAGED,)),
    "dotted": (ops(b"ctorch\n_utils.os.system\n)R"), (UNSAFE,)),
    "long_name": (ops(b"c" + b"x" * 10_000 + b"\ny\n"), (UNSAFE, DAMAGED)),
    "class_of_subprocess": (ops(b"csubprocess\nPopen\n", text(MARKER), b"\x85\x81"), (UNSAFE,)),
    "unknown_function": (ops(b"cproject\nrun\n", text(MARKER), b"\x85R"), (UNSAFE,)),
    "tensor_built_by_open": (
        ops(b"ctorch._tensor\n_rebuild_from_type_v2\n(cbuiltins\nopen\nN)NtR"),
        (UNSAFE,),
    ),
    "tensor_built_by_itself": (
        ops(b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nSize\nN)NtR"),
        (UNSAFE, DAMAGED),
    ),
    "reconstructor": (ops(b"ccopyreg\n_reconstructor\n(cposix\nsystem\nNNtR"), (UNSAFE,)),
    "copied_tuples": (
        ops(b"(" + b"N" * 100_000 + b"tq\x000](" + b"cbuiltins\nset\nh\x00\x85R" * 10_000 + b"e"),
        (UNSAFE, DAMAGED),
    ),
    "copied_texts": (
        ops(
            *(text("x" * 2**19), b"q\x000]("),
            *(b"c_codecs\nencode\nh\x00", text("latin1"), b"\x86R") * 5_000,
            b"e",
        ),
        (UNSAFE, DAMAGED),
    ),
    "many_classes": (
        ops(*(b"cp\nC%d\n)\x81" % number for number in range(60_000))),
        (UNSAFE, DAMAGED),
    ),
    "memo": (ops(b"Nr\xff\xff\xff\xff0j\xff\xff\xff\xff"), (DAMAGED,)),
    "recall": (ops(b"h\x05"), (DAMAGED,)),
    "huge_text": (ops(b"X\xff\xff\xff\xff"), (DAMAGED,)),
    "huge_text8": (ops(b"\x8d" + b"\xff" * 8), (DAMAGED,)),
    "negative_text": (ops(b"T\xff\xff\xff\xff"), (DAMAGED,)),
    "huge_number": (ops(b"\x8b" + struct.pack("<i", 2**31 - 1)), (UNSAFE, DAMAGED)),
    "negative_number": (ops(b"\x8b" + struct.pack("<i", -5)), (DAMAGED,)),
    "nothing": (ops(), (DAMAGED,)),
    "no_mark": (ops(b"t"), (DAMAGED,)),
    "mark_only": (ops(b"("), (DAMAGED,)),
    "half_pair": (ops(b"}(K\x01u"), (DAMAGED,)),
    "list_key": (ops(b"}]K\x01s"), (DAMAGED,)),
    "self_list": (ops(b"]q\x00h\x00a"), (DAMAGED,)),
    "self_table": (ops(b"}q\x00", text("state_dict"), b"h\x00s"), (DAMAGED,)),
    "deep": (ops(b"N" + b"\x85" * 400_000), (DAMAGED,)),
    "wide": (ops(b"]" * 2_000_000), (UNSAFE,)),
    "memoized": (ops(b"]\x94" * 900_000), (UNSAFE,)),
    "sixteen_megabytes": (ops(b"0" * (17 * 2**20)), (UNSAFE,)),
    "no_stop": (b"\x80\x02N", (DAMAGED,)),
    "protocol_255": (b"\x80\xffcos\nsystem\n.", (UNSAFE,)),
    "bytes_as_text": (ops(b"X\x02\0\0\0\xff\xfe"), (DAMAGED,)),
    "colliding": (
        ops(
            b"}(",
            *(b"\x8a\x09" + (n * (2**61 - 1)).to_bytes(9, "little") + b"N" for n in range(1, 129)),
            b"u",
        ),
        (DAMAGED,),
    ),
    "storage_of_nothing": (ops(text("storage"), b"\x85Q"), (DAMAGED,)),
    "storage_unnamed": (ops(b"(", text("storage"), b"NNNNtQ"), (DAMAGED,)),
    "tensor_of_numbers": (
        ops(b"ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x01K\x01K\x01tR"),
        (DAMAGED,),
    ),
    "ordered_number": (ops(b"ccollections\nOrderedDict\nK\x01\x85R"), (DAMAGED,)),
}
"""Pickles by name, and how each must be refused."""


def zipped(data: bytes) -> Callable[[Path], object]:
    return lambda path: write_zip(path, None, pickle=data)


def chained(data: bytes) -> Callable[[Path], None]:
    """The pickle in the place of the state dict of an old file."""

    def write(path: Path) -> None:
        write_old(path, 12345)
        whole = path.read_bytes()
        path.write_bytes(whole.replace(Writer().dump(12345), data, 1))

    return write


def bare(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def with_state(path: Path) -> None:
    """A good state dict with a call in the attributes that are not needed."""
    good = state_dict(flat())
    write_zip(
        path, Call("collections", "OrderedDict", (), good.items, Call("os", "system", ("x",)))
    )


def beside(path: Path) -> None:
    """A good state dict beside something else that would be called."""
    write_zip(path, {"state_dict": state_dict(flat()), "hook": Call("os", "system", ("x",))})


def bomb(shape: tuple[int, ...], strides: tuple[int, ...]) -> Callable[[Path], object]:
    tensors: dict[str, Any] = dict(flat())
    tensors["c1/kernel"] = Tensor(np.ones(1, "f4"), shape=shape, strides=strides)
    return lambda path: write_zip(path, state_dict(tensors))


def counted(count: int) -> Callable[[Path], object]:
    tensors: dict[str, Any] = dict(flat())
    tensors["c1/kernel"] = Tensor(tensors["c1/kernel"], count=count)
    return lambda path: write_zip(path, state_dict(tensors))


def compressed(path: Path) -> None:
    tensors: dict[str, Any] = dict(flat())
    tensors["c1/kernel"] = Tensor(np.zeros(300 * 2**18, "f4"))
    write_zip(path, state_dict(tensors), compression=8)


def wrong_type(path: Path) -> None:
    tensors: dict[str, Any] = dict(flat())
    tensors["c1/bias"] = np.arange(6)
    write_zip(path, state_dict(tensors))


def files() -> list[Hostile]:
    """Returns the files."""
    items = []
    for name, payload in PAYLOADS.items():
        for protocol in range(6):
            data = pickle.dumps({"a": payload()}, protocol)
            items.append(Hostile(f"{name}_{protocol}.pth", zipped(data)))
            items.append(Hostile(f"{name}_{protocol}_bare.pkl", bare(data), words=("bare pickle",)))
            items.append(Hostile(f"{name}_{protocol}_old.pth", chained(data)))
    for name, (data, errors) in SMALL.items():
        items.append(Hostile(f"{name}.pth", zipped(data), errors))
        if len(data) < 2**20:
            items.append(Hostile(f"{name}_old.pth", chained(data), errors))
    items += [
        Hostile("state.pth", with_state, words=("os.system",)),
        Hostile("beside.pth", beside, words=("os.system",)),
        Hostile("stride_0.pth", bomb((2**28,), (0,)), words=("claims 268,435,456 values",)),
        Hostile("stride_0_fits.pth", bomb((5, 5, 1, 6), (0, 0, 0, 0)), words=("claims 150",)),
        Hostile("terabyte.pth", bomb((2**20, 2**20), (2**20, 1)), words=("claims",)),
        Hostile("overflow.pth", bomb((2**40, 2**40), (2**40, 1)), words=("claims",)),
        Hostile("counted.pth", counted(2**40), (DAMAGED,)),
        Hostile("compressed.pth", compressed, (UNSAFE,)),
        Hostile("wrong_type.pth", wrong_type, (MISMATCH,), ("int64",)),
    ]
    return items
