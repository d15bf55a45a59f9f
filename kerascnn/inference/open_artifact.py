"""Files for other runtimes as classifiers, whoever wrote them.

What `export` wrote carries class names and preprocessing; of others the input's shape is all that
is known.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from kerascnn.errors import DamagedFileError, MismatchError, UnsafeFileError, UsageError
from kerascnn.fileio.untrusted import named, open_regular, reading
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.inference.classifier import Classifier, Scores
from kerascnn.lazy import np, tf
from kerascnn.models.request import ImageShape
from kerascnn.runtimes import load as runtimes
from kerascnn.runtimes.contract import OUTPUT
from kerascnn.runtimes.openvino_graphs import float_activations

if TYPE_CHECKING:
    import numpy as np
    import tensorflow as tf

LARGEST = 2**31
"""Bytes of an ONNX or LiteRT file: what their formats can hold."""
_METADATA = ("class_names", "preprocessing", "input", "precision")
_LARGEST_METADATA = 2**24
_TOLERANCE = 1e-4
"""As of `export`."""
_PASSING = ("Identity", "Cast")
_ANY_SIZE = 224


def open_onnx(
    path: Path, *, runtime: str = "onnxruntime", threads: int | None = None
) -> Classifier:
    """Opens an ONNX file, on the CPU.

    A softmax at its end is left out, so that losses are exact.

    Args:
        path: the file.
        runtime: "onnxruntime" or "openvino".
        threads: to compute with; None for as many as there are processors.

    Raises:
        UnsafeFileError: its weights lie in other files.
        DamagedFileError: it is truncated or corrupt.
        MismatchError: it does not map one batch of images to one row of scores each.
        UsageError: the runtime is not installed.
    """
    import onnx

    if runtime not in ("onnxruntime", "openvino"):
        raise UsageError(f"{runtime} reads no ONNX file; choose onnxruntime or openvino")
    with open_regular(path, limit=LARGEST) as stream:
        content = stream.read()
    with reading(f"{named(path)} is no complete ONNX file"):
        model = onnx.load_model_from_string(content)
        metadata = {one.key: json.loads(one.value) for one in _ours(model.metadata_props)}
    _refuse_other_files(model, path)
    return _of_onnx(model, path, metadata, runtime, threads)


def _of_onnx(
    model: Any, path: Path, metadata: Mapping[str, Any], runtime: str, threads: int | None
) -> Classifier:
    import onnx

    runtimes.require(runtime)
    before = _before_softmax(model.graph)
    if before is not None:
        model.graph.output.append(onnx.ValueInfoProto(name=before))
    if runtime == "openvino":
        float_activations(model.graph)
    content = model.SerializeToString()
    load = runtimes.load_openvino if runtime == "openvino" else runtimes.load_onnxruntime
    with reading(f"{named(path)} cannot be run by {runtime}"):
        loaded = load(content, before, threads)
    return _loaded(path, runtime, loaded, metadata, logits=True if before else None)


def open_openvino(path: Path, *, threads: int | None = None) -> Classifier:
    """Opens an OpenVINO model, the .xml file beside its .bin file, on the CPU.

    Raises: as `open_onnx`.
    """
    runtimes.require("openvino")
    for part in (path, path.with_suffix(".bin")):
        with open_regular(part):
            pass
    with reading(f"{named(path)} is no complete OpenVINO model"):
        loaded = runtimes.load_openvino(path, None, threads)
        found = ElementTree.parse(path).find("rt_info/kerascnn")
        entries = [] if found is None else list(found)
        metadata = {
            one.tag: json.loads(one.get("value", "")) for one in entries if one.tag in _METADATA
        }
    return _loaded(path, "openvino", loaded, metadata, logits=None)


def open_litert(path: Path, *, threads: int | None = None) -> Classifier:
    """Opens a LiteRT (TensorFlow Lite) file, whose metadata is an archive behind the model.

    Raises: as `open_onnx`.
    """
    from kerascnn.runtimes.contract import LITERT_METADATA

    runtimes.require("litert")
    with open_regular(path, limit=LARGEST) as stream:
        content = stream.read()
    metadata: dict[str, Any] = {}
    with reading(f"the metadata of {named(path)} is damaged"):
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if archive.getinfo(LITERT_METADATA).file_size > _LARGEST_METADATA:
                    raise DamagedFileError(f"the metadata of {named(path)} is larger than any")
                metadata = json.loads(archive.read(LITERT_METADATA))
    with reading(f"{named(path)} is no complete LiteRT file"):
        loaded = runtimes.load_litert(content, threads)
    return _loaded(path, "litert", loaded, metadata, logits=None)


def _loaded(
    path: Path,
    runtime: str,
    loaded: runtimes.Loaded,
    metadata: Mapping[str, Any],
    *,
    logits: bool | None,
) -> Classifier:
    """Turns what a runtime has loaded into a classifier of images with the channels last."""
    said = metadata.get("input")
    said = said if isinstance(said, dict) else {}
    sizes, kind = loaded.sizes, loaded.dtype
    if kind not in ("float32", "float16", "uint8"):
        raise MismatchError(f"{named(path)} takes images of {kind}; it must take float or uint8")
    # Images have few channels and many columns, which tells the two layouts apart.
    likely = sizes[0] in (1, 3) and sizes[2] not in (1, 3)
    first = said["layout"] == "nchw" if "layout" in said else likely
    channels, height, width = sizes if first else (sizes[2], *sizes[:2])

    def scores_by(run: Callable[[np.ndarray], np.ndarray]) -> Scores:
        def scores(batch: np.ndarray) -> np.ndarray:
            batch = np.moveaxis(batch, -1, 1) if first else batch
            batch = np.rint(batch) if kind == "uint8" and batch.dtype.kind == "f" else batch
            return np.asarray(run(np.ascontiguousarray(batch, kind)), np.float32)

        return scores

    def later(make: Callable[[], Callable[[np.ndarray], np.ndarray]]) -> Callable[[], Scores]:
        return lambda: scores_by(make())

    shape = (height, width, channels)
    classifier = _classifier(path, scores_by(loaded.run), shape, metadata, logits=logits)
    return replace(
        classifier,
        runtime=runtime,
        precision=str(metadata.get("precision", "float32")),
        half=None if loaded.half is None else later(loaded.half),
    )


def _inside(metadata: Mapping[str, Any]) -> bool:
    """Tells whether the artifact prepares its images itself."""
    said = metadata.get("input")
    return isinstance(said, dict) and said.get("preprocessed") is False


def _ours(properties: Any) -> list[Any]:
    return [one for one in properties if one.key in _METADATA]


def _refuse_other_files(model: Any, path: Path) -> None:
    """Raises UnsafeFileError when a tensor is kept in another file, which may be any file."""
    import onnx

    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            raise UnsafeFileError(
                f"{named(path)} keeps its weights in other files, which is refused; store them "
                "inside: onnx.save(onnx.load(path), new_path)"
            )


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner) if inner.node or inner.initializer else ()


def _before_softmax(graph: Any) -> str | None:
    """Returns the name of what the softmax at a graph's end is taken of, if there is one."""
    makers = {output: node for node in graph.node for output in node.output}
    node = makers.get(graph.output[0].name) if graph.output else None
    while node is not None and node.op_type in _PASSING:
        node = makers.get(node.input[0])
    if node is None or node.op_type != "Softmax" or node.domain not in ("", "ai.onnx"):
        return None
    return str(node.input[0])


