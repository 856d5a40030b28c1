"""Make many artifacts, here one by one or as tasks on dask.distributed; a failure stops nothing else.

The store makes a sweep resumable, the plan says what is missing, dask schedules. Nothing else is kept.
"""

from __future__ import annotations

import functools
import io
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, redirect_stderr
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.sweep import clusters
from tlfourier.sweep.plan import Plan, describe
from tlfourier.sweep.progress import Progress

if TYPE_CHECKING:  # of the extra `sweep`
    from distributed import Client, Future

_START = 20.0  # seconds that starting workers is worth
_LOOK, _REFRESH = 0.05, 5.0  # seconds between looks at the tasks, at the bar
DIED = (
    "its worker died each time, which is what happens when the memory is full: "
    "take fewer workers (--workers) or smaller settings"
)


class SweepFailed(RuntimeError):
    """Some artifacts of a sweep could not be made; all others are there."""


@dataclass
class Outcome:
    """What a sweep has done.

    Attributes
    ----------
    made : dict of str to float
        Seconds of every artifact that is there now, by key.
    failed : dict of str to str
        One sentence for every artifact that could not be made, by key.
    untried : dict of str to str
        Artifacts that need a failed one, with its name, by key.
    seconds : float
        On the clock.
    """

    made: dict[str, float] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    untried: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def report(self, plan: Plan) -> str:
        """Return a line for each failure, with what it has held up."""
        lines = []
        for key, sentence in self.failed.items():
            node = plan.tasks[key]
            lines.append(f"{node.name} ({describe(node)}) failed: {sentence}")
            held = sum(name == node.name for name in self.untried.values())
            if held:
                lines.append(f"  {held} more that need it were not tried")
        return "\n".join(lines)

    def check(self, plan: Plan) -> None:
        """Raise SweepFailed if there was a failure, with the report as its message."""
        if self.failed:
            count = f"{len(self.failed)} of {len(plan.tasks)} artifacts could not be made"
            kept = f"{len(self.made)} were made and stay"
            raise SweepFailed(f"{count}, {kept}:\n{self.report(plan)}")

    def as_data(self, plan: Plan) -> dict[str, Any]:
        """Return the outcome by the names of the artifacts, as JSON values."""
        tables: dict[str, dict[str, Any]] = {
            "made": self.made,
            "failed": self.failed,
            "untried": self.untried,
        }
        named = {
            kind: {plan.tasks[key].name: value for key, value in table.items()}
            for kind, table in tables.items()
        }
        return {"seconds": round(self.seconds, 1), **named}


def run_here(plan: Plan, store: Store, nodes: Iterable[Node] | None = None, progress: bool = True) -> Outcome:
    """Make the tasks of a plan (or ``nodes`` of them) one after the other in this process.

    With ``nodes``, as a job of an array has, what they need is made as well unless another job is at it: then
    this one waits for the artifact's lock.
    """
    outcome, started = Outcome(), time.perf_counter()
    chosen = list(plan.tasks.values()) if nodes is None else list(nodes)
    with Progress(plan, 1, len(chosen), progress) as bar:
        for node in chosen:
            blame = _blame(plan, node.key, outcome)
            if blame:
                outcome.untried[node.key] = blame
            else:
                before = time.perf_counter()
                try:
                    with nullcontext() if progress else redirect_stderr(io.StringIO()):
                        store.get(node)
                    outcome.made[node.key] = time.perf_counter() - before
                except Exception as error:
                    outcome.failed[node.key] = sentence(error)
            bar.advance(outcome)
    outcome.seconds = time.perf_counter() - started
    return outcome


def run(plan: Plan, store: Store, client: Client, progress: bool = True) -> Outcome:
    """Make the tasks of a plan on the workers of ``client``, the most urgent first.

    A worker that dies is replaced and its task tried again, a few times; tasks that need a failed one are not
    tried, all others are. Dask blames all tasks that wait on a worker when it dies: in the end those are
    tried once more, one at a time. Interrupted, the tasks that were not begun are cancelled.
    """
    outcome, started = Outcome(), time.perf_counter()
    futures: dict[str, Future] = {}
    for key in plan.tasks:
        needs = [futures[need] for need in plan.needs(key)]
        futures[key] = _submit(plan, key, store, client, needs)
    keys = {future.key: key for key, future in futures.items()}
    workers = max(1, len(client.nthreads()))
    try:
        with Progress(plan, workers, len(futures), progress) as bar:
            for future in _finished(futures.values(), bar):
                _note(future, keys[future.key], plan, outcome)
                bar.advance(outcome)
    except BaseException:
        client.cancel(list(futures.values()), force=True)
        raise
    _separate(plan, outcome)
    try_alone(plan, store, client, outcome)
    outcome.seconds = time.perf_counter() - started
    return outcome


