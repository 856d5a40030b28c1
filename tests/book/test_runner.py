"""Tests of the runner on a small repository of its own; every page runs in a real kernel."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tlfourier.book import runner
from tlfourier.book.record import read_run
from tlfourier.book.toc import notebooks, toc_files

NOTE_AN_ARTIFACT = """
import json, os, sys
line = json.dumps({"artifact": "score/0123", "seconds": 1.5})
open(os.environ["TLFOURIER_LEDGER"], "a").write(line + "\\n")
print("careful", file=sys.stderr)
{"threads": os.environ["OMP_NUM_THREADS"], "profile": profile, **overrides}
"""


def write_page(path: Path, *code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parameters = new_code_cell('profile = "laptop"\noverrides = {}', metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell("# A page"), parameters, *map(new_code_cell, code)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nparts:\n- caption: A\n  chapters:\n"
        "  - file: book/reproducibility\n  - file: book/1-flow/first\n"
    )
    write_page(tmp_path / "book" / "1-flow" / "first.ipynb", NOTE_AN_ARTIFACT)
    write_page(tmp_path / "book" / "reproducibility.ipynb", "1 + 1")
    (tmp_path / "book" / "intro.md").write_text("# Intro\n")
    return tmp_path


def test_pages_run_with_the_given_values_and_are_recorded(repository: Path) -> None:
    folder = runner.run_pages("smoke", {"seeds": 2}, repository=repository)
    executed = nbformat.read(folder / "book" / "1-flow" / "first.ipynb", as_version=4)
    shown, injected, asked = (cell for cell in executed.cells if cell.cell_type == "code")
    assert shown.source == 'profile = "smoke"\noverrides = {"seeds": 2}'
    assert "remove-cell" in injected.metadata.tags
    assert "'profile': 'smoke', 'seeds': 2" in asked.outputs[-1].data["text/plain"]
    assert str(repository) not in (folder / "book" / "1-flow" / "first.ipynb").read_text()

    record = read_run("smoke", repository)
    assert record["parameters"] == {"profile": "smoke", "overrides": {"seeds": 2}}
    assert list(record["pages"]) == ["book/1-flow/first.ipynb", "book/reproducibility.ipynb"]
    first = record["pages"]["book/1-flow/first.ipynb"]
    assert first["artifacts"] == [{"artifact": "score/0123", "seconds": 1.5}]
    assert first["stderr"] == ["careful"]
    assert first["seconds"] > 0


def test_a_failing_page_stops_the_run_in_one_sentence(repository: Path) -> None:
    write_page(repository / "book" / "1-flow" / "first.ipynb", "1 + 1", "1 / 0")
    with pytest.raises(runner.PageError) as caught:
        runner.run_pages("smoke", repository=repository)
    assert str(caught.value) == "book/1-flow/first.ipynb, cell 4: ZeroDivisionError: division by zero"
    assert not (repository / "build" / "smoke" / "run.json").exists()


def test_a_dead_kernel_is_one_sentence(repository: Path) -> None:
    write_page(repository / "book" / "1-flow" / "first.ipynb", "import os; os._exit(9)")
    with pytest.raises(runner.PageError, match="first.ipynb: its kernel died"):
        runner.run_pages("smoke", pages=["first"], repository=repository)


def test_pages_are_picked_by_stem_or_path_and_reproducibility_comes_last(repository: Path) -> None:
    first, last = Path("book/1-flow/first.ipynb"), Path("book/reproducibility.ipynb")
    assert toc_files(repository) == [Path("book/intro.md"), last, first]
    assert notebooks(repository=repository) == [first, last]
    assert notebooks(["first"], repository) == notebooks([str(first)], repository) == [first]


def test_an_unknown_page_is_refused_with_the_known_ones(repository: Path) -> None:
    with pytest.raises(ValueError, match="unknown page 'frist': accepted are first, reproducibility"):
        notebooks(["frist"], repository)


def test_a_missing_file_of_the_table_of_contents_is_named(repository: Path) -> None:
    (repository / "book" / "intro.md").unlink()
    with pytest.raises(ValueError, match=r"_toc.yml names 'book/intro': expected one file .* found 0"):
        toc_files(repository)


def test_a_run_that_never_was_is_refused(repository: Path) -> None:
    with pytest.raises(ValueError, match="no run of profile 'paper' is recorded"):
        read_run("paper", repository)


def test_another_run_with_other_values_starts_a_new_record(repository: Path) -> None:
    folder = repository / "build" / "smoke"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"parameters": {"profile": "smoke"}, "pages": {"old": {}}}))
    runner.run_pages("smoke", pages=["reproducibility"], repository=repository)
    assert list(read_run("smoke", repository)["pages"]) == ["book/reproducibility.ipynb"]
