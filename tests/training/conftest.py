"""A data set that several tests train on."""

from __future__ import annotations

import pytest

from kerascnn.data.sources.dataset import Data
from support.trainings import halves


@pytest.fixture(scope="module")
def data() -> Data:
    return halves()
