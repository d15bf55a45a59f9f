"""The files of a finished search: results.csv, best.json, report.html, plots, event files."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kerascnn.fileio.atomic import atomic_file
from kerascnn.fileio.json import write_json
from kerascnn.reports.html_page import Page
from kerascnn.training.progress import clock
from kerascnn.tuning import plots
from kerascnn.tuning.axes import Range
from kerascnn.tuning.progress import candidate_text
from kerascnn.tuning.result import SearchResult
from kerascnn.tuning.search_files import BEST, REPORT, RESULTS, trial_checkpoint
from kerascnn.tuning.trial import COLUMNS, Trial

EVENTS = "tensorboard"


def write_results(result: SearchResult) -> None:
    """Writes results.csv, best.json, the plots and report.html into the search's directory."""
    write_table(result.trials, result.directory / RESULTS)
    best = result.best
    row, arguments = result.space.network(best.values)
    record = {
        "trial": best.trial,
        "val_accuracy": best.score,
        "metrics": best.metrics,
        "values": best.values,
        "model": {"name": row, "arguments": arguments},
        "recipe": result.space.recipe(best.values, result.settings.setup.recipe).to_json(),
        "params": best.params,
        "macs": best.macs,
        "seed": best.seed,
        "weights": trial_checkpoint(best.trial),
        "pareto": {
            cost: [trial.trial for trial in result.pareto(cost)] for cost in ("params", "macs")
        },
    }
    write_json(result.directory / BEST, record, ascii_only=True, default=list)
    write_report(result)


