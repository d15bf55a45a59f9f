"""Measures the latency of candidates: seconds for one image on a runtime."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerascnn.errors import KerasCNNError
from kerascnn.fileio.json import read_json, write_compact_json
from kerascnn.models.signature import forward, image_shape
from kerascnn.runtimes.telemetry import import_onnxruntime
from kerascnn.tuning.space import SearchSpace

WARM_UPS, RUNS = 3, 15


class LatencyMeter:
    """Measures the seconds for one image of a candidate; stored in a file, so each network once.

    Args:
        space: the search space.
        runtime: "keras" for the compiled Keras function, "onnx" for the exported network in
            onnxruntime.
        path: the file.
    """

    def __init__(self, space: SearchSpace, runtime: str, path: Path) -> None:
        self.space, self.runtime, self.path = space, runtime, path
        self.known: dict[str, float | None] = read_json(path) or {}

    def name(self, values: Mapping[str, Any]) -> str:
        """Returns the key of a candidate in the file."""
        return f"{self.runtime} {json.dumps(self.space.key(values))}"

    def __call__(self, values: Mapping[str, Any]) -> float:
        """Returns the median seconds; infinity if the runtime cannot run the network."""
        name = self.name(values)
        if name not in self.known:
            try:
                self.known[name] = measure(self.space.network_of(values), self.runtime)
            except Exception as error:  # an error within an oracle's lock would keep it locked
                if not isinstance(error, KerasCNNError):
                    print(f"cannot measure the latency of {dict(values)}: {error}")
                self.known[name] = None
            write_compact_json(self.path, self.known)
        seconds = self.known[name]
        return float("inf") if seconds is None else seconds


def measure(model: keras.Model, runtime: str) -> float:
    """Returns the median seconds for one image.

    Raises:
        MismatchError: the network cannot be exported to ONNX.
    """
    sides = [side or 224 for side in image_shape(model)]
    image = np.random.default_rng(0).random((1, *sides), np.float32)
    if runtime == "keras":
        return _median(forward(model), image)
    from kerascnn.exporting.exporter import export

    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "out"
        export(model, path, formats=("onnx",), samples=image)
        session = import_onnxruntime().InferenceSession(
            str(path / "model.onnx"), providers=["CPUExecutionProvider"]
        )
        feed = session.get_inputs()[0].name
        return _median(lambda batch: session.run(None, {feed: batch}), image)


def _median(run: Any, image: Any) -> float:
    for _ in range(WARM_UPS):
        run(image)
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        run(image)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
