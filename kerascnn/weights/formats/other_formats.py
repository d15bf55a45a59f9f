"""Describes sound files that are no weights for this package, and says what to do instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kerascnn.errors import FormatError


class Other(NamedTuple):
    """A format of files that hold no weights that can be loaded: what it is, and what to do."""

    content: str
    advice: str


RUN = "`kerascnn predict FILE IMAGES` runs it; for training, take the weights that it was made of"
SAVE_TORCH = (
    "open it where it was made and save its weights with torch.save(model.state_dict(), 'x.pth')"
)
CONVERT = "export the network from its own library as ONNX, or save its weights as .safetensors"
IMAGE = Other("an image", "give a file of weights; images come after the network")
TEXT = Other("a text", "give a file of weights, such as .h5, .pth or .safetensors")

# The first bytes of a file -> what it is. The first that matches counts.
SIGNATURES = (
    (re.compile(rb".{4}TFL3", re.S), Other("a LiteRT (TensorFlow Lite) network", RUN)),
    (re.compile(rb"\s*(<\?xml[^>]*>\s*)?<net\b"), Other("an OpenVINO network", RUN)),
    (
        re.compile(rb"MATLAB \d\.\d MAT-file"),
        Other("a MATLAB file", "save its arrays with scipy.io.loadmat and numpy.savez as .npz"),
    ),
    (
        re.compile(rb"\x93NUMPY"),
        Other("a single NumPy array", "save all arrays by name with numpy.savez as .npz"),
    ),
    (re.compile(rb"7767517\s"), Other("a network of ncnn", CONVERT)),
    (re.compile(rb"GGUF"), Other("a GGUF file of a language model", CONVERT)),
    (re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8[79]a|BM.{4}\0{4}|RIFF.{4}WEBP|II\*\0|MM\0\*",
                re.S), IMAGE),
    (re.compile(rb"%PDF-"), Other("a PDF", "give a file of weights")),
    (re.compile(rb"PK\x05\x06"), Other("an empty zip archive", "save the weights again")),
    (
        re.compile(rb"version https://git-lfs"),
        Other("a Git LFS pointer, which stands for the file", "fetch it with `git lfs pull`"),
    ),
    (
        re.compile(rb"\x1f\x8b|BZh|\xfd7zXZ|\x28\xb5\x2f\xfd|7z\xbc\xaf"),
        Other("packed", "unpack it first"),
    ),
    (
        re.compile(rb".{257}ustar", re.S),
        Other("a tar archive", "unpack it and give the file of weights inside"),
    ),
)  # fmt: skip
# Formats without a signature, by the ending of the name.
SUFFIXES = {
    ".pb": Other(
        "a graph of TensorFlow (protobuf)",
        "for a SavedModel give its folder; for a frozen graph take the checkpoint it was made of",
    ),
    ".param": Other("a network of ncnn", CONVERT),
    ".mlmodel": Other("a network of Core ML", CONVERT),
    ".caffemodel": Other("weights of Caffe", CONVERT),
    ".prototxt": Other("a network of Caffe", CONVERT),
    ".weights": Other("weights of Darknet", CONVERT),
    ".msgpack": Other("weights of Flax", CONVERT),
    ".engine": Other("a plan of TensorRT, for one kind of GPU", CONVERT),
    ".tflite": Other("a LiteRT (TensorFlow Lite) network", RUN),
}
PROTOBUF = re.compile(rb"[\x08\x0a\x12\x1a]")
TEXT_BYTES = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]+")
BINARY_WITHOUT_SIGNATURE = (".bin",)


def other_format(head: bytes, suffix: str) -> Other | None:
    """Returns what a file is that holds no weights to load, or None if it cannot be told.

    Args:
        head: its first bytes.
        suffix: the ending of its name, in small letters.
    """
    for pattern, other in SIGNATURES:
        if pattern.match(head):
            return other
    if suffix in SUFFIXES and (suffix != ".pb" or PROTOBUF.match(head)):
        return SUFFIXES[suffix]
    if suffix in BINARY_WITHOUT_SIGNATURE and not TEXT_BYTES.fullmatch(head):
        return Other(
            "the values of a network of OpenVINO or ncnn, or of an unknown format",
            "for OpenVINO give the .xml beside it to `kerascnn predict`",
        )
    if TEXT_BYTES.fullmatch(head) and not re.match(rb"\s*<", head):
        return TEXT
    return None


def of_archive(members: Iterable[str]) -> FormatError:
    """Returns the error for a zip archive that is no file of weights.

    Args:
        members: the names of its members.
    """
    names = list(members)
    inside = [name for name in names if name.lower().endswith(READABLE)]
    shown = ", ".join(names[:3])
    if inside:
        return FormatError(
            f"it is a zip archive of {len(names)} files; unpack it and give the file of weights "
            f"inside: {', '.join(inside[:3])}"
        )
    return FormatError(f"it is a zip archive of neither Keras, PyTorch nor NumPy: {shown}")


READABLE = (".h5", ".hdf5", ".keras", ".npz", ".pth", ".pt", ".th", ".safetensors", ".onnx")
"""Endings of files of weights that can be read."""
