"""TensorFlow Datasets as sources: prepared sets, image folders, and no network."""

from __future__ import annotations

import time

import pytest
import tensorflow_datasets as library

from kerascnn.data.load import load_data
from kerascnn.data.sources import tfds
from kerascnn.errors import DataError, UsageError
from kerascnn.imaging.decode import load_image
from support.images import png_of_noise


def test_a_prepared_set(tmp_path):

    class Numbers(library.core.GeneratorBasedBuilder):
        VERSION = library.core.Version("1.0.0")

        def _info(self):
            features = library.features.FeaturesDict(
                {
                    "image": library.features.Image(shape=(None, None, 3), encoding_format="png"),
                    "label": library.features.ClassLabel(names=["a", "b", "c"]),
                }
            )
            return library.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, manager):
            return {
                "train": self._generate_examples(range(9)),
                "test": self._generate_examples(range(9, 13)),
            }

        def _generate_examples(self, seeds):
            for seed in seeds:
                yield seed, {"image": png_of_noise(seed)[1], "label": seed % 3}

    builder = Numbers(data_dir=str(tmp_path), file_format="tfrecord")
    builder.download_and_prepare()
    for source in (f"tfds:{builder.data_dir}", builder):
        data = load_data(source)
        assert (len(data.train), len(data.test)) == (9, 4)
        assert data.class_names == ("a", "b", "c")
        result = {
            (load_image(image).tobytes(), int(label))
            for image, label in zip(data.train.images, data.train.labels, strict=True)
        }
        assert result == {(png_of_noise(seed)[1].tobytes(), seed % 3) for seed in range(9)}
    assert load_data(builder).fingerprint == data.fingerprint
    # The files themselves are standard examples.
    assert len(load_data(f"tfrecord:{builder.data_dir}").train) == 9


def test_an_image_folder_of_the_library(tmp_path):
    for part in ("train", "test"):
        for label in ("cat", "dog"):
            for seed in range(4):
                path = tmp_path / part / label / f"{seed}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(
                    png_of_noise(hash((part, label, seed)) % 1000, size=(9 + seed, 7))[0]
                )
    data = load_data(library.ImageFolder(str(tmp_path)))
    folder = load_data(f"folder:{tmp_path}")
    assert data.class_names == folder.class_names
    assert data.image_shape == folder.image_shape == (None, None, 3)
    ours = {load_image(path).tobytes() for path in folder.train.images}
    assert {load_image(image).tobytes() for image in data.train.images} == ours
    assert data.name.startswith("tfds:")


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_mock_data(name, monkeypatch):
    monkeypatch.setattr(tfds, "_online", lambda: True)  # the library's download does nothing here
    with library.testing.mock_data(num_examples=20):
        data = load_data(f"tfds:{name}")
    assert len(data.class_names) == 10
    assert (len(data.train), len(data.test)) == (20, 20)
    assert data.image_shape == ((28, 28, 1) if name == "mnist" else (32, 32, 3))


def test_offline_the_message_is_clear_and_quick(tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(tfds, "TIMEOUT", 0.5)
    monkeypatch.setattr(tfds, "_HOST", ("192.0.2.1", 443))  # a documentation address: no one there
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    start = time.monotonic()
    with pytest.raises(DataError, match=r"mnist is not prepared below .* no network") as caught:
        load_data("tfds:mnist")
    assert time.monotonic() - start < 20  # the library's own start is most of it
    assert "TFDS_DATA_DIR" in str(caught.value)
    with pytest.raises(UsageError, match="no set 'mnits'"):
        load_data("tfds:mnits")
    with pytest.raises(DataError, match="holds no prepared set"):
        load_data(f"tfds:{tmp_path}")
