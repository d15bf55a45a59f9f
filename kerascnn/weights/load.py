"""`load_weights`: any file of weights into a model, by name, all or nothing, with a true report."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from kerascnn.errors import DamagedFileError, UsageError
from kerascnn.fileio.untrusted import named, quoted
from kerascnn.imaging.preprocessing import Preprocessing
from kerascnn.models.signature import adopt
from kerascnn.weights import file_metadata
from kerascnn.weights.assign import assign, fresh_values
from kerascnn.weights.fit import Classes, Fitter, Step
from kerascnn.weights.formats.byte_range import volume
from kerascnn.weights.formats.checkpoint import Checkpoint, naming, open_checkpoint
from kerascnn.weights.identify import identify
from kerascnn.weights.load_report import MESSAGE_LIMIT, Adaptation, LoadError, LoadReport
from kerascnn.weights.locate import for_model
from kerascnn.weights.match_names import Match, best_match, find_source, match_order
from kerascnn.weights.name_maps.types import OURS
from kerascnn.weights.read_values import SMALL, Values
from kerascnn.weights.target import AUXILIARY, Target

if TYPE_CHECKING:
    import keras
    import numpy

HEADS = ("auto", "keep", "overlap", "strict")
MATCHES = ("name", "order")
RECOGNISED = 0.5
"""Part of the variables that a naming has to find before it is believed."""
LIKELY = 0.9
"""Part of a row's and a file's tensors that have to agree before the file is said to be of it."""
SCALING = re.compile(r"normalization(_\d+)?/")
"""Names of Keras's layer that scales pixels, in EfficientNet: here that is preprocessing."""
WORKERS = min(4, os.cpu_count() or 1)
PART = 2**23
"""Bytes that a thread takes on at once: few enough that none waits long for another."""


def load_weights(
    model: keras.Model,
    source: str | os.PathLike[str],
    *,
    head: str = "auto",
    strict: bool | float = True,
    match: str = "name",
    class_names: Sequence[str] | None = None,
    source_class_names: Sequence[str] | None = None,
) -> LoadReport:
    """Loads a file of weights into a model, by the names of its tensors.

    Reads .weights.h5, .keras, Keras 2 .h5, PyTorch .pth/.pt/.th/.pkl, .safetensors, .npz and .onnx,
    with our names or those of torchvision, timm and keras.applications. Nothing of the file is run,
    and the model changes only when everything fits.

    Args:
        model: a model of `create_model`, or any flat functional model whose layers the file names.
        source: the file: a path, an https address, a tag of `kerascnn weights list`, or "imagenet".
        head: when the file's classifier has other classes: "auto" gives the model's a fresh start,
            "keep" leaves it as it is, "overlap" copies the classes both name, "strict" refuses.
        strict: True demands everything but a replaced head, and nothing left over; a number from 0
            to 1 is the part of the model's values that must load; False accepts anything.
        match: "name", or "order" for foreign names whose tensors follow the model's order.
        class_names: of the model, for head="overlap".
        source_class_names: of the file, for head="overlap"; a file of `save_weights` may have its
            own, and what is published has.

    Returns:
        The `LoadReport`.

    Raises:
        UsageError: an argument is unknown.
        LoadError: the file does not fit; its `report` lists all that differs.
        DamagedFileError: the file is truncated or corrupt, or has a value that is not finite.
        UnsafeFileError: the file asks for more than tensors.
        DownloadError: the file cannot be fetched.
    """
    _check_arguments(head, strict, match)
    found = for_model(source, model)
    with open_checkpoint(found.path) as checkpoint:
        loader = _Loader(checkpoint, Target.of(model), match, strict)
        report = loader.load(head, class_names, source_class_names or found.class_names)
    found.adopt(model)
    model.kerascnn_load_report = report
    return report


def load_open(checkpoint: Checkpoint, model: keras.Model) -> LoadReport:
    """Loads a file of ours that is open already, all of it; errors as `load_weights`."""
    return _Loader(checkpoint, Target.of(model), "name", True).load("strict", None, None)


