"""`load_weights`: loads a file of weights into a model, all tensors or none, and reports it."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from kerascnn.errors import UsageError
from kerascnn.fileio.untrusted import named, quoted
from kerascnn.models.provenance import provenance
from kerascnn.models.registry import model_info
from kerascnn.models.request import Request
from kerascnn.weights import file_metadata, outer_layers
from kerascnn.weights.adopt_file import UNKNOWN, origin_of
from kerascnn.weights.advice import advice as tried_advice
from kerascnn.weights.assign import assign, fresh_values
from kerascnn.weights.choose_part import Choice, chosen, other_tables
from kerascnn.weights.fit import Classes, Fitter, Step
from kerascnn.weights.formats.byte_range import volume
from kerascnn.weights.formats.checkpoint import Checkpoint, naming, open_checkpoint
from kerascnn.weights.load_report import MESSAGE_LIMIT, Adaptation, LoadError, LoadReport
from kerascnn.weights.locate import Source, for_model
from kerascnn.weights.match_names import (
    ORDER,
    RECOGNISED,
    Match,
    find_source,
    match_order,
)
from kerascnn.weights.name_maps.layout import OURS
from kerascnn.weights.read_in_threads import read_all
from kerascnn.weights.read_values import Values
from kerascnn.weights.running_numbers import nameless
from kerascnn.weights.source_network import (
    Finding,
    check,
    described_network,
    find_network,
    unknown_network,
)
from kerascnn.weights.target_model import AUXILIARY, TargetModel

if TYPE_CHECKING:
    import keras
    import numpy

    from kerascnn.published.record import Published

HEADS = ("auto", "keep", "overlap", "strict")
MATCHES = ("name", "order")
SCALING = re.compile(r"normalization(_\d+)?/")
"""Tensors of the layer that scales pixels in Keras's EfficientNet; here preprocessing does that."""
NAMELESS = (
    "its layers have no names, as in files of older versions of Keras 3; load it into its own "
    "model with Keras and save that again"
)


def load_weights(
    model: keras.Model,
    source: str | os.PathLike[str],
    *,
    head: str = "auto",
    strict: bool | float = True,
    match: str = "name",
    class_names: Sequence[str] | None = None,
    source_class_names: Sequence[str] | None = None,
    table: str | None = None,
    part: str | None = None,
) -> LoadReport:
    """Loads a file of weights into a model, by the names of its tensors.

    Reads .weights.h5, .keras, Keras 2 .h5, PyTorch .pth/.pt/.th/.pkl, .safetensors, .npz, .onnx and
    checkpoints and SavedModels of TensorFlow, with our names or those of torchvision, timm,
    transformers and keras.applications. No code in the file is run,
    and the model is unchanged unless the load succeeds.

    Args:
        model: a model of `create_model`, or any flat functional model whose layers the file names.
        source: the file: a path, an https address, a tag of `kerascnn weights list`, or "imagenet".
        head: what to do when the file's classifier has other classes: "auto" initialises the
            model's classifier anew, "keep" leaves it unchanged, "overlap" copies the classes that
            have the same name in both, "strict" raises LoadError.
        strict: True requires every variable of the model (except those of a replaced head) and no
            other tensor; a number from 0 to 1 is the fraction of the model's values that must
            load; False accepts any fraction.
        match: "name", or "order" to pair the tensors of unknown names in the model's order.
        class_names: the model's classes, for head="overlap".
        source_class_names: the file's classes, for head="overlap"; by default those stored by
            `save_weights`, or those of the published checkpoint.
        table: which table of tensors in a PyTorch file, such as "ema" or "ema/params"; None for the
            usual one. The report names the others that hold this network.
        part: which network of a file with several, by the prefix of its names, such as "left" for
            `left.conv1.weight`; None if there is only one.

    Returns:
        The `LoadReport`.

    Raises:
        UsageError: an argument is unknown.
        LoadError: the file does not fit; its `report` lists every difference.
        DamagedFileError: the file is truncated or corrupt, or has a value that is not finite.
        UnsafeFileError: the file contains code, links or claims of absurd size.
        DownloadError: the file cannot be downloaded.
    """
    _check_arguments(head, strict, match)
    file = for_model(source, model)
    with open_checkpoint(file.path) as checkpoint:
        loader = _Loader(checkpoint, TargetModel.of(model), match, strict, Choice(table, part))
        source_class_names = source_class_names or file.class_names
        report = loader.load(head, class_names, source_class_names, file.published)
    model.kerascnn_load_report = report
    return report


def load_located(model: keras.Model, file: Source) -> LoadReport:
    """Loads a file that is located already, as `load_weights` does without further arguments."""
    with open_checkpoint(file.path) as checkpoint:
        loader = _Loader(checkpoint, TargetModel.of(model), "name", True, Choice())
        report = loader.load("auto", None, file.class_names, file.published)
    model.kerascnn_load_report = report
    return report


