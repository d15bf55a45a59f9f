"""Hostile safetensors and ONNX, and what is no file of weights at all."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from support.weight_files.benign import flat, safetensors, write_keras3, write_torch
from support.weight_files.hostile import DAMAGED, DATA, MISMATCH, UNSAFE, Hostile


def framed(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def entry(shape: Any, offsets: Any, dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def table(data: bytes = b"", **tensors: Any) -> bytes:
    return framed(json.dumps(tensors).encode(), data)


MALFORMED: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "long_header": ((2**40).to_bytes(8, "little") + b"{}", (DAMAGED,)),
    "negative_header": (b"\xff" * 8 + b"{}", (DAMAGED,)),
    "big_header": (framed(b"{" + b" " * (9 * 2**20) + b"}"), (UNSAFE,)),
    "no_json": (framed(b"{not json}"), (DAMAGED,)),
    "no_table": (framed(b"{}")[:8] + b"[]", (DAMAGED,)),
    "blank_first": (framed(b" {}"), (DAMAGED,)),
    "no_utf8": (framed(b'{"\xff": 1}'), (DAMAGED,)),
    "nested": (framed(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), (DAMAGED, UNSAFE)),
    "doubled": (
        framed(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
               b'"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
        (DAMAGED,),
    ),
    "overlap": (table(bytes(8), a=entry([2], [0, 8]), b=entry([1], [4, 8])), (DAMAGED,)),
    "hole": (table(bytes(12), a=entry([1], [0, 4]), b=entry([1], [8, 12])), (DAMAGED,)),
    "hole_first": (table(bytes(8), a=entry([1], [4, 8])), (DAMAGED,)),
    "tail": (table(bytes(5), a=entry([1], [0, 4])), (DAMAGED,)),
    "short": (table(bytes(3), a=entry([1], [0, 4])), (DAMAGED,)),
    "size": (table(bytes(4), a=entry([2], [0, 4])), (DAMAGED,)),
    "backwards": (table(bytes(4), a=entry([1], [4, 0])), (DAMAGED,)),
    "overflow": (table(bytes(4), a=entry([2**62, 4], [0, 4])), (DAMAGED,)),
    "terabyte": (table(bytes(4), a=entry([2**38], [0, 2**40])), (DAMAGED,)),
    "negative": (table(bytes(4), a=entry([-1], [0, 4])), (DAMAGED,)),
    "float_shape": (table(bytes(4), a=entry([1.0], [0, 4])), (DAMAGED,)),
    "true_shape": (table(bytes(4), a=entry([True], [0, 4])), (DAMAGED,)),
    "text_shape": (table(bytes(4), a=entry("1", [0, 4])), (DAMAGED,)),
    "three_offsets": (table(bytes(4), a=entry([1], [0, 4, 4])), (DAMAGED,)),
    "no_dtype": (table(bytes(4), a={"shape": [1], "data_offsets": [0, 4]}), (DAMAGED,)),
    "bad_dtype": (table(bytes(4), a=entry([1], [0, 4], "F31")), (UNSAFE,)),
    "list_dtype": (table(bytes(4), a=entry([1], [0, 4], ["F32"])), (UNSAFE,)),
    "entry_of_text": (table(bytes(4), a="x"), (DAMAGED,)),
    "ranks": (table(bytes(4), a=entry([1] * 100, [0, 4])), (DAMAGED,)),
    "metadata": (table(bytes(4), a=entry([1], [0, 4]), __metadata__={"a": 1}), (DAMAGED,)),
    "metadata_list": (table(bytes(4), a=entry([1], [0, 4]), __metadata__=[]), (DAMAGED,)),
    "long_name": (table(bytes(4), **{"x" * 5000: entry([1], [0, 4])}), (UNSAFE,)),
    "many": (
        table(**{str(number): entry([0], [0, 0]) for number in range(30_000)}),
        (UNSAFE,),
    ),
    "no_tensors": (framed(b"{}"), (MISMATCH,)),
}  # fmt: skip


def wrong(change: Callable[[dict[str, np.ndarray]], object]) -> Callable[[Path], object]:
    """Returns what writes good safetensors of changed tensors."""

    def write(path: Path) -> None:
        tensors = flat()
        change(tensors)
        path.write_bytes(safetensors(tensors))

    return write


def varint(value: int) -> bytes:
    built = b""
    while value > 127:
        built += bytes([value & 127 | 128])
        value >>= 7
    return built + bytes([value])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def initializer(dims: bytes, *more: bytes, dtype: int = 1) -> bytes:
    return field(
        7, field(5, dims + varint(2 << 3) + varint(dtype) + field(8, b"w") + b"".join(more))
    )


def dims(*sides: int) -> bytes:
    return b"".join(varint(1 << 3) + varint(side) for side in sides)


RAW = field(9, bytes(8))
ONNX: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "elsewhere": (initializer(dims(2), field(13, field(1, b"location"))), (UNSAFE,)),
    "location": (initializer(dims(2), varint(14 << 3) + b"\x01"), (UNSAFE,)),
    "shape_bomb": (initializer(dims(2**40, 2**40), RAW), (DAMAGED,)),
    "no_bytes": (initializer(dims(2**38)), (MISMATCH,)),
    "short": (initializer(dims(3), RAW), (DAMAGED,)),
    "two_values": (initializer(dims(2), RAW, RAW), (DAMAGED,)),
    "ranks": (initializer(dims(*[1] * 100), RAW), (DAMAGED,)),
    "text": (initializer(dims(2), RAW, dtype=8), (UNSAFE,)),
    "two_graphs": (initializer(dims(2), RAW) * 2, (DAMAGED,)),
    "two_names": (field(7, initializer(dims(2), RAW)[2:] * 2), (DAMAGED,)),
    "sparse": (field(7, field(15, b"")), (UNSAFE,)),
    "groups": (b"\x3b\x3b\x3b", (DAMAGED,)),
    "endless_number": (b"\xff" * 100, (DAMAGED,)),
    "cut": (initializer(dims(2), RAW)[:-3], (DAMAGED,)),
    "no_graph": (field(1, b"x"), (DAMAGED,)),
    "no_initializers": (field(7, b""), (DAMAGED,)),
    "long_name": (field(7, field(5, field(8, b"x" * 100_000))), (UNSAFE,)),
    "fields": (b"\x08\x01" * 1_500_000, (UNSAFE,)),
    "many": (field(7, field(5, varint(2 << 3) + b"\x01") * 2), (DAMAGED,)),
}


def tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), None)
    return out.getvalue()


def renamed(write: Callable[[Path], object], suffix: str) -> Callable[[Path], object]:
    def write_changed(path: Path) -> None:
        other = path.with_suffix(suffix)
        write(other)
        other.rename(path)

    return write_changed


def files() -> list[Hostile]:
    """Returns the files."""

    def plain(data: bytes) -> Callable[[Path], object]:
        return lambda path: path.write_bytes(data)

    items = [
        Hostile(f"{name}.safetensors", plain(data), errors)
        for name, (data, errors) in MALFORMED.items()
    ]
    items += [Hostile(f"{name}.onnx", plain(data), errors) for name, (data, errors) in ONNX.items()]
    page = b"<!DOCTYPE html><html><body>404</body></html>"
    lfs = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    for suffix in (".weights.h5", ".h5", ".keras", ".npz", ".pth", ".safetensors", ".onnx"):
        items += [
            Hostile(f"empty{suffix}", plain(b""), (DAMAGED,), ("is empty",)),
            Hostile(f"byte{suffix}", plain(b"x"), (DAMAGED,)),
            Hostile(
                f"noise{suffix}", plain(np.random.default_rng(3).bytes(5000)), (DAMAGED, UNSAFE)
            ),
            Hostile(f"zeros{suffix}", plain(bytes(5000)), (DAMAGED,)),
            Hostile(f"page{suffix}", plain(page), (DAMAGED,)),
            Hostile(f"lfs{suffix}", plain(lfs), (DAMAGED,)),
        ]
    items += [
        Hostile("page_named.pth", plain(page), (DAMAGED,), ("web page",)),
        Hostile("lfs_named.pth", plain(lfs), (DAMAGED,), ("Git LFS",)),
        Hostile("packed.pth", plain(b"\x1f\x8b\x08" + bytes(100)), (DAMAGED,), ("packed",)),
        Hostile("tar.pth", plain(tar()), (DAMAGED,), ("tar archive",)),
        Hostile(
            "renamed.safetensors", renamed(write_torch, ".pth"), (DAMAGED,), ("a zip archive",)
        ),
        Hostile("renamed.pth", renamed(write_keras3, ".h5"), (DAMAGED,), ("an HDF5 file",)),
        Hostile("folder.pth", Path.mkdir, (DATA,), ("a directory",)),
        Hostile("pipe.pth", os.mkfifo, (DATA,), ("a pipe",)),
        Hostile("absent.pth", lambda path: None, (DATA,), ("does not exist",)),
        Hostile("dangling.pth", lambda path: path.symlink_to("/no/such"), (DATA,)),
        Hostile("zero.pth", lambda path: path.symlink_to("/dev/zero"), (DATA,), ("a device",)),
        Hostile("missing.safetensors", wrong(lambda t: t.pop("c3/kernel")), (MISMATCH,)),
        Hostile("extra.safetensors", wrong(lambda t: t.update({"x/y": t["c1/bias"]})), (MISMATCH,)),
        Hostile(
            "shape.safetensors",
            wrong(lambda t: t.update({"f6/kernel": t["f6/kernel"].T.copy()})),
            (MISMATCH,),
        ),
        Hostile("nan.safetensors", wrong(lambda t: t["c1/bias"].fill(np.nan)), (DAMAGED,)),
        Hostile("infinite.safetensors", wrong(lambda t: t["c1/bias"].fill(-np.inf)), (DAMAGED,)),
    ]
    return items
