"""Make artifacts one after the other in this process."""

import io
import time
from collections.abc import Iterable
from contextlib import nullcontext, redirect_stderr

from tlfourier.io.words import one_line
from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.sweep.outcome import Outcome, blame
from tlfourier.sweep.plan import Plan
from tlfourier.sweep.progress import Progress
from tlfourier.sweep.signals import heard


def run_here(plan: Plan, store: Store, nodes: Iterable[Node] | None = None, progress: bool = True) -> Outcome:
    """Make the tasks of a plan (or ``nodes`` of them) one after the other in this process.

    With ``nodes``, as a job of an array has, what they need is made as well unless another job is at it: then
    this one waits for the artifact's lock.
    """
    outcome, started = Outcome(), time.perf_counter()
    chosen = list(plan.tasks.values()) if nodes is None else list(nodes)
    with heard() as check, Progress(plan, 1, len(chosen), progress) as bar:
        for node in chosen:
            check()
            if failed := blame(plan, node.key, outcome):
                outcome.untried[node.key] = failed
            else:
                before = time.perf_counter()
                try:
                    with nullcontext() if progress else redirect_stderr(io.StringIO()):
                        store.get(node)
                    outcome.made[node.key] = time.perf_counter() - before
                except Exception as error:
                    outcome.failed[node.key] = one_line(error, longest=1000)
            bar.advance(outcome)
    outcome.seconds = time.perf_counter() - started
    return outcome
