"""What mypy, pyright and an editor say of a user's script, with a wheel and an editable install."""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import kerascnn.tuning
from kerascnn.models.registry import Variant, builders
from support.environments import copy_checkout, install, make_environment
from support.language_server import LanguageServer, serving

CORRECT = '''\
"""Builders, training and a search."""

from typing import assert_type

import kerascnn
from kerascnn import create_model, evaluate, export, load_data, load_run, predict, train, tuning
from kerascnn.applications import LeNet5, ResNet50, VGG16BN
from kerascnn.applications.lenet import MAPS
from kerascnn.applications.resnet import REPEATS
from kerascnn.models.registry import Variant
from kerascnn.tuning import Budget, Range, SearchSpace, search

model = LeNet5(classes=3)
LeNet5(True, None, input_shape=(28, 28, 1), c1=8, width=0.5, name="small")
ResNet50(weights="imagenet", include_top=False, pooling="avg", stride_in="3x3", reduction=16)
VGG16BN(stages=((3, 3), (3,)), filters=(16, 32), batch_norm=False)
create_model("resnet18", classes=10, repeats=(1, 1, 1, 1), stem="auto", depth=2)
create_model(LeNet5, f6=64)
create_model("convnet", n=2, m=2, filters=(16, 32))
kerascnn.applications.ResNet18(classes=10).summary()

record: Variant = ResNet50
assert_type(record.params, int)
assert_type(ResNet50.name, str)
assert_type(ResNet50.row.repeats, tuple[int, ...])
assert_type(LeNet5.row.c1, int)
print(MAPS.c3, REPEATS[18], ResNet50.weights, kerascnn.model_info("vgg16").macs)
for name in kerascnn.list_models("*resnet*"):
    create_model(name)

data = load_data("digits", seed=1)
assert_type(data, kerascnn.Data)
run = train("lenet5", data, recipe="default", epochs=1, batch_size=32, run_dir="run")
assert_type(run, kerascnn.Run)
assert_type(load_run("run"), kerascnn.Run)
evaluation = evaluate(run, "digits", views=kerascnn.Views(flip=True))
assert_type(evaluation, kerascnn.Evaluation)
predict(run, ["a.png"], top=3)
for report in export(run, "exported", ["onnx"], options=kerascnn.ExportOptions(opset=17)):
    print(report.path, report.difference)
kerascnn.load_weights(model, "weights.h5", strict=False)

space = SearchSpace(
    ["lenet5", "resnet18"], depth=(1, 2), width=Range(0.25, 2.0), learning_rate=(1e-3, 1e-2)
)
result = search(space, "digits", budget=Budget(params=60_000), trials=2)
assert_type(result, tuning.SearchResult | None)
if result is not None:
    assert_type(result.trials, tuple[tuning.Trial, ...])
'''

MISTAKES = """\
import kerascnn
from kerascnn import create_model, evaluate, export, load_data, load_run, predict, train, tuning
from kerascnn.applications import LeNet5, ResNet50
from kerascnn.applications import ResNet51  # wrong
from kerascnn.tuning import Budget, Range, SearchSpace, search

ResNet50(clases=3)  # wrong
LeNet5(stride_in="3x3")  # wrong
LeNet5(c1="six")  # wrong
LeNet5(input_shape=28)  # wrong
ResNet50.parms  # wrong
ResNet50.row.repeat  # wrong
kerascnn.applications.VGG61()  # wrong
create_model("lenet5", clases=3)  # wrong
create_model("lenet5", width="half")  # wrong
create_model("resnet18", repeats=2)  # wrong
create_model()  # wrong
create_model(5)  # wrong
kerascnn.trian  # wrong
kerascnn.model_info("lenet5").param  # wrong
kerascnn.list_models(families="vgg")  # wrong
load_data("digits", sed=1)  # wrong
train("lenet5", "digits", epoch=1)  # wrong
train("lenet5", "digits", epochs="one")  # wrong
train("lenet5")  # wrong
load_run("run").histori  # wrong
evaluate("run", "digits", batchsize=3)  # wrong
predict("run", ["a.png"], tops=3)  # wrong
export("run", "exported", format="onnx")  # wrong
kerascnn.ExportOptions(opsets=17)  # wrong
SearchSpace("lenet5", widht=(1, 2))  # wrong
SearchSpace("lenet5", width=2)  # wrong
Range(1, 2, steps=1)  # wrong
Budget(param=60_000)  # wrong
search("lenet5", "digits", trails=2)  # wrong
tuning.serach("lenet5", "digits")  # wrong
"""

Checker = Callable[[Path, Path], dict[int, list[str]]]


