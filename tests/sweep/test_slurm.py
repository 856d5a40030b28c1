"""SLURM's workers on a SLURM of three small programs; benchmarks/slurm.sh has the real one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tlfourier.sweep.backends import slurm

PROGRAMS = {
    "sbatch": """
        [ ! -e {queue}/refuse ] || {{ echo "sbatch: error: invalid partition" >&2; exit 1; }}
        cp "$1" {queue}/$$.sh
        setsid bash {queue}/$$.sh >{queue}/$$.log 2>&1 &
        touch {queue}/$!.job
        echo "Submitted batch job $!" """,
    "squeue": """
        for job in {queue}/*.job; do
            id=$(basename "$job" .job)
            kill -0 -- "-$id" 2>/dev/null && echo "$id"
        done
        exit 0""",
    "scancel": """
        kill -KILL -- "-$1" """,
}
TEMPLATE = """
jobs = 1
cores = 2
memory = "2GB"
walltime = "00:10:00"
interface = "lo"
log_directory = "{logs}"
"""


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the programs first on the path; return the folder where they keep the jobs."""
    queue, programs = tmp_path / "queue", tmp_path / "bin"
    queue.mkdir()
    programs.mkdir()
    for name, text in PROGRAMS.items():
        (programs / name).write_text("#!/bin/bash\n" + text.format(queue=queue))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    (tmp_path / "template.toml").write_text(TEMPLATE.format(logs=tmp_path / "logs"))
    return queue


def living(queue: Path) -> set[int]:
    """Return the jobs that run, by the group of their processes."""
    found = set()
    for path in queue.glob("*.job"):
        try:
            os.killpg(int(path.stem), 0)
        except ProcessLookupError:
            continue
        found.add(int(path.stem))
    return found


def slow(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_job_that_is_killed_is_submitted_anew_and_all_end_with_the_block(
    queue: Path, tmp_path: Path
) -> None:
    with slurm.slurm(tmp_path / "template.toml", look=0.2) as client:
        (first,) = living(queue)
        future = client.submit(slow, 4.0)
        os.killpg(first, signal.SIGKILL)
        assert future.result(timeout=120) == 4
        (second,) = living(queue)
        assert second != first
    deadline = time.monotonic() + 30
    while living(queue) and time.monotonic() < deadline:  # the system may reap what was killed a moment later
        time.sleep(0.05)
    assert living(queue) == set()


def test_jobs_that_never_have_a_worker_are_given_up(queue: Path, tmp_path: Path) -> None:
    template = tmp_path / "template.toml"
    template.write_text(template.read_text() + 'job_script_prologue = ["exit 1"]\n')
    with (
        pytest.raises(
            RuntimeError, match="3 SLURM jobs in a row ended before they had a worker: see the logs in"
        ),
        slurm.slurm(template, look=0.2),
    ):
        pass
    assert len(list(queue.glob("*.job"))) == 3


def test_what_slurm_says_to_a_job_it_refuses_is_one_sentence(queue: Path, tmp_path: Path) -> None:
    (queue / "refuse").touch()
    with (
        pytest.raises(RuntimeError, match="SLURM does not take the job: sbatch: error: invalid partition"),
        slurm.slurm(tmp_path / "template.toml", look=0.2),
    ):
        pass


def test_a_machine_without_slurm_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="sbatch is not found"), slurm.slurm():
        pass


def test_ctrl_c_stays_what_it_was() -> None:
    """dask-jobqueue makes it a silent exit with code 0 for every process that imports it."""
    program = """
import signal
from tlfourier.sweep.backends import slurm
before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
assert slurm._slurm_cluster().__name__ == "SLURMCluster"
assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
