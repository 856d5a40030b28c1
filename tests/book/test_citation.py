"""Tests of the citation: what a reader copies is what CITATION.cff says, and the edition is the results'."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from pybtex.database import parse_string

from tlfourier.book.citation import bibtex, edition, read_citation
from tlfourier.io.paths import require_checkout

REPOSITORY = require_checkout()
CITED = read_citation(REPOSITORY / "CITATION.cff")


def test_the_version_is_the_packages_own() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert CITED["version"] == project["version"]
    assert [one["name"] for one in CITED["authors"]] == [one["name"] for one in project["authors"]]
    assert CITED["license"] == project["license"]


def test_bibtex_can_read_what_is_written_for_it() -> None:
    works = [bibtex(CITED, "2026"), *map(bibtex, CITED["references"])]
    entries = parse_string("\n".join(works), "bibtex").entries
    book, paper = entries["tlfourier2026"], entries["subel2023"]
    assert str(book.persons["author"][0]) == "{tlfourier contributors}"
    assert book.fields["version"] == CITED["version"]
    assert [person.last_names[0] for person in paper.persons["author"]][-1] == "Hassanzadeh"
    assert paper.fields["doi"] == "10.1093/pnasnexus/pgad015"


def test_an_address_and_a_doi_are_shown_once_there_are_some() -> None:
    entry = bibtex(CITED | {"repository-code": "https://example.org/tlfourier", "doi": "10.1/x"}, "2026")
    assert "url     = {https://example.org/tlfourier}" in entry
    assert "doi     = {10.1/x}" in entry


def test_an_edition_is_known_by_the_results_that_its_pages_read() -> None:
    def run(*keys: str, page: str = "intro") -> dict[str, object]:
        pages = {f"book/{page}.ipynb": {"artifacts": [{"artifact": key} for key in keys]}}
        return {"parameters": {"profile": "laptop"}, "pages": pages}

    assert edition(run("a/1", "b/2")) == edition(run("b/2", "a/1", "a/1"))
    assert edition(run("a/1")).digest != edition(run("a/2")).digest
    assert edition(run("a/1", page="reproducibility")) == edition(run())


@pytest.mark.parametrize("text", ["[]", "title: x", "a: [", "\x00"])
def test_what_is_no_citation_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "CITATION.cff").write_text(text)
    with pytest.raises(ValueError, match=r"CITATION\.cff is no citation that can be read"):
        read_citation(tmp_path / "CITATION.cff")
