"""Labels, pixels and splits of arrays, and what cannot be a label or pixel."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.load import load_data
from kerascnn.data.sources.dataset import as_images
from kerascnn.errors import DataError, UsageError
from support.images import images_and_labels


def test_the_split_is_stratified_seeded_and_complete():
    labels = np.repeat([0, 1, 2], [30, 9, 2])
    images = np.arange(41, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    data = load_data((images, labels), seed=5)
    assert np.bincount(data.test.labels).tolist() == [10, 3, 1]
    assert np.bincount(data.train.labels).tolist() == [20, 6, 1]
    ids = [part.images[:, 0, 0, 0].tolist() for part in (data.train, data.test)]
    assert sorted(ids[0] + ids[1]) == list(range(41))
    for part, numbers in zip((data.train, data.test), ids, strict=True):
        assert np.array_equal(part.labels, labels[numbers])
    again, other = load_data((images, labels), seed=5), load_data((images, labels), seed=6)
    assert again.fingerprint == data.fingerprint
    assert other.fingerprint != data.fingerprint
    assert other.test.images[:, 0, 0, 0].tolist() != ids[1]


def test_test_fraction():
    images, labels = images_and_labels(60)
    assert (
        np.bincount(load_data((images, labels), test_fraction=0.1).test.labels).tolist() == [2] * 3
    )
    whole = load_data((images, labels), test_fraction=1.0)
    assert (len(whole.train), len(whole.test)) == (0, 60)
    assert np.array_equal(whole.test.labels, labels)
    for wrong in (0, -0.1, 1.01):
        with pytest.raises(UsageError, match="test_fraction"):
            load_data((images, labels), test_fraction=wrong)


def test_one_hot_and_other_forms_of_labels_are_equal():
    images, labels = images_and_labels()
    wanted = load_data((images, labels))
    one_hot = load_data((images, np.eye(5)[labels]))
    assert np.array_equal(one_hot.test.labels, wanted.test.labels)
    assert len(one_hot.class_names) == 5
    for form in (labels.astype(float), labels.astype(np.int32)[:, None], labels.tolist()):
        data = load_data((images, form))
        assert data.fingerprint == wanted.fingerprint
        assert data.class_names == wanted.class_names


@pytest.mark.parametrize(
    ("index", "value", "words"),
    [
        (7, -1, r"-1.* at index 7"),
        (3, np.nan, r"nan at index 3"),
        (5, 1.5, r"1\.5 at index 5"),
        (0, np.inf, r"inf at index 0"),
        (11, 1e6, r"index 11 is 1000000"),
    ],
)
def test_a_wrong_label_is_named_with_its_index(index, value, words):
    images, labels = images_and_labels()
    labels = labels.astype(float)
    labels[index] = value
    with pytest.raises(DataError, match=words):
        load_data((images, labels))


def test_wrong_labels_are_found_before_the_images_are_looked_at():
    with pytest.raises(DataError, match="-1 at index 0"):
        load_data((object(), [-1, 0]))


@pytest.mark.parametrize("row", [[0, 0, 0], [1, 1, 0], [0.5, 0.5, 0], [np.nan, 1, 0], [-1, 1, 1]])
def test_rows_that_are_not_one_hot(row):
    images, labels = images_and_labels()
    rows = np.eye(3)[labels]
    rows[4] = row
    with pytest.raises(DataError, match="index 4"):
        load_data((images, rows))


@pytest.mark.parametrize("labels", [["cat", "dog"] * 6, np.zeros((12, 2, 2)), [None] * 12])
def test_labels_of_the_wrong_kind(labels):
    with pytest.raises(DataError, match="labels"):
        load_data((images_and_labels()[0], labels))


def test_floats_from_0_to_1_and_to_255_mean_the_same():
    x = images_and_labels()[0][..., None]
    assert as_images(x) is x
    unit = as_images(x / 255)
    assert unit.dtype == np.float32
    assert np.abs(unit - x).max() < 1e-4
    assert np.array_equal(as_images(x.astype(np.float32)), x)
    assert np.array_equal(as_images(x.astype(np.int64)), x)
    assert as_images(x.astype(np.int64)).dtype == np.uint8
    assert as_images(x > 99).max() == 255
    assert np.abs(as_images(x.astype(np.uint16) * 257) - x).max() < 1e-4
    standardised = (x - x.mean()) / x.std()
    assert np.allclose(as_images(standardised) / 255, standardised, rtol=1e-6)


def test_pixels_that_cannot_be():
    x = images_and_labels()[0].astype(np.float64)
    x[7, 2, 2] = np.nan
    with pytest.raises(DataError, match=r"image 7 .*not finite"):
        as_images(x)
    for wrong in (np.full((2, 3, 3), 300), np.full((2, 3, 3), -1), np.full((2, 3, 3), 4000.0)):
        with pytest.raises(DataError, match="values"):
            as_images(wrong)
    with pytest.raises(DataError, match="hold <U1"):
        as_images(np.full((2, 3, 3), "a"))
    with pytest.raises(DataError, match="differ in shape"):
        as_images([np.zeros((2, 2)), np.zeros((3, 2))])
