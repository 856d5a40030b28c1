"""Look at every page of a built book in a real browser, and say what a reader would trip over.

``.venv/bin/python -m tools.look_at_book build/smoke/html`` opens each page in Chromium at the width of a
desk and of a phone, light and dark, and exits with 1 if a page logs an error, asks the network for anything,
is wider than its screen, has a dead link or a silent image, or fails a serious rule of accessibility (axe).
``--shots FOLDER`` keeps a picture of every view. Playwright and axe come with the extra ``dev``.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urlsplit

from playwright.async_api import Browser, Error, Page, Request, Route, async_playwright

from tlfourier.book.toc import toc_files

WIDTHS = {"desktop": 1200, "phone": 360}
HEIGHT = 800
THEMES = ("light", "dark")
# each width and each theme once, for an audit takes seconds; the pages of the reference look all alike
AUDITED = [("desktop", "light"), ("phone", "dark")]
TABS = 2
PATIENCE = 120  # seconds for a page: two cores may do something else meanwhile
WORD = "vorticity"  # any book on turbulence has it
HEAVIEST = 2.5e6  # bytes of a page and its own images
SEARCH = Path("search.html")
BUTTONS = ".bd-header-article button:visible, .bd-sidebar-primary button:visible"
HURRY = 5000  # milliseconds, for what should be there at once
LOCAL = ("file", "data", "blob", "about")
NOT_PAGES = ("_static", "_sources", "_downloads", "_images")

READY = """async () => {
  await document.fonts.ready;
  if (window.MathJax?.startup) await window.MathJax.startup.promise;
  return document.querySelectorAll('script[type$="widget-view+json"]').length;
}"""

READ = """() => ({
  ids: [...document.querySelectorAll('[id], a[name]')].map((one) => one.id || one.name),
  links: [...document.querySelectorAll('a[href]')].map((one) => one.href),
  titles: [...document.querySelectorAll('h1')].filter((one) => one.offsetParent).length,
  silent: [...document.images].filter((one) => !one.alt.trim()).map((one) => one.src),
  broken: [...document.images].filter((one) => one.complete && !one.naturalWidth).map((one) => one.src),
  images: [...document.images].map((one) => one.src),
})"""

# what sticks out of the text, unless a box of its own scrolls or hides it
WIDER = """() => {
  const width = document.documentElement.clientWidth;
  const right = (one) => one.getBoundingClientRect().right;
  const boxed = (one) => {
    for (let box = one.parentElement; box && box !== document.body; box = box.parentElement)
      if (getComputedStyle(box).overflowX !== 'visible' && right(box) <= width + 1) return true;
    return false;
  };
  const visible = (one) => one.getBoundingClientRect().width > 1 && one.getBoundingClientRect().height > 1;
  const out = [...document.querySelectorAll('article *')].filter(
    (one) => right(one) > width + 1 && visible(one) && !boxed(one));
  const most = Math.max(document.documentElement.scrollWidth, ...out.map(right));
  const last = out.at(-1);
  const what = last ? `${last.tagName} ${last.className}` : 'outside the text';
  return most > width + 1 ? `${Math.round(most)} px, ${what}` : '';
}"""

THEME = "theme => { document.documentElement.dataset.theme = document.documentElement.dataset.mode = theme; }"

# the rules of WCAG; contrast is the slow one, and the entries of a reference look all like the first ones
AUDIT = """async (theme) => {
  const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
  const alike = [...document.querySelectorAll('dl.py')].slice(20);
  const quiet = {resultTypes: ['violations'], preload: false};  // preloading fetches style sheets
  const contrast = {...quiet, runOnly: ['color-contrast']};
  const runs = [await axe.run(alike.length ? {exclude: alike} : document, contrast)];
  const rest = {...quiet, runOnly: rules, rules: {'color-contrast': {enabled: false}}};
  if (theme === 'light') runs.push(await axe.run(document, rest));
  const found = runs.flatMap((run) => run.violations);
  return found.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) =>
    `${one.id} (${one.impact}) ${one.nodes.length} times, as at ${one.nodes[0].target.join(' ')}: ` +
    [...one.nodes[0].any, ...one.nodes[0].all, ...one.nodes[0].none].map((why) => why.message).slice(0, 1));
}"""


@dataclass
class Seen:
    """What one page showed.

    Parameters
    ----------
    path : Path
        Of the page, relative to the book.
    problems : list of str
        One sentence each.
    """

    path: Path
    problems: list[str] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    widgets: int = 0
    size: int = 0


def pages_of(html: Path) -> list[Path]:
    """List the pages of a built book, relative to it; ``index.html`` only leads to the first."""
    found = (path.relative_to(html) for path in sorted(html.rglob("*.html")))
    return [path for path in found if path.parts[0] not in NOT_PAGES and path != Path("index.html")]


def toc_pages() -> list[Path]:
    """List the pages that the table of contents promises."""
    return [path.with_suffix(".html") for path in toc_files()]


async def look(html: Path, shots: Path | None = None) -> list[Seen]:
    """Open every page of the book under ``html``, a few side by side; keep pictures in ``shots``."""
    left = iter(pages_of(html))  # shared by the tabs: each takes the next page
    async with async_playwright() as playwright:
        browser = shutil.which("chromium")
        chromium = await playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tabs = (_tab(chromium, html, left, shots) for _ in range(TABS))
        seen = [one for part in await asyncio.gather(*tabs) for one in part]
        await _use(chromium, html, seen)
        await chromium.close()
    return sorted(seen, key=lambda one: one.path)


async def _tab(chromium: Browser, html: Path, left: Iterator[Path], shots: Path | None) -> list[Seen]:
    """Look at one page after the other in the same tab, which keeps the scripts, until none is left."""
    seen, said = [], list[str]()
    tab = await _open(chromium, said)
    for path in left:
        one = Seen(path, said)
        try:
            async with asyncio.timeout(PATIENCE):
                await _look_at(tab, html, one, shots)
        except (Error, TimeoutError) as error:
            said.append(f"cannot be looked at: {str(error).partition(chr(10))[0] or 'it never ends'}")
        one.problems = said.copy()
        said.clear()
        seen.append(one)
        count = f"{len(one.links):4} links  {one.widgets:2} widgets"
        print(f"{one.size / 1e6:6.2f} MB  {count}  {one.path}", *one.problems, sep="\n    ", flush=True)
    await tab.close()
    return seen


async def _open(chromium: Browser, said: list[str]) -> Page:
    """Open a tab that notes in ``said`` what it complains about, and reaches nothing but files."""
    tab = await chromium.new_page(viewport={"width": WIDTHS["desktop"], "height": HEIGHT})
    tab.set_default_timeout(1000 * PATIENCE)

    async def guard(route: Route) -> None:
        said.append(f"asks for {route.request.url}")
        await route.abort()

    await tab.route(lambda address: urlsplit(address).scheme not in LOCAL, guard)
    tab.on("pageerror", lambda error: said.append(f"fails with {error.name}: {error.message}"))
    tab.on("console", lambda line: said.append(f"logs {line.text}") if line.type == "error" else None)
    tab.on(
        "requestfailed", lambda lost: said.append(f"does not get {lost.url[-80:]}") if _lost(lost) else None
    )
    return tab


def _lost(request: Request) -> bool:
    """Tell whether a request found nothing, rather than being broken off because the reader went on."""
    return request.failure != "net::ERR_ABORTED"


async def _look_at(tab: Page, html: Path, one: Seen, shots: Path | None) -> None:
    """Read a page, then see it at every width in every theme."""
    await tab.set_viewport_size({"width": WIDTHS["desktop"], "height": HEIGHT})
    await tab.goto((html / one.path).as_uri())
    one.widgets = await tab.evaluate(READY)
    await tab.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    for name, width in WIDTHS.items():
        await tab.set_viewport_size({"width": width, "height": HEIGHT})
        for theme in THEMES:
            await tab.evaluate(THEME, theme)
            await _view(tab, one, name, theme)
            if shots is not None:
                place = shots / f"{'-'.join(one.path.with_suffix('').parts)}-{name}-{theme}.png"
                await tab.screenshot(path=place, full_page=True)
    _note(html, one, await tab.evaluate(READ))


async def _view(tab: Page, one: Seen, name: str, theme: str) -> None:
    """See whether the page fits its screen, and what an audit finds in this theme."""
    if wider := await tab.evaluate(WIDER):
        one.problems.append(f"is wider than a {name}'s {WIDTHS[name]} px: {wider}")
    reference = one.path.parts[:2] == ("book", "reference") or len(one.path.parts) == 1
    if (name, theme) in (AUDITED[:1] if reference else AUDITED):
        one.problems += [f"in the {theme} theme: {found}" for found in await tab.evaluate(AUDIT, theme)]


def _note(html: Path, one: Seen, read: dict[str, Any]) -> None:
    """Keep what the page says of itself, and weigh it."""
    one.ids, one.links = set(read["ids"]), read["links"]
    if read["titles"] != 1:
        one.problems.append(f"has {read['titles']} titles")
    one.problems += [f"shows {address[-80:]} without alternative text" for address in read["silent"]]
    one.problems += [f"shows {address[-80:]}, which is no image" for address in read["broken"]]
    images = {file_of(address) for address in read["images"] if address.startswith("file:")}
    one.size = sum(path.stat().st_size for path in {html / one.path, *images} if path.is_file())
    if one.size > HEAVIEST:
        one.problems.append(f"weighs {one.size / 1e6:.2f} MB, more than {HEAVIEST / 1e6:.1f}")


async def _use(chromium: Browser, html: Path, seen: list[Seen]) -> None:
    """Do what a reader does: search, and press the buttons around the page that the search leads to."""
    used = next((one for one in seen if one.path == SEARCH), Seen(SEARCH))
    tab = await _open(chromium, used.problems)
    try:
        await tab.goto(f"{(html / SEARCH).as_uri()}?q={WORD}")
        await tab.locator("#search-results li a").first.click(timeout=HURRY)
        for name, width in WIDTHS.items():
            await tab.set_viewport_size({"width": width, "height": HEIGHT})
            await tab.evaluate(READY)
            await _press(tab, used, name)
    except Error:
        used.problems.append(f"leads nowhere from {WORD!r}")
    await tab.close()


async def _press(tab: Page, used: Seen, name: str) -> None:
    """Note the buttons in the page's head that lie under something else, or do not work."""
    for button in await tab.locator(BUTTONS).all():
        try:
            await button.click(trial=True, timeout=HURRY)
        except Error:
            label = await button.get_attribute("aria-label") or await button.get_attribute("class")
            used.problems.append(f"leads to a button that cannot be pressed on a {name}: {label}")


