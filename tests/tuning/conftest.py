"""One search that several tests look at, and the environment of a search that is alone."""

from __future__ import annotations

from typing import Any

import pytest

from kerascnn.tuning import Budget, SearchResult, SearchSpace, search
from support.search_spaces import small_convnets


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No search of these is one of several."""
    for part in ("ORACLE_IP", "ORACLE_PORT", "TUNER_ID"):
        monkeypatch.delenv(f"KERASTUNER_{part}", raising=False)


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """One search of three trials, of which the second one fails."""
    directory = tmp_path_factory.mktemp("search") / "search"
    build = SearchSpace.network_of

    def sometimes(space: SearchSpace, values: dict[str, Any]) -> Any:
        if len(list(directory.glob("trials/trial_*/outcome.json"))) == 1:
            raise MemoryError("no room for the weights")
        return build(space, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SearchSpace, "network_of", sometimes)
        result = search(
            small_convnets(), "digits", budget=Budget(params=30_000), trials=3, epochs=2,
            directory=directory, verbose=False,
        )  # fmt: skip
    assert result is not None
    return result
