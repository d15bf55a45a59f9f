"""Export that proves itself: every artifact answers like the Keras model before it is kept."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import MismatchError, OutputError, UsageError
from kerascnn.exporting.common.options import ExportOptions as ExportOptions
from kerascnn.exporting.common.report import ExportReport as ExportReport
from kerascnn.fileio.atomic import atomic_directory, recover, refuse_occupied
from kerascnn.fileio.json import write_json

if TYPE_CHECKING:
    import keras

    from kerascnn.exporting.common.equivalence import Questions
    from kerascnn.exporting.common.metadata import Source
    from kerascnn.exporting.common.network import Network
    from kerascnn.exporting.common.options import Job
    from kerascnn.imaging.preprocessing import Preprocessing
    from kerascnn.runs.run import Run


@dataclass(frozen=True)
class Format:
    """One kind of artifact.

    Args:
        module: of `kerascnn.exporting` that writes it and proves it.
        file: what it is called in the directory of the export.
        precision: "float32", "float16", "dynamic" (int8 weights) or "int8".
        takes_prologue: whether `preprocess` goes into it.
    """

    module: str
    file: str
    precision: str = "float32"
    takes_prologue: bool = False

    @property
    def code(self) -> Any:
        return importlib.import_module(self.module)


FORMATS = {
    "savedmodel": Format("kerascnn.exporting.savedmodel", "savedmodel"),
    "onnx": Format("kerascnn.exporting.onnx.format", "model.onnx", takes_prologue=True),
    "onnx-float16": Format("kerascnn.exporting.onnx.format", "model-float16.onnx", "float16"),
    "onnx-int8": Format("kerascnn.exporting.onnx.format", "model-int8.onnx", "int8"),
    "litert": Format("kerascnn.exporting.litert", "model.tflite"),
    "litert-float16": Format("kerascnn.exporting.litert", "model-float16.tflite", "float16"),
    "litert-dynamic": Format("kerascnn.exporting.litert", "model-dynamic.tflite", "dynamic"),
    "litert-int8": Format("kerascnn.exporting.litert", "model-int8.tflite", "int8"),
    "openvino": Format("kerascnn.exporting.openvino", "openvino", takes_prologue=True),
}
DEFAULT_FORMATS = ("savedmodel", "onnx")
REPORT = "report.json"
PROOF = "proof.npz"
RAW_TOLERANCE = 2e-2
"""For artifacts that resize images themselves: Pillow rounds to whole numbers on its way."""


def export(
    model_or_run: keras.Model | Run | str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    formats: Sequence[str] = DEFAULT_FORMATS,
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    overwrite: bool = False,
    samples: Iterable[Any] | None = None,
    tolerance: float = 1e-4,
    options: ExportOptions | None = None,
) -> list[ExportReport]:
    """Writes a model for other runtimes, and keeps it only if they answer as Keras does.

    Every artifact has one input `image` (N x H x W x C, any N) and one output `predictions`, and
    carries class names and preprocessing. It is loaded in its own runtime and compared with Keras
    on real and on 12 random images, in batches of 1, 3 and 8. `out_dir` then holds the artifacts
    and

        report.json     the reports
        proof.npz       Keras's answers to the random images, for `verify`
        manifest.json   size and SHA-256 of every file

    Until then it is written in `.NAME.kerascnn-XXXXXXXX` beside `out_dir`, NAME being its name; a
    process that is killed leaves that behind, and the next export to `out_dir` clears it away.

    A model of half precision (mixed_float16, mixed_bfloat16) is written from a float32 copy with
    the same weights; the copy itself may differ from the model by 2e-2, or `tolerance` if that is
    larger. Of several outputs `predictions` is exported.

    Args:
        model_or_run: a built model, a Run (its best model), or the path of a run directory.
        out_dir: the directory to write; it appears when everything has been proven.
        formats: of "savedmodel", "onnx", "onnx-float16", "onnx-int8", "litert", "litert-float16",
            "litert-dynamic", "litert-int8" and "openvino".
        class_names: one for each output; a Run's own by default.
        preprocessing: how images become inputs; a Run's own by default.
        overwrite: replace the export that `out_dir` holds.
        samples: real images (arrays of H x W x C, or paths) before preprocessing, or model inputs
            when there is none; by default 32 test images of a Run whose data is on this machine.
        tolerance: largest difference from Keras in a logit (a score, where the model ends without
            softmax), in proportion to the largest, and at most 100 times `tolerance` of their
            spread, so that an untrained network proves something too. float16 may differ by 2e-2;
            int8 is judged by its top classes of real images and its accuracy.
        options: see ExportOptions.

    Returns:
        One report for each format.

    Raises:
        UsageError: an unknown format, a model without a single image input, int8 without images.
        MismatchError: an artifact differs from Keras, a layer cannot be expressed, or class names,
            preprocessing or samples do not fit. Nothing is written, an older export stays.
        OutputError: `out_dir` is not empty and `overwrite` is false, it holds files that no export
            wrote, or it cannot be written.
    """
    options = options or ExportOptions()
    names = list(dict.fromkeys(formats))
    for name in names:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; export writes {', '.join(FORMATS)}")
    if not names:
        raise UsageError(f"formats is empty; choose from {', '.join(FORMATS)}")
    if not tolerance > 0:
        raise UsageError(f"tolerance must be above 0, got {tolerance!r}")
    out_dir = Path(out_dir)
    recover(out_dir)
    _refuse_foreign(out_dir, overwrite=overwrite)

    from kerascnn.exporting.common import metadata
    from kerascnn.exporting.common.network import prepare

    source = metadata.open_source(model_or_run, class_names, preprocessing)
    network = prepare(source.model)
    described = metadata.describe(source, network)
    for name in names:
        FORMATS[name].code.check(network, options)
    job, raw = _job(source, network, described, options, names, samples, tolerance)
    with atomic_directory(out_dir, overwrite=overwrite) as temporary:
        reports = [
            _write(name, temporary, out_dir, job, raw if FORMATS[name].takes_prologue else None,
                   tolerance)
            for name in names
        ]  # fmt: skip
        write_json(temporary / REPORT, [report.to_json() for report in reports])
        metadata.write_answers(temporary / PROOF, job.questions, raw)
        metadata.write_manifest(temporary)
    return reports


def _job(
    source: Source,
    network: Network,
    described: dict[str, Any],
    options: ExportOptions,
    names: Sequence[str],
    samples: Iterable[Any] | None,
    tolerance: float,
) -> tuple[Job, Questions | None]:
    """Returns what all formats are given, and the questions to those with preprocessing inside."""
    from kerascnn.data.load import load_data
    from kerascnn.exporting.common import equivalence, sample_data
    from kerascnn.exporting.common.options import Job

    preprocessing, dtype = source.preprocessing, network.dtype
    data = None if source.run is None else sample_data.data_of(source.run)
    given = sample_data.samples_of(data) if samples is None else list(samples)
    questions = equivalence.ask(network, preprocessing, given, tolerance)
    raw = None
    if options.preprocess and any(FORMATS[name].takes_prologue for name in names):
        if preprocessing is None:
            raise UsageError("preprocess needs a preprocessing, and this model has none; give one")
        raw = equivalence.ask(network, preprocessing, given, tolerance, raw=True)
    calibration: tuple[Any, ...] = ()
    evaluation: tuple[tuple[Any, Any], ...] = ()
    if any(FORMATS[name].precision == "int8" for name in names):
        labelled = data if options.evaluation is None else load_data(options.evaluation)
        evaluation = sample_data.evaluation_batches(labelled, preprocessing, dtype)
        images = given if samples is not None or data is None else None
        if images is None and data is not None:
            found = sample_data.spread(data.train, sample_data.CALIBRATION_IMAGES)
            images = None if found is None else found[0]
        if images:
            calibration = tuple(sample_data.inputs(images, preprocessing, dtype))
    return (
        Job(network, described, options, preprocessing, questions, calibration, evaluation),
        raw,
    )


def _write(
    name: str,
    temporary: Path,
    out_dir: Path,
    job: Job,
    raw: Questions | None,
    tolerance: float,
) -> ExportReport:
    """Writes and proves one format."""
    from kerascnn.exporting.common import equivalence, metadata
    from kerascnn.exporting.onnx.quantize import accuracy

    form = FORMATS[name]
    module, network = form.code, job.network
    plain = job.options if raw is not None else replace(job.options, preprocess=False)
    described = metadata.for_format(job.metadata, form, plain)
    job = replace(job, precision=form.precision, options=plain, metadata=described)
    path = temporary / form.file
    started = time.perf_counter()
    found = module.write(job, path)
    written = time.perf_counter()
    run = module.open_runtime(path)
    questions, limits = job.questions, equivalence.limits_of(form.precision, tolerance)
    if raw is not None:
        questions, limits = raw, equivalence.Limits(max(tolerance, RAW_TOLERANCE), 0.95)
    comparison = equivalence.compare(name, run, questions, limits)
    if form.precision == "int8" and "accuracy_after" not in found:
        from kerascnn.exporting.common.network import reference

        found["accuracy_before"] = accuracy(
            lambda images: reference(network.model, images), job.evaluation
        )
        found["accuracy_after"] = accuracy(run, job.evaluation)
        _refuse_drop(name, found, job.options.max_drop)
    return ExportReport(
        format=name,
        path=out_dir / form.file,
        **asdict(comparison),
        asked_tolerance=tolerance,
        real=questions.real,
        random=questions.random,
        bytes=sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file()),
        parameter_bytes=network.parameter_bytes,
        convert_seconds=written - started,
        prove_seconds=time.perf_counter() - written,
        policy=network.policy,
        policy_difference=job.questions.policy_difference,
        **found,
    )


def _refuse_drop(name: str, found: dict[str, Any], max_drop: float) -> None:
    before, after = found["accuracy_before"], found["accuracy_after"]
    if before is not None and before - after > max_drop:
        raise MismatchError(
            f"{name} costs {before - after:.2%} of accuracy ({before:.2%} in float32), allowed is "
            f"{max_drop:.2%}; nothing was written; give more samples or a larger max_drop"
        )


def _refuse_foreign(out_dir: Path, *, overwrite: bool) -> None:
    """Refuses to replace a directory that holds anything but an earlier export."""
    from kerascnn.exporting.common.metadata import foreign_files

    refuse_occupied(out_dir, overwrite=overwrite)
    if not overwrite or not out_dir.is_dir():
        return
    foreign = foreign_files(out_dir)
    if foreign:
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise OutputError(
            f"{out_dir} holds files that no export wrote ({', '.join(foreign[:3])}{more}); "
            "only an earlier export is overwritten; choose another directory"
        )
