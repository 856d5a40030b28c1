"""What a reader is told to try works, and soon: pages, README and CONTRIBUTING as they stand."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.pages.reader import REPOSITORY, suggested, worked
from tlfourier.book.toc import notebooks

PAGES = [page for page in notebooks() if "## Try" in (REPOSITORY / page).read_text()]
LIMIT = 60  # seconds of work
PATIENCE = 5 * LIMIT  # by the clock: the other cores test something else meanwhile
TLFOURIER = [sys.executable, "-m", "tlfourier"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SNIPPETS = [
    (name, language, text)
    for name in ("README.md", "CONTRIBUTING.md", "book/reference/recipes.md")
    for language, text in BLOCK.findall((REPOSITORY / name).read_text())
]
# what a sweep needs and a test has not: the address of a cluster, a bucket, a site's own file
ELSEWHERE = {
    "--scheduler tcp://HOST:8786": "",
    "--store s3://bucket/study": "--store store",
    "--slurm my-site.toml": "",
    "$SLURM_ARRAY_TASK_ID": "0",
}


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Let one reader, with the shipped artifacts and an empty store, go through all pages."""
    command = [sys.executable, "-m", "tests.pages.reader", *map(str, PAGES)]
    said = call(command, tmp_path_factory.mktemp("reader"), REPOSITORY, timeout=None)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return {line["page"]: line for line in lines}


def call(command: list[str], store: Path, folder: Path, timeout: float | None = PATIENCE) -> str:
    """Run a command as a reader would, who has the shipped artifacts and a store of their own."""
    hidden = ("TLFOURIER", "PYTEST")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    environment |= {"TLFOURIER_STORE": str(store), "TLFOURIER_BUILD": str(store / "build")}
    before = worked()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert timeout is None or worked() - before < LIMIT
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_line_to_try_works_soon(page: Path, tried: dict[str, Any]) -> None:
    found = tried[str(page)]
    assert found["failed"] is None
    assert list(found["tried"]) and sorted(found["tried"]) == sorted(set(suggested(page)))
    assert {span: error for span, (_, error) in found["tried"].items() if error} == {}
    assert max(seconds for seconds, _ in found["tried"].values()) < LIMIT


@pytest.mark.parametrize("text", [text for _, language, text in SNIPPETS if language == "python"])
def test_python_of_the_readme_works_soon(text: str, tmp_path: Path) -> None:
    (tmp_path / "snippet.py").write_text(text)
    call([sys.executable, "snippet.py"], tmp_path / "store", tmp_path)


COMMANDS = [
    line.partition("#")[0].strip()
    for _, language, text in SNIPPETS
    if language == "sh"
    for line in text.splitlines()
    if line.strip()
]


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_of_the_readme_are_understood(line: str, tmp_path: Path) -> None:
    """Those of make are what continuous integration runs; the others run here, without the work."""
    program, *words = line.split()
    if program == "make":
        assert words[0] in re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
        return
    assert program == "tlfourier"
    for given, here in ELSEWHERE.items():
        line = line.replace(given, here)
    _, command, *options = shlex.split(line)
    if command == "sweep":
        said = call([*TLFOURIER, command, *options, "--dry-run"], tmp_path, tmp_path)
        assert "artifacts to make" in said
    elif command == "verify":
        assert ", 0 damaged" in call([*TLFOURIER, command, *options], tmp_path, tmp_path)
    else:  # the whole book, or all that it reads, is continuous integration's
        assert {option for option in options if option.startswith("-")} <= set(
            re.findall(r"--[a-z]+", call([*TLFOURIER, command, "--help"], tmp_path, tmp_path))
        )
