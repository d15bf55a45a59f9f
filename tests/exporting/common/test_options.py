"""Options of an export that are refused."""

from __future__ import annotations

import pytest

from kerascnn.errors import UsageError
from kerascnn.exporting.common.options import ExportOptions


def test_wrong_options():
    with pytest.raises(UsageError, match="opset"):
        ExportOptions(opset=12)
    with pytest.raises(UsageError, match="layout"):
        ExportOptions(layout="chwn")
    with pytest.raises(UsageError, match="max_drop"):
        ExportOptions(max_drop=2)