def file_of(address: str) -> Path:
    """Return the file that a ``file:`` address names."""
    return Path(unquote(urlsplit(address).path))


def dead_links(html: Path, seen: list[Seen]) -> Iterator[tuple[Seen, str]]:
    """Yield every link into the book that leads nowhere, with its page."""
    ids = {(html / one.path).resolve(): one.ids for one in seen if one.ids}
    for one in seen:
        for link in dict.fromkeys(one.links):
            address, anchor = urldefrag(link)
            if not address.startswith("file:"):
                continue
            target = file_of(address).resolve()
            if not target.exists():
                yield one, f"links to {target.name}, which is missing"
            elif anchor and target in ids and unquote(anchor) not in ids[target]:
                yield one, f"links to #{anchor} of {target.name}, which has no such place"


def judge(html: Path, seen: list[Seen], promised: list[Path]) -> list[str]:
    """List what is wrong with the book, one sentence for each problem of each page."""
    for one, problem in dead_links(html, seen):
        one.problems.append(problem)
    problems = [f"{one.path} {problem}" for one in seen for problem in dict.fromkeys(one.problems)]
    there = {one.path for one in seen if one.path.parts[0] == "book"}
    problems += [f"{path} is promised and missing" for path in promised if path not in there]
    return problems + [f"{path} is in no table of contents" for path in sorted(there.difference(promised))]


def main(arguments: list[str]) -> int:
    """Look, say what was seen, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("html", type=Path, help="folder of the built book")
    parser.add_argument("--shots", type=Path, help="folder for a picture of every view")
    given = parser.parse_args(arguments)
    started, html = time.perf_counter(), given.html.resolve()
    seen = asyncio.run(look(html, given.shots))
    problems = judge(html, seen, toc_pages())
    print("", *problems, sep="\n")
    views = f"{len(seen)} pages, {len(seen) * len(WIDTHS) * len(THEMES)} views"
    links = f"{sum(len(one.links) for one in seen)} links, {sum(one.widgets for one in seen)} live widgets"
    heaviest = max(seen, key=lambda one: one.size)
    size = f"the heaviest {heaviest.path} with {heaviest.size / 1e6:.2f} MB"
    print(f"{views}, {links}, {size}: {len(problems)} problems in {time.perf_counter() - started:.0f} s")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
