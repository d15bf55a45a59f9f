"""Shows the progress of a download: a bar on a terminal, otherwise one line of text."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class Meter:
    """Shows the progress of a download on standard error.

    Args:
        name: the file's name.
        quiet: whether to show nothing.
    """

    def __init__(self, name: str, *, quiet: bool = False) -> None:
        self.name, self.quiet = name, quiet
        self.bar: Progress | None = None
        self.line_printed = False

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
        """Shows that a download begins.

        Args:
            done: number of bytes that are present already.
            total: number of bytes of the file; None if the server does not say it.
        """
        if self.quiet:
            return
        if not sys.stderr.isatty():
            if not self.line_printed:
                size = "" if total is None else f" ({total / 1e6:,.1f} MB)"
                print(f"fetching {self.name}{size}", file=sys.stderr, flush=True)
            self.line_printed = True
            return
        if self.bar is None:
            self.bar = _bar()
            self.task = self.bar.add_task(self.name)
            self.bar.start()
        self.bar.update(self.task, completed=done, total=total)

    def advance(self, done: int) -> None:
        """Shows that `done` bytes are present."""
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
