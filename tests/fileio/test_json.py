"""The bytes of JSON files, and reads of files that are not there or are cut off."""

from __future__ import annotations

import pytest

from kerascnn.errors import OutputError
from kerascnn.fileio.json import read_json, write_compact_json, write_json


def test_the_bytes_of_each_style(tmp_path):
    path, content = tmp_path / "a.json", {"name": "é", "sizes": (1, 2)}
    write_json(path, content)
    assert path.read_text("utf-8") == ('{\n  "name": "é",\n  "sizes": [\n    1,\n    2\n  ]\n}\n')
    write_json(path, {"name": "é"}, indent=1, ascii_only=True)
    assert path.read_bytes() == b'{\n "name": "\\u00e9"\n}\n'
    write_json(path, {"tags": {"a"}}, default=list)
    assert path.read_bytes() == b'{\n  "tags": [\n    "a"\n  ]\n}\n'
    write_compact_json(path, content)
    assert path.read_bytes() == b'{"name": "\\u00e9", "sizes": [1, 2]}'
    assert read_json(path) == {"name": "é", "sizes": [1, 2]}


@pytest.mark.parametrize("write", [write_json, write_compact_json])
def test_content_that_json_does_not_have_leaves_the_old_file(tmp_path, write):
    path = tmp_path / "a.json"
    write(path, {"epoch": 1})
    with pytest.raises(TypeError):
        write(path, {"epoch": object()})
    assert read_json(path) == {"epoch": 1}
    with pytest.raises(OutputError):
        write(tmp_path / "a.json" / "b.json", {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_missing_and_damaged_files_read_as_none(tmp_path):
    assert read_json(tmp_path / "missing.json") is None
    (tmp_path / "cut.json").write_text('{"epoch": ')
    assert read_json(tmp_path / "cut.json") is None
