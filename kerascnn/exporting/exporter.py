"""Exports models, and compares every artifact with the Keras model before keeping it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.data.load import load_data
from kerascnn.errors import MismatchError, OutputError, UsageError
from kerascnn.exporting.common import sample_data
from kerascnn.exporting.common.equivalence import (
    TOLERANCE,
    Reference,
    compare,
    compute_reference,
    limits_of,
    raw_limits,
)
from kerascnn.exporting.common.metadata import (
    Source,
    describe,
    for_format,
    foreign_files,
    source_of,
    write_manifest,
    write_reference,
)
from kerascnn.exporting.common.network import Network, keras_outputs, prepare
from kerascnn.exporting.common.options import ExportOptions as ExportOptions
from kerascnn.exporting.common.options import Job
from kerascnn.exporting.common.report import ExportReport as ExportReport
from kerascnn.exporting.common.sample_data import accuracy
from kerascnn.exporting.formats import FORMATS, PROOF, REPORT
from kerascnn.fileio.atomic import atomic_directory, recover, refuse_occupied
from kerascnn.fileio.json import write_json
from kerascnn.runs.run import as_run

if TYPE_CHECKING:
    import keras

    from kerascnn.imaging.preprocessing import Preprocessing
    from kerascnn.runs.run import Run

DEFAULT_FORMATS = ("savedmodel", "onnx")


def export(
    model_or_run: keras.Model | Run | str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    formats: Sequence[str] = DEFAULT_FORMATS,
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    overwrite: bool = False,
    samples: Iterable[Any] | None = None,
    tolerance: float = TOLERANCE,
    options: ExportOptions | None = None,
) -> list[ExportReport]:
    """Writes a model for other runtimes, and keeps the files only if their outputs equal Keras's.

    Every artifact has one input `image` (N x H x W x C, any N) and one output `predictions`, and
    stores class names and preprocessing. It is loaded in its own runtime and compared with Keras
    on real images and on 12 random ones, in batches of 1, 3 and 8. After that `out_dir` has the
    artifacts and

        report.json     the reports
        proof.npz       Keras's outputs for the random images, for `verify`
        manifest.json   size and SHA-256 of every file

    Until all artifacts have passed, they lie in `.NAME.kerascnn-XXXXXXXX` beside `out_dir`, where
    NAME is its name. A killed process leaves that directory; the next export to `out_dir` removes
    it.

    A model of half precision (mixed_float16, mixed_bfloat16) is written from a float32 copy with
    the same weights. The copy may differ from the model by 2e-2, or by `tolerance` if that is
    larger. Of a model with several outputs, the one called `predictions` is exported.

    Args:
        model_or_run: a built model, a Run (its best model), or the path of a run directory.
        out_dir: the directory to write; it appears when all artifacts have passed.
        formats: of "savedmodel", "onnx", "onnx-float16", "onnx-int8", "litert", "litert-float16",
            "litert-dynamic", "litert-int8" and "openvino".
        class_names: one for each output; those of the Run or of the model's weights by default.
        preprocessing: how images become inputs; that of the Run or of the model's weights by
            default. It must be given for a network of this package of which nothing tells it; other
            models are exported without one if it is not given.
        overwrite: replace an earlier export in `out_dir`.
        samples: real images (arrays of H x W x C, or paths) before preprocessing, or model inputs
            when there is no preprocessing; by default 32 test images of a Run whose data is on
            this machine.
        tolerance: largest allowed difference from Keras in a logit (an output, when the model does
            not end in a softmax), in proportion to the largest logit. It is at most 100 times
            `tolerance` of the logits' spread, so that the comparison is also strict for an
            untrained network. float16 may differ by 2e-2; int8 is judged by its top classes of
            real images and by its accuracy.
        options: see ExportOptions.

    Returns:
        One report for each format.

    Raises:
        UsageError: an unknown format, a model without a single image input, int8 without images,
            or nothing tells which preprocessing the weights need.
        MismatchError: an artifact differs from Keras, a format has no operator for a layer, or
            class names, preprocessing or samples do not fit the model. Nothing is written, and an
            earlier export stays.
        OutputError: `out_dir` is not empty and `overwrite` is false, it has files that no export
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

    run = as_run(model_or_run)
    model = model_or_run if run is None else run.load()
    network = prepare(model)
    source = source_of(model, run, class_names, preprocessing)
    metadata = describe(source, network)
    for name in names:
        FORMATS[name].writer().check(network, options)
    request = _Request(names, options, None if samples is None else list(samples), tolerance)
    job, raw_reference = _prepare(request, source, network, metadata)
    with atomic_directory(out_dir, overwrite=overwrite) as temporary:
        reports = [_write(name, temporary, job, raw_reference, tolerance) for name in names]
        reports = [replace(report, path=out_dir / report.path.name) for report in reports]
        write_json(temporary / REPORT, [report.to_json() for report in reports])
        write_reference(temporary / PROOF, job.reference, raw_reference)
        write_manifest(temporary)
    return reports


