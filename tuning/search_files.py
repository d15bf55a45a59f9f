"""Names of the files in a search's directory.

    DIRECTORY/
        search.json     what is searched, and whether the search is running or finished
        latency.json    seconds for one image of every network that was measured
        results.csv  best.json  report.html
        trials/trial_ID/
            attempts.json           the processes that began the trial
            history.json            loss and accuracy of every epoch
            checkpoint.weights.h5   the weights of the best epoch
            outcome.json            written last: a trial that has it is never run again

Standard library only: the supervisor counts outcomes without importing Keras.
"""

from __future__ import annotations

from pathlib import Path

STATE, LATENCIES = "search.json", "latency.json"
RESULTS, BEST, REPORT = "results.csv", "best.json", "report.html"
TRIALS = "trials"
ATTEMPTS, HISTORY, OUTCOME = "attempts.json", "history.json", "outcome.json"
CHECKPOINT = "checkpoint.weights.h5"


def trial_checkpoint(trial_id: str) -> str:
    """Returns the path of a trial's weights, relative to the search's directory."""
    return f"{TRIALS}/trial_{trial_id}/{CHECKPOINT}"


def outcome_paths(directory: Path) -> list[Path]:
    """Returns the outcome files of all trials of a search that have ended, by trial id."""
    return sorted((directory / TRIALS).glob(f"trial_*/{OUTCOME}"))
