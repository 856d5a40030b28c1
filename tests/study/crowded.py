"""Make a study on a disk that is too small, and grow it until the study fits.

``python crowded.py FOLDER PROFILE OVERRIDES_AS_JSON CASE... tmpfs|limit`` prints, at the end, JSON:
the attempts, and the checksums of every artifact. ``tmpfs`` mounts a real small disk on FOLDER, which needs a
user namespace (``unshare -rm``); ``limit`` caps the size of every file instead.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import torch

from tlfourier.store.manifest import read_manifest
from tlfourier.store.store import Store
from tlfourier.study import targets
from tlfourier.study.study import begin

FIRST, LAST, GROWTH = 2**14, 2**26, 2.1


def main(folder: str, profile: str, overrides: str, *cases_and_way: str) -> None:
    """Try again and again, each time with more room."""
    *cases, way = cases_and_way
    store = Path(folder) / "store"
    os.environ |= {"TLFOURIER_STORE": str(store), "TLFOURIER_REFERENCE": ""}
    torch.set_num_threads(1)
    attempts, size = 0, FIRST
    mounted = False
    while size < LAST:
        if way == "tmpfs":
            options = f"{'remount,' if mounted else ''}size={size}"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
            mounted = True
        attempts += 1
        if attempt(profile, json.loads(overrides), cases, size if way == "limit" else None):
            break
        assert Store(store, {}).verify() == []
        size = int(GROWTH * size)
    found = [path.parent for path in store.glob("*/*/manifest.json")]
    files = {f"{one.parent.name}/{one.name}": read_manifest(one)["files"] for one in found}
    print(json.dumps({"attempts": attempts, "files": files}), flush=True)


def attempt(profile: str, overrides: dict, cases: list[str], limit: int | None) -> bool:
    """Make the study in a child; tell whether it came to its end."""
    child = os.fork()
    if child == 0:
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        try:
            study = begin(profile, overrides)
            study.make_all(targets.grid(study.design, cases), workers=1)
        except (OSError, RuntimeError):
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
