"""Images that tests of the predictor classify."""

from __future__ import annotations

import numpy as np
import pytest

from support.images import noise


@pytest.fixture
def pixels() -> np.ndarray:
    """Forty grey images of 2 x 2 pixels."""
    return noise(40, 2, 2, seed=1)
