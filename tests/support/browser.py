"""Looks at an HTML page in headless Chromium: its pictures, width, sorting and complaints."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROBE = """<script>addEventListener("load", () => {
  document.querySelectorAll("table.sortable th button")[COLUMN].click();
  const cells = [...document.querySelectorAll("table.sortable tbody tr")].map(
    row => Number.parseFloat(row.cells[COLUMN].dataset.key));
  const found = {
    pictures: document.images.length,
    broken: [...document.images].filter(i => !i.naturalWidth).length,
    wide: document.documentElement.scrollWidth - innerWidth,
    rows: cells.length,
    sorted: cells.every((x, i) => !i || !(cells[i - 1] > x)), inner: innerWidth };
  document.body.dataset.found = JSON.stringify(found); });</script></body>"""


@dataclass(frozen=True)
class Seen:
    """What a browser makes of a page.

    Args:
        pictures: how many there are.
        broken: how many of them do not decode.
        wide: pixels by which something is wider than the window.
        rows: of the table that sorts.
        sorted: whether a click on a column put them into its order.
        inner: pixels of the window's width.
        console: what the page as it is, policy and all, made the browser complain of.
        html: the page as it is, after its own script.
    """

    pictures: int
    broken: int
    wide: int
    rows: int
    sorted: bool
    inner: int
    console: str
    html: str


def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return name
    raise AssertionError(
        "no browser to look at the page with; install one: apt-get install chromium"
    )


def look_at(page: Path, folder: Path, *, width: int, column: int) -> Seen:
    """Opens a page in a window so many pixels wide and sorts its first table by a column.

    Args:
        page: with a table that sorts.
        folder: for what this needs to write.
        width: of the window.
        column: from 0.
    """
    text = page.read_text("utf-8")
    # The page's policy forbids foreign scripts, so the probe's copy goes without it.
    policy = text[text.index("<meta http-equiv") : text.index('<meta name="viewport"')]
    probe = PROBE.replace("COLUMN", str(column))
    (folder / "probe.html").write_text(text.replace(policy, "").replace("</body>", probe), "utf-8")
    # Headless Chromium's window is never narrower than 500; a frame is.
    (folder / "frame.html").write_text(
        f'<body style="margin:0"><iframe id="f" src="probe.html" style="border:0;width:{width}px;'
        'height:3000px"></iframe><script>onload = () => setTimeout(() => { document.body.dataset'
        ".found = document.getElementById('f').contentDocument.body.dataset.found; }, 500);"
        "</script></body>"
    )
    common = [
        chromium(), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", "--dump-dom",
    ]  # fmt: skip
    told = subprocess.run(
        [*common, "--allow-file-access-from-files", "--virtual-time-budget=5000",
         (folder / "frame.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    result = told.partition('data-found="')[2].partition('"')[0].replace("&quot;", '"')
    quiet = subprocess.run(
        [*common, "--enable-logging=stderr", "--virtual-time-budget=2000", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    console = "\n".join(line for line in quiet.stderr.splitlines() if "CONSOLE" in line)
    return Seen(**json.loads(result), console=console, html=quiet.stdout)
