"""Self-contained HTML pages: one file without external resources.

    page = Page("lenet5 on digits", "trained in 12 s")
    page.tiles({"accuracy": "98.7 %", "loss": "0.041"})
    page.section("Configuration")
    page.pairs({"optimizer": "adam", "epochs": 20})
    page.table(["class", "recall"], [["three", 0.97]], sortable=True)
    page.figure(png, "Loss and accuracy after every epoch")
    page.write("report.html")

All text is escaped. Pictures are data URIs. A Content-Security-Policy forbids the page to load or
send anything. The only script sorts tables by a click; the page is complete without it.
"""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from collections.abc import Iterable, Mapping, Sequence

from kerascnn.errors import UsageError
from kerascnn.fileio.atomic import atomic_file

_KINDS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"<svg", "image/svg+xml"),
    (b"<?xml", "image/svg+xml"),
)
_DASH = "\u2013"
# HTML allows no other control characters; they are shown as control pictures, U+2400 and on.
_UNPRINTABLE = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
_UNPRINTABLE[127] = 0x2421


class Page:
    """An HTML page; its methods append to it from top to bottom.

    Every text, cell and key may be any object: `str` of it is shown, floats with four digits, None
    as a dash.

    Args:
        title: the heading, and the title of the browser tab.
        subtitle: a line below it.
    """

    def __init__(self, title: object, subtitle: object = "") -> None:
        self._title = title
        self._subtitle = subtitle
        self._sections: list[object] = []
        self._parts: list[str] = []

    def section(self, title: object) -> None:
        """Starts a section, with a link in the list at the top of the page."""
        self._sections.append(title)
        self._parts.append(f'<h2 id="s{len(self._sections)}">{escaped(title)}</h2>')

    def text(self, text: object) -> None:
        """Adds a paragraph; line breaks are kept."""
        self._parts.append(f'<p class="text">{escaped(text)}</p>')

    def code(self, text: object) -> None:
        """Adds preformatted text: commands, a traceback."""
        self._parts.append(f"<pre><code>{escaped(text)}</code></pre>")

    def tiles(self, figures: Mapping[str, object]) -> None:
        """Adds the main figures in large type, each with its name below."""
        tiles = "".join(
            f"<div><dd>{escaped(value)}</dd><dt>{escaped(name)}</dt></div>"
            for name, value in figures.items()
        )
        self._parts.append(f'<dl class="tiles">{tiles}</dl>')

    def pairs(self, pairs: Mapping[str, object], *, folded: object = None) -> None:
        """Adds a list of names and values; `folded` as in `table`."""
        rows = "".join(
            f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(value)}</td></tr>'
            for name, value in pairs.items()
        )
        self._fold(f'<table class="pairs"><tbody>{rows}</tbody></table>', folded)

    def table(
        self,
        header: Sequence[object],
        rows: Iterable[Sequence[object]],
        *,
        sortable: bool = False,
        folded: object = None,
    ) -> None:
        """Adds a table; columns of numbers are aligned to the right.

        Args:
            header: a title for each column.
            rows: the cells, as many in each row.
            sortable: a click on a title sorts by its column.
            folded: the text to click to open the table; None shows the open table.
        """
        rows = [list(row) for row in rows]
        for row in rows:
            if len(row) != len(header):
                raise UsageError(f"a row of {len(row)} cells in a table of {len(header)} columns")
        right = [_numeric(row[column] for row in rows) for column in range(len(header))]
        marks = [' class="number"' if flush else "" for flush in right]
        titles = "".join(
            f'<th scope="col"{mark}>{escaped(title)}</th>'
            for title, mark in zip(header, marks, strict=True)
        )
        body = "".join(
            "<tr>"
            + "".join(
                f"<td{mark}{_sort_key(cell)}>{escaped(cell)}</td>"
                for cell, mark in zip(row, marks, strict=True)
            )
            + "</tr>\n"
            for row in rows
        )
        kind = ' class="sortable"' if sortable else ""
        self._fold(
            f'<div class="wide" tabindex="0"><table{kind}><thead><tr>{titles}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div>",
            folded,
        )

    def figure(
        self, picture: bytes, caption: object, *, alt: object = None, width: int | None = None
    ) -> None:
        """Adds a picture.

        Args:
            picture: the content of a PNG, JPEG or SVG file, with a background: the page may be
                light or dark.
            caption: the text below the picture.
            alt: the alternative text for screen readers; the caption when None.
            width: in CSS pixels; None for the width of the picture. At most the width of the page;
                on a narrow page the picture keeps half of `width` and scrolls.
        """
        size = "" if width is None else f' style="width:{int(width)}px;min-width:{width // 2}px"'
        self._parts.append(
            f'<figure><div class="wide" tabindex="0">'
            f"{_image(picture, caption if alt is None else alt, size)}</div>"
            f"<figcaption>{escaped(caption)}</figcaption></figure>"
        )

    def gallery(self, pictures: Iterable[tuple[bytes, object]]) -> None:
        """Adds small pictures side by side, each with a caption.

        Args:
            pictures: the content of a PNG, JPEG or SVG file, and its caption.
        """
        figures = "".join(
            f"<figure>{_image(picture, caption)}<figcaption>{escaped(caption)}</figcaption>"
            "</figure>\n"
            for picture, caption in pictures
        )
        self._parts.append(f'<div class="gallery">{figures}</div>')

    def html(self) -> str:
        """Returns the page as HTML."""
        links = "".join(
            f'<li><a href="#s{number}">{escaped(title)}</a></li>'
            for number, title in enumerate(self._sections, 1)
        )
        menu = f'<nav aria-label="contents"><ul>{links}</ul></nav>' if links else ""
        below = f'<p class="subtitle">{escaped(self._subtitle)}</p>' if self._subtitle else ""
        return _PAGE.format(
            policy=_POLICY,
            title=escaped(self._title),
            style=_STYLE,
            subtitle=below,
            menu=menu,
            body="\n".join(self._parts),
            script=_SCRIPT,
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Writes the page atomically.

        Raises:
            OutputError: the file cannot be written; an older one is kept.
        """
        with atomic_file(path) as temporary:
            temporary.write_text(self.html(), "utf-8")

    def _fold(self, content: str, title: object) -> None:
        if title is not None:
            content = f"<details><summary>{escaped(title)}</summary>{content}</details>"
        self._parts.append(content)


def escaped(value: object) -> str:
    """Returns any value as escaped text for HTML content and attributes."""
    if value is None:
        return _DASH
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    # A file name can contain bytes that are not text: they become \x escapes.
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return html.escape(text.translate(_UNPRINTABLE), quote=True)


_NUMBER = re.compile(r"[-+\u2212]?[\d,.\u202f ]*\d(e[-+]?\d+)?( ?(%|[kMGT]?B?|s|ms))?", re.ASCII)


def _numeric(cells: Iterable[object]) -> bool:
    filled = [cell for cell in cells if cell is not None and cell != ""]
    return bool(filled) and all(
        type(cell) in (int, float) or _NUMBER.fullmatch(str(cell)) is not None for cell in filled
    )


def _sort_key(cell: object) -> str:
    """Returns the attribute by which numbers are sorted: their value, not the digits shown."""
    return f' data-key="{cell!r}"' if type(cell) in (int, float) else ""


def _image(picture: bytes, alt: object, extra: str = "") -> str:
    for start, kind in _KINDS:
        if picture.startswith(start):
            data = base64.b64encode(picture).decode("ascii")
            return f'<img src="data:{kind};base64,{data}" alt="{escaped(alt)}"{extra}>'
    raise UsageError(
        f"the picture starts with {picture[:8]!r}; give the content of a PNG, JPEG or SVG file"
    )


_STYLE = """
:root { color-scheme: light dark; --page: #ffffff; --ink: #1c2430; --soft: #5b6673;
  --line: #d8dee6; --panel: #f4f6f9; --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --page: #12161c; --ink: #e6eaf0; --soft: #a0abb8;
  --line: #323b47; --panel: #1c222b; --link: #7ab7f5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 24px clamp(14px, 4vw, 40px) 64px;
  background: var(--page); color: var(--ink); overflow-wrap: anywhere;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 8px 0 0; font-size: 28px; line-height: 1.2; }
h2 { margin: 40px 0 12px; padding-bottom: 4px; border-bottom: 1px solid var(--line);
  font-size: 20px; line-height: 1.3; }
p { margin: 8px 0; max-width: 80ch; } .text { white-space: pre-line; }
.subtitle { color: var(--soft); }
a { color: var(--link); }
nav ul { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 14px 0 0; padding: 0;
  list-style: none; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(140px, 1fr)); gap: 12px;
  margin: 20px 0; }
