"""Hostile HDF5: links of every kind, other files, packed and absurd arrays, code in attributes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from support.weight_files.benign import write_keras3, write_legacy
from support.weight_files.hostile import DAMAGED, UNSAFE, Hostile

KERNEL = "layers/conv2d_0/vars/0"
SHAPE = (5, 5, 1, 6)
GiB = 2**30

Edit = Callable[[h5py.File], object]


def edited(edit: Edit, legacy: bool = False) -> Callable[[Path], None]:
    """Returns what writes a good file and then changes it with h5py."""

    def write(path: Path) -> None:
        (write_legacy if legacy else write_keras3)(path)
        with h5py.File(path, "r+") as file:
            edit(file)

    return write


def patched(change: Callable[[bytes], bytes], legacy: bool = False) -> Callable[[Path], None]:
    """Returns what writes a good file and then changes its bytes."""

    def write(path: Path) -> None:
        (write_legacy if legacy else write_keras3)(path)
        path.write_bytes(change(path.read_bytes()))

    return write


def put(name: str, value: Any) -> Edit:
    def edit(file: h5py.File) -> None:
        if name in file:
            del file[name]
        file[name] = value

    return edit


def dataset(name: str = KERNEL, shape: Any = SHAPE, **options: Any) -> Edit:
    def edit(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, shape, options.pop("dtype", "f4"), **options)

    return edit


def virtual(file: h5py.File) -> None:
    del file[KERNEL]
    layout = h5py.VirtualLayout(SHAPE, "f4")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", SHAPE)
    file.create_virtual_dataset(KERNEL, layout)


def external(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, SHAPE, "f4", external=[("/etc/passwd", 0, 600)])


def other_type(dtype: Any) -> Edit:
    def edit(file: h5py.File) -> None:
        del file[KERNEL]
        dataset = file.create_dataset(KERNEL, SHAPE, dtype)
        dataset[...] = dataset[...]  # HDF5 gives an array its bytes when it is first written

    return edit


def group_for_array(file: h5py.File) -> None:
    del file[KERNEL]
    file[f"{KERNEL}/x"] = np.ones(1)


def circle(file: h5py.File) -> None:
    file["layers/again"] = file["layers"]


def own_parent(file: h5py.File) -> None:
    file["layers/conv2d_0/up"] = file["/"]


def twice(file: h5py.File) -> None:
    group = file.create_group("layers/other/vars")
    group.attrs["name"] = "c1"
    group["0"] = np.ones(SHAPE, "f4")


def deep(file: h5py.File) -> None:
    file.create_group("layers/" + "/".join("abcdefghij" * 8))


def shared_type(file: h5py.File) -> None:
    file["type"] = np.dtype("f4")
    del file[KERNEL]
    file.create_dataset(KERNEL, SHAPE, file["type"])


def big_text(file: h5py.File) -> None:
    file["layers/conv2d_0/vars"].attrs["name"] = "x" * 20_000_000


def bomb(size: int, legacy: bool = False) -> Callable[[Path], None]:
    """A declared size without bytes, as HDF5 fills them in when it is asked."""
    return edited(dataset(shape=(size // 4,)), legacy)


def filled_chunks(file: h5py.File) -> None:
    del file[KERNEL]
    file.create_dataset(KERNEL, (GiB // 4,), "f4", chunks=(2**20,), fillvalue=1.0)


def long_text(data: bytes) -> bytes:
    """The variable-length name of a layer says that it has four billion letters."""
    at = data.index(b"c1\0", data.index(b"GCOL"))
    heap = data.rindex(b"GCOL", 0, at).to_bytes(8, "little")
    place = data.index((2).to_bytes(4, "little") + heap)
    return data[:place] + b"\xf0\xff\xff\xff" + data[place + 4 :]


def grown_heap(data: bytes) -> bytes:
    at = data.index(b"GCOL")
    return data[: at + 8] + (2**62).to_bytes(8, "little") + data[at + 16 :]


def tree_of_itself(data: bytes) -> bytes:
    """Every child of the first group's tree is that tree."""
    at = data.index(b"TREE\0")
    head = data[: at + 6] + (16).to_bytes(2, "little") + data[at + 8 : at + 24]
    return head + (bytes(8) + at.to_bytes(8, "little")) * 16 + data[at + 24 + 256 :]


def weight_names(names: list[str]) -> Edit:
    def edit(file: h5py.File) -> None:
        file["c1"].attrs["weight_names"] = np.array([name.encode() for name in names])

    return edit


def layer_names(file: h5py.File) -> None:
    file.attrs["layer_names"] = np.array([b"c1"] * 30_000)


def config(layer: dict[str, Any], **more: Any) -> Any:
    inside = {"name": "m", "layers": [{"class_name": "Dense", "config": {"name": "d"}}, layer]}
    return {"class_name": "Functional", "config": inside, **more}


BYTECODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None}}
LAMBDAS = {
    "bytecode": {"class_name": "Lambda", "config": {"name": "evil_one", "function": BYTECODE}},
    "output_shape": {
        "class_name": "Lambda",
        "config": {"name": "evil_one", "function": "relu", "output_shape": BYTECODE},
    },
    "list": {
        "class_name": "Lambda",
        "config": {"name": "evil_one", "function": ["4wEAAAA=", None, None]},
    },
    "builtin": {
        "class_name": "Lambda",
        "config": {
            "name": "evil_one",
            "function": {
                "module": "keras.config",
                "class_name": "function",
                "config": "set_image_data_format",
                "registered_name": "set_image_data_format",
            },
            "arguments": {"data_format": "channels_first"},
        },
    },
    "tfsm": {
        "class_name": "Lambda",
        "config": {
            "name": "evil_one",
            "function": {"module": "keras.layers", "class_name": "TFSMLayer", "config": None},
            "arguments": {"filepath": "/tmp/evil_saved_model"},
        },
    },
    "wrapped": {
        "class_name": "TimeDistributed",
        "config": {
            "name": "outer",
            "layer": {"class_name": "Lambda", "config": {"name": "evil_one", "function": "x"}},
        },
    },
    "activation": {"class_name": "Dense", "config": {"name": "evil_one", "activation": BYTECODE}},
}
"""Layers with code, each called "evil_one"."""


def with_config(layer: dict[str, Any]) -> Callable[[Path], object]:
    return lambda path: write_legacy(path, config(layer))


def training_loss(path: Path) -> None:
    write_legacy(path, config({"class_name": "Dense", "config": {}}))
    with h5py.File(path, "r+") as file:
        file.attrs["training_config"] = json.dumps({"loss": BYTECODE})


def files() -> list[Hostile]:
    """Returns the files, of today's form and of Keras 2's."""
    link = ("link to another place or file",)
    items = [
        Hostile(f"{name}.weights.h5", edited(edit), (UNSAFE,), words)
        for name, edit, words in (
            ("external_link", put(KERNEL, h5py.ExternalLink("/etc/hostname", "/")), link),
            ("external_group", put("layers/conv2d_0", h5py.ExternalLink("o.h5", "/")), link),
            ("external_layers", put("layers", h5py.ExternalLink("o.h5", "/")), link),
            ("soft_link", put(KERNEL, h5py.SoftLink("/layers/conv2d_1/vars/0")), link),
            ("soft_group", put("layers/conv2d_0", h5py.SoftLink("/layers")), link),
            ("external_storage", external, ("another file",)),
            ("virtual", virtual, ("in pieces, or lies in another file",)),
            ("gzip", dataset(compression="gzip", data=np.ones(SHAPE, "f4")), ("compressed",)),
            ("lzf", dataset(compression="lzf", data=np.ones(SHAPE, "f4")), ("compressed",)),
            ("shuffle", dataset(shuffle=True, chunks=True), ("compressed",)),
            ("chunks", dataset(chunks=True, data=np.ones(SHAPE, "f4")), ("in pieces",)),
            ("growing", dataset(maxshape=(None, 5, 1, 6)), ("in pieces",)),
            ("filled", filled_chunks, ("in pieces",)),
            ("circle", circle, ("circle",)),
            ("own_parent", own_parent, ("circle",)),
            ("deep", deep, ("too deep",)),
            ("shared_type", shared_type, ("shares its type",)),
            ("references", other_type(h5py.ref_dtype), ("weights never have",)),
            ("compound", other_type([("a", "f4")]), ("weights never have",)),
            ("complex", other_type("c8"), ("weights never have",)),
            ("text", put(KERNEL, "text"), ("weights never have",)),
            ("ragged", other_type(h5py.vlen_dtype("f4")), ("weights never have",)),
        )
    ]
    items += [
        Hostile(f"{name}.weights.h5", write, errors)
        for name, write, errors in (
            ("twice", edited(twice), (DAMAGED,)),
            ("group_for_array", edited(group_for_array), (DAMAGED, UNSAFE)),
            ("big_text", edited(big_text), (UNSAFE, DAMAGED)),
            ("long_text", patched(long_text), (DAMAGED,)),
            ("grown_heap", patched(grown_heap), (DAMAGED,)),
            ("tree_of_itself", patched(tree_of_itself), (UNSAFE, DAMAGED)),
            ("tail", patched(lambda data: data + b"MZ" + bytes(5000)), (DAMAGED,)),
            ("prefix", patched(lambda data: bytes(512) + data), (DAMAGED,)),
            ("half", patched(lambda data: data[: len(data) // 2]), (DAMAGED,)),
            ("no_layers", edited(lambda file: file.__delitem__("layers")), (DAMAGED,)),
            *(
                (f"bomb_{label}", bomb(size), (DAMAGED, UNSAFE))
                for label, size in (
                    ("10M", 10 * 2**20),
                    ("1G", GiB),
                    ("3G", 3 * GiB),
                    ("4G", 4 * GiB - 2**20),
                    ("1T", 1024 * GiB),
                )
            ),
        )
    ]
    items += [
        Hostile(f"{name}.h5", write, errors, words)
        for name, write, errors, words in (
            (
                "model_weights_link",
                edited(put("model_weights", h5py.ExternalLink("o.h5", "/")), legacy=True),
                (UNSAFE,),
                link,
            ),
            ("up", edited(weight_names(["../c3/kernel:0"]), legacy=True), (DAMAGED,), ()),
            ("absent", edited(weight_names(["c1/x:0"]), legacy=True), (DAMAGED,), ("'c1/x:0'",)),
            ("unnamed", edited(weight_names(["", "/"]), legacy=True), (DAMAGED,), ()),
            ("layers_30000_times", edited(layer_names, legacy=True), (DAMAGED,), ("two tensors",)),
            ("training_loss", training_loss, (UNSAFE,), ("Lambda", "training_config")),
            *(
                (f"lambda_{name}", with_config(layer), (UNSAFE,), ("Lambda", "'evil_one'"))
                for name, layer in LAMBDAS.items()
            ),
        )
    ]
    return items