def open_savedmodel(path: Path, *, trust: bool) -> Classifier:
    """Opens a SavedModel's serving signature.

    Its probabilities are those of float32, so that the loss of an answer that is wrong and very
    sure is at most 87.

    Raises:
        UnsafeFileError: `trust` is false.
        DamagedFileError: it is truncated or corrupt.
        MismatchError: it does not map one batch of images to one row of scores each.
    """
    from kerascnn.runtimes.contract import SAVEDMODEL_METADATA, SIGNATURE

    if not trust:
        raise UnsafeFileError(
            f"{named(path)} is a SavedModel: a program, which may do anything that you may. If you "
            "trust whoever made it, say so with --trust (trust=True), or take the ONNX file"
        )
    with reading(f"{named(path)} is no complete SavedModel"):
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures[SIGNATURE]
        metadata = {}
        if (path / SAVEDMODEL_METADATA).exists():
            with open_regular(path / SAVEDMODEL_METADATA, limit=_LARGEST_METADATA) as stream:
                metadata = json.load(stream)
    specs = signature.structured_input_signature[1]
    outputs = signature.structured_outputs
    if len(specs) != 1 or next(iter(specs.values())).shape.rank != 4:
        raise MismatchError(f"{named(path)} takes {specs}; it must take one batch of images"[:400])
    ((key, spec),) = specs.items()
    output = OUTPUT if OUTPUT in outputs else next(iter(outputs))

    def scores(batch: np.ndarray) -> np.ndarray:
        # `loaded` is kept alive by this line: its variables die with it.
        answer = loaded.signatures[SIGNATURE](**{key: tf.cast(batch, spec.dtype)})[output]
        return tf.cast(answer, tf.float32).numpy()

    height, width, channels = spec.shape[1:].as_list()
    return _classifier(path, scores, (height, width, channels), metadata, logits=None)


def _classifier(
    path: Path,
    scores: Callable[[np.ndarray], np.ndarray],
    image_shape: tuple[int | None, int | None, int | None],
    metadata: Mapping[str, Any],
    *,
    logits: bool | None,
) -> Classifier:
    """Makes the classifier after a look at its answer to one image.

    Args:
        logits: None where the answer has to tell: scores that are probabilities add up to 1.
    """
    height, width, channels = image_shape
    if channels is None:
        raise MismatchError(f"{named(path)} does not say how many channels its images have")
    shape: ImageShape = (height, width, channels)
    with reading(f"the metadata of {named(path)} is damaged"):
        names = metadata.get("class_names")
        names = None if names is None else tuple(map(str, names))
        record = metadata.get("preprocessing")
        preprocessing = None if record is None else Preprocessing.from_json(record)
        if preprocessing is not None and _inside(metadata):
            kind = "grey" if channels == 1 else "rgb"
            preprocessing = Preprocessing(size=None, channels=kind, scale=1.0)
    default = preprocessing.size if preprocessing is not None else None
    sides = default or (_ANY_SIZE, _ANY_SIZE)
    image = np.zeros((1, height or sides[0], width or sides[1], channels), np.float32)
    answer = scores(image)
    if answer.ndim != 2:
        raise MismatchError(
            f"{named(path)} gives an output of shape {answer.shape} for one image; it must give "
            "one row of class scores (batch, classes)"
        )
    if names is not None and len(names) != answer.shape[1]:
        raise DamagedFileError(
            f"{named(path)} names {len(names)} classes and gives {answer.shape[1]} scores"
        )
    if logits is None:
        likely = bool((answer >= 0).all()) and abs(float(answer.sum()) - 1) < 1e-3
        logits = not likely
    return Classifier(
        name=named(path),
        scores=scores,
        logits=logits,
        image_shape=shape,
        classes=answer.shape[1],
        class_names=names,
        preprocessing=preprocessing,
    )
