"""Batches of image files: as the decoder gives them, and what a file that breaks later does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kerascnn.data import image_batches
from kerascnn.data.load import load_data
from kerascnn.data.pipeline import data_errors, pipeline
from kerascnn.errors import DamagedFileError, DataError, MismatchError
from kerascnn.imaging.decode import load_image, load_picture
from kerascnn.imaging.preprocessing import Preprocessing
from support.images import write_photos


@pytest.fixture
def photos(tmp_path) -> Path:
    return write_photos(tmp_path, ".jpg")


@pytest.mark.parametrize("limit", [2**31, 0])
@pytest.mark.parametrize("channels", ["rgb", "grey"])
def test_files_come_as_the_decoder_and_preprocessing_give_them(
    photos, limit, channels, monkeypatch
):
    monkeypatch.setattr(image_batches, "CACHE_LIMIT", limit)
    data = load_data(f"folder:{photos}")
    preprocessing = Preprocessing((16, 18), fit="crop", resize=17, channels=channels)
    expected = np.stack([preprocessing(load_image(path)) for path in data.train.images])
    dataset = pipeline(data.train, preprocessing, batch_size=3, training=False)
    for _ in range(2):
        assert np.array_equal(np.concatenate([images for images, _ in dataset]), expected)
    assert np.array_equal(np.concatenate([marks for _, marks in dataset]), data.train.labels)
    assert dataset.element_spec[0].shape[1:] == expected.shape[1:]


def test_prepared_files_are_decoded_once(photos, monkeypatch):
    reads: list[Path] = []

    def counting(path: Path, mode: str) -> np.ndarray:
        reads.append(path)
        return load_picture(path, mode)

    monkeypatch.setattr(image_batches, "load_picture", counting)
    data = load_data(f"folder:{photos}")
    dataset = pipeline(data.train, Preprocessing((8, 8)), batch_size=3, training=False)
    for _ in range(3):
        assert len(list(dataset)) == 3
    # The first one is looked at once more, for its shape.
    assert len(reads) == len(data.train) + 1
    assert set(reads) == set(data.train.images)


def test_a_file_that_breaks_later_is_named(photos):
    data = load_data(f"folder:{photos}")
    broken = data.train.images[3]
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    for training in (False, True):
        dataset = pipeline(data.train, Preprocessing((8, 8)), batch_size=2, training=training)
        with pytest.raises(DamagedFileError) as caught, data_errors():
            list(dataset.take(4))
        assert str(broken) in str(caught.value)
        assert "\n" not in str(caught.value)
    broken.unlink()
    dataset = pipeline(data.train, Preprocessing((8, 8)), batch_size=2, training=False)
    with pytest.raises(DataError, match="does not exist"), data_errors():
        list(dataset)


def test_files_of_different_sizes_need_a_size(photos):
    data = load_data(f"folder:{photos}")
    dataset = pipeline(data.train, Preprocessing(None), batch_size=2, training=False)
    with pytest.raises(MismatchError, match="give the preprocessing a size"), data_errors():
        list(dataset)


SQUARE = Preprocessing((16, 16), scale=1.0)


def test_a_bad_image_is_replaced_by_another_of_its_class(photos):
    data = load_data(f"folder:{photos}", test_fraction=0.1)
    expected = {i: SQUARE(load_image(path)) for i, path in enumerate(data.train.images)}
    data.train.images[3].write_bytes(b"")
    dataset = pipeline(data.train, SQUARE, batch_size=2, training=False, max_bad=1)
    with pytest.warns(UserWarning, match=r"is empty.*another image of its class takes its place"):
        images = np.concatenate([batch for batch, _ in dataset])
    alike = [
        k for k in range(len(images)) if k != 3 and data.train.labels[k] == data.train.labels[3]
    ]
    assert any(np.array_equal(images[3], expected[k]) for k in alike)
    for k, image in enumerate(images):
        assert k == 3 or np.array_equal(image, expected[k])
