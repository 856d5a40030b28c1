"""Tests of the look at a built book: what a reader would trip over is found, and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.lab import find_chromium
from tools.look_at_book import judge, look

PAGE = """<!doctype html><html lang="en"><head><title>A page</title>
<meta name="viewport" content="width=device-width"></head>
<body><main><article><h1>A page</h1><p>Read on.</p>{}</article></main></body></html>"""
DOT = (
    '<img alt="A dot." src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">'
)
FINE = f"""{DOT}<h2 id="here">More</h2><a href="#here">there</a> <a href="silent.html">on</a>
<a href="https://example.org">away</a>
<div tabindex="0" style="overflow-x: auto"><p style="width: 900px">A box of its own.</p></div>"""
FAULTS = {
    "logs": ("<script>console.error('oh dear')</script>", "logs oh dear"),
    "fails": ("<script>nobody.knows()</script>", "fails with ReferenceError"),
    "asks": ('<img alt="A dot." src="https://cdn.example/x.png">', "asks for https://cdn.example/x.png"),
    "wide": ('<p style="width: 500px">Wide.</p>', "is wider than a phone's 360 px: 5"),
    "missing": ('<a href="nowhere.html">there</a>', "links to nowhere.html, which is missing"),
    "anchor": ('<a href="fine.html#nowhere">there</a>', "links to #nowhere of fine.html"),
    "silent": (DOT.replace("A dot.", ""), "without alternative text"),
    "broken": ('<img alt="A dot." src="dot.png">', "dot.png, which is no image"),
    "titles": ("<h1>Another</h1>", "has 2 titles"),
    "unnamed": ("<button></button>", "button-name (critical)"),
    "pale": ('<p style="color: #ccc; background: #fff">Pale.</p>', "color-contrast (serious)"),
}
SEARCH = '<div id="search-results"><ul><li><a href="book/fine.html">A page</a></li></ul></div>'
COVER = '<div style="position: fixed; inset: 0"></div>'
HEAD = f'<div class="bd-header-article"><button aria-label="Search">S</button>{COVER}</div>'


def write(folder: Path, pages: dict[str, str]) -> list[Path]:
    """Write pages, with a search that leads to the first; return what their table of contents says."""
    (folder / "book").mkdir()
    for name, body in pages.items():
        (folder / "book" / f"{name}.html").write_text(PAGE.format(body))
    (folder / "search.html").write_text(PAGE.format(SEARCH))
    return [Path("book") / f"{name}.html" for name in pages]


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    find_chromium()
    folder = tmp_path_factory.mktemp("html")
    pages = write(folder, {"fine": FINE} | {name: body for name, (body, _) in FAULTS.items()})
    return judge(folder, asyncio.run(look(folder)), pages)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(problems: list[str], name: str) -> None:
    assert [found for found in problems if f"{name}.html " in found and FAULTS[name][1] in found]


def test_nothing_else_is_found(problems: list[str]) -> None:
    assert [found for found in problems if found.startswith(("book/fine.html", "search.html"))] == []


def test_pages_are_those_of_the_table_of_contents_and_buttons_can_be_pressed(tmp_path: Path) -> None:
    find_chromium()
    write(tmp_path, {"fine": HEAD + FINE.replace("silent", "fine")})
    found = judge(tmp_path, asyncio.run(look(tmp_path)), [Path("book/promised.html")])
    words = ["button that cannot be pressed on a desktop: Search", "on a phone: Search"]
    assert all(any(word in one for one in found) for word in words)
    assert found[-2:] == [
        "book/promised.html is promised and missing",
        "book/fine.html is in no table of contents",
    ]
