"""kill -9 at random moments, full disks: the next run does only what is missing and ends with the same bits.

``TLFOURIER_KILLS`` sets their number; ``TLFOURIER_KILLS_PROFILE=smoke`` takes the whole smoke study instead
of a smaller one with the same stages.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tlfourier.store.manifest import read_manifest
from tlfourier.store.store import Store

KILLS = int(os.environ.get("TLFOURIER_KILLS", "50"))
SWEEP_KILLS = max(2, KILLS // 25)
WHOLE = os.environ.get("TLFOURIER_KILLS_PROFILE") == "smoke"
VICTIM = Path(__file__).with_name("victim.py")
PATIENCE = 600  # seconds: a busy machine is no failure
SEED = 20231
# long simulations and trainings for their size, so that many kills fall into them
SMALL = {
    "seeds": 1,
    "simulation": {"size": 32, "spin_up": 6.0, "interval": 0.25},
    "filter.size": 16,
    "flows.small_scale.forcing_wavenumber": 6,
    "flows.decaying.runs": 8,  # of the 40 snapshots below
    "split": {"train": 12, "validation": 2, "test": 2, "gap": 12},
    "network": {"layers": 4, "channels": 4},
    "training": {"samples": 12, "epochs": 40, "batch_size": 4},
    "transfer": {"samples": 4, "steps": 20, "batch_size": 2, "scratch_steps": 10, "learning_rate": 3e-3},
}
OVERRIDES = {} if WHOLE else SMALL
CASES = ("reynolds", "forcing")
STARTED: list[int] = []  # the drivers of sweeps, each the leader of a session


@pytest.fixture(autouse=True)
def _nothing_goes_on() -> Iterator[None]:
    """End what a failed test leaves behind: it would starve the next one."""
    yield
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
            if os.getsid(process.pid) in STARTED:
                process.kill()
    STARTED.clear()


class Victim:
    """A study that is made in a process of its own, which can be killed at any moment and begun again."""

    def __init__(self, store: Path) -> None:
        command = [sys.executable, str(VICTIM), str(store), "smoke", json.dumps(OVERRIDES), *CASES]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def start(self) -> int:
        """Begin; return the number of the process."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self._line())

    def result(self) -> int:
        """Wait for the end; return the exit code, negative if a signal ended it."""
        line = self._line()
        while not line.lstrip("-").isdecimal():  # what the makers say
            line = self._line()
        return int(line)

    def close(self) -> None:
        """End the process that serves."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@contextlib.contextmanager
def victim(store: Path) -> Iterator[Victim]:
    one = Victim(store)
    try:
        yield one
    finally:
        one.close()


def artifacts(root: Path) -> dict[str, dict[str, str]]:
    """Return the checksums of every whole artifact; the store itself compares them with the files."""
    assert Store(root, {}).verify() == []
    found = [path.parent for path in root.glob("*/*/manifest.json")]
    return {f"{folder.parent.name}/{folder.name}": read_manifest(folder)["files"] for folder in found}


def stamps(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.glob("*/*/manifest.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, dict[str, str]], float]:
    """Return every artifact of an uninterrupted run, and its seconds."""
    root = tmp_path_factory.mktemp("undisturbed") / "store"
    with victim(root) as process:
        started = time.perf_counter()
        process.start()
        assert process.result() == 0
        return artifacts(root), time.perf_counter() - started


def test_a_run_killed_again_and_again_ends_with_the_same_bits(
    undisturbed: tuple[dict[str, dict[str, str]], float], tmp_path: Path
) -> None:
    expected, seconds = undisturbed
    chance = random.Random(SEED)
    root = tmp_path / "store"
    killed, begun = 0, 0
    with victim(root) as process:
        while killed < KILLS:
            before = stamps(root)
            number = process.start()
            time.sleep(chance.uniform(0, seconds / 3))
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
            ended = process.result()
            assert ended in (0, -signal.SIGKILL)
            killed += ended != 0
            now = artifacts(root)
            assert {name: expected[name] for name in now} == now
            assert {name: stamps(root)[name] for name in before} == before  # what was whole is not made again
            if ended == 0:
                assert now == expected
                begun += 1
                shutil.rmtree(root)
        process.start()
        assert process.result() == 0
    assert artifacts(root) == expected
    assert begun >= 1, "the kills never let a run come to its end: make them rarer"
    assert not list((root / "partial").glob("*/*"))


def test_a_sweep_whose_driver_or_worker_is_killed_leaves_no_orphan_and_ends_with_the_same_bits(
    undisturbed: tuple[dict[str, dict[str, str]], float], tmp_path: Path
) -> None:
    expected, seconds = undisturbed
    chance = random.Random(SEED)
    root = tmp_path / "store"
    for turn in range(SWEEP_KILLS):
        if len(artifacts(root)) == len(expected):
            shutil.rmtree(root)
        driver = sweep(root)
        wait_for_workers(driver)
        time.sleep(chance.uniform(0, seconds / 2))
        family = [driver, *driver.children(recursive=True)]
        chosen = driver if turn % 2 else chance.choice(workers_of(driver) or [driver])
        with contextlib.suppress(psutil.NoSuchProcess):
            chosen.kill()
        if chosen is driver:
            driver.wait(PATIENCE)
        else:
            assert driver.wait(PATIENCE) == 0  # a lost worker is replaced
            assert artifacts(root) == expected
        _, alive = psutil.wait_procs(family, timeout=60)
        assert alive == []
        now = artifacts(root)
        assert {name: expected[name] for name in now} == now
    assert sweep(root).wait(PATIENCE) == 0
    assert artifacts(root) == expected


def test_an_interrupted_sweep_leaves_no_orphan_and_no_lock_that_needs_a_human(
    undisturbed: tuple[dict[str, dict[str, str]], float], tmp_path: Path
) -> None:
    root = tmp_path / "store"
    driver = sweep(root)
    wait_for_workers(driver)
    time.sleep(1)
    family = [driver, *driver.children(recursive=True)]
    os.killpg(driver.pid, signal.SIGINT)  # what Ctrl-C does: everybody in the foreground gets it
    assert driver.wait(PATIENCE) != 0
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    assert sweep(root).wait(PATIENCE) == 0
    assert artifacts(root) == undisturbed[0]


def test_two_sweeps_at_once_share_the_work(
    undisturbed: tuple[dict[str, dict[str, str]], float], tmp_path: Path
) -> None:
    root = tmp_path / "store"
    both = [sweep(root), sweep(root)]
    assert [driver.wait(PATIENCE) for driver in both] == [0, 0]
    assert artifacts(root) == undisturbed[0]
    assert not (root / "damaged").exists()


def test_a_disk_that_fills_again_and_again_ends_with_the_same_bits(
    undisturbed: tuple[dict[str, dict[str, str]], float], tmp_path: Path
) -> None:
    """A real small disk where the system lets a user mount one, else a cap on the size of every file."""
    folder = tmp_path / "disk"
    folder.mkdir()
    private = ["unshare", "--map-root-user", "--mount"]
    mount = [*private, "mount", "-t", "tmpfs", "none", str(folder)]
    real = shutil.which("unshare") is not None and not subprocess.run(mount, capture_output=True).returncode
    command = [
        sys.executable,
        str(VICTIM.with_name("crowded.py")),
        str(folder),
        "smoke",
        json.dumps(OVERRIDES),
        *CASES,
    ]
    done = subprocess.run(
        [*private, *command, "tmpfs"] if real else [*command, "limit"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["attempts"] > 5
    assert result["files"] == undisturbed[0]


def sweep(root: Path) -> psutil.Popen:
    """Start the command line's sweep on two workers, the leader of its own process group."""
    flat = {
        f"{key}.{name}": v
        for key, value in OVERRIDES.items()
        if isinstance(value, dict)
        for name, v in value.items()
    }
    flat |= {key: value for key, value in OVERRIDES.items() if not isinstance(value, dict)}
    settings = [word for key, value in flat.items() for word in ("--set", f"{key}={value}")]
    command = [
        sys.executable,
        "-m",
        "tlfourier",
        "sweep",
        "--profile",
        "smoke",
        "--workers",
        "2",
        *(word for case in CASES for word in ("--case", case)),
        *settings,
    ]
    environment = {
        **os.environ,
        "TLFOURIER_STORE": str(root),
        "TLFOURIER_REFERENCE": "",
        "TLFOURIER_BUILD": str(root.parent / "build"),
    }
    quiet = subprocess.DEVNULL
    driver = psutil.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
    STARTED.append(driver.pid)
    return driver


def workers_of(driver: psutil.Popen) -> list[psutil.Process]:
    """Return the processes that compute: the children of the driver's nannies' own children excepted."""
    return [
        one for one in driver.children(recursive=True) if any("spawn_main" in word for word in one.cmdline())
    ]


def wait_for_workers(driver: psutil.Popen) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(workers_of(driver)) < 2 and time.monotonic() < deadline:
        assert driver.poll() is None
        time.sleep(0.05)
