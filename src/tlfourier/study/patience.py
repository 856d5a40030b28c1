"""How long a reader waits for a result that is missing, and what is said when it would take longer."""

from collections.abc import Sequence

from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.sweep.plan import plan
from tlfourier.sweep.progress import duration
from tlfourier.sweep.run import START, run_on_this_machine

PATIENCE = 60.0
"""Seconds of work that a result which is missing may take without being asked for."""


class NotMade(RuntimeError):
    """A result is missing and would take longer to make than a reader waits for."""


def ensure(store: Store, nodes: Sequence[Node], patience: float) -> None:
    """Make what is missing of some nodes; NotMade if that is more work than ``patience`` seconds."""
    if all(map(store.has, nodes)) or not (missing := store.missing(nodes)):
        return
    to_do = plan(store, missing)
    if to_do.total() > patience:
        cost = f"{duration(to_do.total())} ({len(to_do.tasks)} artifacts)"
        ways = "study.make in place of study, as study.make.scores(...), or with `tlfourier sweep`"
        what = f"{to_do.describe(missing[0].key)}: this is not there, and making it takes about {cost}"
        raise NotMade(f"{what}; ask for it with {ways}")
    if to_do.total() > START:  # less is made as it is read, and fails with its own words
        run_on_this_machine(to_do, store).check(to_do)
