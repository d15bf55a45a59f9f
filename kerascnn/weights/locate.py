"""What a user gives as weights - a tag, "imagenet", a URL or a path - brought to a file."""

from __future__ import annotations

import difflib
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
from kerascnn.models.registry import Variant, model_info
from kerascnn.models.request import Request, provenance
from kerascnn.models.signature import adopt
from kerascnn.published.catalogue import BY_TAG, DEFAULT, checkpoints, published
from kerascnn.published.record import Published
from kerascnn.weights.download.digests import Digest
from kerascnn.weights.download.fetch import check_url, fetch

if TYPE_CHECKING:
    import keras

SourceLike = str | os.PathLike[str]

PUBLISHERS = {one.source for one in checkpoints()}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Source:
    """A file of weights at hand, and what its publisher says of it."""

    path: Path
    published: Published | None = None

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """The classes of the file, if it is published."""
        return None if self.published is None else self.published.class_names

    def adopt(self, model: keras.Model) -> None:
        """Lets a model that has taken these weights know its preprocessing and classes."""
        if self.published is not None:
            adopt(model, self.published.preprocessing, self.published.class_names)


def place(record: Published) -> Path:
    """Returns where a published file lies once it has been fetched."""
    return home() / "weights" / record.source / record.file


def locate(source: SourceLike, row: str | None = None) -> Path:
    """Returns the file that a source means; what is published is fetched, once.

    Args:
        source: a path, an https address (a SHA-256 may follow it: #sha256=...), a tag of
            `kerascnn weights list`, or "imagenet".
        row: the architecture, for "imagenet".

    Raises:
        UsageError: no weights are called so.
        DownloadError: the file is not in the cache and cannot be fetched.
        DamagedFileError: what came is not what was published.
        UnsafeFileError: the address is not https, or the cache not private.
    """
    return _located(source, row).path


def for_model(source: SourceLike, model: keras.Model) -> Source:
    """Returns the file that a source means, if what is published is of this model's network."""
    origin = provenance(model)
    if origin is None:
        return _located(source, None)
    return for_request(source, model_info(origin.name), Request.of(origin.arguments))


def completed(source: SourceLike, variant: Variant, request: Request) -> Request:
    """Returns the request with the columns that a published checkpoint needs, where none is given.

    A column that is given otherwise stays as it is, for `for_request` to refuse.
    """
    record = _record(source, variant.name)
    if record is None or record.row != variant.name:
        return request
    return replace(request, columns={**record.arguments, **request.columns})


def for_request(source: SourceLike, variant: Variant, request: Request) -> Source:
    """Returns the file that a source means for a network that is not built yet.

    Raises:
        MismatchError: what is published is of another network, though its tensors may fit.
        UsageError: the model would prepare images otherwise than these weights need.
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
        return Source(fetch(record.url, place(record), digest), record)
    text = os.fspath(source)
    if _URL.match(text):
        return Source(_fetched(text))
    if text.partition("/")[0] in PUBLISHERS and not os.path.lexists(text):
        published(text)  # which names the nearest
    if isinstance(source, str) and not Path(text).suffix and not os.path.lexists(text):
        near = difflib.get_close_matches(text, [DEFAULT, *BY_TAG], 3)
        raise UsageError(
            f"{text[:100]!r} is neither a file nor a tag of published weights; "
            + (f"the nearest are: {', '.join(near)}" if near else "see `kerascnn weights list`")
        )
    return Source(Path(source))


def _fetched(url: str) -> Path:
    """Fetches what is not in the catalogue to a place of its own, named by the whole address."""
    check_url(url)
    address, _, fragment = url.partition("#")
    name, _, sha256 = fragment.partition("=")
    if fragment and (name != "sha256" or not re.fullmatch("[0-9a-fA-F]{8,64}", sha256)):
        raise UsageError(f"after the # of an address may come sha256=..., got {fragment[:80]!r}")
    path = urllib.parse.unquote(urllib.parse.urlsplit(address).path)
    file = _NOT_IN_A_NAME.sub("_", path.rpartition("/")[2]).lstrip(".")[-100:]
    if not file:
        raise UsageError(f"{url[:100]!r} names no file")
    folder = hashlib.sha256(address.encode()).hexdigest()[:12]
    return fetch(address, home() / "weights" / "url" / folder / file, Digest(sha256=sha256 or None))


def _check(record: Published, variant: Variant, request: Request) -> None:
    if record.row != variant.name:
        raise MismatchError(
            f"{record.tag} is of {record.row}, and this is {variant.name}; build that, or take "
            f"weights of {variant.name}: {_tags(variant.name)}"
        )
    row = variant.columns(request.columns)
    lacking = {key: value for key, value in record.arguments.items() if getattr(row, key) != value}
    if lacking:
        wanted = ", ".join(f"{key}={value!r}" for key, value in lacking.items())
        raise MismatchError(
            f"{record.tag} is of {variant.name} with {wanted}; give the builder these arguments"
        )
    if request.include_preprocessing and _values(record.preprocessing) != _values(
        variant.preprocessing
    ):
        raise UsageError(
            f"include_preprocessing=True scales pixels as {variant.name} does, and {record.tag} "
            "needs them otherwise; leave it out: predict, evaluate and train prepare images as "
            "the weights need them"
        )


def _tags(row: str) -> str:
    return ", ".join(one.tag for one in checkpoints(row)) or "none are published"


def _values(preprocessing: Preprocessing) -> tuple[object, ...]:
    return preprocessing.channels, preprocessing.affine()
