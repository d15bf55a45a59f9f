"""Any import of the package registers its layers with Keras, and none imports Keras itself."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kerascnn import lazy
from kerascnn.create import create_model
from kerascnn.models.registry import list_models, model_info
from support.paths import ROOT, SCRIPTS
from support.small_models import ROWS, small_arguments

# What a user may write first; each is followed by the load of a file of every family.
ORDERS = {
    "the package, then Keras": ["import kerascnn", "import keras"],
    "Keras, then the package": ["import keras", "import kerascnn"],
    "a builder, then Keras": ["from kerascnn.applications import ResNet50", "import keras"],
    "the package, then TensorFlow": ["import kerascnn", "import tensorflow as tf; tf.keras"],
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model of every family, images, and the scores of these."""
    folder = tmp_path_factory.mktemp("saved")
    generator = np.random.default_rng(5)
    for row in ROWS:
        arguments = small_arguments(row)
        model = create_model(row, **arguments)
        images = generator.normal(size=(2, *arguments["input_shape"])).astype("float32")
        model.save(folder / f"{row}.keras")
        np.save(folder / f"{row}.npy", images)
        np.save(folder / f"{row}.wanted", np.asarray(model(images, training=False)))
        keras.utils.clear_session()
    return folder


def test_the_rows_have_every_family() -> None:
    families = {model_info(row).family for row in ROWS}
    assert families == {model_info(name).family for name in list_models()}


@pytest.mark.parametrize("order", ORDERS)
def test_saved_models_load_after_any_import(order: str, saved: Path) -> None:
    script = SCRIPTS / "load_saved_models.py"
    done = subprocess.run(
        [sys.executable, str(script), str(saved), *ORDERS[order]],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    registered = set(json.loads(done.stdout.splitlines()[0]))
    own = {
        keras.saving.get_registered_name(value)
        for module in ("kerascnn.layers", "kerascnn.recipes.optimizers")
        for value in vars(importlib.import_module(module)).values()
        if isinstance(value, type)
    }
    wanted = {name for name in own if name.startswith("kerascnn>")}
    assert len(wanted) > 15
    assert wanted <= registered
    for row in ROWS:
        scores = np.load(saved / f"{row}.scores.npy")
        np.testing.assert_allclose(scores, np.load(saved / f"{row}.wanted.npy"), rtol=0, atol=1e-6)
        (saved / f"{row}.scores.npy").unlink()


def run(*lines: str, folder: Path) -> list[str]:
    """Returns what a new Python prints that has `folder` on its path."""
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def two_modules(tmp_path: Path) -> Path:
    """A folder with the modules `heavy` and `follower`, which print when they are imported."""
    (tmp_path / "heavy.py").write_text("import sys\nprint('heavy')\nloader = __loader__\n")
    (tmp_path / "follower.py").write_text("import heavy\nprint('follower', heavy.loader)\n")
    return tmp_path


def test_the_follower_is_imported_once_and_the_hook_is_gone(two_modules: Path) -> None:
    lines = run(
        "import importlib.util, sys",
        "from kerascnn.lazy import import_after",
        "import_after('heavy', ['follower'])",
        "before = list(sys.meta_path)",
        "assert importlib.util.find_spec('heavy') is not None",  # looking is not importing
        "assert 'follower' not in sys.modules and sys.meta_path == before",
        "import heavy",
        "assert 'follower' in sys.modules",
        "assert len(sys.meta_path) == len(before) - 1",
        "print(type(heavy.__loader__).__name__, type(heavy.__spec__.loader).__name__)",
        folder=two_modules,
    )
    assert lines[0] == "heavy"
    assert lines[1].startswith("follower ")
    assert "SourceFileLoader" in lines[1]
    assert lines[2:] == ["SourceFileLoader SourceFileLoader"]


def test_a_failed_import_leaves_the_hook_for_the_next(two_modules: Path) -> None:
    (two_modules / "heavy.py").write_text("import os\nassert 'READY' in os.environ\nloader = 1\n")
    lines = run(
        "import os, sys",
        "from kerascnn.lazy import import_after",
        "import_after('heavy', ['follower'])",
        "try: import heavy",
        "except AssertionError: print('failed')",
        "os.environ['READY'] = '1'",
        "import heavy",
        folder=two_modules,
    )
    assert lines == ["failed", "follower 1"]


def test_a_follower_that_fails_is_a_warning_that_says_how_to_see_why(two_modules: Path) -> None:
    (two_modules / "follower.py").write_text("raise OSError('no space')\n")
    lines = run(
        "import warnings",
        "from kerascnn.lazy import import_after",
        "import_after('heavy', ['follower'])",
        "with warnings.catch_warnings(record=True) as caught:",
        "    warnings.simplefilter('always')",
        "    import heavy",
        "print(*(warning.message for warning in caught))",
        folder=two_modules,
    )
    assert "OSError('no space')" in lines[-1]
    assert "import follower to see why" in lines[-1]


def test_a_module_that_is_there_is_followed_at_once() -> None:
    sys.modules.pop("colorsys", None)
    lazy.import_after("keras", ["colorsys"])
    assert "colorsys" in sys.modules
