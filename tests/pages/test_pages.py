"""The static rules of the pages: the page asks, the package answers, and every number in prose is glued."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pybtex.database import parse_file

from tlfourier.book.toc import LAST, toc_files
from tlfourier.io.paths import require_checkout

REPOSITORY = require_checkout()

PARAMETERS = 'profile = "laptop"\noverrides = {}'
BEGIN = "study = tl.begin(profile, overrides)"
BEGINNINGS = {
    "vorticity": BEGIN,
    "ocean": 'study = tl.begin(profile, overrides, system="ocean")',
}
MOST_LINES = 10
MAY_IMPORT = {"tlfourier", "myst_nb", "ipywidgets"}
FORBIDDEN_NAMES = {"print", "open", "plt", "exec", "eval", "Path"}
FORBIDDEN_NODES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try)
HEADINGS = ["Question", "You will see", "Answer", "Try"]
# code, directives, roles, mathematics, tables, links: what may hold a number that nobody computed
NOT_PROSE = re.compile(
    r"```.*?```|:::.*?:::|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|^ *\|[^\n]*$|\]\([^)]*\)|https?://\S+", re.S | re.M
)
FROM_THREE = "(?:three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
TYPED_COUNT = re.compile(
    rf"\b\d+ (?:\w+ )?(?:layers|channels|seeds|samples|snapshots|steps|epochs|flows|cases|networks)\b"
    rf"|\b{FROM_THREE} (?:\w+ )?(?:layers|channels|seeds|samples|snapshots|steps|epochs)\b"
    rf"|\b(?:the|all|these|of) {FROM_THREE} (?:\w+ )?(?:flows|cases|networks|variants)\b",
    re.I,
)
TYPED_NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?!\w|\.\d)|(?<![\w.])\d+\s?%")


def code_cells(page: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in page.cells if cell.cell_type == "code"]


def prose(page: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in page.cells if cell.cell_type == "markdown")


def parsed(page: NotebookNode) -> Iterator[tuple[int, ast.Module]]:
    for number, cell in enumerate(code_cells(page), 1):
        yield number, ast.parse(cell.source)


def is_a_figure(cell: NotebookNode) -> bool:
    """Tell whether a cell's value is a drawing of `tlfourier.figures`."""
    body = ast.parse(cell.source).body
    return bool(body) and isinstance(body[-1], ast.Expr) and "figures." in ast.unparse(body[-1])


# ---- the rules: each yields one sentence for each breach


def starts_as_every_page(page: NotebookNode) -> Iterator[str]:
    first, second = (code_cells(page) + [new_code_cell("")] * 2)[:2]
    if first.source != PARAMETERS or first.metadata.get("tags") != ["parameters", "hide-input"]:
        yield f"the first code cell is not exactly {PARAMETERS!r} with the tags 'parameters' and 'hide-input'"
    *imports, begin = [line for line in second.source.splitlines() if line.strip()] or [""]
    expected = BEGINNINGS[page.metadata.get("tlfourier", {}).get("systems", ["vorticity"])[0]]
    if begin != expected or "import tlfourier as tl" not in imports:
        yield f"the second code cell is not 'import tlfourier as tl', then {expected!r}"


def has_a_kernel_and_no_outputs(page: NotebookNode) -> Iterator[str]:
    if page.metadata.get("kernelspec", {}).get("name") != "python3":
        yield "the kernelspec is not python3"
    for leftover in {"papermill", "widgets"} & set(page.metadata):
        yield f"it holds metadata of a run: {leftover}"
    for number, cell in enumerate(code_cells(page), 1):
        if cell.outputs or cell.execution_count is not None:
            yield f"code cell {number} holds outputs"


def has_short_cells(page: NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(code_cells(page), 1):
        lines = sum(bool(line.strip()) for line in cell.source.splitlines())
        if lines > MOST_LINES:
            yield f"code cell {number} has {lines} lines: at most {MOST_LINES}"


def holds_no_algorithm(page: NotebookNode) -> Iterator[str]:
    for number, tree in parsed(page):
        for node in ast.walk(tree):
            if isinstance(node, FORBIDDEN_NODES):
                yield f"code cell {number} holds a {type(node).__name__}: it belongs in src/tlfourier"
            elif isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
                yield f"code cell {number} uses {node.id}"


def imports_little(page: NotebookNode) -> Iterator[str]:
    for number, tree in parsed(page):
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name.split(".")[0] not in MAY_IMPORT:
                    yield f"code cell {number} imports {name}: accepted are {', '.join(sorted(MAY_IMPORT))}"


def names_no_files(page: NotebookNode) -> Iterator[str]:
    for number, tree in parsed(page):
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                looks = re.search(r"^[~./]*/\w|\.(nc|zarr|json|png|csv|ipynb|safetensors)$", node.value)
                if looks:
                    yield f"code cell {number} names a file: {node.value!r}"


def follows_the_plan(page: NotebookNode) -> Iterator[str]:
    found = re.findall(r"^## +(.+?)\s*$", prose(page), re.M)
    kept = [heading for heading in found if heading in HEADINGS]
    if kept != HEADINGS:
        yield f"its headings are {found}: expected, in this order, {HEADINGS}"
    if len(re.findall(r"^# ", prose(page), re.M)) != 1:
        yield "it has not exactly one title"


def glues_its_numbers(page: NotebookNode) -> Iterator[str]:
    captions = [cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "") for cell in page.cells]
    text = NOT_PROSE.sub(" ", "\n\n".join([prose(page), *captions]))
    for number in TYPED_NUMBER.findall(text):
        yield f"the number {number} is typed, not glued"


