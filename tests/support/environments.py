"""Python environments that have the package installed, beside what this Python has installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from support.paths import ROOT

BUILT = ("kerascnn", "applications", "tuning", "src")
"""Folders of the checkout that a build reads, where they exist."""
BUILD_FILES = ("setup.cfg", "setup.py", "pyproject.toml", "README.md", "LICENSE")


def copy_checkout(target: Path) -> Path:
    """Copies what a build reads, links as links; building in place would leave files behind."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    for name in BUILT:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, target / name, symlinks=True, ignore=ignored)
    for name in BUILD_FILES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, target / name)
    return target


def make_environment(folder: Path) -> Path:
    """Returns the Python of a new virtual environment that has no kerascnn.

    It reads the packages of this Python through a .pth file. Python does not process .pth files in
    a folder that it knows from one, so an editable install of the checkout is not among them.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    installed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "zz_dependencies.pth").write_text("\n".join(sorted(installed)) + "\n", "utf-8")
    return python


def install(python: Path, *arguments: str) -> None:
    """Installs with pip into the environment of `python`, without a network."""
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet",
            "--no-deps", "--no-index", "--no-build-isolation", *arguments,
        ],
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
