"""A training by the command, and images to classify."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from PIL import Image

import kerascnn
from support.processes import run_python


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess]:
    run_dir = tmp_path_factory.mktemp("runs") / "lenet5"
    arguments = ["train", "lenet5", "digits", "--epochs", "4", "--seed", "1", "--json"]
    done = run_python("-m", "kerascnn", *arguments, "--run-dir", run_dir)
    assert done.returncode == 0, done.stderr
    return run_dir, done


@pytest.fixture(scope="session")
def run_dir(trained: tuple[Path, subprocess.CompletedProcess]) -> Path:
    return trained[0]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    images = kerascnn.load_data("digits", seed=1).test.images[:3]
    for number, image in enumerate(images):
        Image.fromarray(image[:, :, 0]).save(folder / f"{number}.png")
    return sorted(folder.iterdir())
