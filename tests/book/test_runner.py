"""Tests of the runner on a small repository of its own; every page runs in a real kernel."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tlfourier.book import runner
from tlfourier.book.record import read_run
from tlfourier.book.toc import notebooks, systems_of, toc_files

NOTE_AN_ARTIFACT = """
import json, os, sys
line = json.dumps({"artifact": "score/0123", "seconds": 1.5})
open(os.environ["TLFOURIER_LEDGER"], "a").write(line + "\\n")
print("careful", file=sys.stderr)
{"threads": os.environ["OMP_NUM_THREADS"], "profile": profile, **overrides}
"""

ASLEEP = "import os, time\nopen('number', 'w').write(str(os.getpid()))\ntime.sleep(600)"
PAGES = ("1-flow/first", "second", "reproducibility")


def write_page(path: Path, *code: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    parameters = new_code_cell('profile = "laptop"\noverrides = {}', metadata={"tags": ["parameters"]})
    cells = [new_markdown_cell("# A page"), parameters, *map(new_code_cell, code)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: book/intro\nparts:\n- caption: A\n  chapters:\n"
        "  - file: book/reproducibility\n  - file: book/1-flow/first\n"
    )
    write_page(tmp_path / "book" / "1-flow" / "first.ipynb", NOTE_AN_ARTIFACT)
    write_page(tmp_path / "book" / "reproducibility.ipynb", "1 + 1")
    (tmp_path / "book" / "intro.md").write_text("# Intro\n")
    return tmp_path


def test_pages_run_with_the_given_values_and_are_recorded(repository: Path) -> None:
    folder = runner.run_pages("smoke", {"seeds": 2}, repository=repository)
    executed = nbformat.read(folder / "book" / "1-flow" / "first.ipynb", as_version=4)
    shown, asked = (cell for cell in executed.cells if cell.cell_type == "code")
    assert shown.source == 'profile = "smoke"\noverrides = {"seeds": 2}'
    assert asked.outputs[-1].data["text/plain"] == "{'threads': '1', 'profile': 'smoke', 'seeds': 2}"
    assert str(repository) not in (folder / "book" / "1-flow" / "first.ipynb").read_text()

    record = read_run("smoke", repository)
    expected = {"profile": "smoke", "overrides": {"seeds": 2}, "system": "vorticity"}
    assert record["parameters"] == expected
    assert list(record["pages"]) == ["book/1-flow/first.ipynb", "book/reproducibility.ipynb"]
    first = record["pages"]["book/1-flow/first.ipynb"]
    assert first["artifacts"] == [{"artifact": "score/0123", "seconds": 1.5}]
    assert first["stderr"] == ["careful"]
    assert first["seconds"] > 0


def with_second(repository: Path, *code: str) -> None:
    """Add a page that can run beside the first one."""
    with (repository / "_toc.yml").open("a") as toc:
        toc.write("  - file: book/second\n")
    write_page(repository / "book" / "second.ipynb", *code)


def test_pages_side_by_side_are_those_of_one_after_another(repository: Path) -> None:
    """Two of three kernels wait for each other's file, so that they must run at once."""
    wait = "import time, pathlib\nwhile not pathlib.Path({!r}).exists(): time.sleep(0.01)"
    files = [str(repository / name) for name in ("a", "b")]
    own, other = (f"open({file!r}, 'w').close()\n{wait.format(file)}" for file in files), files[::-1]
    first, second = (f"{mine}\n{wait.format(yours)}" for mine, yours in zip(own, other, strict=True))
    write_page(repository / "book" / "1-flow" / "first.ipynb", first, NOTE_AN_ARTIFACT)
    with_second(repository, second, NOTE_AN_ARTIFACT, "sum(0.1 for _ in range(9))")

    def run(kernels: int) -> tuple[dict[Path, bytes], dict[str, Any]]:
        folder = runner.run_pages("smoke", repository=repository, kernels=kernels)
        record = read_run("smoke", repository)
        pages = {name: {**page, "seconds": 0} for name, page in record["pages"].items()}
        return {path: path.read_bytes() for path in folder.rglob("*.ipynb")}, {**record, "pages": pages}

    at_once, one_by_one = run(2), run(1)
    assert at_once == one_by_one
    assert list(at_once[1]["pages"]) == [f"book/{name}.ipynb" for name in PAGES]


def test_what_ran_beside_a_failing_page_is_kept(repository: Path) -> None:
    write_page(repository / "book" / "1-flow" / "first.ipynb", "1 / 0")
    with_second(repository, "import time\ntime.sleep(1)")
    with pytest.raises(runner.PageError, match=r"first\.ipynb, cell 3: ZeroDivisionError"):
        runner.run_pages("smoke", repository=repository, kernels=2)
    assert list(read_run("smoke", repository)["pages"]) == ["book/second.ipynb"]


