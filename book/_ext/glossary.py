"""Let a term say what it means where it is linked: its first sentence in the glossary is the link's title."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from sphinx.addnodes import glossary
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

PAGE = "book/glossary"


def meanings(tree: nodes.document) -> dict[str, str]:
    """Return the first sentence about every term of a page, by the anchor of the term."""
    found = {}
    for item in (item for one in tree.findall(glossary) for item in one.findall(nodes.definition_list_item)):
        words = next(item.findall(nodes.definition)).astext()
        first = re.split(r"(?<=[.])\s", " ".join(words.split()), maxsplit=1)[0]
        found |= {anchor: first for term in item.findall(nodes.term) for anchor in term["ids"]}
    return found


def explain(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Give every link to a term its title."""
    links = [link for link in tree.findall(nodes.reference) if "#term-" in link.get("refuri", "")]
    known = meanings(_glossary(app.env)) if links else {}
    for link in links:
        link["reftitle"] = known[link["refuri"].partition("#")[2]]


def _glossary(env: BuildEnvironment) -> nodes.document:
    return env.get_doctree(PAGE)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", explain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
