"""TFRecord and ArrayRecord files as sources."""

from __future__ import annotations

import gzip
import importlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from kerascnn.data.load import load_data
from kerascnn.data.pipeline import pipeline
from kerascnn.data.sources.dataset import Split
from kerascnn.errors import DamagedFileError, DataError
from kerascnn.imaging.decode import EmbeddedImage, load_image
from kerascnn.imaging.preprocessing import Preprocessing
from support.images import png_of_noise


def example(image, label, text=None, keys=("image/encoded", "image/class/label")):
    feature = {
        keys[0]: tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        keys[1]: tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    if text is not None:
        value = tf.train.BytesList(value=[text.encode()])
        feature["image/class/text"] = tf.train.Feature(bytes_list=value)
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write(path, seeds, first=0, **options):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for seed in seeds:
            label = seed % 3 + first
            writer.write(example(png_of_noise(seed)[0], label, f"class{label}", **options))


def test_tfrecord_files_are_read_in_pieces(tmp_path):
    write(tmp_path / "train-00000-of-00002.tfrecord", range(6))
    write(tmp_path / "train-00001-of-00002.tfrecord", range(6, 10))
    write(tmp_path / "validation-00000-of-00001.tfrecord", range(10, 14))
    data = load_data(f"tfrecord:{tmp_path}")
    assert (len(data.train), len(data.test)) == (10, 4)
    assert data.class_names == ("class0", "class1", "class2")
    assert data.image_shape == (7, 9, 3)
    assert data.train.labels.tolist() == [seed % 3 for seed in range(10)]
    assert all(isinstance(image, EmbeddedImage) for image in data.train.images)
    for seed, image in enumerate((*data.train.images, *data.test.images)):
        assert np.array_equal(load_image(image), png_of_noise(seed)[1])
    plain = Preprocessing(None, scale=1.0)
    dataset = pipeline(data.train, plain, batch_size=4, training=True)
    seen = []
    for images, labels in dataset.take(3):
        for image, label in zip(images.numpy(), labels.numpy(), strict=True):
            (seed,) = [k for k in range(10) if np.array_equal(image, png_of_noise(k)[1])]
            assert seed % 3 == label
            seen.append(seed)
    assert sorted(seen) == list(range(10)) != seen


def test_one_file_is_split_and_slim_s_labels_start_from_one(tmp_path):
    path = tmp_path / "all.tfrecord"
    write(path, range(12), first=1)
    data = load_data(f"tfrecord:{path}")
    assert (len(data.train), len(data.test)) == (9, 3)
    assert data.class_names == ("class1", "class2", "class3")
    assert "labels start from 1" in data.split
    assert load_data(f"tfrecord:{tmp_path}/*.tfrecord").fingerprint == data.fingerprint
    write(path, range(11), first=1)
    assert load_data(f"tfrecord:{path}").fingerprint != data.fingerprint


def test_the_names_of_tensorflow_datasets_are_taken_too(tmp_path):
    write(tmp_path / "x.tfrecord", range(12), keys=("image", "label"))
    assert len(load_data(f"tfrecord:{tmp_path}").train) == 9


def test_bad_record_files_are_named(tmp_path):
    with pytest.raises(DataError, match="names no tfrecord file"):
        load_data(f"tfrecord:{tmp_path}")
    path = tmp_path / "x.tfrecord"
    write(path, range(12))
    content = path.read_bytes()
    for broken in (content[:-5], content[:40] + b"\0" * 8 + content[48:], b"not records at all"):
        path.write_bytes(broken)
        with pytest.raises(DamagedFileError, match=r"x\.tfrecord is truncated or corrupt"):
            load_data(f"tfrecord:{path}")
    path.write_bytes(gzip.compress(content))
    with pytest.raises(DataError, match="packed with gzip"):
        load_data(f"tfrecord:{path}")
    write(path, range(12), keys=("picture", "label"))
    with pytest.raises(
        DataError, match="image/class/text, label, picture; it must have one encoded"
    ):
        load_data(f"tfrecord:{path}")
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(b"\xff\xff\xff")
    with pytest.raises(DamagedFileError, match=r"no tf\.train\.Example"):
        load_data(f"tfrecord:{path}")


def test_a_piece_of_a_file_that_became_shorter_is_named(tmp_path):
    path = tmp_path / "x.tfrecord"
    write(path, range(12))
    data = load_data(f"tfrecord:{path}")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DamagedFileError, match=r"x\.tfrecord ends before byte"):
        load_image(data.train.images[-1])


def test_arrayrecord_files(tmp_path):
    # A dependency of tensorflow-datasets.
    module = importlib.import_module("array_record.python.array_record_module")
    writer = module.ArrayRecordWriter(str(tmp_path / "x.array_record"), "group_size:1")
    for seed in range(12):
        writer.write(example(png_of_noise(seed)[0], seed % 3))
    writer.close()
    data = load_data(f"arrayrecord:{tmp_path}")
    assert (len(data.train), len(data.test), data.image_shape) == (9, 3, (7, 9, 3))
    result = {load_image(image).tobytes() for image in (*data.train.images, *data.test.images)}
    assert result == {png_of_noise(seed)[1].tobytes() for seed in range(12)}
    (tmp_path / "x.array_record").write_bytes(b"nonsense")
    with pytest.raises(DamagedFileError, match=r"x\.array_record"):
        load_data(f"arrayrecord:{tmp_path}")


def test_without_arrayrecord_the_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "x.arrayrecord").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, "array_record.python", None)
    with pytest.raises(DataError, match="pip install array-record"):
        load_data(f"arrayrecord:{tmp_path}")


def test_evaluation_of_pieces_keeps_their_order(tmp_path):
    write(tmp_path / "x.tfrecord", range(12))
    data = load_data(f"tfrecord:{tmp_path}")
    both = Split((*data.train.images, *data.test.images), None)
    batches = pipeline(both, Preprocessing(None, scale=1.0), batch_size=5, training=False)
    got = np.concatenate(list(batches))
    assert np.array_equal(got, np.stack([load_image(image) for image in both.images]))
