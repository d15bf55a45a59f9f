"""Weights by tag, address and path: what is fetched, what is refused, and what a model then knows.

The files are made here, with the names that torchvision and keras.applications write; nothing is
fetched from elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import keras
import numpy as np
import pytest

import kerascnn
from kerascnn.errors import MismatchError, UnsafeFileError, UsageError
from kerascnn.fileio.cache import home
from kerascnn.imaging.preprocessing import HALF, Preprocessing, crop
from kerascnn.models.signature import adopted_class_names, preprocessing_for
from kerascnn.published import catalogue
from kerascnn.published.imagenet_classes import CLASS_NAMES
from kerascnn.weights import locate
from kerascnn.weights.download.fetch import DownloadError
from kerascnn.weights.formats.checkpoint import open_checkpoint
from kerascnn.weights.load import load_weights
from kerascnn.weights.save import load_model, save_weights

SHAPE = (33, 33, 3)
SMALL = {"input_shape": SHAPE, "classifier_activation": None}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERASCNN_HOME", str(tmp_path / "home"))


def values(model: keras.Model) -> dict[str, np.ndarray]:
    return {f"{one.name}/{w.name}": np.asarray(w) for one in model.layers for w in one.weights}


@pytest.fixture(scope="module")
def shufflenet() -> keras.Model:
    return kerascnn.create_model("shufflenet_v2_x0_5")


@pytest.fixture(scope="module")
def shuffle(shufflenet: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of shufflenet_v2_x0_5's tensors, of our names, as if it had been published."""
    return save_weights(shufflenet, tmp_path_factory.mktemp("zoo") / "shuffle.safetensors")


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, shuffle: Path) -> str:
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


@pytest.mark.parametrize("named", ["tag", "imagenet"])
def test_a_tag_brings_weights_and_their_preprocessing(
    publish: str, shufflenet: keras.Model, named: str
) -> None:
    weights = publish if named == "tag" else "imagenet"
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights=weights, **SMALL)
    expected = values(shufflenet)
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, expected[name])
    # The record rebuilds the graph, and names no weights.
    assert kerascnn.provenance(model).arguments == SMALL
    got = preprocessing_for(model, (500, 400, 3))
    assert got == Preprocessing(size=(33, 33), fit="crop", resize=38, mean=HALF, std=HALF)
    fresh = kerascnn.create_model("shufflenet_v2_x0_5", **SMALL)
    assert preprocessing_for(fresh, (500, 400, 3)).mean == (0.485, 0.456, 0.406)


def test_other_classes_get_a_fresh_head(publish: str, shufflenet: keras.Model) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights="imagenet", classes=7, **SMALL)
    expected = values(shufflenet)
    for name, value in values(model).items():
        if name.startswith("predictions"):
            assert value.shape[-1] == 7
        else:
            np.testing.assert_array_equal(value, expected[name])


def test_load_weights_takes_a_tag_and_reports(publish: str) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", include_top=False, **SMALL)
    report = load_weights(model, publish)
    assert report.fraction == 1.0
    assert report.ignored == ("predictions/kernel", "predictions/bias")
    assert preprocessing_for(model, SHAPE).std == HALF


def test_classes_of_the_same_name_are_copied(publish: str, shufflenet: keras.Model) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", classes=3, **SMALL)
    names = ["toilet tissue", "a class of our own", "tench"]
    report = load_weights(model, publish, head="overlap", class_names=names)
    ours, theirs = values(model), values(shufflenet)
    for one in ("predictions/kernel", "predictions/bias"):
        np.testing.assert_array_equal(ours[one][..., [0, 2]], theirs[one][..., [999, 0]])
    assert len(report.adapted) == 2


def test_predict_prepares_images_as_the_weights_need(publish: str) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights="imagenet", **SMALL)
    image = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    logits = np.asarray(model((image / 127.5 - 1)[None].astype("float32")))[0]
    exponentials = np.exp(logits.astype("float64") - logits.max())
    best = int(logits.argmax())
    (prediction,) = kerascnn.predict(model, [image], top=1)
    assert prediction.indices == (best,)
    assert prediction.labels == (CLASS_NAMES[best],)
    assert prediction.scores[0] == pytest.approx(exponentials[best] / exponentials.sum(), rel=1e-4)


