"""What the wheel holds and says; test_install_modes.py imports from every kind of install."""

from __future__ import annotations

import configparser
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import kerascnn
from support.environments import copy_checkout
from support.paths import ROOT

# Where the parts of the checkout lie in the installed package.
PARTS = {
    "kerascnn": "kerascnn",
    "applications": "kerascnn/applications",
    "tuning": "kerascnn/tuning",
}
# Imports everything by its installed name and prints where it came from.
LOCATE = (
    "import kerascnn, kerascnn.applications, kerascnn.tuning, kerascnn.cli, kerascnn.data\n"
    "from kerascnn.applications import LeNet5\n"
    "assert kerascnn.model_info('lenet5') is LeNet5\n"
    "print(kerascnn.__file__)\n"
    "print(kerascnn.applications.__file__)\n"
    "print(kerascnn.tuning.__file__)\n"
)


def checkout_files() -> set[str]:
    """Returns the installed names of what the checkout has: modules, and what lies beside them."""
    return {
        f"{target}/{path.relative_to(ROOT / part).as_posix()}"
        for part, target in PARTS.items()
        for path in (ROOT / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def python(*arguments: str, cwd: Path, path: Path | None = None) -> list[str]:
    """Runs Python as somebody who has `path`, and returns the lines it printed.

    With -S nothing installed is seen, least of all an editable install of the checkout under test.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin"} | ({"PYTHONPATH": str(path)} if path else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = copy_checkout(tmp_path_factory.mktemp("source"))
    out = tmp_path_factory.mktemp("wheel")
    # By way of the source archive, as `python -m build` does it for a release.
    python("-m", "build", "--no-isolation", "--outdir", str(out), ".", cwd=source)
    (built,) = out.glob("*.whl")
    return built


def test_wheel_has_what_the_checkout_has(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert not checkout_files() - packed, "has a new subpackage no __init__.py?"
    assert not packed - checkout_files()


def test_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (folder,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
        assert "Apache License" in archive.read(f"{folder}/licenses/LICENSE").decode()
        entry_points = archive.read(f"{folder}/entry_points.txt").decode()
    assert metadata["Version"] == kerascnn.__version__
    assert {*metadata["Requires-Python"].split(",")} == {">=3.11", "<3.14"}
    assert "Apache-2.0" in (metadata["License-Expression"], metadata["License"])
    assert {*metadata.get_all("Provides-Extra", [])} == {"deploy", "test", "dev", "all"}
    assert "kerascnn = kerascnn.cli:main" in entry_points


def test_installed_wheel_imports_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    python(
        "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target),
        str(wheel), cwd=tmp_path,
    )  # fmt: skip
    lines = python("-S", "-c", LOCATE, cwd=tmp_path, path=target)
    package = target / "kerascnn"
    assert lines == [
        str(package / "__init__.py"),
        str(package / "applications" / "__init__.py"),
        str(package / "tuning" / "__init__.py"),
    ]
    # Python 3.11's -P keeps the working directory off the path, as for a console script.
    script = target / "bin" / "kerascnn"
    assert "lenet5" in "\n".join(python("-S", "-P", str(script), "list", cwd=tmp_path, path=target))


@pytest.mark.parametrize("launcher", [["pytest"], ["-m", "pytest"]])
def test_both_ways_of_starting_pytest_collect(launcher: list[str]) -> None:
    if launcher == ["pytest"]:
        launcher = ["-P", "-m", "pytest"]  # without the working directory on sys.path
    lines = python(*launcher, "--collect-only", "-q", "-p", "no:cacheprovider", cwd=ROOT)
    assert any("tests/project/test_packaging.py::test_metadata" in line for line in lines)
    assert "error" not in lines[-1]


def test_every_dependency_has_a_lower_bound() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = dict(setup["options.extras_require"])
    assert extras.pop("all").strip() == "kerascnn[deploy,test,dev]"
    for block in (setup["options"]["install_requires"], *extras.values()):
        for line in block.strip().splitlines():
            assert line.startswith("#") or ">=" in line, line
