"""Copies of the checkout, and Python environments that have it installed from one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from support.paths import ROOT, TESTS

BUILD_FOLDERS = ("kerascnn", "applications", "tuning", "src")
BUILD_FILES = ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")


class Environment(NamedTuple):
    """A virtual environment, and the folder that it imports the package from."""

    python: Path
    packages: Path


def copy_checkout(clone: Path) -> Path:
    """Copies what a build reads, links as links; building in place would leave files behind."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    for folder in BUILD_FOLDERS:
        shutil.copytree(ROOT / folder, clone / folder, symlinks=True, ignore=ignored)
    for name in BUILD_FILES:
        shutil.copy(ROOT / name, clone / name)
    return clone


def run(python: Path | str, *arguments: str | Path, cwd: Path) -> list[str]:
    """Runs Python without this process's environment, and returns the lines it printed."""
    done = subprocess.run(
        [python, *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def make_environment(folder: Path) -> Environment:
    """Makes a virtual environment that has what this Python has, except the checkout under test.

    A folder named in a .pth file has its own .pth files left alone, an editable install among them.
    """
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    (packages,) = folder.glob("lib/python*/site-packages")
    shared = [
        entry
        for entry in sys.path
        if os.path.isabs(entry)
        and Path(entry) not in (ROOT, ROOT / "src")
        and not Path(entry).is_relative_to(TESTS)
    ]
    (packages / "shared.pth").write_text("\n".join(shared), "utf-8")
    return Environment(folder / "bin" / "python", packages)


def install(environment: Environment, *arguments: str | Path, cwd: Path) -> None:
    """Installs with pip, without a network."""
    # A copy of the package that this Python has is no reason to leave ours out, nor to remove it.
    run(
        environment.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
        "--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed", *arguments,
        cwd=cwd,
    )  # fmt: skip


def build_wheel(clone: Path, folder: Path) -> Path:
    """Builds the wheel of a copy of the checkout into `folder`, and returns its path."""
    run(
        sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps",
        "--no-index", "--no-build-isolation", "--wheel-dir", folder, ".", cwd=clone,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel
