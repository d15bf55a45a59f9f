"""Sets of TensorFlow Datasets: prepared ones, and downloads where there is a network."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
from pathlib import Path
from typing import Any

from kerascnn.data.sources.dataset import Data
from kerascnn.data.sources.tfrecord import MEMORY_LIMIT, make_data
from kerascnn.errors import DataError, UsageError
from kerascnn.lazy import np

_TEST_SPLITS = ("test", "validation", "val")
_HOST = ("storage.googleapis.com", 443)
"""Where TensorFlow Datasets keeps its lists; asked only whether there is a network at all."""
_PATIENCE = 5.0


def load_tfds(source: Any, name: str, seed: int, test_fraction: float | None) -> Data:
    """Reads the images and labels of a set into memory, as they are stored.

    Args:
        source: the name of a set as "mnist" or "cifar10:3.0.2", the folder of a prepared one, or a
            builder such as `tfds.ImageFolder(path)`. Folders of sets: the environment's
            TFDS_DATA_DIR, or ~/tensorflow_datasets.
        name: for `Data.name`.
        seed, test_fraction: for the split, where the set has none of `_TEST_SPLITS`.

    Raises:
        UsageError: no such set, or one without image and label.
        DataError: it is not prepared and cannot be downloaded, or is too large for the memory.
    """
    import tensorflow_datasets as tfds

    builder = _builder(source, tfds) if isinstance(source, str) else source
    features = dict(builder.info.features.items()) if builder.info.features else {}
    if not {"image", "label"} <= set(features) or not hasattr(features["label"], "num_classes"):
        raise UsageError(
            f"{name} has the features {', '.join(features) or 'none'}; needed are image and label"
        )
    # A stand-in that generates its samples (tfds.testing.mock_data) names no splits.
    splits = list(builder.info.splits) or ["train", "test"]
    test = next((split for split in _TEST_SPLITS if split in splits), None)
    if "train" not in splits:
        raise UsageError(f"{name} has the splits {', '.join(splits) or 'none'}; needed is train")
    images: list[list[Any]] = []
    marks: list[np.ndarray] = []
    digest = hashlib.sha256()
    for part in ("train", test):
        found, labels = _read(builder, part, name, tfds) if part else ([], [])
        images.append(found)
        marks.append(np.array(labels, np.int64))
        for image, label in zip(found, labels, strict=True):
            digest.update(f"{part}\0{label}\0".encode() + hashlib.sha256(image).digest())
    names = dict(enumerate(features["label"].names or ()))
    fingerprint = digest.hexdigest()
    return make_data(name, images, marks, names, fingerprint, seed, test_fraction)


def _builder(source: str, tfds: Any) -> Any:
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
    """Tells within seconds whether names are resolved; its downloader alone waits for minutes."""
    if any(os.environ.get(name) for name in ("HTTPS_PROXY", "https_proxy")):
        return True
    found: list[bool] = []

    def ask() -> None:
        try:
            socket.create_connection(_HOST, timeout=_PATIENCE).close()
        except OSError:
            return
        found.append(True)

    # The resolver keeps no time limit of its own.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return bool(found)


def _read(builder: Any, part: str, name: str, tfds: Any) -> tuple[list[bytes], list[int]]:
    dataset = builder.as_dataset(
        split=part,
        shuffle_files=False,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False),
    )
    images: list[bytes] = []
    labels: list[int] = []
    held = 0
    for element in dataset.as_numpy_iterator():
        image = element["image"]
        if not isinstance(image, bytes):
            raise UsageError(f"{name} stores images as {type(image).__name__}, not as files")
        images.append(image)
        labels.append(int(element["label"]))
        held += len(image)
        if held > MEMORY_LIMIT:
            raise DataError(
                f"{name} holds more than {MEMORY_LIMIT:,} bytes of images; give its TFRecord files "
                f"instead, which are read in pieces: tfrecord:{builder.data_dir}"[:400]
            )
    return images, labels
