"""A disk that is really full: every file is whole or absent, the old one stays, and the next try succeeds.

A small tmpfs in a user namespace where the system allows one; elsewhere a limit on the size of a file, which
fails in the same place with another number of error.
"""

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

WRITER = "tests.safety.full_disk_writer"
REPOSITORY = Path(__file__).parents[2]
KINDS = ("tensors", "checkpoint", "network", "dataset", "hdf5", "trajectory", "store")


@functools.cache
def namespace() -> bool:
    """Tell whether an ordinary process may mount a tmpfs for itself."""
    if not sys.platform.startswith("linux"):
        return False
    attempt = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]
    try:
        return subprocess.run(attempt, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def write(kind: str, folder: Path, disk: str) -> dict[str, Any]:
    """Write a kind of file on disks of many sizes in a process of its own; return what was seen."""
    command = [sys.executable, "-W", "error", "-m", WRITER, kind, str(folder)]
    if disk == "tmpfs":
        command = ["unshare", "-rm", *command, "tmpfs"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


# The limit is tried everywhere with one kind of each sort, so that it is known to work where it is needed.
DISKS = [(kind, "tmpfs" if namespace() else "limit") for kind in KINDS]
DISKS += [(kind, "limit") for kind in ("tensors", "trajectory") if namespace()]


@pytest.mark.parametrize(("kind", "disk"), DISKS)
def test_a_file_is_whole_or_absent_on_a_disk_of_any_size(kind: str, disk: str, tmp_path: Path) -> None:
    seen = write(kind, tmp_path, disk)
    assert seen["refusals"] >= 3, "the disks of this test were too large"
    assert seen["successes"] >= 1
    assert seen["problems"] == []
