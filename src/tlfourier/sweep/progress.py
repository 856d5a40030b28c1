"""What a sweep shows while it runs: a bar over its tasks and an honest time to finish."""

from __future__ import annotations

import time

from tqdm import tqdm

from tlfourier.sweep.outcome import Outcome
from tlfourier.sweep.plan import Plan

_LINE = 60.0  # seconds between lines in a log
_PLANNED = 1.0  # seconds for which a plan holds: of thousands of small tasks, to plan is a tenth of the work


class Progress:
    """A bar over the tasks, with the time to finish: the rest of the plan at the pace of this run."""

    def __init__(self, plan: Plan, workers: int, total: int, show: bool) -> None:
        self.plan, self.workers, self.total, self.show = plan, workers, total, show
        self.count, self.failed, self.written = 0, 0, time.perf_counter()
        self.bar = tqdm(total=total, desc="sweep", unit="artifact", disable=None if show else True)
        self.left, self.since = plan.makespan(workers), time.perf_counter()

    def __enter__(self) -> Progress:
        self.refresh()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def advance(self, outcome: Outcome) -> None:
        """Count one task, and plan the rest anew, about once a second."""
        self.count = len(outcome.made) + len(outcome.failed) + len(outcome.untried)
        self.failed = len(outcome.failed)
        if time.perf_counter() - self.since > _PLANNED:
            done = [*outcome.made, *outcome.failed, *outcome.untried]
            self.left = self.plan.without(done, pace(self.plan, outcome)).makespan(self.workers)
            self.since = time.perf_counter()
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
        taken[stage] = so_far[0] + seconds, so_far[1] + plan.seconds[key]
    return {stage: actual / wanted for stage, (actual, wanted) in taken.items() if wanted > 0}


def duration(seconds: float) -> str:
    """Return seconds in words that a person reads at a glance."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
