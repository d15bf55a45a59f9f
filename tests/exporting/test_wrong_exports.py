"""Converters that write something else than the model: refused by `export`, nothing is left."""

from __future__ import annotations

import pytest

from kerascnn.errors import MismatchError
from kerascnn.exporting.exporter import export
from support.exports import tiny, tree


@pytest.mark.parametrize("fault", ["savedmodel_off_by_a_weight", "onnx_off_by_a_weight"])
def test_a_wrong_export_is_refused_and_leaves_nothing(tmp_path, request, fault):
    request.getfixturevalue(fault)
    with pytest.raises(MismatchError, match=r"differs from Keras by .* at random image \d+"):
        export(tiny(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_old_export(tmp_path, request):
    export(tiny(), tmp_path / "out")
    before = tree(tmp_path / "out")
    request.getfixturevalue("onnx_off_by_a_weight")
    with pytest.raises(MismatchError):
        export(tiny(), tmp_path / "out", overwrite=True)
    assert tree(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
