"""Finds the file that a tag, "imagenet", a URL or a path stands for, and downloads it if needed."""

from __future__ import annotations

import hashlib
import os
import re
import urllib.parse
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.errors import MismatchError, UsageError
from kerascnn.fileio.cache import home
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import Variant, model_info
from kerascnn.models.request import Request
from kerascnn.published.catalogue import (
    BY_TAG,
    DEFAULT,
    LISTED,
    checkpoints,
    published,
    suggestion,
)
from kerascnn.published.record import Published
from kerascnn.weights.download.digests import Digest
from kerascnn.weights.download.fetch import check_url, fetch
from kerascnn.weights.formats.tf_checkpoint import index_file

if TYPE_CHECKING:
    import keras

SourceLike = str | os.PathLike[str]

PUBLISHERS = {record.source for record in checkpoints()}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Source:
    """A local file of weights, and its record in the catalogue if it is published.

    Args:
        path: the file.
        published: the record of the published checkpoint; None for other files.
    """

    path: Path
    published: Published | None = None

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The class names of a published checkpoint; None for other files."""
        return None if self.published is None else self.published.class_names


def cache_path(record: Published) -> Path:
    """Returns the path in the cache to which a published file is downloaded."""
    return home() / "weights" / record.source / record.file


def locate(source: SourceLike, row: str | None = None) -> Path:
    """Returns the file that a source stands for, and downloads it if it is not in the cache.

    Args:
        source: a path, an https address (which may end in #sha256=...), a tag of
            `kerascnn weights list`, or "imagenet". The path of a checkpoint of TensorFlow may be
            its prefix, and that of a SavedModel its folder.
        row: the architecture, for "imagenet".

    Raises:
        UsageError: the source stands for no file.
        DownloadError: the file is not in the cache and cannot be downloaded.
        DamagedFileError: the downloaded file has another digest than the published one.
        UnsafeFileError: the address is not https, or other users can write to the cache.
    """
    return _located(source, row).path


def is_source(source: object) -> bool:
    """Returns whether a source is "imagenet", a tag, an address, or a path of an existing file."""
    if not isinstance(source, str | os.PathLike):
        return False
    text = os.fspath(source)
    return text == DEFAULT or text in BY_TAG or bool(_URL.match(text)) or os.path.lexists(text)


def for_model(source: SourceLike, model: keras.Model) -> Source:
    """Returns the file that a source stands for; errors as `locate` and `for_request`."""
    origin = provenance(model)
    if origin is None:
        return _located(source, None)
    return for_request(source, model_info(origin.name), Request.of(origin.arguments))


def with_published_columns(source: SourceLike, variant: Variant, request: Request) -> Request:
    """Returns the request with the columns that a published checkpoint needs.

    Columns that the request sets are unchanged; `for_request` refuses them if they do not fit.
    """
    record = _record(source, variant.name)
    if record is None or record.row != variant.name:
        return request
    return replace(request, columns={**record.arguments, **request.columns})


def for_request(source: SourceLike, variant: Variant, request: Request) -> Source:
    """Returns the file that a source stands for, for a network that is not built yet.

    Raises:
        MismatchError: the published checkpoint is of another network, even if its tensors fit.
        UsageError: the model would include another preprocessing than the weights need.
    """
    record = _record(source, variant.name)
    if record is not None:
        _check(record, variant, request)
    return _located(source, variant.name)


def _record(source: SourceLike, row: str | None) -> Published | None:
    if isinstance(source, str) and (source == DEFAULT or source in BY_TAG):
        return published(source, row)
    return None


def _located(source: SourceLike, row: str | None) -> Source:
    if not isinstance(source, str | os.PathLike):
        raise UsageError(
            f"weights must be a path, an address, a tag such as torchvision/resnet50.v2, or "
            f"{DEFAULT!r}; got {source!r}"
        )
    record = _record(source, row)
    if record is not None:
        digest = Digest(record.sha256, record.md5)
        return Source(fetch(record.url, cache_path(record), digest), record)
    text = os.fspath(source)
    if _URL.match(text):
        return Source(_fetch_url(text))
    index = index_file(text)  # of a checkpoint of TensorFlow, which may be given by its prefix
    if index is not None:
        return Source(index)
    if text.partition("/")[0] in PUBLISHERS and not os.path.lexists(text):
        published(text)  # raises an error that suggests similar tags
    others = LISTED if row is None else f"{LISTED}; for {row}: {_tags(row)}"
    if isinstance(source, str) and not Path(text).suffix and not os.path.lexists(text):
        raise UsageError(
            f"{text[:100]!r} is neither a file nor a tag of published weights; "
            + suggestion(text, [DEFAULT, *BY_TAG], others)
        )
    return Source(Path(source))


def _fetch_url(url: str) -> Path:
    """Downloads a file that is not published to a folder whose name is a hash of the address."""
    check_url(url)
    address, _, fragment = url.partition("#")
    name, _, sha256 = fragment.partition("=")
    if fragment and (name != "sha256" or not re.fullmatch("[0-9a-fA-F]{8,64}", sha256)):
        raise UsageError(
            f"after the # of an address only sha256=... is allowed, got {fragment[:80]!r}"
        )
    path = urllib.parse.unquote(urllib.parse.urlsplit(address).path)
    file = _NOT_IN_FILE_NAMES.sub("_", path.rpartition("/")[2]).lstrip(".")[-100:]
    if not file:
        raise UsageError(f"{url[:100]!r} names no file")
    folder = hashlib.sha256(address.encode()).hexdigest()[:12]
    return fetch(address, home() / "weights" / "url" / folder / file, Digest(sha256=sha256 or None))


def _check(record: Published, variant: Variant, request: Request) -> None:
    """Raises MismatchError or UsageError if a published checkpoint does not fit a request."""
    if record.row != variant.name:
        raise MismatchError(
            f"{record.tag} is of {record.row}, and this is {variant.name}; build {record.row}, or "
            f"take weights of {variant.name}: {_tags(variant.name)}"
        )
    row = variant.columns(request.columns)
    differing = {
        key: value for key, value in record.arguments.items() if getattr(row, key) != value
    }
    if differing:
        arguments = ", ".join(f"{key}={value!r}" for key, value in differing.items())
        raise MismatchError(
            f"{record.tag} is of {variant.name} with {arguments}; give the builder these arguments"
        )
    if request.include_preprocessing and _values(record.preprocessing) != _values(
        variant.preprocessing
    ):
        raise UsageError(
            f"include_preprocessing=True scales pixels as {variant.name} does, and {record.tag} "
            "needs another scaling; leave it out: predict, evaluate and train apply the "
            "preprocessing of the weights"
        )


def _tags(row: str) -> str:
    return ", ".join(record.tag for record in checkpoints(row)) or "none are published"


def _values(preprocessing: Preprocessing) -> tuple[object, ...]:
    """Returns what preprocessing does to pixel values, without the resizing."""
    return preprocessing.channels, preprocessing.affine()