def load_open(checkpoint: Checkpoint, model: keras.Model) -> LoadReport:
    """Loads every tensor of an open file that `save_weights` wrote; errors as `load_weights`."""
    loader = _Loader(checkpoint, TargetModel.of(model), "name", True, Choice())
    return loader.load("strict", None, None)


def _check_arguments(head: str, strict: bool | float, match: str) -> None:
    if head not in HEADS:
        raise UsageError(f"head must be one of {', '.join(HEADS)}, got {head!r}")
    if match not in MATCHES:
        raise UsageError(f"match must be one of {', '.join(MATCHES)}, got {match!r}")
    if not isinstance(strict, bool | int | float) or not 0 <= strict <= 1:
        raise UsageError(f"strict must be True, False or a number from 0 to 1, got {strict!r}")


class _Loader:
    """Loads one file into one model: matches the names, checks the shapes, reads, assigns."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        target: TargetModel,
        match: str,
        strict: bool | float,
        choice: Choice,
    ) -> None:
        self.checkpoint, self.target, self.strict = checkpoint, target, strict
        with naming(checkpoint.path):
            self.record = file_metadata.opened(checkpoint.metadata)
        self.warnings: tuple[str, ...] = ()
        self.match = self._by_order() if match == ORDER else self._by_name(choice)
        self.finding = self._network()
        ours = self.match.source == OURS
        self.digests = file_metadata.digests(self.record) if ours else {}

    def load(
        self,
        head: str,
        ours: Sequence[str] | None,
        theirs: Sequence[str] | None,
        published: Published | None = None,
    ) -> LoadReport:
        """Loads the file and returns the report; most arguments are those of `load_weights`."""
        with naming(self.checkpoint.path):
            self.origin = origin_of(
                self.checkpoint, self.record, self.match.source, self.target.model, published
            )
        classes = Classes(head, ours, theirs or self.record.get("class_names"))
        fitter = Fitter(self.checkpoint, self.target, self.match, classes)
        steps = fitter.steps()
        missing_head = [] if head == "strict" else _missing_head(self.target, self.match.missing)
        fitter.replaced += missing_head
        self._check(fitter, steps, missing_head)
        arrays, notes = self._values(steps)
        self.checkpoint.check_unchanged()
        if head != "keep":
            arrays.update(fresh_values(self.target, fitter.replaced))
        done = threading.Event()
        digest = self.checkpoint.sha256_in_background(done)
        report = self._report(fitter, steps, missing_head, notes, digest)
        try:
            assign(self.target, arrays)
        finally:
            done.set()
        self.origin.adopt(self.target.model)
        return report

    def _values(self, steps: list[Step]) -> tuple[dict[str, numpy.ndarray], dict[str, list[str]]]:
        """Returns the variables' new values, and notes on how each tensor was changed."""
        epsilon = self.finding.network.epsilon
        values = Values(self.checkpoint, self.target, self.match, self.digests, epsilon)
        return read_all(values, self.checkpoint, steps)

    def _by_order(self) -> Match:
        match = match_order(self.checkpoint.contents, self.target.layers)
        if isinstance(match, str):
            raise self._error(f"cannot be matched in order with {self.target.model.name}: {match}")
        return match

    def _by_name(self, choice: Choice) -> Match:
        contents, match = chosen(self.checkpoint, self.target, choice)
        self.checkpoint.contents = contents
        tensors, target = contents.tensors, self.target
        if match.fraction(target.layers) < RECOGNISED:
            first = ", ".join(quoted(name) for name in list(tensors)[:3])
            raise self._error(
                f"{len(match.keys)} of {len(target.variables)} tensors of {target.model.name} "
                f"found by name; the file begins with {first}",
                advice=NAMELESS if nameless(tensors) else "",
            )
        match, self.warnings = outer_layers.with_classifier(
            match, self.checkpoint.contents, target.layers
        )
        return match

    def _network(self) -> Finding:
        """Returns the network of the file; raises LoadError if the model computes another."""
        origin, source = provenance(self.target.model), self.match.source
        finding = unknown_network(source)
        if origin is not None and source != ORDER:
            variant, request = model_info(origin.name), Request.of(origin.arguments)
            finding = find_network(self.checkpoint, self.record, source, variant, request)
            check(self.checkpoint, finding, origin, self.target.model.name)
        if self.checkpoint.contents.config is None:
            return finding
        described = described_network(self.checkpoint, self.target, self.match)
        return described if origin is None or source in (OURS, ORDER) else finding

    def _check(self, fitter: Fitter, steps: list[Step], missing_head: list[str]) -> None:
        """Raises LoadError when a shape differs or less loads than `strict` requires."""
        report = self._report(fitter, steps, missing_head, {}, None)
        name = self.target.model.name
        if report.mismatched:
            raise self._differing(report, [str(mismatch) for mismatch in report.mismatched])
        if self.strict is True:
            differences = [f"missing {variable}" for variable in report.missing]
            differences += [f"unexpected {quoted(key)}" for key in self._blocking(missing_head)]
            if differences:
                head = outer_layers.other_head(
                    self.match, self.checkpoint.contents, self.target.layers
                )
                advice = "include_top=False builds the network without it, which loads"
                if head:
                    raise self._error(f"does not fit {name}: {head}", report, advice)
                raise self._differing(report, differences, "strict=False loads the rest")
        elif report.fraction < self.strict:
            raise self._error(
                f"has {report.fraction:.2%} of {name}'s values, and strict={self.strict:g} "
                "asks for more",
                report,
            )

    def _blocking(self, missing_head: Sequence[str]) -> list[str]:
        """Returns the file's tensors that no variable takes although the network may need them.

        Tensors beside the network, as of a loss or of a metric, do not count, but for kernels where
        the file has no classifier: one of them may be it, under a name that is not known.
        """
        ignored = self._ignored()
        blocking = [key for key in self.match.unexpected if key not in ignored]
        if missing_head:
            blocking += [
                key
                for key in self.match.outside
                if len(self.checkpoint.tensors[key].shape) > 1
                and key.startswith(self.match.prefix)
                and key not in ignored
            ]
        return blocking

    def _differing(self, report: LoadReport, differences: list[str], advice: str = "") -> LoadError:
        count, first = len(differences), "; ".join(differences[:2])
        text = f"does not fit {self.target.model.name}: {count} tensors differ: {first}"
        return self._error(text + ("; …" if count > 2 else ""), report, advice)

    def _error(self, text: str, report: LoadReport | None = None, advice: str = "") -> LoadError:
        """Returns the error, with the advice that fits the file's tensors or else the given."""
        message = f"{named(self.checkpoint.path)}: {text}"
        advice = tried_advice(self.checkpoint, self.record, self.target) or advice
        room = MESSAGE_LIMIT - len(advice) - 2
        message = message if len(message) <= room else f"{message[: room - 1]}…"
        return LoadError(f"{message}; {advice}" if advice else message, report)

    def _report(
        self,
        fitter: Fitter,
        steps: list[Step],
        missing_head: list[str],
        notes: dict[str, list[str]],
        digest: Callable[[], str] | None,
    ) -> LoadReport:
        variables, match, path = self.target.variables, self.match, self.checkpoint.path
        changes = {name: "; ".join(how) for name, how in notes.items() if how}
        shapes = {step.name: self.checkpoint.tensors[step.key].shape for step in steps}
        adapted = [
            Adaptation(name, shapes[name], tuple(variables[name].shape), how)
            for name, how in changes.items()
        ]
        beside = (*match.unexpected, *match.outside)
        ignored = self._ignored() if beside else ()
        total = sum(volume(variable.shape) for variable in variables.values())
        return LoadReport(
            source=str(path),
            network=self.finding.text,
            warnings=self.finding.warnings
            + self.warnings
            + (() if self.origin.text else (UNKNOWN,)),
            preprocessing=self.origin.text,
            layout=match.source,
            container=self.checkpoint.contents.kind,
            digest=digest,
            verified=bool(notes) and all(step.name in self.digests for step in steps),
            loaded=tuple(name for name in notes if name not in changes),
            adapted=tuple(adapted),
            skipped=tuple(fitter.replaced),
            missing=tuple(name for name in match.missing if name not in missing_head),
            unexpected=tuple(key for key in beside if key not in ignored),
            prefix=match.prefix,
            table=self.checkpoint.contents.table,
            unread=self.checkpoint.contents.unread,
            other_tables=other_tables(self.checkpoint.contents, self.target),
            ignored=ignored,
            mismatched=tuple(fitter.mismatched),
            fraction=sum(volume(variables[step.name].shape) for step in steps) / total,
        )

    def _ignored(self) -> tuple[str, ...]:
        """Returns the file's tensors that no variable takes and that a load may leave out."""
        target, unexpected = self.target, (*self.match.unexpected, *self.match.outside)
        full_match = find_source(
            self.checkpoint.tensors,
            target.layers_with_head(),
            target.family,
            self.match.source,
            target.prefix,
        )
        known = set()
        if full_match is not None:
            known = {*full_match.keys.values(), *full_match.biases.values()}
        known |= {*outer_layers.other_layers(self.match, self.checkpoint.contents, target.layers)}
        # Files often contain auxiliary heads, which are used in training only.
        return tuple(
            key
            for key in unexpected
            if key in known
            or key.lower().startswith(AUXILIARY)
            or (self.match.style == "keras" and SCALING.match(key))
        )


def _missing_head(target: TargetModel, missing: Sequence[str]) -> list[str]:
    """Returns the missing variables that belong to the last layers of a head.

    A layer counts when all of its variables, and all of those after it in its head, are missing.
    """
    head_variables: list[str] = []
    missing_names = set(missing)
    for head in target.heads:
        for layer in reversed(head):
            names = [f"{layer}/{variable}" for variable in target.layers[layer].variables]
            if not missing_names.issuperset(names):
                break
            head_variables += names
    return head_variables
