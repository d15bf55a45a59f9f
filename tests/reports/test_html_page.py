"""Pages are whole, fetch nothing and show every text as it is, however hostile."""

from __future__ import annotations

import base64
import hashlib
import re

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import OutputError, UsageError
from kerascnn.reports.html_page import Page, escaped
from support.html_reading import assert_self_contained, everything, pictures, read, rows
from support.images import png

HOSTILE = (
    '<script>alert("x")</script>',
    '"><img src=x onerror=alert(1)>',
    "'; background:url(http://x)",
    "</style></script></title><h1>",
    "&lt;b&gt; &amp; &#60;",
    "\u202eevil\u202c",
    "{braces} {0} %s \\ `$`",
    "]]><!-- --> <!--",
)


def coloured_png(colour="red"):
    return png(np.asarray(Image.new("RGB", (3, 2), colour)))


def test_a_page_has_what_was_put_into_it_in_order():
    page = Page("A title", "a line")
    page.tiles({"accuracy": "98.7 %"})
    page.section("First")
    page.pairs({"epochs": 20, "best": None})
    page.table(["class", "recall"], [["three", 0.97251], ["two", 1]])
    page.section("Second")
    page.figure(coloured_png(), "A red field", width=90)
    page.gallery([(coloured_png("blue"), "one"), (coloured_png("green"), "two")])
    page.code("kerascnn train lenet5 digits")
    root = assert_self_contained(page.html())
    assert root.all("title")[0].text == root.all("h1")[0].text == "A title"
    assert [h.text for h in root.all("h2")] == ["First", "Second"]
    assert [rows(table) for table in root.all("table")] == [
        [["epochs", "20"], ["best", "\u2013"]],
        [["class", "recall"], ["three", "0.9725"], ["two", "1"]],
    ]
    assert pictures(root) == [coloured_png(), coloured_png("blue"), coloured_png("green")]
    assert [img.attributes["alt"] for img in root.all("img")] == ["A red field", "one", "two"]
    assert root.all("pre")[0].text == "kerascnn train lenet5 digits"
    tags = [e.tag for e in everything(root.all("main")[0])]
    assert tags.index("dl") < tags.index("h2") < tags.index("table") < tags.index("figure")


def test_the_contents_link_to_every_section():
    page = Page("t")
    for name in ("one", "two", "one"):
        page.section(name)
    root = read(page.html())
    links = [a.attributes["href"] for a in root.all("a")]
    assert links == [f"#{h.attributes['id']}" for h in root.all("h2")]
    assert len(set(links)) == 3


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_shown_and_never_obeyed(text):
    def build(text):
        page = Page(text, text)
        page.section(text)
        page.text(text)
        page.code(text)
        page.tiles({text: text})
        page.pairs({text: text})
        page.table([text], [[text]], sortable=True, folded=text)
        page.figure(coloured_png(), text, alt=text)
        page.gallery([(coloured_png(), text)])
        return page.html()

    root, plain = assert_self_contained(build(text)), read(build("plain"))
    assert [e.tag for e in everything(root)] == [e.tag for e in everything(plain)]
    shown = [e.text for e in everything(root) if e.text == text]
    assert len(shown) == len([e for e in everything(plain) if e.text == "plain"]) > 10
    assert all(img.attributes["alt"] == text for img in root.all("img"))


def test_what_is_no_text_becomes_visible():
    assert escaped("a\0b\x1b\x7f") == "a\u2400b\u241b\u2421"
    assert escaped(b"\xff.png".decode("utf-8", "surrogateescape")) == "\\udcff.png"
    assert escaped("tab\tline\n") == "tab\tline\n"


def test_columns_of_numbers_are_flush_right_and_keep_their_value_for_sorting():
    page = Page("t")
    page.table(
        ["name", "count", "share", "text"],
        [["a", 10, "1.5 %", "1"], ["b", 9.123456789, None, "x"]],
        sortable=True,
    )
    table = read(page.html()).all("table")[0]
    assert table.attributes["class"] == "sortable"
    marks = ["number" in (th.attributes.get("class") or "") for th in table.all("th")]
    assert marks == [False, True, True, False]
    assert [td.attributes.get("data-key") for td in table.all("td")][1::4] == ["10", "9.123456789"]


def test_the_policy_allows_the_page_s_own_script_and_nothing_else():
    root = read(Page("t").html())
    policy = next(
        meta.attributes["content"]
        for meta in root.all("meta")
        if meta.attributes.get("http-equiv") == "Content-Security-Policy"
    )
    digest = base64.b64encode(hashlib.sha256(root.all("script")[0].text.encode()).digest())
    assert f"script-src 'sha256-{digest.decode()}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert not re.search(r"https?:|\*", policy)


def test_rows_and_pictures_that_do_not_fit_are_refused():
    page = Page("t")
    with pytest.raises(UsageError, match="a row of 1 cells in a table of 2 columns"):
        page.table(["a", "b"], [["a"]])
    with pytest.raises(UsageError, match="give the content of a PNG, JPEG or SVG file"):
        page.figure(b"GIF89a", "x")


def test_a_page_is_written_atomically(tmp_path):
    page = Page("päge")
    page.write(tmp_path / "deep" / "report.html")
    assert (tmp_path / "deep" / "report.html").read_text("utf-8") == page.html()
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot"):
        page.write(tmp_path / "file" / "report.html")
