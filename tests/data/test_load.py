"""load_data from digits and arrays: exact contents, splits, and what cannot be a label or pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.load import load_data
from kerascnn.data.sources.dataset import Data, as_images
from kerascnn.errors import DataError, UsageError


def images_and_labels(count: int = 12, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, 5, 4), np.uint8), (np.arange(count) % 3).astype(np.uint8)


# Digits


def test_digits_are_scikit_learns():
    from sklearn.datasets import load_digits

    data = load_data("digits")
    assert (len(data.train), len(data.test)) == (1198, 599)
    assert data.image_shape == (8, 8, 1)
    assert data.class_names == tuple("0123456789")
    # Half a grey level is lost at most, and 16 is white.
    source = load_digits()
    everything = np.concatenate([data.train.images, data.test.images])[..., 0]
    assert everything.dtype == np.uint8
    assert everything.max() == 255
    wanted = {(x * 255 / 16).round().astype(np.uint8).tobytes() for x in source.images}
    assert {x.tobytes() for x in everything} == wanted
    assert "599" in data.split
    assert "seed 0" in data.split


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


# Arrays


def test_pairs_keep_their_split_and_order():
    train, test = images_and_labels(9), images_and_labels(6, seed=1)
    data = load_data((train, test))
    assert np.array_equal(data.train.images[..., 0], train[0])
    assert np.array_equal(data.test.images[..., 0], test[0])
    assert np.array_equal(data.test.labels, test[1])
    assert data.train.labels.dtype == np.int64
    assert data.image_shape == (5, 4, 1)
    assert data.class_names == ("0", "1", "2")
    assert load_data(data) is data


def test_dictionary_with_class_names():
    images, labels = images_and_labels()
    data = load_data({"x": images, "y": labels, "class_names": ["a", "b", "c", "d"]})
    assert data.class_names == ("a", "b", "c", "d")
    with pytest.raises(DataError, match=r"index 2 is 2.*2 classes"):
        load_data({"x": images, "y": labels, "class_names": ["a", "b"]})
    with pytest.raises(UsageError, match="'a' twice"):
        load_data({"x": images, "y": labels, "class_names": ["a", "b", "a"]})
    with pytest.raises(DataError, match="x_train"):
        load_data({"x": images})


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


def test_counts_shapes_and_classes_that_do_not_fit():
    images, labels = images_and_labels()
    with pytest.raises(DataError, match="12 images and 11 labels"):
        load_data((images, labels[:-1]))
    with pytest.raises(DataError, match=r"\(5, 4, 1\).*\(4, 4, 1\)"):
        load_data(((images, labels), (images[:, 1:], labels)))
    with pytest.raises(DataError, match="at least two classes"):
        load_data((images, np.zeros(12, int)))
    with pytest.raises(DataError, match="no sample"):
        load_data(((images, labels), (images[:0], labels[:0])))
    with pytest.raises(DataError, match="two samples"):
        load_data((images[:2], [0, 1]))
    with pytest.raises(DataError, match="columns"):
        load_data(((images, labels), (images, np.eye(3)[labels])))
    with pytest.raises(DataError, match="shape"):
        load_data((images[0], [0, 1, 0, 1, 0]))


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


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("digit", "did you mean digits"),
        ("mnist", "digits, folder:PATH, idx:DIR, cifar:DIR"),
        ("fold:x", "did you mean folder"),
        ("tdfs:mnist", "did you mean tfds"),
        ("/", "did you mean folder:/"),
        ("idx:", "path is missing"),
        (Path("x"), "folder:"),
        (3, "int"),
        ((1, 2, 3), "tuple"),
    ],
)
def test_unknown_sources_name_the_allowed_ones(source, words):
    with pytest.raises(UsageError, match=words):
        load_data(source)


def test_data_is_what_the_package_exports():
    import kerascnn

    assert kerascnn.load_data is load_data
    assert kerascnn.Data is Data
