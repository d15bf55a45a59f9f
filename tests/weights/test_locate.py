"""Weights by tag, address and path: what is fetched, and what is refused."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import MismatchError, UnsafeFileError, UsageError
from kerascnn.fileio.cache import home
from kerascnn.published import catalogue
from kerascnn.weights import locate
from kerascnn.weights.download.fetch import DownloadError
from kerascnn.weights.load import load_weights
from kerascnn.weights.save import save_weights
from support.file_server import good, serving, url

pytestmark = pytest.mark.usefixtures("own_home")

SHAPE = (33, 33, 3)

SMALL = {"input_shape": SHAPE, "classifier_activation": None}


@pytest.fixture
def served(shuffle: Path) -> Iterator[str]:
    with serving() as server:
        server.answers = [functools.partial(good, body=shuffle.read_bytes())]
        yield url(server, "").rstrip("/")


def test_an_address_is_fetched_once_to_a_place_of_its_own(served: str, shuffle: Path) -> None:
    digest = hashlib.sha256(shuffle.read_bytes()).hexdigest()
    first = locate.locate(f"{served}/a/weights.safetensors#sha256={digest}")
    second = locate.locate(f"{served}/b/weights.safetensors?key=1")
    assert first != second
    assert first.name == second.name == "weights.safetensors"
    assert first.parents[2] == second.parents[2] == home() / "weights"
    assert first.read_bytes() == second.read_bytes() == shuffle.read_bytes()
    odd = locate.locate(f"{served}/x/..%2f..%2f.w%C3%A9ights%3A1.pth")
    assert odd.name == "w_ights_1.pth"
    assert odd.parents[2] == home() / "weights"
    report = load_weights(
        kerascnn.create_model("shufflenet_v2_x0_5", **SMALL), f"{served}/w.safetensors"
    )
    assert report.fraction == 1.0


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("torchvision/resnet50.v3", UsageError, r"nearest are: torchvision/resnet50\.v"),
        ("keras/resnet", UsageError, "no published weights are called 'keras/resnet'"),
        ("imagenet", UsageError, "is the default of an architecture"),
        (7, UsageError, "weights must be a path"),
        ("https://example.com/", UsageError, "names no file"),
        ("https://example.com/a.pth#md5=1", UsageError, "sha256="),
        ("http://example.com/a.pth", UnsafeFileError, "https"),
        ("file:///etc/passwd", UnsafeFileError, "https"),
    ],
)
def test_sources_that_are_none(source: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        locate.locate(source)  # type: ignore[arg-type]


def test_paths_are_left_as_they_are(tmp_path: Path) -> None:
    assert locate.locate("no/such.pth") == Path("no/such.pth")
    assert locate.locate(tmp_path) == tmp_path


def test_weights_of_another_network_are_refused_though_every_tensor_fits() -> None:
    # resnet50 and resnet50_v1_5 have the same variables and stride in other places.
    with pytest.raises(MismatchError, match=r"is of resnet50_v1_5, and this is resnet50; build"):
        kerascnn.create_model("resnet50", weights="torchvision/resnet50.v2")
    with pytest.raises(MismatchError, match=r"with gamma=True; give"):
        kerascnn.create_model("inception_v3", weights="torchvision/inception_v3.v1", gamma=False)
    with pytest.raises(MismatchError, match=r"is of mobilenet_v2 with padding='same'; give"):
        kerascnn.create_model("mobilenet_v2", weights="keras/mobilenet_v2", padding="symmetric")
    model = kerascnn.create_model("mobilenet_v2", input_shape=(32, 32, 3), width=0.25)
    with pytest.raises(MismatchError, match=r"is of mobilenet_v2 with padding='same'; give"):
        load_weights(model, "keras/mobilenet_v2")
    with pytest.raises(UsageError, match="no weights are published for zfnet"):
        kerascnn.create_model("zfnet", weights="imagenet")
    with pytest.raises(UsageError, match="include_preprocessing=True scales pixels as"):
        kerascnn.create_model("resnet50", weights="imagenet", include_preprocessing=True)


def test_a_tag_brings_the_columns_of_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag, size = "keras/mobilenet_v2", {"input_shape": (32, 32, 3), "width": 0.25, "classes": 1000}
    theirs = kerascnn.create_model("mobilenet_v2", padding="same", **size)
    file = save_weights(theirs, tmp_path / "theirs.safetensors")
    record = replace(
        catalogue.BY_TAG[tag],
        url=f"https://weights.invalid/{file.name}",
        sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
    )
    monkeypatch.setitem(catalogue.BY_TAG, tag, record)
    place = home() / "weights" / "keras" / file.name
    place.parent.mkdir(parents=True, mode=0o700)
    place.write_bytes(file.read_bytes())
    model = kerascnn.create_model("mobilenet_v2", weights=tag, **size)
    assert kerascnn.provenance(model).arguments == kerascnn.provenance(theirs).arguments
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("float32")
    np.testing.assert_array_equal(np.asarray(model(images)), np.asarray(theirs(images)))


def test_without_a_network_the_message_says_what_to_bring(
    publish: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    monkeypatch.setattr(keras, "Model", lambda *a, **k: built.append(a))
    record = catalogue.BY_TAG[publish]
    place = home() / "weights" / "torchvision" / record.file
    place.write_bytes(place.read_bytes()[:-1])
    with pytest.raises(DownloadError) as told:
        kerascnn.create_model("shufflenet_v2_x0_5", weights=publish)
    text = str(told.value)
    assert f"the file at {place} is damaged (its SHA-256 begins" in text
    assert "no network, or no such host" in text
    assert f"fetch it on another computer and put it at {place}" in text
    assert len(text) <= 400 + 2 * len(str(place))
    assert built == [], "the file is at hand before anything is built"


def test_what_is_neither_a_file_nor_a_tag() -> None:
    with pytest.raises(UsageError, match=r"'imagnet' is neither a file nor a tag .*: imagenet$"):
        kerascnn.create_model("resnet18", weights="imagnet")
    with pytest.raises(UsageError, match="neither a file nor a tag of published weights; see"):
        kerascnn.create_model("resnet18", weights="zzz")
