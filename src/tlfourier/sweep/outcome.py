"""What a sweep has done: what was made, what failed, and what was not tried because of it."""

from dataclasses import dataclass, field
from typing import Any

from tlfourier.sweep.plan import Plan


class SweepFailed(RuntimeError):
    """Some artifacts of a sweep could not be made; all others are there."""


@dataclass
class Outcome:
    """What a sweep has done, in ``seconds`` on the clock.

    By key: the seconds of every artifact ``made``, a sentence for every one that ``failed``, and for those
    ``untried`` the name of the failed one that they need.
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
            lines.append(f"{node.name} ({plan.describe(key)}) failed: {sentence}")
            if held := sum(name == node.name for name in self.untried.values()):
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
        named = {
            kind: {plan.tasks[key].name: value for key, value in getattr(self, kind).items()}
            for kind in ("made", "failed", "untried")
        }
        return {"seconds": round(self.seconds, 1), **named}


def blame(plan: Plan, key: str, outcome: Outcome) -> str | None:
    """Return the name of the failed artifact that a task needs, if there is one."""
    for need in plan.needs(key):
        if need in outcome.failed:
            return plan.tasks[need].name
        if need in outcome.untried:
            return outcome.untried[need]
    return None


def separate(plan: Plan, outcome: Outcome) -> None:
    """Tell tasks that failed from those that were given up because they need a failed one."""
    everything, outcome.failed = outcome.failed, {}
    for key in plan.tasks:  # in order: what a task needs comes first
        if key in everything:
            if failed := blame(plan, key, outcome):
                outcome.untried[key] = failed
            else:
                outcome.failed[key] = everything[key]