def reads_what_it_glues(page: NotebookNode) -> Iterator[str]:
    """Hold the names that code glues against those that text and captions read, by their first part."""
    glued: set[str] = set()
    for number, tree in parsed(page):
        for call in (node for node in ast.walk(tree) if is_glue(node)):
            assert isinstance(call, ast.Call)
            if call.args or any(keyword.arg is None for keyword in call.keywords):
                yield f"code cell {number} glues what has no visible name"
            names = {keyword.arg for keyword in call.keywords if keyword.arg}
            yield from (f"code cell {number} glues {name!r} again" for name in sorted(names & glued))
            glued |= names
            for index in ast.walk(call):
                if isinstance(index, ast.Subscript) and re.fullmatch(r"-?\d+", ast.unparse(index.slice)):
                    yield f"code cell {number} glues by position: {ast.unparse(index)}"
    captions = [cell.metadata.get("mystnb", {}).get("figure", {}).get("caption", "") for cell in page.cells]
    keys = re.findall(r"\{glue:\w+\}`([^`]+)`", "\n".join([prose(page), *captions]))
    read = {re.split(r"[.:]", key)[0] for key in keys if "::" not in key}
    yield from (f"{name!r} is glued and never read" for name in sorted(glued - read))
    yield from (f"{name!r} is read and never glued" for name in sorted(read - glued))


