"""The command line answers bad input in one sentence, with an exit code that is not 0."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from tlfourier import cli
from tlfourier.cli import main
from tlfourier.store.node import tree
from tlfourier.study import settings
from tlfourier.study.study import Study, begin
from tlfourier.study.systems import SYSTEMS


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("TLFOURIER_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("TLFOURIER_REFERENCE", "")
    return CliRunner()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["book", "--profile", "huge"], "unknown profile 'huge': accepted are laptop, paper, smoke"),
        (["run", "--set", "transfer.stepz=3"], "did you mean 'transfer.steps'"),
        (["run", "--set", "transfer.steps"], "expected KEY=VALUE"),
        (["run", "--set", "seeds=0"], "seeds=0"),
        (["run", "--set", "split.train=0"], "0"),
        (["info", "--set", "network.padding=reflect"], "reflect"),
        (
            ["sweep", "--system", "ocean", "--set", "flows.target.reynolds=1"],
            "unknown setting 'flows.target'",
        ),
        (["sweep", "--system", "ocean", "--case", "forcing"], "unknown case 'forcing': accepted are larger"),
    ],
)
def test_bad_input_is_one_sentence(runner: CliRunner, arguments: list[str], words: str) -> None:
    result = runner.invoke(main, arguments)
    assert result.exit_code == 2
    assert words in result.output
    assert result.output.count("\n") == 1
    assert "Traceback" not in result.output


LONG = "x" * 5000


@pytest.mark.parametrize(
    "arguments",
    [
        [LONG],
        ["info", "--profile", LONG],
        ["info", f"--{LONG}"],
        ["info", "--set", LONG],
        ["info", "--set", f"{LONG}=1"],
        ["info", "--set", f"seeds={LONG}"],
        ["info", LONG],
        ["sweep", "--workers", LONG],
        ["sweep", "--case", LONG],
        ["sweep", "--layers", LONG],
        ["sweep", "--slurm", f"{LONG}.toml"],
        ["run", LONG],
        ["scorecard", "--csv", f"{LONG}/table.csv"],
    ],
)
def test_what_is_too_long_to_read_is_not_repeated(runner: CliRunner, arguments: list[str]) -> None:
    result = runner.invoke(main, arguments)
    assert result.exit_code in (1, 2)
    assert len(result.output) < 1500 and "x" * 401 not in result.output


def test_a_table_that_could_not_be_written_is_refused_before_the_work(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "begin", lambda *given: pytest.fail("something was begun"))
    result = runner.invoke(main, ["scorecard", "--csv", str(tmp_path / "no" / "table.csv")])
    assert result.exit_code == 2
    assert f"there is no folder {tmp_path / 'no'}" in result.output
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    nowhere = ["", str(tmp_path), str(tmp_path / "pipe"), "/proc/table.csv", str(tmp_path / "file" / "x")]
    commands = [["scorecard", "--csv", path] for path in nowhere]
    commands += [["reference", "--to", path] for path in (*nowhere[2:], str(tmp_path / "file"))]
    for command in commands:
        result = runner.invoke(main, [*command, "--profile", "smoke"])
        assert (result.exit_code, result.output.count("\n")) == (2, 1), result.output


@pytest.mark.parametrize(
    "damage", ["seeds = ", "sedes = 1", "simulation.cfl = nan", "filter.size = 7", "seeds = " + "[" * 5000]
)
def test_a_damaged_profile_is_named(
    runner: CliRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    (tmp_path / "laptop.toml").write_text(damage)
    monkeypatch.setattr(settings, "PROFILES", tmp_path)
    result = runner.invoke(main, ["info"])
    assert result.exit_code == 2
    assert f"the profile {tmp_path / 'laptop.toml'} is damaged" in result.output
    assert result.output.count("\n") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_sweep_and_its_workers_in_one_sentence(
    number: int, workers: str, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "tlfourier", "sweep", "--profile", "smoke", "--workers", workers]
    store = tmp_path / "store"
    place = {"TLFOURIER_STORE": str(store), "TLFOURIER_REFERENCE": "", "TLFOURIER_BUILD": str(tmp_path)}
    driver = psutil.Popen(
        command,
        env={**os.environ, **place},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(store.glob("*/*")) and time.monotonic() < deadline:  # something is being made
        assert driver.poll() is None
        time.sleep(0.05)
    family = driver.children(recursive=True)
    driver.send_signal(number)
    _, said = driver.communicate(timeout=60)
    # where it came in code made from text, Python itself ends by it in the end: a shell sees the same
    assert driver.returncode in (128 + number, -signal.SIGINT)
    assert said.endswith("tlfourier: stopped; what was finished is kept, and the same command goes on\n")
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("package", ["numpy", "torch", "xarray"])
def test_a_signal_while_packages_are_read_is_obeyed_in_one_sentence(number: int, package: str) -> None:
    """In a fresh interpreter, where the first part of a package asks for the signal."""
    hook = f"""
