"""report.html: the results and the configuration of a run on one page."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerascnn.errors import KerasCNNError
from kerascnn.reports.html_page import Page
from kerascnn.runs.run import CURVES, MODELS, REPORT, Run, as_run

if TYPE_CHECKING:
    from kerascnn.evaluation.evaluate import Evaluation
    from kerascnn.models.summary import Summary

WORST = 24
"""The most mistakes that are shown with their images."""
CONFUSIONS = 12
"""The most confusions that are listed."""
_VERSIONS = ("kerascnn", "keras", "tensorflow", "python", "backend", "threads", "device")


@dataclass(frozen=True)
class Findings:
    """The evaluation and layers of the best model; `missing` is why there is no evaluation."""

    evaluation: Evaluation | None
    missing: str
    summary: Summary | None


def report(
    run: Run | str | os.PathLike[str],
    data: Any = None,
    *,
    path: str | os.PathLike[str] | None = None,
) -> Path:
    """Writes the report of a run: one HTML file that contains all pictures.

    It shows the held-out accuracy, curves, confusions, per-class figures, the worst mistakes with
    their images, configuration, layers, history, versions, and the commands to repeat the run.
    `train` calls it at its end.

    Args:
        run: a `Run` or its directory.
        data: what `load_data` takes; None for the data of the training, if it is available.
        path: the file; None for report.html in the directory of the run.

    Returns:
        The file.

    Raises:
        UsageError: there is no run in the directory.
        MismatchError, DataError: `data` does not fit the run.
        OutputError: the file cannot be written; an older one is kept.
    """
    opened_run = as_run(run)
    assert opened_run is not None  # a Run or a path
    target = opened_run.path / REPORT if path is None else Path(path)
    page_of(opened_run, findings_of(opened_run, data)).write(target)
    return target


def report_ended(run: Run, data: Any) -> None:
    """Writes the report of a run that has just ended; an error is printed, not raised."""
    try:
        report(Run(run.path), data)  # a new `Run`, whose model is freed afterwards
    except Exception as error:  # an error in the report must not end a training
        print(f"{run.path / REPORT} was not written: {error}", file=sys.stderr)


def findings_of(run: Run, data: Any = None) -> Findings:
    """Evaluates the best model of a run on `data`, or on the data of its training if available."""
    from kerascnn.evaluation.evaluate import evaluate, held_out_of
    from kerascnn.models.summary import summarize

    if not (run.path / MODELS["best"]).is_file():
        return Findings(None, "the run ended before its first epoch", None)
    try:
        summary = summarize(run.best_model)
    except KerasCNNError:  # not a model of the registry
        summary = None
    if data is not None:
        return Findings(evaluate(run, data), "", summary)
    recorded = run.config["data"]
    try:
        data = held_out_of(recorded["name"], [run])
    except (KerasCNNError, OSError) as error:
        return Findings(None, f"the data of the training is not available: {error}", summary)
    if data.fingerprint != recorded.get("fingerprint"):
        reason = f"{data.name} has changed since the training"
        return Findings(None, reason, summary)
    return Findings(evaluate(run, data), "", summary)


def page_of(run: Run, findings: Findings) -> Page:
    """Returns the report as a page."""
    config = run.config
    title = f"{config['model']['name']} on {config['data']['name']}"
    page = Page(title, _subtitle(run))
    page.tiles(_headline(run, findings))
    if findings.missing:
        page.text(f"Not evaluated: {findings.missing}.")
    if run.history.get("epoch"):
        page.section("Learning curves")
        page.figure(_curves(run), "Loss and accuracy after every epoch", width=1000)
    if findings.evaluation is not None:
        _held_out(page, findings.evaluation)
    page.section("Configuration")
    apart = (*_VERSIONS, "command", "recipe")
    page.pairs(_flat({name: value for name, value in config.items() if name not in apart}))
    if "recipe" in config:
        page.pairs(_flat(config["recipe"]), folded="the recipe, field by field")
    if findings.summary is not None:
        _layers(page, findings.summary)
    if run.history.get("epoch"):
        page.section("History")
        rows = zip(*run.history.values(), strict=True)
        page.table(list(run.history), [list(row) for row in rows], folded="every epoch")
    page.section("How to do it again")
    page.code(_commands(run))
    page.text(f"Held-out images: {config['data'].get('split', 'not recorded')}.")
    page.section("Versions")
    page.pairs(_flat({name: config[name] for name in _VERSIONS if name in config}))
    return page


def _subtitle(run: Run) -> str:
    config = run.config
    started = str(config.get("started", "")).replace("T", " ").replace("+00:00", " UTC")
    parts = [f"started {started}" if started else "", str(run.path)]
    return ", ".join(part for part in parts if part)


def _headline(run: Run, findings: Findings) -> dict[str, object]:
    """Returns the main figures of the report."""
    tiles: dict[str, object] = {}
    best, history, evaluation = run.best, run.history, findings.evaluation
    if evaluation is not None:
        wrong = int((evaluation.outcomes.ranks > 0).sum())
        tiles["accuracy on held-out images"] = f"{evaluation['accuracy']:.2%}"
        tiles["held-out images wrong"] = f"{wrong:,} of {evaluation['count']:,}"
        tiles["loss"] = evaluation["loss"]
        if "top5" in evaluation:
            tiles["among the five likeliest"] = f"{evaluation['top5']:.2%}"
        tiles["calibration error"] = f"{evaluation['ece']:.4f}"
    elif best:
        tiles["validation accuracy"] = f"{best['metrics'].get('val_accuracy', 0):.2%}"
    if best:
        tiles["best epoch"] = f"{best['epoch']} of {len(history['epoch'])}"
        if "seconds" in history:
            tiles["training time"] = _duration(sum(history["seconds"]))
    if findings.summary is not None:
        tiles["trainable parameters"] = f"{findings.summary.params:,}"
        if findings.summary.macs:
            tiles["multiply-accumulates an image"] = f"{findings.summary.macs:,}"
    return tiles


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else (
        f"{seconds:.1f} s"
    )  # fmt: skip


def _curves(run: Run) -> bytes:
    if (run.path / CURVES).is_file():
        return (run.path / CURVES).read_bytes()
    from kerascnn.evaluation.plots import png
    from kerascnn.reports.curves import make_figure

    return png(make_figure(run))


def _held_out(page: Page, evaluation: Evaluation) -> None:
    """Adds the results on the held-out images."""
    from kerascnn.evaluation.files import PER_CLASS, per_class_rows, pictures
    from kerascnn.reports.thumbnails import thumbnails

    outcomes, names = evaluation.outcomes, evaluation.data.class_names
    drawn = pictures(evaluation)
    page.section("Confusions")
    if "confusion" in drawn:
        page.figure(
            drawn["confusion"],
            "Held-out images by true class and answer. Blue are right answers, red are mistakes; "
            "the darker, the larger their share of the true class",
        )
    common = outcomes.confusions()[:CONFUSIONS]
    if common:
        pairs = [[names[true], names[answer], count] for true, answer, count in common]
        page.table(["true class", "answer", "images"], pairs, folded="the commonest mistakes")
    page.section("Classes")
    rows = [
        [f"{cell:.2%}" if isinstance(cell, float) else cell for cell in row]
        for row in per_class_rows(evaluation)
    ]
    page.table(PER_CLASS, rows, sortable=True)
    page.section("Worst mistakes")
    worst = outcomes.mistakes()[:WORST]
    if len(worst):
        page.text("The wrong answers with the highest loss: true class, answer and its confidence.")
        page.gallery(
            (picture, _caption(evaluation, index, file))
            for index, picture, file in thumbnails(evaluation, worst)
        )
    else:
        page.text("None: every held-out image is answered right.")
    page.section("Calibration")
    page.figure(
        drawn["calibration"],
        f"How often answers of each confidence are right. The expected calibration error, "
        f"{evaluation['ece']:.4f}, is the mean gap over all images",
        width=520,
    )


def _caption(evaluation: Evaluation, index: int, file: str) -> str:
    outcomes, names = evaluation.outcomes, evaluation.data.class_names
    lines = [
        f"{names[outcomes.labels[index]]} \u2192 {names[outcomes.answers[index]]}"
        f" ({outcomes.confidence[index]:.0%})",
        f"loss {outcomes.losses[index]:.2f}, image {index}",
        file,
    ]
    return "\n".join(line for line in lines if line)


def _layers(page: Page, summary: Summary) -> None:
    def size(shape: Any) -> str:
        return " \u00d7 ".join("?" if side is None else str(side) for side in shape)

    page.section("Layers")
    page.table(
        ["layer", "kind", "output", "parameters", "MACs", "sees"],
        [
            [
                layer.name,
                layer.kind,
                size(layer.shape),
                f"{layer.params:,}" if layer.params else None,
                f"{layer.macs:,}" if layer.macs else None,
                size(layer.receptive_field) if layer.receptive_field else None,
            ]
            for layer in summary.layers
        ],
        folded=f"{len(summary.layers)} layers: outputs, parameters, costs and receptive fields",
    )


def _commands(run: Run) -> str:
    """Returns the command of the training, and the command that repeats and compares it."""
    program, *arguments = run.config.get("command") or [""]
    name = Path(program).name
    ours = name in ("kerascnn", "__main__.py")
    again = ["kerascnn", "reproduce", str(run.path)]
    if not program:
        return shlex.join(again)
    trained = ["kerascnn", *arguments] if ours else ["python", program, *arguments]
    return f"{shlex.join(trained)}\n{shlex.join(again)}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Returns nested values as short texts, by their path."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name.replace('_', ' ')}: ")
        elif value not in (None, "", []):
            flat[f"{prefix}{name.replace('_', ' ')}"] = _text(value)
    return flat


def _text(value: Any) -> str:
    if isinstance(value, list):
        shown = ", ".join(map(_text, value[:20]))
        return shown + (f", \u2026 ({len(value)})" if len(value) > 20 else "")
    return f"{value:.6g}" if isinstance(value, float) else str(value)
