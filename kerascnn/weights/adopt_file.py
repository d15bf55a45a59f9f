"""Records in a model the preprocessing and the class names of a file that was loaded into it.

The file says them itself, or it is a published one, or the names of its tensors are those of a
publisher who prepares images in one way for the row. Otherwise they are unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kerascnn.errors import DamagedFileError, UsageError
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.lazy import keras
from kerascnn.models.adopted import adopt, adopt_unknown
from kerascnn.models.identity import RECORD, ROW, TRAINING, Record
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import model_info
from kerascnn.published.catalogue import checkpoints
from kerascnn.published.record import Published
from kerascnn.weights.fit import WITH_AND_WITHOUT_BACKGROUND
from kerascnn.weights.formats.checkpoint import Checkpoint
from kerascnn.weights.match_names import HEAD, KERAS_STYLE
from kerascnn.weights.name_maps import layouts

PUBLISHERS = {
    "torchvision": "torchvision",
    "torchvision_files": "torchvision",
    "keras": "keras",
    "keras_files": "keras",
}
"""Layout -> the publisher who prepares images in one way for all networks of a row."""
UNKNOWN = (
    "the file does not say how images are prepared for its weights: predict, evaluate and export "
    "ask for preprocessing="
)


@dataclass(frozen=True)
class Origin:
    """What is known of the images and classes of a file's weights.

    Attributes:
        text: where it is known from; "" if it is not known.
        preprocessing: None if it is not known.
        exact: whether it is that of a training.
        class_names: None if they are not known.
    """

    text: str = ""
    preprocessing: Preprocessing | None = None
    exact: bool = False
    class_names: tuple[str, ...] | None = None

    def adopt(self, model: keras.Model) -> None:
        """Records it in a model into which the file was loaded."""
        if self.preprocessing is None:
            adopt_unknown(model)
        adopt(model, self.preprocessing, self.class_names, exact=self.exact)


def origin_of(
    checkpoint: Checkpoint,
    metadata: Mapping[str, Any],
    layout: str,
    model: keras.Model,
    published: Published | None,
) -> Origin:
    """Returns what is known of the images and classes of a file's weights.

    Args:
        checkpoint: the file.
        metadata: the record that `save_weights` wrote into it; empty without one.
        layout: the names of its tensors.
        model: into which it is loaded.
        published: its entry in the catalogue, if it was asked for by its tag.

    Raises:
        DamagedFileError: its record is damaged.
    """
    if published is not None:
        return Origin(published.tag, published.preprocessing, False, published.class_names)
    names = metadata.get("class_names")
    stored = tuple(names) if isinstance(names, list) else None
    if "preprocessing" in metadata:
        try:
            preprocessing = Preprocessing.from_json(metadata["preprocessing"])
        except UsageError as error:
            raise DamagedFileError(
                f"its record was written by another version of kerascnn: {error}"
            ) from error
        exact = metadata.get("preprocessing_exact") is True
        return Origin("the file's record", preprocessing, exact, stored)
    recorded = _of_whole_model(checkpoint.contents.config)
    if recorded is not None:
        return recorded
    network = provenance(model)
    similar = None if network is None else likely(checkpoint, layout, network.name)
    if similar is None:
        return Origin(class_names=stored)
    return Origin(similar.tag, similar.preprocessing, False, similar.class_names)


def _of_whole_model(config: Any) -> Origin | None:
    """Returns what the record of a model says that Keras saved as a whole, or None."""
    for values in _records(config):
        record = Record.from_json(values)
        preprocessing = record.preprocessing
        if record.preprocessing_of == ROW and record.row is not None:
            try:
                preprocessing = model_info(record.row).preprocessing
            except UsageError:
                return None
        if preprocessing is not None:
            exact = record.preprocessing_of == TRAINING
            return Origin("the file's record", preprocessing, exact, record.class_names)
    return None


def _records(config: Any) -> Iterator[dict[str, Any]]:
    """Yields the records in the configuration of a model, those of models inside it included."""
    layers = config.get("config", {}).get("layers", ()) if isinstance(config, dict) else ()
    for layer in layers if isinstance(layers, list) else ():
        built = layer.get("build_config") if isinstance(layer, dict) else None
        record = built.get(RECORD) if isinstance(built, dict) else None
        if isinstance(record, dict):
            yield record
        yield from _records(layer)


def likely(checkpoint: Checkpoint, layout: str, row: str) -> Published | None:
    """Returns the published checkpoint that a file is, or whose images it is prepared for.

    Args:
        checkpoint: the file.
        layout: the names of its tensors.
        row: the architecture that they fit.
    """
    publisher = PUBLISHERS.get(layout)
    same = [
        record
        for record in checkpoints()
        if record.row == row and publisher in (None, record.source)
    ]
    for record in same:  # its name has digits of its SHA-256
        if record.sha256 and record.sha256 in record.file == checkpoint.path.name:
            return record
    family = model_info(row).family
    if publisher is None or not _has_published_classes(checkpoint, layout, family):
        return None
    if not same:
        same = [
            record
            for record in checkpoints()
            if record.source == publisher and model_info(record.row).family == family
        ]
    values = {
        (record.preprocessing.channels, str(record.preprocessing.affine())) for record in same
    }
    return same[0] if len(values) == 1 else None


def _has_published_classes(checkpoint: Checkpoint, layout: str, family: str) -> bool:
    """Returns whether a file's classifier has ImageNet's classes, or the file has no classifier.

    A user who has trained a network for other classes may have prepared the images in any way.
    """
    axis = -1 if layout in KERAS_STYLE else 0
    head = layouts(family)[layout]([HEAD]).get(HEAD, "")
    name = re.compile(rf"(^|[./]){re.escape(head.partition('.')[0])}[./]")
    sizes = {
        stored.shape[axis]
        for key, stored in checkpoint.tensors.items()
        if len(stored.shape) == 2 or (len(stored.shape) == 1 and name.search(key))
    }
    return not sizes or not sizes.isdisjoint(WITH_AND_WITHOUT_BACKGROUND)