class Sender:
    def find_spec(self, name, path=None, target=None):
        if name.startswith({package!r} + "."):
            sys.meta_path.remove(self)
            os.kill(os.getpid(), {int(number)})

sys.meta_path.insert(0, Sender())
"""
    code = f"import os, sys\n{hook}\nfrom tlfourier.__main__ import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (128 + number, "")
    assert done.stderr == "\ntlfourier: stopped; nothing was begun\n"


def test_unknown_pages_are_refused_before_anything_is_made(runner: CliRunner, tmp_path: Path) -> None:
    result = runner.invoke(main, ["run", "--profile", "smoke", "no-such-page"])
    assert result.exit_code == 2
    assert "unknown page 'no-such-page'" in result.output
    assert not (tmp_path / "store").exists()


def test_a_full_disk_is_one_sentence(runner: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Study) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Study, "make_all", full)
    result = runner.invoke(main, ["run", "--profile", "smoke"])
    assert result.exit_code == 1
    assert "the disk is full" in result.output
    assert result.output.count("\n") == 1


def test_debug_shows_where(runner: CliRunner) -> None:
    result = runner.invoke(main, ["--debug", "info", "--profile", "huge"])
    assert isinstance(result.exception, ValueError)


@pytest.mark.parametrize("system", SYSTEMS)
def test_info_lists_what_is_to_be_made(runner: CliRunner, system: str) -> None:
    result = runner.invoke(main, ["info", "--profile", "smoke", "--system", system])
    leaves = begin("smoke", system=system).leaves()
    assert result.exit_code == 0
    assert f"{len(leaves)} of {len(leaves)} are to be made" in result.output


def test_a_sweep_of_the_ocean_begins_with_its_flows(runner: CliRunner) -> None:
    asked = ["sweep", "--profile", "smoke", "--system", "ocean", "--case", "three_jets", "--dry-run"]
    result = runner.invoke(main, asked)
    assert result.exit_code == 0
    assert result.output.count("simulate/") == 2


def test_a_damaged_artifact_is_one_sentence(runner: CliRunner, tmp_path: Path) -> None:
    name = next(tree(begin("smoke").leaves())).name
    damaged = tmp_path / "store" / name
    damaged.mkdir(parents=True)
    (damaged / "manifest.json").write_text("{}")
    result = runner.invoke(main, ["info", "--profile", "smoke"])
    assert result.exit_code == 1
    assert f"artifact {name} is damaged" in result.output
    assert result.output.count("\n") == 1
    assert damaged.is_dir()


def test_verify_counts_and_exits_with_the_verdict(runner: CliRunner, tmp_path: Path) -> None:
    assert runner.invoke(main, ["verify"]).exit_code == 1  # there is no such folder
    (tmp_path / "store").mkdir()
    assert runner.invoke(main, ["verify"]).exit_code == 0
    damaged = tmp_path / "store" / "scales" / "0123456789abcdef"
    damaged.mkdir(parents=True)
    (damaged / "manifest.json").write_text("{}")
    result = runner.invoke(main, ["verify"])
    assert result.exit_code == 1
    assert "scales/0123456789abcdef is damaged" in result.output


def test_shipped_artifacts_have_a_limit(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, runner: CliRunner
) -> None:
    def shipped(self: object, nodes: list, target: Path) -> list[Path]:
        target.mkdir()
        with (target / "score.zip").open("wb") as stream:
            stream.truncate(cli.REFERENCE_LIMIT + 1)
        return [target / "score.zip"]

    monkeypatch.setattr("tlfourier.store.store.Store.ship", shipped)
    result = runner.invoke(main, ["reference", "--profile", "smoke", "--to", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "over the limit of 40 MB" in result.output


def test_chosen_pages_ask_for_the_studies_that_they_read(
    monkeypatch: pytest.MonkeyPatch, runner: CliRunner
) -> None:
    made: list[tuple[str, int]] = []
    monkeypatch.setattr(
        Study, "make_all", lambda study: made.append((study.spec.system, study.spec.transfer.steps))
    )
    monkeypatch.setattr("tlfourier.book.runner.run_pages", lambda *given, **more: None)
    usual = {name: begin("smoke", system=name).spec.transfer.steps for name in SYSTEMS}
    for pages, system, expected in (
        ([], "vorticity", [("vorticity", 7), ("ocean", usual["ocean"])]),
        (["regimes"], "vorticity", [("ocean", usual["ocean"])]),
        (["regimes"], "ocean", [("ocean", 7)]),
        (["units"], "ocean", [("vorticity", usual["vorticity"])]),
        ([], "ocean", [("ocean", 7), ("vorticity", usual["vorticity"]), ("ocean", usual["ocean"])]),
    ):
        asked = ["run", "--profile", "smoke", "--system", system, "--set", "transfer.steps=7", *pages]
        assert runner.invoke(main, asked).exit_code == 0
        assert made == expected
        made.clear()