def _submit(
    plan: Plan, key: str, store: Store, client: Client, needs: list[Future], again: str = ""
) -> Future:
    node = plan.tasks[key]
    place = f"{store.remote.address if store.remote else store.root}"
    # Two drivers on one scheduler share a task of the same name.
    name = f"{node.stage}-{node.key[:16]} in {place}{again}"
    return client.submit(make, store, node, needs, key=name, priority=round(plan.urgency[key]), pure=False)


def try_alone(plan: Plan, store: Store, client: Client, outcome: Outcome) -> None:
    """Clear the tasks that only waited on a worker that died, and go on with those that needed them."""
    cleared = []
    for key in [key for key, why in outcome.failed.items() if why == DIED]:
        future = _submit(plan, key, store, client, [], " alone")
        future.exception()  # waits; the error itself is noted below
        del outcome.failed[key]
        _note(future, key, plan, outcome)
        cleared += [key] if key in outcome.made else []
    if not cleared:
        return
    held, outcome.untried = list(outcome.untried), {}
    for key in held:  # in order: what a task needs comes first
        if blame := _blame(plan, key, outcome):
            outcome.untried[key] = blame
    rest = plan.without([*outcome.made, *outcome.failed, *outcome.untried], {})
    more = run(rest, store, client, progress=False) if rest.tasks else Outcome()
    outcome.made |= more.made
    outcome.failed |= more.failed
    outcome.untried |= more.untried


def run_on_this_machine(plan: Plan, store: Store, workers: int | None = None) -> Outcome:
    """Make the tasks of a plan on ``workers`` processes; 1 is this process.

    By default one for each core, unless all is done in less time than processes take to start, or dask, which
    starts them, is not installed.
    """
    short = not clusters.has_dask() or (not plan.unknown() and plan.total() < _START)
    crew = min(workers or (1 if short else clusters.cores()), len(plan.tasks))
    if crew <= 1:
        return run_here(plan, store)
    with clusters.local(crew) as client:
        return run(plan, store, client)


def make(store: Store, node: Node, inputs: list[float]) -> float:
    """Make one artifact on a worker; return its seconds. ``inputs`` are there only to come first."""
    started = time.perf_counter()
    with redirect_stderr(io.StringIO()):  # the driver has the only progress bar
        _opened(store).get(node)
    return time.perf_counter() - started


@functools.cache
def _opened(store: Store) -> Store:
    """Return the first equal store of this process: it remembers which artifacts it has checked."""
    return store


def sentence(error: BaseException) -> str:
    """Return one line for the report."""
    text = " ".join(str(error).split())
    return (
        text if isinstance(error, (ValueError, RuntimeError)) and text else f"{type(error).__name__}: {text}"
    )


def _finished(futures: Iterable[Future], bar: Progress) -> Iterator[Future]:
    """Yield futures as they end, and refresh the bar while nothing does."""
    from distributed import as_completed

    ended = as_completed(list(futures), raise_errors=False)
    looked = time.perf_counter()
    while not ended.is_empty():
        if ended.has_ready():
            yield next(ended)
        else:
            time.sleep(_LOOK)
        if time.perf_counter() - looked > _REFRESH:
            bar.refresh()
            looked = time.perf_counter()


def _note(future: Future, key: str, plan: Plan, outcome: Outcome) -> None:
    if future.status == "finished":
        outcome.made[key] = future.result()
    else:
        from distributed import KilledWorker

        error = future.exception() if future.status == "error" else None
        died = isinstance(error, KilledWorker)
        outcome.failed[key] = DIED if died else sentence(error) if error else "it was cancelled"


def _separate(plan: Plan, outcome: Outcome) -> None:
    """Tell tasks that failed from those that dask gave up because they need a failed one."""
    everything = outcome.failed
    outcome.failed = {}
    for key in plan.tasks:  # in order: what a task needs comes first
        if key in everything:
            blame = _blame(plan, key, outcome)
            if blame:
                outcome.untried[key] = blame
            else:
                outcome.failed[key] = everything[key]


def _blame(plan: Plan, key: str, outcome: Outcome) -> str | None:
    """Return the name of the failed artifact that a task needs, if there is one."""
    for need in plan.needs(key):
        if need in outcome.failed:
            return plan.tasks[need].name
        if need in outcome.untried:
            return outcome.untried[need]
    return None
