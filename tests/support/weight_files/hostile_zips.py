"""Hostile zip archives: as .pth, .npz and .keras."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from support.weight_files.benign import flat, write_keras, write_keras3, write_npz, write_torch
from support.weight_files.hostile import DAMAGED, MISMATCH, UNSAFE, Hostile
from support.weight_files.hostile_hdf5 import BYTECODE, LAMBDAS, config

MiB = 2**20
ROW = flat()["c1/kernel"]

Make = Callable[[Path], object]


def adding(write: Make, name: str, data: bytes = b"x", **fields: int) -> Make:
    """Returns what writes a good archive and adds a member of any name and fields to it."""

    def write_changed(path: Path) -> None:
        write(path)
        member = zipfile.ZipInfo("placeholder")
        member.filename = name
        for field, value in fields.items():
            setattr(member, field, value)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(member, data)

    return write_changed


def changing(write: Make, change: Callable[[bytes], bytes]) -> Make:
    def write_changed(path: Path) -> None:
        write(path)
        path.write_bytes(change(path.read_bytes()))

    return write_changed


def twice(write: Make, member: str) -> Make:
    """A scanner that reads the first member of a name is shown another than zipfile reads."""
    return adding(write, member, b"the other one")


def central(member: str, offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Returns what sets bytes of a member's entry in the directory."""

    def change(data: bytes) -> bytes:
        start = data.index(b"PK\x05\x06")
        at = struct.unpack("<I", data[start + 16 : start + 20])[0]
        while data[at + 46 : at + 46 + len(member)] != member.encode():
            lengths = struct.unpack("<HHH", data[at + 28 : at + 34])
            at += 46 + sum(lengths)
        return data[: at + offset] + value + data[at + offset + len(value) :]

    return change


