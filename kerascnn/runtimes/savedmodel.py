"""Opens SavedModel directories."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError, UnsafeFileError
from kerascnn.fileio.untrusted import named, open_regular, reading
from kerascnn.lazy import tf
from kerascnn.runtimes.artifact import Artifact
from kerascnn.runtimes.contract import OUTPUT, SAVEDMODEL_METADATA, SIGNATURE
from kerascnn.runtimes.metadata import LARGEST_METADATA, read_metadata_stream

if TYPE_CHECKING:
    from kerascnn.runtimes.artifact import Array


def open_artifact(path: Path, *, trust: bool) -> Artifact:
    """Opens the signature `serving_default` of a SavedModel.

    Args:
        path: the directory.
        trust: a SavedModel is a program, which is run only when this is true.

    Raises:
        UnsafeFileError: `trust` is false.
        DamagedFileError: it is truncated or corrupt.
        MismatchError: it does not take one batch of images.
    """
    if not trust:
        raise UnsafeFileError(
            f"{named(path)} is a SavedModel: a program, which may do anything that you may do. If "
            "you trust its author, pass --trust (trust=True), or use the ONNX file"
        )
    with reading(f"{named(path)} is no complete SavedModel"):
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures[SIGNATURE]
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1 or next(iter(inputs.values())).shape.rank != 4:
        raise MismatchError(f"{named(path)} takes {inputs}; it must take one batch of images"[:400])
    ((input_name, spec),) = inputs.items()
    outputs = signature.structured_outputs
    output_name = OUTPUT if OUTPUT in outputs else next(iter(outputs))

    def run(batch: Array) -> Array:
        # This reference keeps `loaded` alive, whose variables are freed with it.
        results = loaded.signatures[SIGNATURE](**{input_name: tf.cast(batch, spec.dtype)})
        return results[output_name].numpy()

    return Artifact(
        "tensorflow",
        run,
        tuple(spec.shape[1:].as_list()),
        "float32",  # which `run` converts to the type of the input
        metadata=read_metadata(path),
        usual_layout="nhwc",
    )


def read_metadata(path: Path) -> dict[str, Any]:
    """Returns the metadata of a SavedModel, without loading it; {} when it has none.

    Raises:
        DamagedFileError: the metadata is damaged.
    """
    file = path / SAVEDMODEL_METADATA
    if not file.exists():
        return {}
    with (
        open_regular(file, limit=LARGEST_METADATA) as stream,
        reading(f"the metadata of {named(path)} is damaged"),
    ):
        return dict(read_metadata_stream(stream, named(path)))
