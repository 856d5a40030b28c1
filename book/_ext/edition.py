"""Say at the foot of every page how to cite the book and which edition it is, and in meta tags too."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from docutils.nodes import document
from sphinx.application import Sphinx
from sphinx.config import Config

from tlfourier.book.citation import Edition, bibtex, edition, read_citation
from tlfourier.io.jsonfile import read_json

RECORDS = ("run.json", "build/laptop/run.json")  # beside the executed pages, or under a plain checkout
TEXT_LICENCE = "CC BY 4.0"  # of LICENSE-TEXT; CITATION.cff names that of the software


def prepare(app: Sphinx, config: Config) -> None:
    """Write the foot and the meta tags, once for all pages."""
    cited = read_citation(Path(app.srcdir) / "CITATION.cff")
    made = _edition(Path(app.srcdir))
    config.html_theme_options["extra_footer"] = _foot(cited, made, str(config.copyright))
    config.html_context["edition_tags"] = _tags(made)


def _edition(folder: Path) -> Edition | None:
    """Return the edition that the record of the run tells, None where no page was executed."""
    found = next((folder / name for name in RECORDS if (folder / name).is_file()), None)
    return None if found is None else edition(read_json(found))


def _foot(cited: dict[str, Any], made: Edition | None, year: str) -> str:
    entries = [bibtex(cited, year), *(bibtex(work) for work in cited.get("references", []))]
    address = cited.get("repository-code")
    said = [f'<a href="{escape(address)}">{escape(address)}</a>'] if address else []
    said += [f"DOI {escape(cited['doi'])}"] if "doi" in cited else []
    if made:
        said.append(f"edition {made.version}, profile {made.profile}, results {made.digest}")
    said.append(f"text and figures {TEXT_LICENCE}, code {escape(cited['license'])}")
    return (
        f"<p>{' · '.join(said)}</p>"
        '<details class="cite"><summary>Cite this</summary>'
        f"<p>{escape(cited['message'])}</p>"
        f'<pre tabindex="0" aria-label="BibTeX">{escape(chr(10).join(entries))}</pre></details>'
    )


def _tags(made: Edition | None) -> str:
    parts = {} if made is None else {"version": made.version, "profile": made.profile, "results": made.digest}
    tags = (f'<meta name="tlfourier-{name}" content="{escape(value)}">' for name, value in parts.items())
    return "\n".join(tags)


def describe(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: document | None) -> None:
    """Add the meta tags to one page."""
    context["metatags"] = f"{context.get('metatags', '')}\n{context['edition_tags']}"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", prepare)
    app.connect("html-page-context", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
