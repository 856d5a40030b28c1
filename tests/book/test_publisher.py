"""Tests of the publisher: the whole chain on a small book, and what it must refuse."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nbformat
import numpy as np
import pytest
from ipywidgets.embed import dependency_state, embed_data
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from playwright.sync_api import expect

from tests.lab import browser_page, contrast, find_chromium, pixels
from tlfourier.book.publisher import PublishError, page_problems, publish
from tlfourier.io.paths import require_checkout
from tlfourier.widgets import _View, _words

REPOSITORY = require_checkout()

INTRO = (
    "# Intro\n\nThe equation $\\omega_t$ of {cite:t}`subel2023`, and {doc}`page`.\n\n```{bibliography}\n```\n"
)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Hold a book of two pages with the real configuration, executed but not yet published."""
    for folder in ("_static", "_ext"):
        shutil.copytree(REPOSITORY / "book" / folder, tmp_path / "book" / folder)
    for name in ("_config.yml", "CITATION.cff"):
        shutil.copy(REPOSITORY / name, tmp_path)
    shutil.copy(REPOSITORY / "book" / "references.bib", tmp_path / "book")
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/intro\nchapters:\n- file: book/page\n")
    (tmp_path / "book" / "intro.md").write_text(INTRO)
    cell = new_code_cell("40 + 2")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    page = new_notebook(cells=[new_markdown_cell("# A page"), cell], metadata={"kernelspec": kernel})
    nbformat.write(page, tmp_path / "book" / "page.ipynb")
    cell.outputs = [new_output("execute_result", data={"text/plain": "the answer is 42"})]
    (tmp_path / "build" / "smoke" / "book").mkdir(parents=True)
    nbformat.write(page, tmp_path / "build" / "smoke" / "book" / "page.ipynb")
    pages = {"book/page.ipynb": {"artifacts": [{"artifact": "scores/0123456789abcdef"}]}}
    run = {"parameters": {"profile": "smoke", "overrides": {}}, "pages": pages}
    (tmp_path / "build" / "smoke" / "run.json").write_text(json.dumps(run))
    return tmp_path


def test_the_executed_pages_are_published_without_anything_from_the_network(repository: Path) -> None:
    index = publish("smoke", repository)
    assert index == repository / "build" / "smoke" / "html" / "index.html"
    assert "the answer is 42" in (index.parent / "book" / "page.html").read_text()
    intro = (index.parent / "book" / "intro.html").read_text()
    assert "vendor/mathjax/tex-chtml-full.js" in intro
    assert "Subel" in intro
    digest = hashlib.sha256(b"scores/0123456789abcdef").hexdigest()[:12]
    assert f'<meta name="tlfourier-results" content="{digest}">' in intro
    assert f"edition {version('tlfourier')}, profile smoke, results {digest}" in intro
    assert "@software{tlfourier2026," in intro
    assert "10.1093/pnasnexus/pgad015" in intro


def test_a_linked_term_says_what_it_means(repository: Path) -> None:
    with (repository / "_toc.yml").open("a") as toc:
        for name in ("glossary", "notation"):  # the one links to the other
            shutil.copy(REPOSITORY / "book" / f"{name}.md", repository / "book")
            toc.write(f"- file: book/{name}\n")
    (repository / "book" / "intro.md").write_text("# Intro\n\nTwo {term}`replicates <replicate>`.\n")
    intro = (publish("smoke", repository).parent / "book" / "intro.html").read_text()
    link = re.search(r'<a class="reference internal" href="([^"]+)" title="([^"]+)">', intro)
    assert link is not None
    assert link[1] == "glossary.html#term-replicate"
    assert link[2] == "One training on one realisation, with its own few samples and test block."


