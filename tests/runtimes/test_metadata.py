"""Reading the metadata of LiteRT, OpenVINO and SavedModel files that anyone may have written."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from kerascnn.errors import DamagedFileError, UnsafeFileError
from kerascnn.runtimes import litert, metadata, openvino, savedmodel
from kerascnn.runtimes.contract import LITERT_METADATA, SAVEDMODEL_METADATA

CONTENT = {"class_names": ["a", "b"], "input": {"layout": "nhwc"}}


def litert_file(folder: Path, text: str, name: str = LITERT_METADATA) -> Path:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        stream.writestr(name, text)
    path = folder / "model.tflite"
    path.write_bytes(b"no model" + archive.getvalue())
    return path


def savedmodel_folder(folder: Path, text: str) -> Path:
    path = folder / "savedmodel"
    (path / SAVEDMODEL_METADATA).parent.mkdir(parents=True, exist_ok=True)
    (path / SAVEDMODEL_METADATA).write_text(text, "utf-8")
    return path


def openvino_folder(folder: Path, text: str) -> Path:
    """`text` is the value of one entry."""
    path = folder / "openvino"
    path.mkdir(exist_ok=True)
    (path / "model.xml").write_text(
        f"<net><rt_info><kerascnn><class_names value={quoteattr(text)}/>"
        "<other value='no JSON'/></kerascnn></rt_info></net>",
        "utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("reader", "write"),
    [
        (litert, litert_file),
        (savedmodel, savedmodel_folder),
        (openvino, openvino_folder),
    ],
)
def test_metadata_is_read_up_to_a_limit(reader, write, tmp_path, monkeypatch):
    text = json.dumps(CONTENT)
    path = write(tmp_path, text)
    expected = {"class_names": CONTENT} if reader is openvino else CONTENT
    assert reader.read_metadata(path) == expected
    for damaged in ("{", "[" * 100_000):
        with pytest.raises(DamagedFileError, match=r"metadata of .* is damaged"):
            reader.read_metadata(write(tmp_path, damaged))
    monkeypatch.setattr(metadata, "LARGEST_METADATA", len(text) - 1)
    path = write(tmp_path, text)
    with pytest.raises(DamagedFileError, match="at most"):
        reader.read_metadata(path)


def test_files_of_other_programs_have_no_metadata(tmp_path):
    assert litert.read_metadata(litert_file(tmp_path, "labels", "labels.txt")) == {}
    (tmp_path / "plain.tflite").write_bytes(b"no archive")
    assert litert.read_metadata(tmp_path / "plain.tflite") == {}
    (tmp_path / "plain.xml").write_text("<net/>")
    assert openvino.read_metadata(tmp_path / "plain.xml") == {}
    assert savedmodel.read_metadata(tmp_path) == {}


def test_a_savedmodel_is_run_only_with_trust(tmp_path):
    with pytest.raises(UnsafeFileError, match="--trust"):
        savedmodel.open_artifact(tmp_path, trust=False)
