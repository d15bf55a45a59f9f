"""The files of an evaluation: metrics as JSON, tables as CSV, plots as PNG."""

from __future__ import annotations

import os
from pathlib import Path

from kerascnn.evaluation.evaluate import Evaluation
from kerascnn.evaluation.metrics import LARGEST_MATRIX
from kerascnn.evaluation.plots import calibration_figure, confusion_figure, png
from kerascnn.fileio.atomic import atomic_file, refuse_occupied
from kerascnn.fileio.csv_table import write_csv
from kerascnn.fileio.json import write_json


def write_evaluation(
    evaluation: Evaluation, directory: str | os.PathLike[str], *, overwrite: bool = False
) -> list[Path]:
    """Writes evaluation.json, four tables and two plots into a directory.

    - evaluation.json: the metrics, those of each network, the data and the views;
    - per_class.csv: precision, recall, support and the most frequent confusion of each class;
    - confusion.csv, confusion.png: images by true class (rows) and answer (columns); above 5,000
      classes only the pairs that occur, and no plot;
    - calibration.csv, calibration.png: accuracy by confidence;
    - predictions.csv: the answer to each image, with its loss.

    Args:
        evaluation: what `evaluate` returned.
        directory: created if it does not exist.
        overwrite: replace these files in a directory that is not empty; other files are kept.

    Returns:
        The files.

    Raises:
        OutputError: the directory is not empty, or cannot be written.
    """
    directory = Path(directory)
    refuse_occupied(directory, overwrite=overwrite)
    outcomes, names = evaluation.outcomes, evaluation.data.class_names
    files = [directory / "evaluation.json"]
    write_json(files[0], record(evaluation), ascii_only=True)

    def table(name: str, header: list[object], rows: list[list[object]]) -> None:
        write_csv(directory / name, header, rows)
        files.append(directory / name)

    table("per_class.csv", list(PER_CLASS), per_class_rows(evaluation))
    if outcomes.classes <= LARGEST_MATRIX:
        matrix = outcomes.confusion()
        rows = [[name, *row] for name, row in zip(names, matrix.tolist(), strict=True)]
        table("confusion.csv", ["true class", *names], rows)
    else:
        pairs = [[names[true], names[answer], n] for true, answer, n in outcomes.confusions()]
        table("confusion.csv", ["true class", "answer", "images"], pairs)
    intervals: list[list[object]] = [list(row) for row in outcomes.calibration().rows()]
    header = ["confidence above", "up to", "images", "mean confidence", "accuracy"]
    table("calibration.csv", [*header], intervals)
    table("predictions.csv", list(PREDICTIONS), prediction_rows(evaluation))
    for name, picture in pictures(evaluation).items():
        files.append(directory / f"{name}.png")
        with atomic_file(files[-1]) as temporary:
            temporary.write_bytes(picture)
    return files


PER_CLASS = ("class", "precision", "recall", "support", "mostly taken for", "how often")
PREDICTIONS = ("image", "file", "label", "answer", "confidence", "loss", "right")


def record(evaluation: Evaluation) -> dict[str, object]:
    """Returns the metrics, those of each network, the data and the views, for JSON."""
    return {
        "figures": dict(evaluation),
        "networks": evaluation.members,
        "data": {"name": evaluation.data.name, "fingerprint": evaluation.data.fingerprint},
        "views": str(evaluation.views),
    }


def per_class_rows(evaluation: Evaluation) -> list[list[object]]:
    """Returns a row for each class, with the columns of `PER_CLASS`; None where undefined."""
    names = evaluation.data.class_names
    rows: list[list[object]] = []
    for name, figures in zip(names, evaluation.outcomes.per_class(), strict=True):
        answer, count = figures.confused_with or (None, None)
        taken_for = None if answer is None else names[answer]
        rows.append([name, figures.precision, figures.recall, figures.support, taken_for, count])
    return rows


def prediction_rows(evaluation: Evaluation) -> list[list[object]]:
    """Returns a row for each image, with the columns of `PREDICTIONS`."""
    outcomes, names = evaluation.outcomes, evaluation.data.class_names
    images = evaluation.data.test.images
    files = images if isinstance(images, tuple) and isinstance(images[0], Path) else ()
    return [
        [
            index,
            str(files[index]) if files else None,
            names[outcomes.labels[index]],
            names[outcomes.answers[index]],
            round(float(outcomes.confidence[index]), 6),
            round(float(outcomes.losses[index]), 6),
            int(outcomes.ranks[index] == 0),
        ]
        for index in range(len(outcomes))
    ]


def pictures(evaluation: Evaluation) -> dict[str, bytes]:
    """Returns the confusion and calibration plots as PNG; no confusion above 5,000 classes."""
    outcomes, name = evaluation.outcomes, evaluation.data.name
    images_by_name = {}
    wrong, count = int((outcomes.ranks > 0).sum()), len(outcomes)
    if outcomes.classes <= LARGEST_MATRIX:
        title = f"{name}: {wrong:,} of {count:,} wrong"
        figure = confusion_figure(outcomes.confusion(), evaluation.data.class_names, title)
        images_by_name["confusion"] = png(figure)
    title = f"{name}: confidence and accuracy"
    images_by_name["calibration"] = png(calibration_figure(outcomes.calibration(), title))
    return images_by_name