.tiles div { display: flex; flex-direction: column; padding: 12px 14px; border-radius: 8px;
  background: var(--panel); }
.tiles dd { margin: 0; font-size: 22px; font-weight: 600; line-height: 1.25; }
.tiles dt { color: var(--soft); font-size: 13px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; unicode-bidi: isolate; }
thead th { position: sticky; top: 0; background: var(--page); color: var(--soft);
  font-weight: 600; white-space: nowrap; }
.number { text-align: right; white-space: nowrap; }
.pairs th { color: var(--soft); font-weight: 400; min-width: 9em; }
.wide { max-width: 100%; overflow: auto; overflow-wrap: normal; }
.wide:has(> table) { max-height: 70vh; }
.wide td { max-width: 40ch; overflow-wrap: break-word; }
th button { all: unset; cursor: pointer; } th button:hover { color: var(--link); }
th button:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " \\2191"; }
th[aria-sort=descending] button::after { content: " \\2193"; }
details { margin: 10px 0; } summary { cursor: pointer; color: var(--link); padding: 4px 0; }
pre { margin: 10px 0; padding: 12px 14px; border-radius: 8px; background: var(--panel);
  overflow-x: auto; white-space: pre-wrap; font-size: 13px; }
figure { margin: 16px 0; } img { max-width: 100%; height: auto; display: block;
  background: #ffffff; border-radius: 4px; }
figcaption { color: var(--soft); font-size: 13px; margin-top: 4px; white-space: pre-line;
  unicode-bidi: isolate; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr));
  gap: 18px 14px; margin: 16px 0; }
.gallery figure { margin: 0; } .gallery img { width: 100%; aspect-ratio: 1; object-fit: contain;
  background: var(--panel); }
.gallery img[src^="data:image/png"] { image-rendering: pixelated; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } nav { display: none; }
  .wide { max-height: none; overflow: visible; } tr, figure { break-inside: avoid; }
  h2 { break-after: avoid; } details::details-content { content-visibility: visible;
  height: auto; } summary { display: none; } }
"""

_SCRIPT = """
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const key = row => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const rows = [...body.rows].sort((a, b) =>
        key(a).localeCompare(key(b), undefined, { numeric: true }));
      const number = row => Number.parseFloat(key(row).replace(/[,\\u202f\\s]/g, ""));
      if (head.classList.contains("number")) rows.sort((a, b) => {
        const x = number(a), y = number(b);
        return (Number.isNaN(x) - Number.isNaN(y)) || x - y || 0;
      });
      if (!up) rows.reverse();
      body.append(...rows);
      heads.forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
    });
  });
}
"""

_DIGEST = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode("ascii")
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    f"script-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'"
)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="kerascnn">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<header><h1>{title}</h1>{subtitle}{menu}</header>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""
