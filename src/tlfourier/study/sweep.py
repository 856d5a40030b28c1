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
from typing import Any

from distributed import Client, Future, KilledWorker, as_completed
from tqdm import tqdm

from tlfourier.study import clusters
from tlfourier.study.node import Node
from tlfourier.study.plan import Plan, describe
from tlfourier.study.store import Store

_START = 20.0  # seconds that starting workers is worth
_LOOK, _REFRESH, _LINE = 0.05, 5.0, 60.0  # seconds between looks at the tasks, at the bar, lines in a log


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
    with _Progress(plan, 1, len(chosen), progress) as bar:
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
    tried, all others are. Interrupted, the tasks that were not begun are cancelled.
    """
    outcome, started = Outcome(), time.perf_counter()
    futures: dict[str, Future] = {}
    place = f"{store.remote.address if store.remote else store.root}"
    for key, node in plan.tasks.items():
        futures[key] = client.submit(
            make,
            store,
            node,
            [futures[need] for need in plan.needs(key)],
            # two drivers on one scheduler share a task of the same name
            key=f"{node.stage}-{node.key[:16]} in {place}",
            priority=round(plan.urgency[key]),
            pure=False,
        )
    keys = {future.key: key for key, future in futures.items()}
    workers = max(1, len(client.nthreads()))
    try:
        with _Progress(plan, workers, len(futures), progress) as bar:
            for future in _finished(futures.values(), bar):
                _note(future, keys[future.key], plan, outcome)
                bar.advance(outcome)
    except BaseException:
        client.cancel(list(futures.values()), force=True)
        raise
    _separate(plan, outcome)
    outcome.seconds = time.perf_counter() - started
    return outcome


def run_on_this_machine(plan: Plan, store: Store, workers: int | None = None) -> Outcome:
    """Make the tasks of a plan on ``workers`` processes; 1 is this process.

    By default one for each core, unless all is done in less time than processes take to start.
    """
    short = not plan.unknown() and plan.total() < _START
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
    if isinstance(error, KilledWorker):
        return (
            "its worker died each time, which is what happens when the memory is full: "
            "take fewer workers (--workers) or smaller settings"
        )
    text = " ".join(str(error).split())
    return (
        text if isinstance(error, (ValueError, RuntimeError)) and text else f"{type(error).__name__}: {text}"
    )


def _finished(futures: Iterable[Future], bar: _Progress) -> Iterator[Future]:
    """Yield futures as they end, and refresh the bar while nothing does."""
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
        error = future.exception() if future.status == "error" else None
        outcome.failed[key] = sentence(error) if error else "it was cancelled"


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


class _Progress:
    """A bar over the tasks, with the time to finish: the rest of the plan at the pace of this run."""

    def __init__(self, plan: Plan, workers: int, total: int, show: bool) -> None:
        self.plan, self.workers, self.total, self.show = plan, workers, total, show
        self.count, self.failed, self.written = 0, 0, time.perf_counter()
        self.bar = tqdm(total=total, desc="sweep", unit="artifact", disable=None if show else True)
        self.left, self.since = plan.makespan(workers), time.perf_counter()

    def __enter__(self) -> _Progress:
        self.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def advance(self, outcome: Outcome) -> None:
        """Count one task, and plan the rest anew."""
        done = [*outcome.made, *outcome.failed, *outcome.untried]
        self.left = self.plan.without(done, pace(self.plan, outcome)).makespan(self.workers)
        self.since = time.perf_counter()
        self.count, self.failed = len(done), len(outcome.failed)
        self.bar.update()
        self.refresh()

    def refresh(self) -> None:
        """Show the time that is left now: on a terminal at once, in a log about once a minute."""
        now = time.perf_counter()
        left = f"about {duration(max(0.0, self.left - (now - self.since)))} left"
        text = left + (f", {self.failed} failed" if self.failed else "")
        self.bar.set_postfix_str(text)
        if self.bar.disable and self.show and now - self.written > _LINE:
            print(f"{self.count} of {self.total} artifacts, {text}", flush=True)
            self.written = now


def pace(plan: Plan, outcome: Outcome) -> dict[str, float]:
    """Return, for every stage, the seconds that this run took over those that were expected."""
    taken: dict[str, tuple[float, float]] = {}
    for key, seconds in outcome.made.items():
        stage = plan.tasks[key].stage
        so_far = taken.get(stage, (0.0, 0.0))
        taken[stage] = so_far[0] + seconds, so_far[1] + plan.cost(key)
    return {stage: actual / wanted for stage, (actual, wanted) in taken.items() if wanted > 0}


def duration(seconds: float) -> str:
    """Return seconds in words that a person reads at a glance."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
