"""Loads files of weights one after another, in a process that they may kill; a verdict a line.

python load_hostile_files.py FOLDER NAME...
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

from resident_memory import peak, reset_peak

FORBIDDEN = ("socket.", "subprocess.", "os.system", "os.exec", "os.posix_spawn", "pickle.", "exec")
"""Events of Python's audit that no load of weights has any cause for."""
MEMORY = 2 * 2**30
"""Bytes that may be reserved beyond what the process has when it begins; 8 times any file here."""

seen: list[str] = []
watching = False


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not watching:
        return
    if event == "open" and not isinstance(arguments[0], int):  # a number is open already
        seen.append(f"open {arguments[0]}")
    elif event.startswith(FORBIDDEN):
        seen.append(f"{event} {arguments!r:.60}")


def main() -> None:
    global watching
    folder, names = Path(sys.argv[1]), json.loads(sys.stdin.read())
    os.chdir(folder)

    import kerascnn
    from kerascnn.errors import MismatchError
    from kerascnn.weights.load import load_weights

    model = kerascnn.create_model("lenet5")

    def digest() -> str:
        return hashlib.sha256(
            b"".join(bytes(variable.numpy().data) for variable in weights)
        ).hexdigest()

    weights = [variable.value for variable in model.weights]
    # Imports, and what TensorFlow makes once; no row is like the last file, which looks at all.
    for name in sorted(os.listdir(folder)):
        if name.startswith("warm"):
            with contextlib.suppress(MismatchError):
                load_weights(model, name)
    fresh = kerascnn.create_model("lenet5")
    model.set_weights(fresh.get_weights())
    sys.addaudithook(hook)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    for name in names:
        before = digest()
        seen.clear()
        reset_peak()
        level, start = peak(), time.process_time()
        watching = True
        verdict: dict[str, Any] = {"name": name, "error": "", "message": ""}
        try:
            load_weights(model, folder / name)
        except BaseException as error:
            verdict.update(error=type(error).__name__, message=str(error))
            verdict["code"] = getattr(error, "exit_code", None)
        watching = False
        verdict.update(
            seconds=time.process_time() - start,
            memory=peak() - level,
            changed=digest() != before,
            digest=digest(),
            opened=sum(event == f"open {folder / name}" for event in seen),
            events=[item for item in seen if item != f"open {folder / name}"],
        )
        if not verdict["error"]:
            model.set_weights(fresh.get_weights())
        print(json.dumps(verdict), flush=True)


main()
