"""Searches of the real digits: going on with one, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kerascnn.errors import KerasCNNError, MismatchError, OutputError, UsageError
from kerascnn.tuning import Budget, SearchResult, SearchSpace, search
from support.search_spaces import small_convnets


def test_the_same_search_goes_on_and_another_is_refused(
    searched: SearchResult, tmp_path: Path
) -> None:
    import shutil

    directory = tmp_path / "copy"
    shutil.copytree(searched.directory, directory)
    before = {path: path.read_bytes() for path in directory.glob("trials/trial_*/outcome.json")}
    call: dict[str, Any] = {
        "budget": Budget(params=30_000), "epochs": 2, "directory": directory, "verbose": False,
    }  # fmt: skip
    more = search(small_convnets(), "digits", trials=4, **call)
    assert more is not None
    assert len(more.trials) == 4
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(OutputError, match="another search: its tuner is random"):
        search(small_convnets(), "digits", trials=4, tuner="grid", **call)
    with pytest.raises(OutputError, match="another search: its epochs is 2"):
        search(small_convnets(), "digits", trials=4, **{**call, "epochs": 3})


def test_search_without_a_completed_trial_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(space: SearchSpace, values: Any) -> Any:
        raise RuntimeError("broken on purpose\nwith a second line")

    monkeypatch.setattr(SearchSpace, "network_of", broken)
    with pytest.raises(
        KerasCNNError, match=r"none of 2 trials completed; the first: RuntimeError: broken on p"
    ):
        search("lenet5", "digits", trials=2, epochs=1, directory=tmp_path / "x", verbose=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"tuner": "evolution"}, UsageError, "random, bayesian, hyperband, grid"),
        ({"trials": 0}, UsageError, "trials=0"),
        ({"epochs": 1.5}, UsageError, "epochs=1.5"),
        ({"latency": "tpu"}, UsageError, "keras, onnx"),
        ({"worker": "1"}, UsageError, "chief"),
        ({"strategy": "multiworker"}, UsageError, "trials of its own"),
        ({"space": SearchSpace("lenet5", classes=7)}, MismatchError, "7 classes.* has 10"),
        ({"directory": Path(__file__).parent}, OutputError, "not empty"),
        ({"budget": Budget(params=10)}, UsageError, "no network of the space keeps"),
    ],
)
def test_search_refuses(
    arguments: dict[str, object], error: type[Exception], message: str, tmp_path: Path
) -> None:
    call: dict[str, Any] = {"space": "lenet5", "data": "digits", "directory": tmp_path / "x"}
    call |= arguments
    with pytest.raises(error, match=message):
        search(**call)
    assert not (tmp_path / "x").exists()
