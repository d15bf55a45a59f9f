"""`kerascnn predict` agrees with Keras."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.cli import main


def test_predict_agrees_with_keras(
    run_dir: Path, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run = kerascnn.load_run(run_dir)
    images = np.stack(
        [run.preprocessing(np.array(Image.open(path))[..., None]) for path in pictures]
    )
    scores = run.load().predict(images, verbose=0)
    names = list(map(str, pictures))
    assert main(["predict", str(run_dir), *names, "--top", "2", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert [answer["source"] for answer in answers] == names
    for answer, row in zip(answers, scores, strict=True):
        order = np.argsort(-row)[:2]
        assert [row["index"] for row in answer["classes"]] == order.tolist()
        assert [row["score"] for row in answer["classes"]] == pytest.approx(row[order], abs=1e-5)
    assert main(["predict", str(run_dir), names[0], "--top", "1"]) == 0
    line = capsys.readouterr().out
    assert line.startswith(f"{names[0]}  {scores[0].argmax()} 0.")