def test_a_path(shuffle: Path, shufflenet: keras.Model) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights=shuffle, **SMALL)
    expected = values(shufflenet)
    for name, value in values(model).items():
        np.testing.assert_array_equal(value, expected[name])
    assert kerascnn.provenance(model).arguments == SMALL


@pytest.mark.parametrize("suffix", [".weights.h5", ".safetensors", ".npz"])
def test_a_saved_model_still_knows_its_preprocessing(
    publish: str, tmp_path: Path, suffix: str
) -> None:
    model = kerascnn.create_model("shufflenet_v2_x0_5", weights="imagenet", **SMALL)
    again = load_model(save_weights(model, tmp_path / f"saved{suffix}"))
    assert preprocessing_for(again, SHAPE) == preprocessing_for(model, SHAPE)
    assert preprocessing_for(again, SHAPE).std == HALF
    assert adopted_class_names(again) is None, "none were saved"
    save_weights(model, tmp_path / f"named{suffix}", class_names=CLASS_NAMES[::-1])
    named = load_model(tmp_path / f"named{suffix}")
    assert adopted_class_names(named) == CLASS_NAMES[::-1]
    other = kerascnn.create_model("shufflenet_v2_x0_5", include_top=False, **SMALL)
    load_weights(other, tmp_path / f"saved{suffix}")
    assert preprocessing_for(other, SHAPE).std == HALF


@pytest.fixture
def served(shuffle: Path) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = shuffle.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


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
    assert f"the one at {place} is damaged (its SHA-256 begins" in text
    assert "no network, or no such host" in text
    assert f"fetch it on another machine and put it at {place}" in text
    assert len(text) <= 400 + 2 * len(str(place))
    assert built == [], "the file is at hand before anything is built"


def test_a_model_that_is_not_of_the_registry_takes_a_tag(
    publish: str, shufflenet: keras.Model
) -> None:
    foreign = keras.Model(shufflenet.inputs, shufflenet.outputs)
    assert kerascnn.provenance(foreign) is None
    load_weights(foreign, publish)
    assert preprocessing_for(foreign, SHAPE).mean == HALF
    with pytest.raises(UsageError, match="give a tag"):
        load_weights(foreign, "imagenet")


@pytest.mark.parametrize("first", [0x80, 0x50])
def test_safetensors_whose_header_has_any_length(tmp_path: Path, first: int) -> None:
    # The file begins with the length of its header: 0x80 is also how a pickle begins, "PK" a zip.
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    text = json.dumps({"w": entry}).encode()
    length = first + (0x4B00 if first == 0x50 else 0)
    path = tmp_path / "w.safetensors"
    path.write_bytes(length.to_bytes(8, "little") + text.ljust(length) + b"\0\0\x80\x3f" * 2)
    with open_checkpoint(path) as checkpoint:
        np.testing.assert_array_equal(checkpoint.raw("w"), [1, 1])


def test_what_is_neither_a_file_nor_a_tag() -> None:
    with pytest.raises(UsageError, match=r"'imagnet' is neither a file nor a tag .*: imagenet$"):
        kerascnn.create_model("resnet18", weights="imagnet")
    with pytest.raises(UsageError, match="neither a file nor a tag of published weights; see"):
        kerascnn.create_model("resnet18", weights="zzz")


def test_a_builder_that_took_weights_can_be_asked_what_came_of_it(tmp_path: Path) -> None:
    fresh = kerascnn.create_model("lenet5")
    assert kerascnn.load_report(fresh) is None
    save_weights(fresh, tmp_path / "lenet5.npz")
    model = kerascnn.create_model("lenet5", weights=tmp_path / "lenet5.npz", classes=7)
    report = kerascnn.load_report(model)
    assert report is not None
    assert set(report.skipped) == {"predictions/kernel", "predictions/bias"}
    assert report.sha256 == hashlib.sha256((tmp_path / "lenet5.npz").read_bytes()).hexdigest()
