"""Networks and files that several tests of weights share."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import keras
import pytest

import kerascnn
from kerascnn.fileio.cache import home
from kerascnn.imaging.preprocessing import HALF, crop
from kerascnn.published import catalogue
from kerascnn.weights.save import save_weights
from support.weight_loads import SMALL


@pytest.fixture(scope="module")
def seven() -> keras.Model:
    """The network of `stored`, but for seven classes."""
    return kerascnn.create_model("resnet18", **{**SMALL, "classes": 7})


@pytest.fixture(scope="module")
def shufflenet() -> keras.Model:
    return kerascnn.create_model("shufflenet_v2_x0_5")


@pytest.fixture(scope="module")
def shuffle(shufflenet: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of shufflenet_v2_x0_5's tensors, of our names, as if it had been published."""
    return save_weights(shufflenet, tmp_path_factory.mktemp("zoo") / "shuffle.safetensors")


@pytest.fixture
def publish(own_home: None, monkeypatch: pytest.MonkeyPatch, shuffle: Path) -> str:
    """Puts the file into the cache as torchvision's, whose digest is then the file's."""
    tag = "torchvision/shufflenet_v2_x0_5.v1"
    digest = hashlib.sha256(shuffle.read_bytes()).hexdigest()
    record = replace(
        catalogue.BY_TAG[tag],
        sha256=digest[:10],
        url=f"https://weights.invalid/{shuffle.name}",
        preprocessing=crop(224, 256, mean=HALF, std=HALF),  # not the row's
    )
    monkeypatch.setitem(catalogue.BY_TAG, tag, record)
    monkeypatch.setattr(catalogue, "CHECKPOINTS", (record, *catalogue.CHECKPOINTS))
    place = home() / "weights" / "torchvision" / shuffle.name
    place.parent.mkdir(parents=True, mode=0o700)
    place.write_bytes(shuffle.read_bytes())
    return tag
