"""Make one artifact in a process of its own and print what it cost: ``python -m benchmarks.growing TASK``.

``TASK`` is JSON: the store's folder, the profile's overrides, the stage, and how many sets of layers.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.empty import empty_study
from tlfourier.store.node import Node
from tlfourier.study import settings
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages import samples
from tlfourier.study.verdicts import STAGES

FLOW, CASE = "target", "forcing"
_STATUS = Path("/proc/self/status")


def _status(name: str) -> float | None:
    """Return a line of the process's status in MiB, None where the system keeps none."""
    lines = _STATUS.read_text().splitlines() if _STATUS.is_file() else []
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), None)


def peak_mib() -> float:
    """Return the largest memory of this process so far.

    Linux's ``ru_maxrss`` begins at the size of the parent, so it is asked only where there is nothing else.
    """
    here = _status("VmHWM")
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit if here is None else here


class AnonymousMemory(threading.Thread):
    """Follow the memory that the system cannot read back from a file; nothing where it does not say."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.start_mib, self.peak_mib = self.now(), 0.0
        self.done = threading.Event()

    @staticmethod
    def now() -> float | None:
        """Return the anonymous memory in MiB."""
        return _status("RssAnon")

    def run(self) -> None:
        """Look every few milliseconds."""
        while not self.done.wait(0.003):
            self.peak_mib = max(self.peak_mib, self.now() or 0.0)

    def grown(self) -> float | None:
        """Stop and return by how much the peak exceeded the start."""
        self.done.set()
        self.join()
        return None if self.start_mib is None else max(0.0, self.peak_mib - self.start_mib)


def nodes(spec: StudySpec, stage: str, sets: int) -> Iterator[Node]:
    """Yield the artifacts to measure; for ``transfer`` as many as there are sets of layers."""
    node = STAGES[stage].node
    if stage == "transfer":
        for layer in range(1, sets + 1):
            yield node(spec, CASE, (layer,), 0)
    elif stage == "score":
        yield node(spec, FLOW, STAGES["train"].node(spec, FLOW, 0))
    else:
        rest = {"train": (0,), "pairs": ("train",)}
        yield node(spec, FLOW, *rest.get(stage, ()))


def cost(task: dict[str, Any]) -> dict[str, float | None]:
    """Make the artifacts, whose inputs are made first if the task says so, and return time and memory."""
    spec = settings.load("smoke", task["overrides"])
    store = empty_study(spec, Path(task["store"])).store
    wanted = list(nodes(spec, task["stage"], task.get("sets", 1)))
    ready = [{name: store.get(child) for name, child in node.inputs.items()} for node in wanted]
    if task["prepare"]:
        return {}
    if task.get("mapped"):
        samples.SAMPLE_BYTES = 0
    before, watch = peak_mib(), AnonymousMemory()
    watch.start()
    started = time.perf_counter()
    for node, inputs in zip(wanted, ready, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            STAGES[node.stage].make(node, inputs, Path(folder))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "peak_mib": peak_mib() - before, "anonymous_mib": watch.grown()}


if __name__ == "__main__":
    print(json.dumps(cost(json.loads(sys.argv[1]))))