def run_checker(*arguments: str, cwd: Path) -> str:
    """Runs a checker of this Python as somebody who has no settings, and returns its output."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": "", "MYPYPATH": "", "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def mypy_errors(python: Path, script: Path) -> dict[int, list[str]]:
    """Returns line -> errors that mypy reports with all its optional checks."""
    output = run_checker(
        "mypy", "--strict", "--config-file=", "--cache-dir=cache", "--no-error-summary",
        "--python-executable", str(python), script.name, cwd=script.parent,
    )  # fmt: skip
    errors: dict[int, list[str]] = {}
    for line in output.splitlines():
        match = re.fullmatch(rf"{re.escape(script.name)}:(\d+): (error|note): (.*)", line)
        assert match is not None, line
        if match[2] == "error":
            errors.setdefault(int(match[1]), []).append(match[3])
    return errors


def pyright_messages(python: Path, script: Path) -> list[tuple[str, int, str]]:
    """Returns severity, line and text of what pyright reports of a script."""
    output = run_checker(
        "pyright", "--outputjson", "--pythonpath", str(python), script.name, cwd=script.parent
    )
    messages = json.loads(output)["generalDiagnostics"]
    return [
        (message["severity"], message["range"]["start"]["line"] + 1, message["message"])
        for message in messages
    ]


def pyright_errors(python: Path, script: Path) -> dict[int, list[str]]:
    """Returns line -> errors that pyright reports."""
    errors: dict[int, list[str]] = {}
    for severity, line, text in pyright_messages(python, script):
        # pyright warns of an expression whose value is not used: every planted attribute is one.
        if severity == "error":
            errors.setdefault(line, []).append(text)
    return errors


CHECKERS: dict[str, Checker] = {"mypy": mypy_errors, "pyright": pyright_errors}


@pytest.fixture(scope="module")
def wheel_install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    environment = make_environment(folder / "venv")
    install(environment, ".", cwd=copy_checkout(folder / "checkout"))
    return environment.python


@pytest.fixture(scope="module")
def editable_install(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("editable")
    environment = make_environment(folder / "venv")
    install(environment, "--editable", ".", cwd=copy_checkout(folder / "checkout"))
    return environment.python


@pytest.fixture(params=["wheel", "editable"])
def python(request: pytest.FixtureRequest) -> Path:
    """The Python of an environment that has kerascnn installed."""
    return request.getfixturevalue(f"{request.param}_install")


@pytest.fixture(params=CHECKERS)
def checker(request: pytest.FixtureRequest) -> Checker:
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed; install kerascnn[test]")
    return CHECKERS[request.param]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.py"


def test_correct_script_has_no_error(checker: Checker, python: Path, script: Path) -> None:
    script.write_text(CORRECT, "utf-8")
    assert checker(python, script) == {}


def test_each_mistake_is_one_error(checker: Checker, python: Path, script: Path) -> None:
    script.write_text(MISTAKES, "utf-8")
    wrong = [n for n, line in enumerate(MISTAKES.splitlines(), 1) if line.endswith("# wrong")]
    errors = checker(python, script)
    assert sorted(errors) == wrong
    assert {line: texts for line, texts in errors.items() if len(texts) > 1} == {}


@pytest.fixture
def pyright() -> None:
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed; install kerascnn[test]")


@pytest.mark.usefixtures("pyright")
def test_every_builder_returns_a_keras_model(python: Path, script: Path) -> None:
    lines = ["from kerascnn.applications import *", "from kerascnn import create_model"]
    calls = [f"{builder}()" for builder in builders()] + ['create_model("lenet5")']
    script.write_text("\n".join([*lines, *(f"reveal_type({call})" for call in calls)]), "utf-8")
    texts = [text for severity, _, text in pyright_messages(python, script)
             if severity == "information"]  # fmt: skip
    assert texts == [f'Type of "{call}" is "Model"' for call in calls]


@pytest.fixture
def server(pyright: None, python: Path, tmp_path: Path) -> Iterator[LanguageServer]:
    with serving(python, tmp_path) as server:
        yield server


def words(text: str) -> str:
    """Returns `text` with one space between words, as line breaks differ."""
    return " ".join(text.replace("\\", "").split())


def headline(value: object) -> str:
    """Returns the first line of a docstring."""
    return words((inspect.getdoc(value) or "").splitlines()[0])


def test_editor_shows_every_builder(server: LanguageServer) -> None:
    calls = [f"applications.{builder}()" for builder in builders()]
    server.open("\n".join(["from kerascnn import applications", "applications.", *calls]))
    assert {*builders()} <= {*server.completions(1, len("applications."))}
    for line, (call, variant) in enumerate(zip(calls, builders().values(), strict=True), 2):
        check_builder(server, line, call, variant)


def check_builder(server: LanguageServer, line: int, call: str, variant: Variant) -> None:
    """Compares what an editor shows of a builder with the registry."""
    hover = words(server.hover(line, len("applications.") + 1))
    assert (
        f'`create_model("{variant.name}")`' in hover or f"create_model({variant.name!r})" in hover
    )
    assert f"{variant.params:,} trainable parameters" in hover
    label, docstring = server.signature(line, len(call) - 1)
    named = re.findall(r"(\w+): ", label)
    assert named == list(inspect.signature(variant).parameters)
    assert label.endswith("-> Model")
    assert "Args:" in docstring
    for column in variant.own_columns:
        assert re.search(rf"\b{column}(, \w+)*: ", docstring), column


def test_editor_shows_every_public_name(server: LanguageServer) -> None:
    names = {
        f"{package.__name__}.{name}": getattr(package, name)
        for package in (kerascnn, kerascnn.tuning)
        for name in package._HOMES
    }
    heads = ["import kerascnn.tuning", "kerascnn.", "kerascnn.tuning."]
    server.open("\n".join([*heads, *(f"{name}()" for name in names)]))
    assert {*kerascnn._HOMES, "applications"} <= {*server.completions(1, len(heads[1]))}
    assert {*kerascnn.tuning._HOMES} <= {*server.completions(2, len(heads[2]))}
    for line, (name, value) in enumerate(names.items(), len(heads)):
        hover = words(server.hover(line, len(name) - 1))
        # Of a class whose `__init__` has a docstring, an editor shows that one.
        documented = value.__init__ if inspect.isclass(value) and value.__init__.__doc__ else value
        assert headline(value) in hover or headline(documented) in hover, name
        label, _ = server.signature(line, len(name) + 1)
        expected = [
            parameter.name
            for parameter in inspect.signature(value).parameters.values()
            if parameter.kind is not parameter.VAR_KEYWORD
        ]
        shown = re.findall(r"(?:^\(|, )\**(\w+): ", label)
        assert shown[: len(expected)] == expected, name