def test_a_panel_in_a_published_page_asks_for_nothing_from_the_network(repository: Path) -> None:
    row = {score: [0.5, 0.25, 0.75, 0.375, 0.625] for score in ("rmse", "cc", "spectrum_error")}
    about = {"base": "small", "target": "large", "seeds": 2, "scores": {"own": {"none": row, "2": row}}}
    known = {"layers": 3, "cases": {"forcing": {**about, "kept": {}}}, "flows": {}}
    panel = _View(atlas=known, words=_words(), case="forcing", model="2")
    state = dependency_state([panel], drop_defaults=False)
    data = embed_data(views=[panel], state=state)
    executed = repository / "build" / "smoke" / "book" / "page.ipynb"
    page = nbformat.read(executed, as_version=4)
    view = {"application/vnd.jupyter.widget-view+json": data["view_specs"][0], "text/plain": "a panel"}
    page.cells[1].outputs = [new_output("display_data", data=view)]
    page.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": data["manager_state"]}
    nbformat.write(page, executed)
    published = publish("smoke", repository).parent / "book" / "page.html"
    complaints: list[str] = []
    asked: list[str] = []
    with browser_page(find_chromium(), complaints) as shown:
        shown.on("request", lambda request: asked.append(request.url))
        shown.add_init_script("localStorage.setItem('mode', 'dark')")
        shown.goto(published.as_uri())
        expect(shown.get_by_role("status").first).to_contain_text("Layer 2 re-trained: relative RMSE 0.500")
        expect(shown.get_by_role("button", name="layer 2", exact=True)).to_have_attribute(
            "aria-pressed", "true"
        )
        expect(shown.get_by_text("In JupyterLab a button re-trains any set.")).to_be_visible()
        expect(shown.get_by_text("Not connected to a running kernel")).to_have_count(0)
        toggle = shown.get_by_role("button", name="layer 1", exact=True)
        ground = pixels(shown, toggle, margin=2)[0, 0]
        assert contrast(ground, np.ones(3)) > 10  # the theme's dark, not the light ground of its outputs
    assert [address for address in asked if not address.startswith(("file:", "blob:", "data:"))] == []
    assert complaints == []


def test_jupyter_book_alone_shows_the_executed_pages(repository: Path) -> None:
    os.replace(repository / "build" / "smoke", repository / "build" / "laptop")
    command = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", command, "build", "."], cwd=repository, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert "the answer is 42" in (repository / "_build" / "html" / "book" / "page.html").read_text()


def test_a_warning_stops_the_publication_and_the_old_book_stays(repository: Path) -> None:
    old = repository / "build" / "smoke" / "html" / "index.html"
    old.parent.mkdir()
    old.write_text("the old book")
    (repository / "book" / "intro.md").write_text("# Intro\n\n{doc}`nowhere`\n")
    with pytest.raises(PublishError, match=r"intro\.md.*unknown document"):
        publish("smoke", repository)
    assert old.read_text() == "the old book"


def test_a_page_that_was_not_executed_is_named(repository: Path) -> None:
    (repository / "build" / "smoke" / "book" / "page.ipynb").unlink()
    with pytest.raises(
        PublishError, match="book/page.ipynb has changed .* `tlfourier run --profile smoke page`"
    ):
        publish("smoke", repository)


def test_a_page_that_changed_after_it_was_executed_is_named(repository: Path) -> None:
    executed = repository / "build" / "smoke" / "book" / "page.ipynb"
    before = (repository / "book" / "page.ipynb").stat().st_mtime - 10
    os.utime(executed, (before, before))
    with pytest.raises(PublishError, match="book/page.ipynb has changed"):
        publish("smoke", repository)


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<img alt="a field" src="http://cdn.example/x.png">',
        '<iframe src="https://cdn.example/"></iframe>',
    ],
)
def test_what_a_page_loads_from_elsewhere_is_found(tag: str) -> None:
    assert len(page_problems(f"<html><body>{tag}</body></html>")) == 1
    assert "cdn.example" in page_problems(tag)[0]


@pytest.mark.parametrize(
    "tag", ['<img src="a.png">', '<img src="a.png" alt="">', '<img src="a.png" alt="a.png">']
)
def test_an_image_without_alternative_text_is_found(tag: str) -> None:
    assert page_problems(tag) == ["shows a.png without alternative text"]


@pytest.mark.parametrize(
    "tag",
    [
        '<a href="https://example.org">a link</a>',
        '<link rel="canonical" href="https://example.org">',
        '<script src="../_static/x.js"></script>',
        '<img src="a.png" alt="Vorticity of both flows">',
    ],
)
def test_links_to_follow_and_local_assets_are_fine(tag: str) -> None:
    assert page_problems(tag) == []
