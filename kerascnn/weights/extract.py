"""`extract` takes the arrays out of a whole model that is not opened otherwise.

The model is read in a process with limits of memory, time and file size, and no network where the
system offers that. What this process writes is read again as an untrusted file: it can only return
arrays.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, OutputError, UnsafeFileError, UsageError
from kerascnn.fileio.atomic import atomic_file
from kerascnn.fileio.untrusted import named, open_regular, quoted
from kerascnn.lazy import np
from kerascnn.weights import extract_child
from kerascnn.weights.extract_child import DAMAGED, KERAS_SUFFIXES, REFUSED
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.save import write_safetensors

if TYPE_CHECKING:
    import numpy as np

SUFFIXES = (".safetensors", ".npz")
PICKLE_SUFFIXES = (".pth", ".pt", ".th", ".pkl", ".bin")
MEMORY = {True: 2 * 2**30, False: 24 * 2**30}
"""Bytes of address space beside those for the arrays, for files of Keras and for pickles: importing
PyTorch reserves about 20 GiB and uses a part of them."""
SECONDS = 60
"""Seconds of processor time beside those for reading the file."""
BYTES_PER_SECOND = 10 * 2**20


@dataclass(frozen=True)
class Limits:
    """What the process may use: bytes of memory, seconds, and bytes of the file that it writes."""

    memory: int
    seconds: int
    written: int


@dataclass(frozen=True)
class Extraction:
    """The result of `extract`.

    Args:
        path: the file.
        out: the file that was written.
        shapes: the shape of each of its arrays by name.
    """

    path: str
    out: str
    shapes: dict[str, tuple[int, ...]]

    def to_json(self) -> dict[str, Any]:
        """Returns the result as dictionaries, lists, texts and numbers."""
        return asdict(self)


def extract(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    trust: bool = False,
    overwrite: bool = False,
) -> Extraction:
    """Writes the arrays of a whole model to a file of arrays by name.

    The network itself is not built. Of a file of Keras, no code is run; a pickle of PyTorch (a
    whole module instead of a `state_dict`) runs what it contains, and needs PyTorch.

    Args:
        path: a whole model: .keras or .h5 of Keras, or a pickle (.pth, .pt, .th, .pkl, .bin).
        out: the file, whose name ends in .safetensors or .npz. Its arrays are called
            "layer/variable", as `load_weights` reads them, or as a pickle names them.
        trust: open the file; otherwise it is refused.
        overwrite: replace `out` if it exists.

    Raises:
        UsageError: the suffix of a file is another.
        UnsafeFileError: `trust` is False, or the file exceeds the limits.
        DamagedFileError: the file has no arrays that can be read.
        OutputError: `out` exists or cannot be written.
    """
    path, out = Path(path), Path(out)
    suffix = path.suffix.lower()
    if out.suffix not in SUFFIXES:
        raise UsageError(f"{named(out)} must end in {' or '.join(SUFFIXES)}")
    if suffix not in KERAS_SUFFIXES + PICKLE_SUFFIXES:
        expected = ", ".join(KERAS_SUFFIXES + PICKLE_SUFFIXES)
        raise UsageError(f"{named(path)} must end in one of {expected}")
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
    if not trust:
        runs = "" if suffix in KERAS_SUFFIXES else ", and runs the code in it"
        raise UnsafeFileError(
            f"{named(path)} was not opened; trust (--trust) opens it in a process with limits of "
            f"memory, time and file size{runs}, and writes its arrays alone to {named(out)}"
        )
    if out.exists() and not overwrite:
        raise OutputError(f"{named(out)} exists; overwrite (--overwrite) replaces it")
    limits = Limits(
        MEMORY[suffix in KERAS_SUFFIXES] + 4 * size,
        SECONDS + size // BYTES_PER_SECOND,
        2**20 + 2 * size,
    )
    with tempfile.TemporaryDirectory(prefix="kerascnn-") as directory:
        between = Path(directory) / "arrays.safetensors"
        _run(path, between, limits)
        with open_checkpoint(between) as checkpoint:
            arrays = {name: checkpoint.raw(name) for name in checkpoint.tensors}
            types = {name: stored.dtype for name, stored in checkpoint.tensors.items()}
    if not arrays:
        raise DamagedFileError(f"{named(path)} has no arrays")
    with atomic_file(out) as temporary:
        _write(arrays, types, temporary, out.suffix)
    return Extraction(str(path), str(out), {name: array.shape for name, array in arrays.items()})


def _run(path: Path, out: Path, limits: Limits) -> None:
    """Runs the process, which reads `path` and writes `out`."""
    numbers = [str(number) for number in (limits.memory, limits.seconds, limits.written)]
    # -P: no module is imported from the folder of the user, where the file's author may have one.
    command = [sys.executable, "-P", "-m", extract_child.__name__, str(path), str(out)]
    root = str(Path(extract_child.__file__).parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [*command, *numbers],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=4 * limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnsafeFileError(
            f"{named(path)} was not read in {4 * limits.seconds} s; the process was ended"
        ) from error
    if done.returncode == 0:
        return
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    reason = "".join(letter for letter in lines[-1] if letter.isprintable())[:200] if lines else ""
    if done.returncode == DAMAGED:
        raise DamagedFileError(f"{named(path)}: {reason}")
    if done.returncode == REFUSED:
        raise UnsafeFileError(f"{named(path)}: {reason}")
    raise UnsafeFileError(
        f"{named(path)}: the process that read it ended with {done.returncode}, at a limit of "
        f"{limits.memory:,} bytes or {limits.seconds} s, or by an error: {reason or 'no message'}"
    )


def _write(arrays: dict[str, np.ndarray], types: dict[str, str], path: Path, suffix: str) -> None:
    """Writes arrays; those of bfloat16 are uint16 here, and become float32 in .npz."""
    import ml_dtypes

    for name, dtype in types.items():
        if dtype == "bfloat16":
            numbers = arrays[name].view(ml_dtypes.bfloat16)
            arrays[name] = numbers if suffix == ".safetensors" else numbers.astype(np.float32)
    if suffix == ".safetensors":
        write_safetensors(arrays, path, {})
        return
    # Not np.savez, which takes arrays called "file" or "allow_pickle" as its own arguments.
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            if name.startswith("/") or ".." in name.split("/"):
                raise UnsafeFileError(f"an array is called {quoted(name)}; write .safetensors")
            with archive.open(f"{name}.npy", "w", force_zip64=True) as stream:
                np.lib.format.write_array(stream, np.asarray(array, order="C"), allow_pickle=False)