def test_ctrl_c_ends_every_kernel(repository: Path) -> None:
    write_page(repository / "book" / "1-flow" / "first.ipynb", ASLEEP)
    with_second(repository, ASLEEP)
    command = (
        f"from pathlib import Path; from tlfourier.book.runner import run_pages; "
        f"run_pages('smoke', repository=Path({str(repository)!r}), kernels=2)"
    )
    run = subprocess.Popen([sys.executable, "-c", command], stderr=subprocess.PIPE, text=True)
    noted = [repository / "book" / name for name in ("1-flow/number", "number")]
    while not all(path.is_file() and path.read_text() for path in noted):
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert said.endswith("KeyboardInterrupt\n") and run.returncode == -signal.SIGINT
    assert not any(psutil.pid_exists(int(path.read_text())) for path in noted)


def test_a_page_runs_in_this_python_whatever_else_is_called_python3(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "jupyter" / "kernels" / "python3"
    other.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "Python 3", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    write_page(
        repository / "book" / "1-flow" / "first.ipynb", "import sys\nsys.executable", "!command -v tlfourier"
    )
    folder = runner.run_pages("smoke", pages=["first"], repository=repository)
    executed = nbformat.read(folder / "book" / "1-flow" / "first.ipynb", as_version=4)
    assert executed.cells[-2].outputs[-1].data["text/plain"] == repr(sys.executable)
    assert executed.cells[-1].outputs[-1].text.strip() == str(Path(sys.executable).with_name("tlfourier"))


def test_a_page_runs_where_the_folder_of_temporary_files_has_a_long_path(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    runner.run_pages("smoke", pages=["first"], repository=repository)
    assert list(read_run("smoke", repository)["pages"]) == ["book/1-flow/first.ipynb"]
    assert not list(deep.iterdir())


def test_a_failing_page_stops_the_run_in_one_sentence(repository: Path) -> None:
    write_page(repository / "book" / "1-flow" / "first.ipynb", "1 + 1", "1 / 0")
    with pytest.raises(runner.PageError) as caught:
        runner.run_pages("smoke", repository=repository)
    assert str(caught.value) == "book/1-flow/first.ipynb, cell 4: ZeroDivisionError: division by zero"
    assert not (repository / "build" / "smoke" / "run.json").exists()


def test_a_dead_kernel_is_one_sentence(repository: Path) -> None:
    write_page(repository / "book" / "1-flow" / "first.ipynb", "import os; os._exit(9)")
    with pytest.raises(runner.PageError, match="first.ipynb: its kernel died"):
        runner.run_pages("smoke", pages=["first"], repository=repository)


def test_pages_are_picked_by_stem_or_path_and_reproducibility_comes_last(repository: Path) -> None:
    first, last = Path("book/1-flow/first.ipynb"), Path("book/reproducibility.ipynb")
    assert toc_files(repository) == [Path("book/intro.md"), last, first]
    assert notebooks(repository=repository) == [first, last]
    assert notebooks(["first"], repository) == notebooks([str(first)], repository) == [first]


def test_an_unknown_page_is_refused_with_the_known_ones(repository: Path) -> None:
    with pytest.raises(ValueError, match="unknown page 'frist': accepted are first, reproducibility"):
        notebooks(["frist"], repository)


def test_a_missing_file_of_the_table_of_contents_is_named(repository: Path) -> None:
    (repository / "book" / "intro.md").unlink()
    with pytest.raises(ValueError, match=r"_toc.yml names 'book/intro': expected one file .* found 0"):
        toc_files(repository)


def test_a_run_that_never_was_is_refused(repository: Path) -> None:
    with pytest.raises(ValueError, match="no run of profile 'paper' is recorded"):
        read_run("paper", repository)


def test_another_run_with_other_values_starts_a_new_record(repository: Path) -> None:
    folder = repository / "build" / "smoke"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"parameters": {"profile": "smoke"}, "pages": {"old": {}}}))
    runner.run_pages("smoke", pages=["reproducibility"], repository=repository)
    assert list(read_run("smoke", repository)["pages"]) == ["book/reproducibility.ipynb"]


def test_settings_reach_the_pages_of_their_system_alone(repository: Path) -> None:
    page = repository / "book" / "1-flow" / "first.ipynb"
    ocean = nbformat.read(page, as_version=4)
    ocean.metadata["tlfourier"] = {"systems": ["ocean"]}
    nbformat.write(ocean, page)
    assert systems_of(page) == ["ocean"]
    assert systems_of(repository / "book" / "reproducibility.ipynb") == ["vorticity"]

    def shown(system: str) -> str:
        runner.run_pages("smoke", {"seeds": 2}, ["first"], repository, system=system)
        folder = repository / "build" / "smoke" / "book" / "1-flow"
        return str(nbformat.read(folder / "first.ipynb", as_version=4).cells[1].source)

    assert shown("ocean") == 'profile = "smoke"\noverrides = {"seeds": 2}'
    assert shown("vorticity") == 'profile = "smoke"\noverrides = {}'
    assert read_run("smoke", repository)["parameters"]["system"] == "vorticity"
