"""What travels with every artifact: the model's name, classes, preprocessing and versions."""

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
from kerascnn.models.request import provenance
from kerascnn.runtimes.contract import INPUT, OUTPUT
from kerascnn.version import __version__

if TYPE_CHECKING:
    import keras

    from kerascnn.exporting.common.equivalence import Questions
    from kerascnn.imaging.preprocessing import Preprocessing
    from kerascnn.runs.run import Run

MANIFEST = "manifest.json"
_PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")


@dataclass(frozen=True)
class Source:
    """A model and what is known about it; `run` is None for a model that was given as such."""

    model: keras.Model
    run: Run | None
    class_names: tuple[str, ...] | None
    preprocessing: Preprocessing | None

    def origin(self) -> dict[str, Any]:
        """Returns `name` and `arguments` that build the model again with `create_model`."""
        if self.run is not None:
            found = self.run.config["model"]
            name, arguments = found["name"], found["arguments"] or {}  # None for a foreign model
        else:
            record = provenance(self.model)
            name, arguments = (
                (self.model.name, {}) if record is None else (record.name, record.arguments)
            )
        # A weight file's path tells of the machine, and the weights are in the artifact.
        return {"name": name, "arguments": {k: v for k, v in arguments.items() if k != "weights"}}


def open_source(
    model_or_run: Any,
    class_names: Sequence[str] | None,
    preprocessing: Preprocessing | None,
) -> Source:
    """Opens a run or a path, whose class names and preprocessing count unless others are given."""
    from kerascnn.runs.run import as_run

    run = as_run(model_or_run)
    if run is None:
        names = None if class_names is None else tuple(class_names)
        return Source(model_or_run, None, names, preprocessing)
    return Source(
        model=run.load(),
        run=run,
        class_names=tuple(run.class_names if class_names is None else class_names),
        preprocessing=run.preprocessing if preprocessing is None else preprocessing,
    )


def describe(source: Source, network: Network) -> dict[str, Any]:
    """Returns the metadata; nothing in it tells of the machine, its user or its directories.

    Raises:
        MismatchError: the class names or the preprocessing do not fit the model.
    """
    names, preprocessing = source.class_names, source.preprocessing
    if names is not None and len(names) != network.classes:
        raise MismatchError(
            f"{len(names)} class names for a model with {network.classes} outputs; give one name "
            "for each output, in their order"
        )
    sides = zip(
        network.image_shape[:2], (preprocessing and preprocessing.size) or (None, None), strict=True
    )
    if any(None not in (side, made) and side != made for side, made in sides):
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
        "input": {
            "name": INPUT,
            "shape": ["batch", *network.image_shape],
            "dtype": network.dtype,
            "model_shape": list(network.image_shape),
        },
        "output": {"name": OUTPUT, "shape": ["batch", *network.model.outputs[0].shape[1:]]},
        "versions": {"kerascnn": __version__, **{name: version(name) for name in _PACKAGES}},
    }


def _training(run: Run | None) -> dict[str, Any] | None:
    """Returns what a training run tells of itself that has no path in it."""
    if run is None:
        return None
    config = run.config
    recorded: dict[str, Any] = {
        key: config[key] for key in ("seed", "epochs", "precision") if key in config
    }
    data = {k: config["data"][k] for k in ("fingerprint", "split") if k in config["data"]}
    recipe = config.get("recipe")
    return {**recorded, "data": data, "recipe": recipe.get("name") if recipe else None}


def for_format(metadata: dict[str, Any], form: Any, options: Any) -> dict[str, Any]:
    """Returns the metadata of one artifact: what its own input takes, and its precision."""
    described = {**metadata, "precision": form.precision}
    if form.module in ("onnx_format", "openvino_format"):
        entry = {**metadata["input"], "layout": options.layout}
        if options.preprocess:
            entry.update(preprocessed=False, dtype="uint8")
        described["input"] = entry
    return described


def write_answers(path: Path, questions: Questions, raw: Questions | None) -> None:
    """Writes Keras's answers to the random images, which `verify` can draw again.

    A digest of the images tells whether another version of NumPy draws others.
    """
    arrays: dict[str, Any] = {}
    for kind, asked in (("inputs", questions), ("raw", raw)):
        if asked is not None:
            arrays[f"{kind}_digest"] = np.array(digest_of(asked.batches[-len(BATCHES) :]))
            for place, answer in enumerate(asked.answers[-len(BATCHES) :]):
                arrays[f"{kind}_{place}"] = answer
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def digest_of(batches: Sequence[Any]) -> str:
    """Returns the SHA-256 of some arrays' bytes."""
    found = hashlib.sha256()
    for batch in batches:
        found.update(np.ascontiguousarray(batch).tobytes())
    return found.hexdigest()


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
    """Returns the files below `directory` that the manifest of an earlier export does not list."""
    directory = Path(directory)
    try:
        known = {MANIFEST, *json.loads((directory / MANIFEST).read_text("utf-8"))["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        known = set()
    files = (p.relative_to(directory).as_posix() for p in directory.rglob("*") if not p.is_dir())
    return sorted(name for name in files if name not in known)
