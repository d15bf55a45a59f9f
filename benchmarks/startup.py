"""Start-up of the command: this checkout against another one, such as an earlier commit's.

    git worktree add /tmp/earlier COMMIT
    python benchmarks/startup.py /tmp/earlier

Both run each command in turns, in a new process each time; the ratio is of the medians. Results go
to benchmarks/results/startup.json and .md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from machine import machine, save  # noqa: E402

COMMANDS = {
    "import kerascnn": ["-c", "import kerascnn"],
    "kerascnn --help": ["-m", "kerascnn", "--help"],
    "kerascnn list": ["-m", "kerascnn", "list"],
    "kerascnn info resnet50": ["-m", "kerascnn", "info", "resnet50"],
}


def seconds(checkout: Path, arguments: list[str]) -> float:
    """Returns how long Python takes for `arguments` with a checkout's package."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    commit = subprocess.check_output(
        ["git", "-C", str(options.other), "rev-parse", "--short=7", "HEAD"], text=True
    ).strip()
    rows = {}
    for name, arguments in COMMANDS.items():
        times: dict[Path, list[float]] = {options.other: [], ROOT: []}
        for _ in range(options.rounds + 1):
            for checkout, measured in times.items():
                measured.append(seconds(checkout, arguments))
        # The first round fills the caches of bytecode and files.
        other, ours = (statistics.median(measured[1:]) for measured in times.values())
        rows[name] = {"other": other, "ours": ours, "ratio": ours / other}
    lines = [f"| command | at {commit}, s | now, s | now / then |", "|---|---|---|---|"]
    for name, row in rows.items():
        lines.append(f"| `{name}` | {row['other']:.3f} | {row['ours']:.3f} | {row['ratio']:.2f} |")
    table = "\n".join(lines)
    print(table)
    save("startup", {"machine": machine(), "compared_with": commit, "commands": rows}, table)


if __name__ == "__main__":
    main()
