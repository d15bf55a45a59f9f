"""load_data from digits and arrays: exact contents, and sources that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.load import load_data
from kerascnn.data.sources.dataset import Data
from kerascnn.errors import DataError, UsageError
from support.images import images_and_labels

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
