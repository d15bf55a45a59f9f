"""The machine of a benchmark, and the files of its results."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerascnn.fileio.atomic import atomic_file
from kerascnn.fileio.json import write_json

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = (
    "keras",
    "tensorflow",
    "numpy",
    "onnxruntime",
    "openvino",
    "ai-edge-litert",
    "tf2onnx",
    "torch",
    "keras-tuner",
)


def machine() -> dict[str, Any]:
    """Returns processor, cores, system, date and the versions of the installed packages."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": versions,
    }


def _cpu() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def save(name: str, result: dict[str, Any], table: str) -> None:
    """Writes benchmarks/results/<name>.json and, with the machine below the table, <name>.md."""
    about = result["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in about["versions"].items())
    text = (
        f"{table}\n\n{about['cpu']}, {about['cores']} cores, Python {about['python']}, {versions}; "
        f"{about['date']}\n"
    )
    write_json(RESULTS / f"{name}.json", result, ascii_only=True)
    with atomic_file(RESULTS / f"{name}.md") as temporary:
        temporary.write_text(text, "utf-8")
