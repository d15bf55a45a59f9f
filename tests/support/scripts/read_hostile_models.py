"""Reads whole Keras models one after another, in a process that they may kill; a verdict a line.

python read_hostile_models.py FOLDER < NAMES
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from resident_memory import peak, reset_peak

FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "pickle.")
"""Events of Python's audit that no model has any cause for."""
MEMORY = 2 * 2**30
"""Bytes that may be reserved beyond what the process has when it begins."""

seen: list[str] = []
watching = False


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if watching and event.startswith(FORBIDDEN):
        seen.append(f"{event} {arguments!r:.60}")


def main() -> None:
    global watching
    folder, names = Path(sys.argv[1]), json.loads(sys.stdin.read())
    os.chdir(folder)

    import keras
    import tensorflow as tf

    import kerascnn  # noqa: F401
    from kerascnn.weights.keras_model import read_keras_model

    def state() -> list[Any]:
        return [
            keras.config.image_data_format(),
            keras.config.floatx(),
            keras.config.epsilon(),
            keras.config.backend(),
            keras.config.dtype_policy().name,
            keras.src.saving.serialization_lib.in_safe_mode(),
            tf.config.functions_run_eagerly(),
            sorted(keras.saving.get_custom_objects()),
        ]

    for name in sorted(os.listdir(folder)):
        if name.startswith("warm"):
            read_keras_model(folder / name)
    sys.addaudithook(hook)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    before = state()
    for name in names:
        seen.clear()
        reset_peak()
        level, start = peak(), time.process_time()
        watching = True
        verdict: dict[str, Any] = {"name": name, "error": "", "message": ""}
        try:
            read_keras_model(folder / name)
        except BaseException as error:
            verdict.update(error=type(error).__name__, message=str(error))
            verdict["code"] = getattr(error, "exit_code", None)
        watching = False
        verdict.update(
            seconds=time.process_time() - start,
            memory=peak() - level,
            changed=state() != before,
            events=list(seen),
        )
        print(json.dumps(verdict), flush=True)


main()
