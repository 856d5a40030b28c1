"""Say how the book is cited, and which edition of it one has: from CITATION.cff and the record of the run.

Nothing is typed twice: authors, title, licence and address are those of ``CITATION.cff``, the version is the
package's, and the digest stands for all results that the pages read.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from tlfourier.book.toc import LAST
from tlfourier.io.words import said_as

KINDS = {"software": "software", "article": "article"}
FIELDS = {"journal": "journal", "volume": "volume", "issue": "number", "start": "pages", "doi": "doi"}
"""Names in CITATION.cff of what BibTeX calls otherwise, for works with a place and a number."""


@dataclass(frozen=True)
class Edition:
    """Which edition of the book one has.

    Parameters
    ----------
    version : str
        Of the package.
    profile : str
        Sizes at which it was computed.
    digest : str
        Stands for all results that its pages read: two editions with the same digest read the same ones.
    """

    version: str
    profile: str
    digest: str


def edition(record: Mapping[str, Any]) -> Edition:
    """Tell the edition that a run made, from its record (`tlfourier.book.record.read_run`).

    The page on reproducibility, which reads the record itself, does not count.

    Examples
    --------
    >>> run = {"parameters": {"profile": "smoke"}, "pages": {"book/intro.ipynb": {"artifacts": []}}}
    >>> edition(run).digest
    'e3b0c44298fc'
    """
    pages = {name: page for name, page in record["pages"].items() if Path(name).stem != LAST}
    keys = sorted({item["artifact"] for page in pages.values() for item in page["artifacts"]})
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:12]
    return Edition(version("tlfourier"), record["parameters"]["profile"], digest)


def read_citation(path: Path) -> dict[str, Any]:
    """Return what a ``CITATION.cff`` says, with its references; ValueError if it lacks authors or a title."""
    with said_as(f"{path} is no citation that can be read", kinds=(yaml.YAMLError, OSError, ValueError)):
        found = yaml.safe_load(path.read_bytes().decode())
        if not isinstance(found, dict) or not {"title", "authors", "license"} <= set(found):
            raise ValueError("it lacks a title, authors or a licence")
        return found


def bibtex(work: Mapping[str, Any], year: str = "") -> str:
    """Write one work of a ``CITATION.cff`` as an entry of BibTeX.

    ``year``: of a work that says none, as software does that is still being written.

    Examples
    --------
    >>> work = {"type": "software", "title": "tlfourier", "authors": [{"name": "us"}], "version": 1}
    >>> print(bibtex(work, "2026"))
    @software{us2026,
      author  = {{us}},
      title   = {tlfourier},
      year    = {2026},
      version = {1},
    }
    """
    authors = [_author(one) for one in work["authors"]]
    year = str(work.get("year") or str(work.get("date-released", ""))[:4] or year)
    fields = {"author": " and ".join(authors), "title": work["title"], "year": year}
    fields |= {name: work[key] for key, name in FIELDS.items() if key in work}
    fields |= {"version": work["version"]} if "version" in work else {}
    fields |= {"url": work["repository-code"]} if "repository-code" in work else {}
    width = max(map(len, fields))
    lines = [f"  {name:{width}} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{KINDS[work['type']]}{{{_key(work['authors'][0])}{year},", *lines, "}"])


def _author(one: Mapping[str, str]) -> str:
    """Write a person as BibTeX does, and a group in braces, so that it is not taken for a person."""
    return f"{one['family-names']}, {one['given-names']}" if "family-names" in one else f"{{{one['name']}}}"


def _key(first: Mapping[str, str]) -> str:
    return str(first.get("family-names", first.get("name"))).split()[0].lower()
