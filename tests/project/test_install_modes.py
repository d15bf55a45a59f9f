"""The package is importable wherever a script lies, from an editable install, a wheel and a clone.

The clone is named `kerascnn`, as git names it. Beside it, Python takes the folder for a namespace
package of that name unless a folder of its path has the package itself.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support.environments import (
    Environment,
    build_wheel,
    copy_checkout,
    install,
    make_environment,
    run,
)
from support.paths import ROOT

LINKS = {
    "src/kerascnn": "../kerascnn",
    "kerascnn/applications": "../applications",
    "kerascnn/tuning": "../tuning",
}
# Where the parts lie: in an installed copy, and in the checkout once links are followed.
INSTALLED = ("kerascnn", "kerascnn/applications", "kerascnn/tuning")
REAL = ("kerascnn", "applications", "tuning")
SCRIPT = """\
import kerascnn
import kerascnn.applications
import kerascnn.tuning
from kerascnn.applications import LeNet5
from kerascnn.applications.vgg import TABLE

assert callable(kerascnn.train) and callable(kerascnn.tuning.Range) and TABLE
assert kerascnn.model_info("lenet5") is LeNet5
for module in (kerascnn, kerascnn.applications, kerascnn.tuning):
    print(module.__file__)
"""
# Every way to start Python in a folder; the folder of the script, here the same, leads its path.
STARTS = {
    "file": ["script.py"],
    "module": ["-m", "script"],
    "command": ["-c", SCRIPT],
}


class Place(NamedTuple):
    """A clone, the folder that holds it and a script, and another folder with the script."""

    clone: Path
    beside: Path
    elsewhere: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    beside = tmp_path_factory.mktemp("beside")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    clone = copy_checkout(beside / "kerascnn")
    for folder in (clone, beside, elsewhere):
        (folder / "script.py").write_text(SCRIPT, "utf-8")
    return Place(clone, beside, elsewhere)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    return build_wheel(copy_checkout(folder / "source"), folder)


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Nothing is installed."""
    return make_environment(tmp_path_factory.mktemp("bare") / "venv")


@pytest.fixture(scope="module")
def editable(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `make demo` and `make test` install."""
    environment = make_environment(tmp_path_factory.mktemp("editable") / "venv")
    install(environment, "--editable", ".", cwd=place.clone)
    return environment


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = make_environment(tmp_path_factory.mktemp("installed") / "venv")
    install(environment, wheel, cwd=wheel.parent)
    return environment


@pytest.fixture(scope="module", params=["editable", "installed"])
def environment(request: pytest.FixtureRequest) -> Environment:
    return request.getfixturevalue(request.param)


def modules(folder: Path, parts: tuple[str, ...]) -> list[Path]:
    return [(folder / part / "__init__.py").resolve() for part in parts]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("folder", ["clone", "beside", "elsewhere"])
def test_editable_install(editable: Environment, place: Place, folder: str, start: str) -> None:
    lines = run(editable.python, *STARTS[start], cwd=getattr(place, folder))
    assert [Path(line).resolve() for line in lines] == modules(place.clone, REAL)


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("folder", ["clone", "beside", "elsewhere"])
def test_wheel(installed: Environment, place: Place, folder: str, start: str) -> None:
    lines = run(installed.python, *STARTS[start], cwd=getattr(place, folder))
    # The working directory precedes what is installed, hence the clone's own package there.
    at_clone = folder == "clone"
    expected = modules(place.clone, REAL) if at_clone else modules(installed.packages, INSTALLED)
    assert [Path(line).resolve() for line in lines] == expected


@pytest.mark.parametrize("start", STARTS)
def test_bare_clone(bare: Environment, place: Place, start: str) -> None:
    lines = run(bare.python, *STARTS[start], cwd=place.clone)
    assert [Path(line).resolve() for line in lines] == modules(place.clone, REAL)


@pytest.mark.parametrize("folder", ["clone", "beside", "elsewhere"])
def test_command_line(environment: Environment, place: Place, folder: str) -> None:
    cwd = getattr(place, folder)
    for command in ("kerascnn.cli", environment.python.with_name("kerascnn")):
        arguments = ["-m", "kerascnn"] if command == "kerascnn.cli" else [command]
        assert "lenet5" in "\n".join(run(environment.python, *arguments, "list", cwd=cwd))


@pytest.fixture
def added(editable: Environment, place: Place) -> Iterator[list[str]]:
    """Modules that the clone gets after it was installed."""
    names = [
        f"{part}/{name}"
        for part in REAL
        for name in ("added_module.py", "added_package/__init__.py", "added_package/inner.py")
    ]
    for name in names:
        (place.clone / name).parent.mkdir(exist_ok=True)
        (place.clone / name).write_text("ANSWER = 42\n", "utf-8")
    yield names
    for name in names:
        (place.clone / name).unlink()


def test_added_module_needs_no_second_install(
    editable: Environment, place: Place, added: list[str]
) -> None:
    parts = {name.split("/")[0] for name in added}
    imported = [
        f"kerascnn.{'' if part == 'kerascnn' else f'{part}.'}{name}"
        for part in sorted(parts)
        for name in ("added_module", "added_package", "added_package.inner")
    ]
    code = "from importlib import import_module as load\n"
    code += f"print(sum(load(name).ANSWER == 42 for name in {imported}))"
    for folder in place:
        assert run(editable.python, "-c", code, cwd=folder) == ["9"]


@pytest.mark.parametrize("name", ["applications", "tuning"])
def test_folder_of_the_users_own_is_imported(
    environment: Environment, tmp_path: Path, name: str
) -> None:
    # Without an __init__.py: any package of that name on Python's path would go before it.
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.py").write_text("import kerascnn.tuning\n", "utf-8")
    code = f"import {name}.mine; print({name}.mine.__file__)"
    assert run(environment.python, "-c", code, cwd=tmp_path) == [f"{tmp_path}/{name}/mine.py"]


@pytest.mark.parametrize("name", ["applications", "tuning", "setup"])
def test_nothing_but_kerascnn_is_importable(
    environment: Environment, place: Place, name: str
) -> None:
    code = f"from importlib.util import find_spec; print(getattr(find_spec('{name}'), 'origin', 0))"
    (origin,) = run(environment.python, "-c", code, cwd=place.elsewhere)
    assert not origin.startswith(str(place.clone))


def test_checkers_see_the_editable_install(editable: Environment, place: Place) -> None:
    """mypy and pyright read .pth files and run nothing: an `import` there is a closed door."""
    (pth,) = editable.packages.glob("*kerascnn*.pth")
    (line,) = pth.read_text("utf-8").splitlines()
    assert line == str(place.clone / "src")
    for part in INSTALLED:
        assert (Path(line) / part / "__init__.py").is_file()
    assert (Path(line) / "kerascnn" / "py.typed").is_file()
    assert not list(editable.packages.glob("*kerascnn*.py"))


@pytest.mark.parametrize("link", LINKS)
def test_links_of_the_checkout(link: str) -> None:
    assert (ROOT / link).is_symlink(), "unpack or clone the project where links are kept"
    assert (ROOT / link).readlink() == Path(LINKS[link])


def test_source_whose_links_were_lost_installs(tmp_path: Path, wheel: Path) -> None:
    clone = copy_checkout(tmp_path / "kerascnn")
    for link, target in LINKS.items():
        (clone / link).unlink()
        (clone / link).write_text(target, "utf-8")
    built = build_wheel(clone, tmp_path)
    with zipfile.ZipFile(built) as ours, zipfile.ZipFile(wheel) as other:
        assert ours.namelist() == other.namelist()
