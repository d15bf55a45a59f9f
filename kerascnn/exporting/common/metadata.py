"""Metadata, manifest and reference outputs, which every export stores."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError
from kerascnn.exporting.common.equivalence import BATCHES
from kerascnn.exporting.common.network import Network
from kerascnn.fileio.atomic import sha256_file
from kerascnn.fileio.json import write_json
from kerascnn.lazy import np
from kerascnn.models.adopted import (
    adopted_class_names,
    unknown_preprocessing,
    weights_preprocessing,
)
from kerascnn.models.identity import record_of
from kerascnn.models.provenance import provenance
from kerascnn.models.signature import gives_logits, image_shape
from kerascnn.runs.run import Run
from kerascnn.runtimes.contract import ADAPTS, INPUT, OUTPUT
from kerascnn.version import __version__

if TYPE_CHECKING:
    import keras

    from kerascnn.exporting.common.equivalence import Reference
    from kerascnn.imaging.preprocessing import Preprocessing

MANIFEST = "manifest.json"
_PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Source:
    """A model to export, with its class names and preprocessing.

    Args:
        model: a Keras model.
        run: the run that it comes from, or None.
        class_names: one for each output, or None.
        preprocessing: how images become its inputs; None for a network of the user's own.
        adapts: whether the preprocessing is adapted to the size of the images, as that of a row is.
    """

    model: keras.Model
    run: Run | None
    class_names: tuple[str, ...] | None
    preprocessing: Preprocessing | None
    adapts: bool = False

    def origin(self) -> dict[str, Any]:
        """Returns the `name` and `arguments` with which `create_model` builds the model again."""
        if self.run is not None:
            recorded = self.run.config["model"]
            name = recorded["name"]
            arguments = recorded["arguments"] or {}  # None for a model of the user's own
        else:
            record = provenance(self.model)
            name, arguments = (
                (self.model.name, {}) if record is None else (record.name, record.arguments)
            )
        # The path of a weight file would reveal directories, and the artifact has the weights.
        return {"name": name, "arguments": {k: v for k, v in arguments.items() if k != "weights"}}


def source_of(
    model: keras.Model,
    run: Run | None,
    class_names: Sequence[str] | None,
    preprocessing: Preprocessing | None,
) -> Source:
    """Returns a model with its class names and preprocessing.

    Args:
        model: with one image input, and one row of scores for each image.
        run: the run that it comes from, or None.
        class_names: used instead of those of the run or of the model's weights.
        preprocessing: used instead of that of the run or of the model's weights.

    Raises:
        UsageError: nothing tells which preprocessing the weights need. A model that is no network
            of this package and was not read by it has none, and its files then have none either.
    """
    names = run.class_names if run is not None else adopted_class_names(model)
    if class_names is not None:
        names = tuple(class_names)
    adapts = False
    if preprocessing is None and run is not None:
        preprocessing = run.preprocessing
    elif preprocessing is None:
        known = weights_preprocessing(model)
        if known is not None:
            preprocessing, adapts = known.fixed(image_shape(model)), not known.exact
        elif record_of(model) is not None or provenance(model) is not None:
            raise unknown_preprocessing(model.name, image_shape(model))
    return Source(model, run, names, preprocessing, adapts)


def describe(source: Source, network: Network) -> dict[str, Any]:
    """Returns the metadata of a model, without names of the machine, user or directories.

    Raises:
        MismatchError: the class names or the preprocessing do not fit the model.
    """
    names, preprocessing = source.class_names, source.preprocessing
    if names is not None and len(names) != network.classes:
        raise MismatchError(
            f"{len(names)} class names for a model with {network.classes} outputs; give one name "
            "for each output, in their order"
        )
    size = (preprocessing and preprocessing.size) or (None, None)
    sides = zip(network.image_shape[:2], size, strict=True)
    if any(None not in (side, resized) and side != resized for side, resized in sides):
        assert preprocessing is not None  # it has a size
        raise MismatchError(
            f"the preprocessing makes images of {preprocessing.size}, the model takes "
            f"{network.image_shape[:2]}; give the preprocessing of this model"
        )
    return {
        "model": source.origin(),
        "run": _training(source.run),
        "class_names": None if names is None else list(names),
        "preprocessing": None if preprocessing is None else preprocessing.to_json(),
        **({ADAPTS: True} if source.adapts else {}),
        "input": {
            "name": INPUT,
            "shape": ["batch", *network.image_shape],
            "dtype": network.dtype,
            "model_shape": list(network.image_shape),
        },
        "output": {
            "name": OUTPUT,
            "shape": ["batch", *network.model.outputs[0].shape[1:]],
            "scores": "logits" if gives_logits(network.model) else "probabilities",
        },
        "versions": {"kerascnn": __version__, **{name: version(name) for name in _PACKAGES}},
    }


def _training(run: Run | None) -> dict[str, Any] | None:
    """Returns the settings of a training run that contain no path."""
    if run is None:
        return None
    config = run.config
    recorded: dict[str, Any] = {
        key: config[key] for key in ("seed", "epochs", "precision") if key in config
    }
    data = {k: config["data"][k] for k in ("fingerprint", "split") if k in config["data"]}
    recipe = config.get("recipe")
    return {**recorded, "data": data, "recipe": recipe.get("name") if recipe else None}


def for_format(
    metadata: dict[str, Any], *, precision: str, layout: str | None, preprocesses: bool
) -> dict[str, Any]:
    """Returns the metadata of one artifact.

    Args:
        metadata: of the model.
        precision: of the artifact.
        layout: of its input, "nhwc" or "nchw"; None for formats that have only one.
        preprocesses: whether it applies the preprocessing itself, to uint8 images.
    """
    described = {**metadata, "precision": precision}
    if layout is not None:
        described["input"] = {**metadata["input"], "layout": layout}
        if preprocesses:
            described["input"] |= {"preprocessed": False, "dtype": "uint8"}
    return described


def write_reference(path: Path, reference: Reference, raw_reference: Reference | None) -> None:
    """Writes Keras's outputs for the random images, which `verify` draws again.

    A digest of the images tells whether another version of NumPy draws different ones.

    Args:
        path: the file, of `numpy.savez`.
        reference: for artifacts that take model inputs.
        raw_reference: for artifacts that apply the preprocessing themselves, or None.
    """
    arrays: dict[str, Any] = {}
    for kind, entry in (("inputs", reference), ("raw", raw_reference)):
        if entry is not None:
            arrays[f"{kind}_digest"] = np.array(digest_of(entry.batches[-len(BATCHES) :]))
            for index, output in enumerate(entry.outputs[-len(BATCHES) :]):
                arrays[f"{kind}_{index}"] = output
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def digest_of(batches: Sequence[Any]) -> str:
    """Returns the SHA-256 of the bytes of some arrays."""
    digest = hashlib.sha256()
    for batch in batches:
        digest.update(np.ascontiguousarray(batch).tobytes())
    return digest.hexdigest()


def write_manifest(directory: Path) -> None:
    """Writes the size and SHA-256 of every file below `directory` into manifest.json there."""
    files = {
        path.relative_to(directory).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256_file(path),
        }
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    write_json(directory / MANIFEST, {"kerascnn": __version__, "files": files})


def foreign_files(directory: str | os.PathLike[str]) -> list[str]:
    """Returns the files below `directory` that its manifest does not list."""
    directory = Path(directory)
    try:
        listed = {MANIFEST, *json.loads((directory / MANIFEST).read_text("utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        listed = set()
    files = (p.relative_to(directory).as_posix() for p in directory.rglob("*") if not p.is_dir())
    return sorted(name for name in files if name not in listed)
