"""Reads arrays from an .npz file; declared sizes are checked before any content is read."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError
from kerascnn.fileio.untrusted import check_expansion, open_regular, reading
from kerascnn.lazy import np

# Names of arrays in published files: Keras's mnist.npz, MedMNIST, and pairs without a test set.
_SPLIT_NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
_WHOLE_NAMES = (("x", "y"), ("images", "labels"))
_MEMBER_LIMIT = 1000


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Returns the image and label arrays of an .npz file, by their names, which `arrange` lists.

    Raises:
        DataError: there is no such regular file, or it lacks the arrays.
        DamagedFileError: it is no zip file, or a member is corrupt, truncated or no array.
        UnsafeFileError: it holds Python objects, an encrypted member, a name twice, or a
            decompression bomb.
    """
    broken = f"{path} is no .npz file, or a truncated or corrupt one"
    with open_regular(path) as stream, reading(broken), zipfile.ZipFile(stream) as archive:
        members = _members(archive, path)
        names = [*_chosen(list(members), str(path)), "class_names"]
        return {name: _read(archive, members[name], path) for name in names if name in members}


def arrange(arrays: dict[str, Any], where: str) -> tuple[tuple[Any, Any], ...]:
    """Returns the pairs (images, labels) for training and for testing, or one pair to be split.

    Args:
        arrays: x_train, y_train, x_test, y_test; train_images, train_labels, test_images,
            test_labels; x, y; or images, labels. Other arrays are ignored.
        where: the name of the source in errors.

    Raises:
        DataError: none of these groups is complete.
    """
    chosen = [arrays[name] for name in _chosen(list(arrays), where)]
    return tuple(zip(chosen[::2], chosen[1::2], strict=True))


def _chosen(present: list[str], where: str) -> tuple[str, ...]:
    """Returns the first group of array names that is complete."""
    for names in (*_SPLIT_NAMES, *_WHOLE_NAMES):
        if set(names) <= set(present):
            return names
    allowed = " or ".join(" ".join(names) for names in (*_SPLIT_NAMES, *_WHOLE_NAMES))
    raise DataError(
        f"{where} holds {', '.join(sorted(present)[:8]) or 'nothing'}; needed: {allowed}"
    )


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MEMBER_LIMIT:
        raise UnsafeFileError(
            f"{path} has {len(infos):,} members; at most {_MEMBER_LIMIT:,} are read"
        )
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise UnsafeFileError(
                f"{path} holds {name!r} twice, so its content is ambiguous; save it again with "
                "numpy.savez"
            )
        if info.flag_bits & 0x1:
            raise UnsafeFileError(f"{path} is encrypted; store it without a password")
        # The methods that NumPy writes; others can need more memory than the header declares.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnsafeFileError(
                f"{path} is packed by an unusual method; save it with numpy.savez"
            )
        members[name] = info
    return members


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> np.ndarray:
    where = f"{info.filename} of {path}"
    check_expansion(where, info.file_size, info.compress_size)
    with reading(f"{where} is corrupt or no array"):
        with archive.open(info) as member:
            header, declared = _header_and_content_bytes(member, where)
        if header + declared != info.file_size:
            raise DamagedFileError(
                f"{where} has {info.file_size:,} bytes; its header declares {header + declared:,}"
            )
        with archive.open(info) as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
            # The checksum is compared only at the end of the member.
            member.read(1)
            return array


def _header_and_content_bytes(member: IO[bytes], where: str) -> tuple[int, int]:
    version = np.lib.format.read_magic(member)
    readers = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise DamagedFileError(
            f"{where} is of .npy version {version}; versions 1.0 and 2.0 are read"
        )
    shape, _, dtype = readers[version](member)
    if dtype.hasobject:
        raise UnsafeFileError(
            f"{where} holds Python objects, which could run code; save plain number arrays"
        )
    return member.tell(), math.prod(shape) * dtype.itemsize
