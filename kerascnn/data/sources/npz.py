"""Arrays in an .npz file, read header first: declared sizes are checked before any content."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, Any

from kerascnn.errors import DamagedFileError, DataError, UnsafeFileError
from kerascnn.fileio.untrusted import check_expansion, open_regular, reading
from kerascnn.lazy import np

# Names that published files use: Keras's mnist.npz, MedMNIST, and plain pairs.
_SPLIT_NAMES = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
_WHOLE_NAMES = (("x", "y"), ("images", "labels"))
_MEMBER_LIMIT = 1000


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Reads the image and label arrays of an .npz file, under the names of `arrange`.

    Raises:
        DataError: there is no such regular file, or it lacks the arrays.
        DamagedFileError: no zip file, or a member that is corrupt, truncated or no array.
        UnsafeFileError: Python objects, an encrypted or doubled member, or a decompression bomb.
    """
    broken = f"{path} is no .npz file, or a truncated or corrupt one"
    with open_regular(path) as stream, reading(broken), zipfile.ZipFile(stream) as archive:
        members = _members(archive, path)
        wanted = [*_chosen(list(members), str(path)), "class_names"]
        return {name: _read(archive, members[name], path) for name in wanted if name in members}


def arrange(arrays: dict[str, Any], where: str) -> tuple[tuple[Any, Any], ...]:
    """Returns ((images, labels) for training, for testing), or one pair that is still to be split.

    Args:
        arrays: x_train, y_train, x_test, y_test; train_images, train_labels, test_images,
            test_labels; x, y; or images, labels. Others are ignored.
        where: what to call the source in an error.

    Raises:
        DataError: none of these sets is complete.
    """
    chosen = [arrays[name] for name in _chosen(list(arrays), where)]
    return tuple(zip(chosen[::2], chosen[1::2], strict=True))


def _chosen(present: list[str], where: str) -> tuple[str, ...]:
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
        raise UnsafeFileError(f"{path} has {len(infos):,} members; at most {_MEMBER_LIMIT:,}")
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise UnsafeFileError(f"{path} holds {name!r} twice; which one counts is not defined")
        if info.flag_bits & 0x1:
            raise UnsafeFileError(f"{path} is encrypted; store it without a password")
        # What numpy writes; other methods need memory that no header bounds.
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
                f"{where} has {info.file_size:,} bytes; its header promises {header + declared:,}"
            )
        with archive.open(info) as member:
            array = np.lib.format.read_array(member, allow_pickle=False)
            # The checksum is compared only when the end is reached.
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
            f"{where} is of .npy version {version}; versions 1 and 2 hold arrays"
        )
    shape, _, dtype = readers[version](member)
    if dtype.hasobject:
        raise UnsafeFileError(
            f"{where} holds Python objects, which could run code; save plain number arrays"
        )
    return member.tell(), math.prod(shape) * dtype.itemsize