def at_end(offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """Returns what sets bytes of the record at the end of an archive."""

    def change(data: bytes) -> bytes:
        at = data.rindex(b"PK\x05\x06") + offset
        return data[:at] + value + data[at + len(value) :]

    return change


def many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(100_000):
            archive.writestr(zipfile.ZipInfo(f"{number}.npy"), b"")


def overlapping(path: Path) -> None:
    """A member inside the bytes of another, as in a bomb that quotes itself."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("inner.npy", b"data")
    local = inner.getvalue()[: 30 + len("inner.npy") + 4]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("c1/bias.npy", local)
        archive.writestr("inner.npy", b"data")
    data = path.read_bytes()
    place = data.index(local).to_bytes(4, "little")
    path.write_bytes(central("inner.npy", 42, place)(data))


def packed_member(name: str, content: bytes, write: Make, blanks: int = 0) -> Make:
    """Returns what writes an archive with one member replaced by a compressed one.

    Args:
        name: of the member.
        content: what it begins with.
        write: writes the good archive.
        blanks: MiB of zeros behind the content.
    """

    def write_changed(path: Path) -> None:
        write(path)
        with zipfile.ZipFile(path) as archive:
            members = {key: archive.read(key) for key in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for key, data in members.items():
                if key != name:
                    archive.writestr(key, data)
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as stream:
                stream.write(content)
                for _ in range(blanks):
                    stream.write(bytes(MiB))

    return write_changed


def array_header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def bomb(blanks: int) -> Make:
    """An array of zeros that swells a thousandfold; its header tells the truth."""
    header = array_header((blanks * MiB // 4,))
    return packed_member("c1/kernel.npy", header, write_npz, blanks)


def keras_weights_packed(path: Path) -> None:
    weights = write_keras3(path.with_suffix(".inside.h5"))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", weights.read_bytes() + bytes(256 * MiB))
    weights.unlink()


def with_config(text: bytes) -> Make:
    return lambda path: write_keras(path, text)


def npz_of(member: str, data: bytes) -> Make:
    def write_changed(path: Path) -> None:
        write_npz(path)
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(member, data)

    return write_changed


def objects(path: Path) -> None:
    np.savez(path, **flat(), evil=np.array([{}], dtype=object))


def directory_of_nothing(path: Path) -> None:
    """An archive of 40 MB that is all directory."""
    entry = b"PK\x01\x02" + bytes(24) + struct.pack("<HHH", 4, 0, 0) + bytes(12) + b"xxxx"
    body = io.BytesIO()
    body.write(b"PK\x03\x04" + bytes(26))
    table = entry * 800_000
    body.write(table)
    body.write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 65535, 65535, len(table), 30, 0))
    path.write_bytes(body.getvalue())


JSONS = {
    "nested": b"[" * 100_000 + b"]" * 100_000,
    "nested_tables": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "blanks": b" " * (9 * MiB) + b"{}",
    "commas": b"[" + b"0," * 2_000_000 + b"0]",
    "nan": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "doubled": b'{"class_name": "Functional", "class_name": "Lambda"}',
    "no_utf8": b'{"a": "\xff\xfe"}',
    "surrogate": b'{"a": "\\ud800"}',
    "digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "cut": b'{"a": [1, 2',
}


def files() -> list[Hostile]:
    """Returns the files."""
    items = []
    for suffix, write in ((".npz", write_npz), (".pth", write_torch), (".keras", write_keras)):
        member = {".npz": "c1/bias.npy", ".pth": "archive/data/0", ".keras": "config.json"}[suffix]
        items += [
            Hostile(f"{name}{suffix}", make, errors, words)
            for name, make, errors, words in (
                ("traversal", adding(write, "../../evil"), (UNSAFE,), ("outside",)),
                ("traversal_inside", adding(write, "a/../../evil"), (UNSAFE,), ("outside",)),
                ("absolute", adding(write, "/etc/evil"), (UNSAFE,), ("outside",)),
                ("backslash", adding(write, "..\\..\\evil"), (UNSAFE,), ("outside",)),
                ("drive", adding(write, "C:evil"), (UNSAFE,), ("outside",)),
                ("twice", twice(write, member), (UNSAFE,), ("twice",)),
                (
                    "link",
                    adding(write, "evil", b"/etc/passwd", external_attr=0o120777 << 16),
                    (UNSAFE,),
                    ("link",),
                ),
                (
                    "encrypted",
                    changing(write, central(member, 8, b"\x01\x00")),
                    (UNSAFE,),
                    ("encrypted",),
                ),
                ("bzip2", adding(write, "x", compress_type=zipfile.ZIP_BZIP2), (UNSAFE,), ()),
                ("lzma", adding(write, "x", compress_type=zipfile.ZIP_LZMA), (UNSAFE,), ()),
                (
                    "other_name_inside",
                    changing(write, lambda data: data.replace(b"c1/bias", b"evil/xx", 1)
                             .replace(b"config.json", b"evil_x.json", 1)
                             .replace(b"archive/data/0", b"archive/evil/0", 1)),
                    (UNSAFE, DAMAGED),
                    (),
                ),
                ("front", changing(write, lambda data: b"MZ" + bytes(98) + data), (DAMAGED,), ()),
                ("tail", changing(write, lambda data: data + bytes(100)), (DAMAGED,), ("tail",)),
                ("no_end", changing(write, lambda data: data[:-30]), (DAMAGED,), ("truncated",)),
                ("half", changing(write, lambda data: data[: len(data) // 2]), (DAMAGED,), ()),
                ("parts", changing(write, at_end(4, b"\x01\x00")), (UNSAFE,), ("several files",)),
                ("more", changing(write, at_end(8, b"\xff\xff\xff\xff")), (DAMAGED, UNSAFE), ()),
                (
                    "sizes",
                    changing(write, central(member, 24, b"\xff\xff\xff\x7f")),
                    (DAMAGED, UNSAFE),
                    (),
                ),
                (
                    "beyond",
                    changing(write, central(member, 42, b"\xff\xff\xff\x7f")),
                    (DAMAGED,),
                    (),
                ),
                ("huge_unused", packed_member("x", b"", write, 200), (UNSAFE,), ()),
            )
        ]  # fmt: skip
    items += [
        Hostile("many.npz", many, (UNSAFE,), ("100,000 members",)),
        Hostile("directory.npz", directory_of_nothing, (UNSAFE, DAMAGED)),
        Hostile("overlap.npz", overlapping, (UNSAFE,), ("overlaps",)),
        Hostile("objects.npz", objects, (UNSAFE,), ("pickle",)),
        Hostile("bomb_32M.npz", bomb(32), (MISMATCH,)),
        Hostile("bomb_300M.npz", bomb(300), (UNSAFE,), ("expand",)),
        Hostile(
            "lying.npz",
            packed_member("c1/kernel.npy", array_header((5, 5, 1, 6)) + bytes(9), write_npz),
            (DAMAGED,),
        ),
        Hostile("not_numpy.npz", npz_of("x.npy", b"text"), (DAMAGED,)),
        Hostile("zip_of_nothing.npz", npz_of("x.txt", b"text"), (DAMAGED,), ("neither",)),
        Hostile("record.npz", npz_of("kerascnn.json", b'{"seal": "x"}'), (DAMAGED,), ("seal",)),
        Hostile("record_bomb.npz", packed_member("kerascnn.json", b"", write_npz, 30)),
        Hostile("weights_packed.keras", keras_weights_packed, (UNSAFE,)),
        Hostile("config_1G.keras", packed_member("config.json", b"", write_keras, 1024)),
    ]
    items += [
        Hostile(f"json_{name}.keras", with_config(text), (DAMAGED, UNSAFE))
        for name, text in JSONS.items()
    ]
    items += [
        Hostile(f"json_{name}.npz", npz_of("kerascnn.json", text), (DAMAGED, UNSAFE))
        for name, text in JSONS.items()
    ]
    items += [
        Hostile(
            f"lambda_{name}.keras",
            with_config(json.dumps(config(layer)).encode()),
            (UNSAFE,),
            ("Lambda", "'evil_one'"),
        )
        for name, layer in LAMBDAS.items()
    ]
    loss = config({"class_name": "Dense", "config": {}}, compile_config={"loss": BYTECODE})
    items.append(
        Hostile("lambda_loss.keras", with_config(json.dumps(loss).encode()), words=("Lambda",))
    )
    return items
