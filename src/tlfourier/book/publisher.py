"""Publish the executed pages as a book that asks for nothing from the network."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

from tlfourier.book.toc import toc_files
from tlfourier.io.atomic import write_bytes
from tlfourier.io.paths import build_folder, require_checkout

_ASSETS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src", "link": "href"}
_LOADED_LINKS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect", "dns-prefetch"}
_CSS_ASSET = re.compile(r"""(?:@import\s+|url\()\s*["']?((?:https?:)?//[^"')\s]+)""")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WARNING = re.compile(r"\b(?:WARNING|ERROR|CRITICAL): ")


class PublishError(RuntimeError):
    """The book could not be built without warnings."""


def publish(profile: str, repository: Path | None = None) -> Path:
    """Build the book from the executed pages of ``profile`` and return its ``index.html``.

    Raises PublishError: a page was not executed, Sphinx warned, a page would load something from the network,
    or an image has no alternative text.
    """
    repository = repository or require_checkout()
    folder = build_folder(profile, repository)
    stage(folder, repository)
    fresh = _build(folder)
    problems = problems_of(fresh)
    if problems:
        raise PublishError(f"the book has {len(problems)} bad pages: " + "; ".join(problems[:5]))
    final = folder / "html"
    shutil.rmtree(final, ignore_errors=True)
    os.replace(fresh, final)
    return final / "index.html"


def stage(folder: Path, repository: Path) -> None:
    """Complete the executed pages in ``folder`` to a whole source of a Jupyter Book.

    Raises PublishError: a notebook has no executed copy, or one older than the notebook itself.
    """
    for page in toc_files(repository):
        source, executed = repository / page, folder / page
        if page.suffix == ".ipynb" and not (
            executed.is_file() and executed.stat().st_mtime >= source.stat().st_mtime
        ):
            run = f"tlfourier run --profile {folder.name}"
            raise PublishError(f"{page} has changed since it was executed, or never was: `{run} {page.stem}`")
    for name in ("_config.yml", "_toc.yml", "CITATION.cff"):
        shutil.copy2(repository / name, folder / name)
    sources_only = shutil.ignore_patterns("*.ipynb", ".ipynb_checkpoints")
    shutil.copytree(repository / "book", folder / "book", ignore=sources_only, dirs_exist_ok=True)


def _build(folder: Path) -> Path:
    """Run Jupyter Book with warnings as errors; return the folder of the pages."""
    build = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
    strict = ["-W", "-n", "--keep-going", "--all"]
    command = [sys.executable, "-c", build, "build", str(folder), "--path-output", str(folder), *strict]
    log = folder / "book.log"
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    lines = _COLOUR.sub("", done.stdout).replace(f"{folder}{os.sep}", "").splitlines()
    write_bytes(log, "\n".join(lines).encode())
    if done.returncode:
        warnings = [line for line in lines if _WARNING.search(line)] or lines[-1:]
        shown = "\n  ".join(warnings[:20])
        raise PublishError(f"the book has {len(warnings)} problems (all in {log}):\n  {shown}")
    return folder / "_build" / "html"


def problems_of(html: Path) -> list[str]:
    """List what is wrong with the pages and style sheets under ``html``, one sentence each.

    Wrong is what a page would load from another host by itself, and an image without alternative text.
    """
    found = []
    for path in sorted([*html.rglob("*.html"), *html.rglob("*.css")]):
        text = path.read_text()
        problems = page_problems(text) if path.suffix == ".html" else map(_outside, _CSS_ASSET.findall(text))
        found += [f"{path.relative_to(html)} {problem}" for problem in problems]
    return found


def page_problems(text: str) -> list[str]:
    """List what is wrong with one page; links that a reader follows may lead anywhere."""
    reader = _PageReader()
    reader.feed(text)
    return reader.found


def _outside(address: str) -> str:
    return f"loads {address} from the network"


class _PageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loaded = tag != "link" or _LOADED_LINKS & set((given.get("rel") or "").split())
        address = given.get(_ASSETS.get(tag, "")) or ""
        if loaded and re.match(r"(https?:)?//", address):
            self.found.append(_outside(address))
        # without a description Sphinx takes the file's address for one
        if tag == "img" and (given.get("alt") or "").strip() in ("", address):
            self.found.append(f"shows {address or 'an image'} without alternative text")
