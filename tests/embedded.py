"""A published page in small: a widget's state in HTML, under the styles and scripts of the book."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from string import Template
from typing import Any

import pydata_sphinx_theme
import sphinx_book_theme
from ipywidgets.embed import dependency_state, embed_data

from tlfourier.io.paths import require_checkout

STATIC = require_checkout() / "book" / "_static"
STYLES = [
    *(
        Path(package.__file__ or "").parent / "theme" / package.__name__ / "static" / "styles" / name
        for package, name in (
            (pydata_sphinx_theme, "theme.css"),
            (pydata_sphinx_theme, "pydata-sphinx-theme.css"),
            (sphinx_book_theme, "sphinx-book-theme.css"),
        )
    ),
    STATIC / "book.css",
]
LOCAL = ("file:", "blob:", "data:")  # addresses of what asks nobody else
PAGE = Template("""\
<!doctype html>
<html lang="en" data-theme="$theme">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A widget</title>
$styles
<script src="$static/vendor/requirejs/require.js"></script>
<script src="$static/vendor/html-manager/embed-amd.js"></script>
<script src="$static/widgets.js" defer></script>
<script type="application/vnd.jupyter.widget-state+json">$state</script>
<main class="bd-main"><div class="bd-content"><div class="bd-article-container"><article class="bd-article">
<div class="cell docutils container"><div class="cell_output docutils container">
<script type="application/vnd.jupyter.widget-view+json">$view</script>
</div></div>
</article></div></div></main>
</html>
""")


def write_page(widget: Any, path: Path, theme: str = "light") -> Path:
    """Write a page that shows a widget as the published book does, in its light or its dark theme."""
    data = embed_data(views=[widget], state=dependency_state([widget], drop_defaults=False))
    state, view = (
        json.dumps(part).replace("</", "<\\/") for part in (data["manager_state"], data["view_specs"][0])
    )
    (path.parent / "styles").mkdir(exist_ok=True)
    (path.parent / "basic.css").touch()  # Sphinx's own, which the theme imports: it knows no widgets
    for style in STYLES:
        shutil.copy(style, path.parent / "styles")
    styles = "\n".join(f'<link rel="stylesheet" href="styles/{style.name}">' for style in STYLES)
    page = PAGE.substitute(theme=theme, styles=styles, static=STATIC.as_uri(), state=state, view=view)
    path.write_text(page, encoding="utf-8")
    return path
