"""When a trial is stopped before its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kerascnn.tuning.trial_callback import TrialRecorder


def outcome(scores: list[float]) -> dict[str, Any]:
    return {"status": "COMPLETED", "history": {"val_accuracy": scores}}


def test_poor_trials_are_stopped_by_the_median_rule(tmp_path: Path) -> None:
    for place, scores in enumerate(([0.2, 0.4, 0.6], [0.3, 0.5, 0.7], [0.5, 0.7, 0.9], [0.1] * 3)):
        directory = tmp_path / "trials" / f"trial_{place}"
        directory.mkdir(parents=True)
        (directory / "outcome.json").write_text(json.dumps(outcome(scores)))
    mine = tmp_path / "trials" / "trial_9"
    mine.mkdir()
    record = TrialRecorder(mine, None, 3, 0, True)  # type: ignore[arg-type]
    # Means until the second epoch: 0.3, 0.4, 0.6, 0.1; their median is 0.35.
    for best, poor in ((0.34, True), (0.36, False)):
        record.best = (best, 0.0)
        assert record._poor(2) is poor
    record.best = (0.0, 0.0)
    assert not record._poor(1)
    assert not record._poor(3)  # it ends here anyway
