"""Loads sets of TensorFlow Datasets, and downloads those that are not prepared yet."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from pathlib import Path
from typing import Any

from kerascnn.data.sources.dataset import Data
from kerascnn.data.sources.tfrecord import MEMORY_LIMIT, EncodedSamples, make_data
from kerascnn.errors import DataError, UsageError
from kerascnn.lazy import np

_TEST_SPLITS = ("test", "validation", "val")
_HOST = ("storage.googleapis.com", 443)
"""Where TensorFlow Datasets keeps its lists; a connection to it shows that there is a network."""
TIMEOUT = 5.0
"""Seconds to wait for this connection."""


def load_tfds(source: Any, name: str, seed: int, test_fraction: float | None) -> Data:
    """Returns a set of TensorFlow Datasets with its encoded images in memory.

    Args:
        source: the name of a set, such as "mnist" or "cifar10:3.0.2"; the folder of a prepared set;
            or a builder such as `tfds.ImageFolder(path)`. Prepared sets are looked up in the folder
            of the environment variable TFDS_DATA_DIR, by default ~/tensorflow_datasets.
        name: for `Data.name`.
        seed, test_fraction: for the split, if the set has no split "test", "validation" or "val".

    Raises:
        UsageError: there is no such set, or it has no features image and label.
        DataError: the set is not prepared and cannot be downloaded, or is too large.
    """
    import tensorflow_datasets as tfds

    builder = _builder(source, tfds) if isinstance(source, str) else source
    features = dict(builder.info.features.items()) if builder.info.features else {}
    if not {"image", "label"} <= set(features) or not hasattr(features["label"], "num_classes"):
        raise UsageError(
            f"{name} has the features {', '.join(features) or 'none'}; image and label are needed"
        )
    # The mock sets of tfds.testing.mock_data have no list of splits.
    splits = list(builder.info.splits) or ["train", "test"]
    test = next((split for split in _TEST_SPLITS if split in splits), None)
    if "train" not in splits:
        raise UsageError(f"{name} has the splits {', '.join(splits) or 'none'}; train is needed")
    images: list[list[Any]] = []
    labels: list[np.ndarray] = []
    digest = hashlib.sha256()
    for part in ("train", test):
        part_images, part_labels = _read(builder, part, name, tfds) if part else ([], [])
        images.append(part_images)
        labels.append(np.array(part_labels, np.int64))
        for image, label in zip(part_images, part_labels, strict=True):
            digest.update(f"{part}\0{label}\0".encode() + hashlib.sha256(image).digest())
    names = dict(enumerate(features["label"].names or ()))
    samples = EncodedSamples(images, labels, names, digest.hexdigest())
    return make_data(name, samples, seed, test_fraction)


def _builder(source: str, tfds: Any) -> Any:
    """Returns the builder of a set by name or folder, after a download if it is not prepared."""
    path = Path(os.path.expanduser(source))
    if path.is_dir():
        try:
            return tfds.builder_from_directory(str(path))
        except (OSError, ValueError, AssertionError) as error:
            raise DataError(
                f"{path} holds no prepared set (dataset_info.json and features.json are needed)"
            ) from error
    try:
        builder = tfds.builder(source)
    except tfds.core.registered.DatasetNotFoundError as error:
        raise UsageError(
            f"TensorFlow Datasets has no set {source!r}; its names are listed at "
            "tensorflow.org/datasets/catalog"
        ) from error
    if not builder.is_prepared():
        if not _online():
            raise DataError(
                f"{source} is not prepared below {builder.data_dir} and there is no network to "
                "download it; prepare it where there is one (tfds build), and set TFDS_DATA_DIR to "
                "that folder"[:400]
            )
        builder.download_and_prepare()
    return builder


def _online() -> bool:
    """Returns within seconds whether there is a network; without one, a download waits minutes."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy")):
        return True
    connections: list[bool] = []

    def connect() -> None:
        try:
            socket.create_connection(_HOST, timeout=TIMEOUT).close()
        except OSError:
            return
        connections.append(True)

    # In a thread, since the resolution of the host's name has no time limit of its own.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return bool(connections)


def _read(builder: Any, part: str, name: str, tfds: Any) -> tuple[list[bytes], list[int]]:
    dataset = builder.as_dataset(
        split=part,
        shuffle_files=False,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    images: list[bytes] = []
    labels: list[int] = []
    size = 0
    for element in dataset.as_numpy_iterator():
        image = element["image"]
        if not isinstance(image, bytes):
            raise UsageError(
                f"{name} stores images as {type(image).__name__}; encoded image files are needed"
            )
        images.append(image)
        labels.append(int(element["label"]))
        size += len(image)
        if size > MEMORY_LIMIT:
            raise DataError(
                f"{name} holds more than {MEMORY_LIMIT:,} bytes of images, the most that are kept "
                "in memory; give its TFRecord files instead, which stay on disk: "
                f"tfrecord:{builder.data_dir}"[:400]
            )
    return images, labels