def _check_arguments(head: str, strict: bool | float, match: str) -> None:
    if head not in HEADS:
        raise UsageError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
    if match not in MATCHES:
        raise UsageError(f"match must be one of {', '.join(MATCHES)}, got {match!r}")
    if not isinstance(strict, bool | int | float) or not 0 <= strict <= 1:
        raise UsageError(f"strict must be True, False or a part from 0 to 1, got {strict!r}")


class _Loader:
    """One load: matched, judged, read, assigned, in this order."""

    def __init__(
        self, checkpoint: Checkpoint, target: Target, match: str, strict: bool | float
    ) -> None:
        self.checkpoint, self.target, self.strict = checkpoint, target, strict
        with naming(checkpoint.path):
            self.record = file_metadata.opened(checkpoint.metadata)
        self.match = self._by_order() if match == "order" else self._by_name()
        ours = self.match.source == OURS
        self.digests = self.record.get(file_metadata.DIGESTS, {}) if ours else {}

    def load(
        self, head: str, ours: Sequence[str] | None, theirs: Sequence[str] | None
    ) -> LoadReport:
        classes = Classes(head, ours, theirs or self.record.get("class_names"))
        fitter = Fitter(self.checkpoint, self.target, self.match, classes)
        steps = fitter.steps()
        headless = [] if head == "strict" else _without_head(self.target, self.match.missing)
        fitter.replaced += headless
        self._check(fitter, steps, headless)
        arrays, notes = self._values(steps)
        self.checkpoint.unchanged()
        if head != "keep":
            arrays.update(fresh_values(self.target, fitter.replaced))
        preprocessing = self._preprocessing()
        done = threading.Event()
        report = self._report(fitter, steps, headless, notes, self.checkpoint.digest(done))
        try:
            assign(self.target, arrays)
        finally:
            done.set()
        adopt(self.target.model, preprocessing, self.record.get("class_names"))
        return report

    def _values(self, steps: list[Step]) -> tuple[dict[str, numpy.ndarray], dict[str, list[str]]]:
        """Returns new values by name, and what was done to each."""
        values = Values(self.checkpoint, self.target, self.match, self.digests)
        small, parts = self._parts(steps)
        with _pool() as start:
            # Small tensors are work for Python, large ones for the memory: both at once.
            waited = [(part, start(values.of, part)) for part in parts]
            found = dict(zip([step.name for step in small], values.of(small), strict=True))
            for part, made in waited:
                found |= zip([step.name for step in part], made.result(), strict=True)
        return (
            {step.name: found[step.name][0] for step in steps},
            {step.name: found[step.name][1] for step in steps},
        )

    def _parts(self, steps: list[Step]) -> tuple[list[Step], list[list[Step]]]:
        """Returns the steps of small tensors, and the others in runs of at least `PART` bytes."""
        small: list[Step] = []
        parts: list[list[Step]] = []
        room = 0
        for step in steps:
            size = self.checkpoint.tensors[step.key].nbytes
            if size <= SMALL:
                small.append(step)
                continue
            if room <= 0:
                parts.append([])
                room = PART
            parts[-1].append(step)
            room -= size
        return small, parts

    def _preprocessing(self) -> Preprocessing | None:
        """Returns how images were prepared for the tensors of a file of ours."""
        if "preprocessing" not in self.record:
            return None
        try:
            return Preprocessing.from_json(self.record["preprocessing"])
        except UsageError as error:
            path = named(self.checkpoint.path)
            raise DamagedFileError(f"{path}: its record is of another version: {error}") from error

    def _by_order(self) -> Match:
        found = match_order(self.checkpoint.contents, self.target.wanted)
        if isinstance(found, str):
            raise self._error(f"cannot be matched in order with {self.target.model.name}: {found}")
        return found

    def _by_name(self) -> Match:
        tensors, target = self.checkpoint.tensors, self.target
        found = best_match(tensors, target.wanted, target.family)
        if found.fraction(target.wanted) < RECOGNISED:
            first = ", ".join(quoted(name) for name in list(tensors)[:3])
            raise self._error(
                f"{len(found.keys)} of {len(target.variables)} tensors of {target.model.name} "
                f"found by name; the file begins with {first}",
                advice="if its tensors follow the model's order, try match='order'",
            )
        return found

    def _check(self, fitter: Fitter, steps: list[Step], headless: list[str]) -> None:
        """Raises LoadError where the file is not all that `strict` asks for."""
        report = self._report(fitter, steps, headless, {}, None)
        name = self.target.model.name
        if report.mismatched:
            raise self._differing(report, [str(one) for one in report.mismatched])
        if self.strict is True:
            left = [*(f"missing {one}" for one in report.missing)]
            left += [f"unexpected {quoted(one)}" for one in report.unexpected]
            if left:
                raise self._differing(report, left, "strict=False loads the rest")
        elif report.fraction < self.strict:
            raise self._error(
                f"{report.fraction:.2%} of {name}'s values were found and strict={self.strict:g} "
                "asks for more",
                report,
            )

    def _differing(self, report: LoadReport, left: list[str], advice: str = "") -> LoadError:
        name = self.target.model.name
        text = f"does not fit {name}: {len(left)} tensors differ: {'; '.join(left[:2])}"
        return self._error(text + ("; …" if len(left) > 2 else ""), report, advice)

    def _error(self, text: str, report: LoadReport | None = None, advice: str = "") -> LoadError:
        """Returns the error, with the row that the file looks like, if it looks like one."""
        likely = identify(self.checkpoint.tensors, 1)
        made = f"{named(self.checkpoint.path)}: {text}"
        if likely and likely[0].fraction > LIKELY and likely[0].row not in self.target.model.name:
            advice = f"it looks like {likely[0].row} ({likely[0].source}): build that instead"
        room = MESSAGE_LIMIT - len(advice) - 2
        made = made if len(made) <= room else f"{made[: room - 1]}…"
        return LoadError(f"{made}; {advice}" if advice else made, report)

    def _report(
        self,
        fitter: Fitter,
        steps: list[Step],
        headless: list[str],
        notes: dict[str, list[str]],
        digest: Callable[[], str] | None,
    ) -> LoadReport:
        variables, match, path = self.target.variables, self.match, self.checkpoint.path
        changed = {name: "; ".join(how) for name, how in notes.items() if how}
        shapes = {step.name: self.checkpoint.tensors[step.key].shape for step in steps}
        adapted = [
            Adaptation(name, shapes[name], tuple(variables[name].shape), how)
            for name, how in changed.items()
        ]
        ignored = self._ignored() if match.unexpected else ()
        total = sum(volume(one.shape) for one in variables.values())
        return LoadReport(
            source=str(path),
            layout=match.source,
            container=self.checkpoint.contents.kind,
            digest=digest,
            verified=bool(notes) and all(step.name in self.digests for step in steps),
            loaded=tuple(name for name in notes if name not in changed),
            adapted=tuple(adapted),
            skipped=tuple(fitter.replaced),
            missing=tuple(name for name in match.missing if name not in headless),
            unexpected=tuple(key for key in match.unexpected if key not in ignored),
            ignored=ignored,
            mismatched=tuple(fitter.mismatched),
            fraction=sum(volume(variables[step.name].shape) for step in steps) / total,
        )

    def _ignored(self) -> tuple[str, ...]:
        """Returns the file's tensors that this model has no place for, and need not have."""
        target, unexpected = self.target, self.match.unexpected
        whole = find_source(
            self.checkpoint.tensors, target.whole(), target.family, self.match.source
        )
        known = set() if whole is None else {*whole.keys.values(), *whole.biases.values()}
        # Auxiliary heads help training; files of networks that have them bring them along.
        return tuple(
            key
            for key in unexpected
            if key in known
            or key.lower().startswith(AUXILIARY)
            or (self.match.style == "keras" and SCALING.match(key))
        )


def _without_head(target: Target, missing: Sequence[str]) -> list[str]:
    """Returns the missing variables that are the end of a head, or all of it."""
    found: list[str] = []
    lacking = set(missing)
    for head in target.heads:
        for layer in reversed(head):
            names = [f"{layer}/{variable}" for variable in target.wanted[layer].variables]
            if not lacking.issuperset(names):
                break
            found += names
    return found


@contextlib.contextmanager
def _pool() -> Iterator[Callable[..., Future[Any]]]:
    """Yields what starts a function in another thread; what has not begun is left at an error."""
    executor = ThreadPoolExecutor(WORKERS)
    try:
        yield executor.submit
    finally:
        executor.shutdown(cancel_futures=True)
