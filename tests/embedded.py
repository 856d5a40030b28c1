"""A published page in small: a widget's state in HTML, and the book's own scripts that show it."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import Any

from ipywidgets.embed import dependency_state, embed_data

from tlfourier.io.paths import require_checkout

STATIC = require_checkout() / "book" / "_static"
LOCAL = ("file:", "blob:", "data:")  # addresses of what asks nobody else
PAGE = Template("""\
<!doctype html>
<html lang="en" data-theme="$theme">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A widget</title>
<style>
html { color-scheme: $theme; --pst-color-text-base: $ink }
body { margin: 16px auto; padding: 0 16px; max-width: 760px; font: 16px sans-serif }
body { background: $ground; color: $ink }
</style>
<script src="$static/vendor/requirejs/require.js"></script>
<script src="$static/vendor/html-manager/embed-amd.js"></script>
<script src="$static/widgets.js" defer></script>
<script type="application/vnd.jupyter.widget-state+json">$state</script>
<main><script type="application/vnd.jupyter.widget-view+json">$view</script></main>
</html>
""")


def write_page(widget: Any, path: Path, theme: str = "light") -> Path:
    """Write a page that shows a widget as the published book does, in its light or its dark theme."""
    data = embed_data(views=[widget], state=dependency_state([widget], drop_defaults=False))
    ground, ink = {"light": ("#ffffff", "#222832"), "dark": ("#14181e", "#ced6dd")}[theme]
    state, view = (
        json.dumps(part).replace("</", "<\\/") for part in (data["manager_state"], data["view_specs"][0])
    )
    page = PAGE.substitute(
        theme=theme, ground=ground, ink=ink, static=STATIC.as_uri(), state=state, view=view
    )
    path.write_text(page, encoding="utf-8")
    return path
