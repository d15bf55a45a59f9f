"""Files and directories are written whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from kerascnn import errors
from kerascnn.fileio import atomic
from support.paths import ROOT


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_file_is_written_with_usual_rights_and_no_leftovers(tmp_path: Path) -> None:
    target = tmp_path / "new" / "a.keras"
    with atomic.atomic_file(target) as temporary:
        assert temporary.parent == target.parent, "os.replace must not cross file systems"
        assert temporary.name.endswith(".keras"), "Keras chooses the format by the suffix"
        temporary.write_bytes(b"1234")
        assert not target.exists()
    assert target.read_bytes() == b"1234"
    assert names(target.parent) == ["a.keras"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~mask


def test_failure_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic.atomic_file(target) as temporary:
        temporary.write_text("half of the n")
        raise ZeroDivisionError
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_full_disk_is_an_output_error_and_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with (
        pytest.raises(errors.OutputError, match="No space left on device"),
        atomic.atomic_file(target) as temporary,
    ):
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_killed_writer_leaves_the_old_file_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    code = (
        "import os, signal, sys\n"
        "from kerascnn.fileio.atomic import atomic_file\n"
        "with atomic_file(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], cwd=ROOT, check=False)
    assert done.returncode == -9
    assert target.read_text() == "old"


def test_parent_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(errors.OutputError, match="file"),
        atomic.atomic_file(tmp_path / "file" / "a"),
    ):
        pass


def test_directory_appears_in_one_step(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with atomic.atomic_directory(target) as temporary:
        (temporary / "deep").mkdir()
        (temporary / "deep" / "a").write_text("1")
        assert not target.exists()
    assert (target / "deep" / "a").read_text() == "1"
    assert names(tmp_path) == ["out"]


def test_directory_in_use_is_refused_and_untouched(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "mine").write_text("1")
    with pytest.raises(errors.OutputError, match="--overwrite"), atomic.atomic_directory(target):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["out"]
    assert names(target) == ["mine"]


def test_empty_directory_counts_as_free(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    with atomic.atomic_directory(target) as temporary:
        (temporary / "a").write_text("1")
    assert names(target) == ["a"]


def test_overwriting_replaces_the_whole_directory(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("1")
    with atomic.atomic_directory(target, overwrite=True) as temporary:
        (temporary / "new").write_text("2")
        assert names(target) == ["old"], "the old one stays until the new one is complete"
    assert names(target) == ["new"]
    assert names(tmp_path) == ["out"]


def test_failed_overwrite_keeps_the_old_directory(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("1")
    with (
        pytest.raises(ZeroDivisionError),
        atomic.atomic_directory(target, overwrite=True) as temporary,
    ):
        (temporary / "new").write_text("2")
        raise ZeroDivisionError
    assert names(target) == ["old"]
    assert names(tmp_path) == ["out"]


def test_move_that_fails_puts_the_old_directory_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("1")
    replace = os.replace

    def failing(source: Path, destination: Path) -> None:
        if Path(destination) == target and (Path(source) / "new").exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(source, destination)

    monkeypatch.setattr(os, "replace", failing)
    with (
        pytest.raises(errors.OutputError, match="Input/output error"),
        atomic.atomic_directory(target, overwrite=True) as temporary,
    ):
        (temporary / "new").write_text("2")
    assert names(target) == ["old"]
    assert names(tmp_path) == ["out"]


KILLED = """
import os, signal, sys
from kerascnn.fileio import atomic
moment, target = sys.argv[1:]
replace = os.replace
def killed(source, destination):
    if moment == "moved":
        replace(source, destination)
    os.kill(os.getpid(), signal.SIGKILL)
if moment != "writing":
    os.replace = killed
with atomic.atomic_directory(target, overwrite=True) as temporary:
    (temporary / "new").write_text("2")
    if moment == "writing":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(
    ("moment", "left"), [("writing", ["old"]), ("moving", ["old"]), ("moved", None)]
)
def test_what_a_killed_writer_leaves_is_cleared_by_the_next(
    tmp_path: Path, moment: str, left: list[str] | None
) -> None:
    target = tmp_path / "out"
    target.mkdir()
    (target / "old").write_text("1")
    command = [sys.executable, "-c", KILLED, moment, str(target)]
    ended = subprocess.run(command, check=False, cwd=ROOT)
    assert ended.returncode == -signal.SIGKILL
    (holder,) = (name for name in names(tmp_path) if name != "out")
    assert holder.startswith(".out.kerascnn-")
    assert (names(target) if target.exists() else None) == left
    (tmp_path / ".out.kerascnn").mkdir()  # somebody else's
    atomic.recover(target)
    assert names(target) == ["old"]
    assert names(tmp_path) == [".out.kerascnn", "out"]


def test_what_a_living_writer_has_is_left_alone(tmp_path: Path) -> None:
    with atomic.atomic_directory(tmp_path / "out") as path:
        (path / "a").write_text("1")
        code = f"from kerascnn.fileio import atomic; atomic.recover({str(tmp_path / 'out')!r})"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
        assert names(path) == ["a"]
    assert names(tmp_path / "out") == ["a"]
    assert names(tmp_path) == ["out"]


def test_file_in_place_of_a_directory_is_refused_even_when_overwriting(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("mine")
    with (
        pytest.raises(errors.OutputError, match="is a file"),
        atomic.atomic_directory(target, overwrite=True),
    ):
        pytest.fail("the block must not run")
    assert target.read_text() == "mine"


def test_sha256_is_the_standard_one(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert atomic.sha256_file(path) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    large = bytes(range(256)) * 5000
    path.write_bytes(large)
    assert atomic.sha256_file(path) == hashlib.sha256(large).hexdigest()