@dataclass(frozen=True)
class _Request:
    """The arguments of `export` that the reference and the sample images depend on."""

    formats: Sequence[str]
    options: ExportOptions
    samples: list[Any] | None
    tolerance: float


def _prepare(
    request: _Request, source: Source, network: Network, metadata: dict[str, Any]
) -> tuple[Job, Reference | None]:
    """Returns the input of all writers, and the reference for artifacts that preprocess images."""
    options, preprocessing, dtype = request.options, source.preprocessing, network.dtype
    formats = [FORMATS[name] for name in request.formats]
    data = None if source.run is None else sample_data.data_of(source.run)
    samples = sample_data.samples_of(data) if request.samples is None else request.samples
    reference = compute_reference(network, preprocessing, samples, request.tolerance)
    raw_reference = None
    if options.preprocess and any(entry.takes_preprocessing for entry in formats):
        if preprocessing is None:
            raise UsageError("preprocess needs a preprocessing, and this model has none; give one")
        raw_reference = compute_reference(
            network, preprocessing, samples, request.tolerance, raw=True
        )
    calibration: tuple[Any, ...] = ()
    evaluation: tuple[tuple[Any, Any], ...] = ()
    if any(entry.precision == "int8" for entry in formats):
        labelled = data if options.evaluation is None else load_data(options.evaluation)
        evaluation = sample_data.evaluation_batches(labelled, preprocessing, dtype)
        images = request.samples
        if images is None:
            images = sample_data.calibration_images(data)
        if images:
            calibration = tuple(sample_data.inputs(images, preprocessing, dtype))
    job = Job(network, metadata, options, preprocessing, reference, calibration, evaluation)
    return job, raw_reference


def _write(
    name: str, folder: Path, job: Job, raw_reference: Reference | None, tolerance: float
) -> ExportReport:
    """Writes one artifact into a folder and compares it with Keras."""
    entry, network = FORMATS[name], job.network
    preprocesses = entry.takes_preprocessing and raw_reference is not None
    options = replace(job.options, preprocess=preprocesses)
    job = replace(
        job,
        precision=entry.precision,
        options=options,
        metadata=for_format(
            job.metadata,
            precision=entry.precision,
            layout=options.layout if entry.has_layout else None,
            preprocesses=preprocesses,
        ),
    )
    path = folder / entry.file
    started = time.perf_counter()
    results = entry.writer().write(job, path)
    written = time.perf_counter()
    artifact = entry.open_artifact(path)
    reference, limits = job.reference, limits_of(entry.precision, tolerance)
    if preprocesses:
        assert raw_reference is not None
        reference, limits = raw_reference, raw_limits(tolerance)
    comparison = compare(name, artifact, reference, limits)
    if entry.precision == "int8" and "accuracy_after" not in results:
        results["accuracy_before"] = accuracy(
            lambda images: keras_outputs(network.model, images), job.evaluation
        )
        results["accuracy_after"] = accuracy(artifact, job.evaluation)
        _refuse_drop(name, results, job.options.max_drop)
    return ExportReport(
        format=name,
        path=path,
        **asdict(comparison),
        asked_tolerance=tolerance,
        real=reference.real,
        random=reference.random,
        bytes=sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file()),
        parameter_bytes=network.parameter_bytes,
        convert_seconds=written - started,
        prove_seconds=time.perf_counter() - written,
        policy=network.policy,
        policy_difference=job.reference.policy_difference,
        **results,
    )


def _refuse_drop(name: str, results: dict[str, Any], max_drop: float) -> None:
    before, after = results["accuracy_before"], results["accuracy_after"]
    if before is not None and before - after > max_drop:
        raise MismatchError(
            f"{name} costs {before - after:.2%} of accuracy ({before:.2%} in float32), allowed is "
            f"{max_drop:.2%}; nothing was written; give more samples or a larger max_drop"
        )


def _refuse_foreign(out_dir: Path, *, overwrite: bool) -> None:
    """Raises OutputError when a directory to replace has files that no export wrote."""
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