def is_glue(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith("glue_values")


def folds_what_prepares(page: NotebookNode) -> Iterator[str]:
    """A reader sees code that shows something; imports, parameters and glue are folded."""
    for number, tree in parsed(page):
        last = tree.body[-1] if tree.body else None
        shows = isinstance(last, ast.Expr) and not is_glue(last.value)
        if not shows and "hide-input" not in code_cells(page)[number - 1].metadata.get("tags", []):
            yield f"code cell {number} only prepares: tag it hide-input"


def glues_its_counts(page: NotebookNode) -> Iterator[str]:
    """What is counted in a study (layers, seeds, samples) is a setting, and another profile has another."""
    for count in TYPED_COUNT.findall(NOT_PROSE.sub(" ", prose(page))):
        yield f"{count!r} is typed, not glued"


def explains_its_figures(page: NotebookNode) -> Iterator[str]:
    for number, cell in enumerate(code_cells(page), 1):
        shown = cell.metadata.get("mystnb", {})
        figure = shown.get("figure")
        if figure is None and is_a_figure(cell):
            yield f"code cell {number} shows a figure without metadata.mystnb.figure"
        if figure is not None:
            if len(figure.get("caption", "")) < 40:
                yield f"the figure of code cell {number} has no caption that states its finding"
            if not str(figure.get("name", "")).startswith("fig-"):
                yield f"the figure of code cell {number} has no name fig-..."
            if len(shown.get("image", {}).get("alt", "")) < 30:
                yield f"the figure of code cell {number} has no alternative text"


RULES = [
    starts_as_every_page,
    has_a_kernel_and_no_outputs,
    has_short_cells,
    holds_no_algorithm,
    imports_little,
    names_no_files,
    follows_the_plan,
    glues_its_numbers,
    glues_its_counts,
    reads_what_it_glues,
    folds_what_prepares,
    explains_its_figures,
]
NOT_FOR_TABLES = {follows_the_plan}


def sources(pattern: str) -> list[Path]:
    """List the files of the book, those of tools aside."""
    aside = {".ipynb_checkpoints", "_static", "_build"}
    return [path for path in sorted((REPOSITORY / "book").rglob(pattern)) if not aside & set(path.parts)]


PAGES = sources("*.ipynb")


# ---- the pages under the rules


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_keeps_the_rules(path: Path) -> None:
    page = nbformat.read(path, as_version=4)
    nbformat.validate(page)
    rules = [rule for rule in RULES if path.stem != LAST or rule not in NOT_FOR_TABLES]
    assert [breach for rule in rules for breach in rule(page)] == []


def test_every_page_is_in_the_table_of_contents() -> None:
    assert {path.relative_to(REPOSITORY) for path in [*PAGES, *sources("*.md")]} == set(toc_files())


def test_figure_names_are_used_once_in_the_book() -> None:
    pages = [nbformat.read(path, as_version=4) for path in PAGES]
    figures = [cell.metadata.get("mystnb", {}).get("figure", {}) for page in pages for cell in page.cells]
    names = [figure["name"] for figure in figures if "name" in figure]
    assert sorted(names) == sorted(set(names))


def test_every_citation_is_in_the_bibliography() -> None:
    listed = set(parse_file(str(REPOSITORY / "book" / "references.bib")).entries)  # refuses a repeated key
    texts = [path.read_text(encoding="utf-8") for path in [*PAGES, *sources("*.md")]]
    roles = [keys for text in texts for keys in re.findall(r"\{cite:\w+\}`([^`]+)`", text)]
    assert {key.strip() for keys in roles for key in keys.split(",")} - listed == set()


# ---- the rules themselves


def good_page() -> NotebookNode:
    alt = "Vorticity of the base flow and of the target, side by side."
    caption = "The target's eddies are larger: its vorticity peaks at wavenumber {glue:text}`peak:.0f`."
    folded = {"tags": ["hide-input"]}
    figure = {"figure": {"caption": caption, "name": "fig-flows"}, "image": {"alt": alt}}
    cells = [
        new_markdown_cell("# Flows\n\n## Question\n\nIs `1.5` $> 2.5$ in all layers?\n\n## You will see"),
        new_code_cell(PARAMETERS, metadata={"tags": ["parameters", "hide-input"]}),
        new_code_cell(f"import tlfourier as tl\nfrom tlfourier import figures\n\n{BEGIN}", metadata=folded),
        new_code_cell("glue_values(peak=study.peak, cc=study.cc)", metadata=folded),
        new_code_cell('figures.fields.vorticity(study.pairs("target"))', metadata={"mystnb": figure}),
        new_markdown_cell("## Answer\n\n| a | 0.5 |\n\nYes, {glue:text}`cc:.2f`.\n\n## Try"),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


def test_a_good_page_breaks_no_rule() -> None:
    assert [breach for rule in RULES for breach in rule(good_page())] == []


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        ("glue_values(extra=1.0)\nstudy", reads_what_it_glues),
        ("glue_values(**summary)\nstudy", reads_what_it_glues),
        ("table = study.table", folds_what_prepares),
        ("def f(x):\n    return x", holds_no_algorithm),
        ("for step in range(3):\n    study", holds_no_algorithm),
        ("print(study)", holds_no_algorithm),
        ("plt.show()", holds_no_algorithm),
        ("import torch", imports_little),
        ("from matplotlib import pyplot", imports_little),
        ('study.read("data/store/x.nc")', names_no_files),
        ('study.read("/somewhere/else")', names_no_files),
        ("\n".join(f"a{i} = {i}" for i in range(11)), has_short_cells),
        ("figures.fields.vorticity(study)", explains_its_figures),
    ],
)
def test_a_bad_cell_is_found(code: str, rule: object) -> None:
    page = good_page()
    tags = [] if rule is folds_what_prepares else ["hide-input"]
    page.cells.append(new_code_cell(code, metadata={"tags": tags}))
    assert [found for found in RULES if list(found(page))] == [rule]


@pytest.mark.parametrize("sentence", ["The correlation is 0.86.", "Only 10 % of it.", "About 99.5% of it."])
def test_a_typed_number_is_found(sentence: str) -> None:
    page = good_page()
    page.cells.append(new_markdown_cell(sentence))
    assert len(list(glues_its_numbers(page))) == 1


@pytest.mark.parametrize(
    "sentence",
    ["It has 16 channels.", "A network of eleven layers.", "In three of the four flows.", "All six cases."],
)
def test_a_typed_count_is_found(sentence: str) -> None:
    page = good_page()
    page.cells.append(new_markdown_cell(sentence))
    assert len(list(glues_its_counts(page))) == 1


def test_a_number_that_nobody_glued_and_one_by_its_place_are_found() -> None:
    page = good_page()
    page.cells.append(new_markdown_cell("It is {glue:text}`forcing.best:.2f`."))
    page.cells.append(new_code_cell("glue_values(peak=words[5])", metadata={"tags": ["hide-input"]}))
    breaches = list(reads_what_it_glues(page))
    assert len(breaches) == 3, breaches  # never glued, glued again, by position


def test_other_breaches_are_found() -> None:
    page = good_page()
    code_cells(page)[0].source = 'profile = "smoke"\noverrides = {}'
    code_cells(page)[4 - 1].execution_count = 7
    del code_cells(page)[3].metadata["mystnb"]["image"]
    page.cells[-1].source = "## Answer"
    broken = [
        starts_as_every_page,
        has_a_kernel_and_no_outputs,
        follows_the_plan,
        reads_what_it_glues,
        explains_its_figures,
    ]
    assert [rule for rule in RULES if list(rule(page))] == broken
