"""Export that proves itself: every artifact answers like the Keras model before it is kept."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from kerascnn.errors import OutputError, UsageError
from kerascnn.exporting.report import ExportReport as ExportReport
from kerascnn.files import atomic_directory, refuse_occupied

if TYPE_CHECKING:
    import keras

    from kerascnn.exporting.network import Network
    from kerascnn.exporting.proof import Questions
    from kerascnn.preprocessing import Preprocessing
    from kerascnn.runs import Run

FORMATS = ("savedmodel", "onnx")
REPORT = "report.json"


def export(
    model_or_run: keras.Model | Run | str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    formats: Sequence[str] = FORMATS,
    *,
    class_names: Sequence[str] | None = None,
    preprocessing: Preprocessing | None = None,
    overwrite: bool = False,
    samples: Iterable[Any] | None = None,
    tolerance: float = 1e-5,
) -> list[ExportReport]:
    """Writes a model for other runtimes, and keeps it only if they answer as Keras does.

    Every artifact has one input `image` (N x H x W x C, any N) and one output `predictions`, and
    carries class names and preprocessing. It is loaded in its own runtime and compared with Keras
    on real and on 12 random images, in batches of 1, 3 and 8. `out_dir` then holds

        savedmodel/     assets.extra/kerascnn.json has the metadata
        model.onnx      operator set 17, the metadata in metadata_props
        report.json     the reports
        manifest.json   size and SHA-256 of every file

    A model of half precision (mixed_float16, mixed_bfloat16) is written from a float32 copy with
    the same weights, which the artifact must match within `tolerance`; the copy itself may differ
    from the model by 2e-2, or `tolerance` if that is larger. Of several outputs `predictions` is
    exported.

    Args:
        model_or_run: a built model, a Run (its best model), or the path of a run directory.
        out_dir: the directory to write; it appears when everything has been proven.
        formats: of "savedmodel" and "onnx".
        class_names: one for each output; a Run's own by default.
        preprocessing: how images become inputs; a Run's own by default.
        overwrite: replace the export that `out_dir` holds.
        samples: real images (arrays of H x W x C, or paths) before preprocessing, or model inputs
            when there is none; by default 32 test images of a Run whose data is on this machine.
        tolerance: largest absolute difference from Keras for outputs of at most 1, as
            probabilities are; in proportion to the largest output above that, and at most 1000
            times `tolerance` of the outputs' spread, so that an untrained network proves
            something too.

    Returns:
        One report for each format.

    Raises:
        UsageError: an unknown format, or a model without a single image input.
        MismatchError: an artifact differs from Keras, a layer cannot be expressed, or class names,
            preprocessing or samples do not fit. Nothing is written, an older export stays.
        OutputError: `out_dir` is not empty and `overwrite` is false, it holds files that no export
            wrote, or it cannot be written.
    """
    modules = [_format(name) for name in dict.fromkeys(formats)]
    if not modules:
        raise UsageError(f"formats is empty; choose from {', '.join(FORMATS)}")
    if not tolerance > 0:
        raise UsageError(f"tolerance must be above 0, got {tolerance!r}")
    out_dir = Path(out_dir)
    _refuse_foreign(out_dir, overwrite=overwrite)

    from kerascnn.exporting import metadata, proof
    from kerascnn.exporting.network import prepare

    source = metadata.open_source(model_or_run, class_names, preprocessing)
    network = prepare(source.model)
    described = metadata.describe(source, network)
    for module in modules:
        module.check(network)
    if samples is None and source.run is not None:
        samples = proof.images_of(source.run)
    questions = proof.ask(network, source.preprocessing, samples, tolerance)
    with atomic_directory(out_dir, overwrite=overwrite) as temporary:
        reports = [
            _write(module, temporary, out_dir, network, described, questions, tolerance)
            for module in modules
        ]
        metadata.write_json(temporary / REPORT, [report.to_json() for report in reports])
        metadata.write_manifest(temporary)
    return reports


def _write(
    module: ModuleType,
    temporary: Path,
    out_dir: Path,
    network: Network,
    described: dict[str, Any],
    questions: Questions,
    tolerance: float,
) -> ExportReport:
    """Writes and proves one format."""
    from kerascnn.exporting import proof

    path = temporary / module.FILE
    started = time.perf_counter()
    module.write(network, path, described)
    written = time.perf_counter()
    comparison = proof.compare(module.NAME, module.open_runtime(path), questions, tolerance)
    return ExportReport(
        format=module.NAME,
        path=out_dir / module.FILE,
        **asdict(comparison),
        real=questions.real,
        random=questions.random,
        bytes=sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file()),
        parameter_bytes=network.parameter_bytes,
        convert_seconds=written - started,
        prove_seconds=time.perf_counter() - written,
        opset=getattr(module, "OPSET", None),
        policy=network.policy,
        policy_difference=questions.policy_difference,
    )


def _format(name: str) -> ModuleType:
    """Returns the module that writes a format."""
    if name == "savedmodel":
        from kerascnn.exporting import savedmodel

        return savedmodel
    if name == "onnx":
        from kerascnn.exporting import onnx_format

        return onnx_format
    raise UsageError(f"unknown format {name!r}; export writes {', '.join(FORMATS)}")


def _refuse_foreign(out_dir: Path, *, overwrite: bool) -> None:
    """Refuses to replace a directory that holds anything but an earlier export."""
    from kerascnn.exporting.metadata import foreign_files

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
