"""How far a download is: a bar on a terminal, one plain line elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class Meter:
    """Shows a download on standard error.

    Args:
        name: of the file.
        quiet: show nothing.
    """

    def __init__(self, name: str, *, quiet: bool = False) -> None:
        self.name, self.quiet = name, quiet
        self.bar: Progress | None = None
        self.said = False

    def __enter__(self) -> Meter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def begin(self, done: int, total: int | None) -> None:
        """Tells that bytes come: from `done` on, up to `total` where the server says it."""
        if self.quiet:
            return
        if not sys.stderr.isatty():
            if not self.said:
                size = "" if total is None else f" ({total / 1e6:,.1f} MB)"
                print(f"fetching {self.name}{size}", file=sys.stderr, flush=True)
            self.said = True
            return
        if self.bar is None:
            self.bar = _bar()
            self.task = self.bar.add_task(self.name)
            self.bar.start()
        self.bar.update(self.task, completed=done, total=total)

    def advance(self, done: int) -> None:
        """Tells how many bytes there are."""
        if self.bar is not None:
            self.bar.update(self.task, completed=done)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