def write_table(trials: Iterable[Trial], path: Path) -> None:
    """Writes a CSV file with one row for each trial: its outcome, then the values of its axes."""
    trials = list(trials)
    axes = list(dict.fromkeys(name for trial in trials for name in trial.values))
    with (
        atomic_file(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        table = csv.writer(stream)
        table.writerow([*COLUMNS, *axes])
        for trial in trials:
            status = "FAILED" if trial.score is None else "COMPLETED"
            cells = {"status": status, "val_accuracy": trial.score, "val_loss": None}
            cells["val_loss"] = trial.metrics.get("val_loss")
            row = [cells[name] if name in cells else getattr(trial, name) for name in COLUMNS]
            table.writerow([*row, *(trial.values.get(name) for name in axes)])


def write_report(result: SearchResult) -> None:
    """Writes the plots, report.html and TensorBoard's events into the search's directory."""
    pictures = _pictures(result)
    for name, picture, _ in pictures:
        with atomic_file(result.directory / name) as temporary:
            temporary.write_bytes(picture)
    _page(result, pictures).write(result.directory / REPORT)
    write_events(result)


def _pictures(result: SearchResult) -> list[tuple[str, bytes, str]]:
    """Returns (file name, PNG, caption)."""
    trials, bounds = result.trials, result.space.budget.bounds()
    axes = [axis for axis in result.space.axes if isinstance(axis.domain, Range) or axis.domain[1:]]
    pictures = [
        (
            f"accuracy_{cost}.png",
            plots.cost_plot(trials, cost, bounds.get(cost)),
            f"Validation accuracy against {plots.NAMES[cost]}; numbers are trials",
        )
        for cost in ("params", "macs", "latency")
        if any(getattr(trial, cost) for trial in result.completed)
    ]
    if axes:
        pictures.append(
            (
                "coordinates.png",
                plots.coordinates_plot(trials, axes),
                "A line for each trial, darker for higher accuracy; below an axis: not applicable",
            )
        )
    shares = plots.importance(trials, axes)
    if shares:
        pictures.append(
            (
                "importance.png",
                plots.importance_plot(shares),
                "Permutation importance in a random forest; unreliable for few trials",
            )
        )
    pictures.append(("curves.png", plots.curves_plot(trials), "Validation accuracy by epoch"))
    return pictures


def _page(result: SearchResult, pictures: list[tuple[str, bytes, str]]) -> Page:
    """Returns the page about a search."""
    best, space = result.best, result.space
    data, setup = result.settings.data, result.settings.setup
    failed = [trial for trial in result.trials if trial.score is None]
    page = Page(
        f"Search: {', '.join(space.rows)} on {data.name}",
        f"{len(result.completed)} trials completed, {len(failed)} failed; {space.coverage()}",
    )
    tiles: dict[str, Any] = {
        "best validation accuracy": f"{best.score:.2%}",
        "parameters": f"{best.params:,}",
        "multiply-accumulates": "open" if best.macs is None else f"{best.macs:,}",
        "of the best trial": clock(best.seconds),
        "of all trials": clock(sum(trial.seconds for trial in result.trials)),
    }
    if best.latency is not None:
        tiles["for one image"] = f"{1000 * best.latency:.2f} ms"
    page.tiles(tiles)
    page.section("Best trial")
    row, arguments = space.network(best.values)
    page.pairs(
        {
            "trial": best.trial,
            "best epoch": f"{best.epoch} of {best.epochs}",
            "seed": best.seed,
            **{k: v for k, v in best.values.items() if not k.startswith("tuner/")},
        }
    )
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    page.code(f'kerascnn.create_model("{row}", {call})')
    page.section("Results")
    for name, picture, caption in pictures:
        page.figure(picture, caption, width=None if name == "coordinates.png" else 760)
    page.section("Trials")
    page.table(*_trials_table(result), sortable=True)
    if failed:
        page.section("Failed trials")
        page.table(
            ("trial", "candidate", "reason"),
            [(trial.trial, candidate_text(trial.values), trial.reason) for trial in failed],
        )
    page.section("Search")
    page.pairs(
        {
            "budget": space.budget,
            "recipe": setup.recipe.name,
            "epochs": setup.recipe.epochs,
            "precision": setup.policy,
            "seed": setup.seed,
            "validation": data.split,
        }
    )
    page.table(
        ("axis", "values", "applies where"),
        [
            (
                axis.name,
                _domain(axis.domain),
                "always" if axis.parent is None else f"{axis.parent[0]} is {axis.parent[1]}",
            )
            for axis in space.axes
        ],
    )
    return page


def _domain(domain: Any) -> str:
    """Returns a domain as text."""
    if not isinstance(domain, Range):
        return ", ".join(map(str, domain))
    step = f" in steps of {domain.step:g}" if domain.step else ""
    return f"{domain.low:g} to {domain.high:g}{step}" + (", logarithmic" if domain.log else "")


def _trials_table(result: SearchResult) -> tuple[list[str], list[list[Any]]]:
    """Returns header and rows of the table of completed trials, best first."""
    axes = [axis.name for axis in result.space.axes]
    header = ["trial", "accuracy, %", "loss", "parameters", "MACs", "epochs", "seconds", *axes]
    fronts = {trial.trial for cost in ("params", "macs") for trial in result.pareto(cost)}

    def row(trial: Trial) -> list[Any]:
        mark = " *" if trial.trial in fronts else ""
        return [
            f"{trial.trial}{mark}",
            round(100 * (trial.score or 0), 2),
            trial.metrics.get("val_loss"),
            trial.params,
            trial.macs,
            f"{trial.epochs} (stopped)" if trial.stopped else trial.epochs,
            round(trial.seconds, 1),
            *(trial.values.get(name) for name in axes),
        ]

    ranked = sorted(result.completed, key=lambda trial: -(trial.score or 0))
    header[0] = "trial (* on a Pareto front)"
    return header, [row(trial) for trial in ranked]


def write_events(result: SearchResult) -> None:
    """Writes an event file for each completed trial, for TensorBoard's HParams page."""
    import tensorflow as tf
    from tensorboard.plugins.hparams import api

    root = result.directory / EVENTS
    shutil.rmtree(root, ignore_errors=True)
    parameters = [api.HParam(axis.name) for axis in result.space.axes]
    metric = api.Metric("val_accuracy", display_name="validation accuracy")
    with tf.summary.create_file_writer(str(root)).as_default():
        api.hparams_config(hparams=parameters, metrics=[metric])
    for trial in result.completed:
        with tf.summary.create_file_writer(str(Path(root) / trial.trial)).as_default():
            api.hparams(dict(trial.values), trial_id=trial.trial)
            first = trial.epochs - len(trial.history["val_accuracy"])
            for name, values in trial.history.items():
                for step, value in enumerate(values, first + 1):
                    tf.summary.scalar(name, value, step=step)
