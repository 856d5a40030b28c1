"""What a sweep has to make, in which order, and how long that takes on any number of workers."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node, tree
from tlfourier.store.stage import Stages
from tlfourier.store.store import Store

_ENOUGH = 30  # artifacts that a median is taken of


@dataclass(frozen=True)
class Plan:
    """The nodes to make: ``tasks`` by key, every node after what it needs.

    ``seconds`` is what each will probably take, one thread; ``stages`` what they are; ``everything`` the keys
    of all that the leaves are made from, whether it is there or not, by default the tasks.
    """

    tasks: Mapping[str, Node]
    seconds: Mapping[str, float]
    stages: Stages
    everything: Sequence[str] = ()

    def needs(self, key: str) -> list[str]:
        """Return the keys of the tasks that must be done before one."""
        keys = dict.fromkeys(child.key for child in self.tasks[key].inputs.values())
        return [need for need in keys if need in self.tasks]

    def part(self, index: int, parts: int) -> list[Node]:
        """Return the tasks of one of ``parts`` jobs that know nothing of each other, dealt out in turn.

        Dealt out is everything, missing or not: a job that starts late must not deal the rest anew, or what
        the others had already done would shift some tasks to nobody. ValueError unless ``index`` is one of
        0..parts-1.
        """
        if not 0 <= index < parts:
            raise ValueError(f"task index {index} of {parts}: accepted are 0 to {parts - 1}")
        mine = list(self.everything or self.tasks)[index::parts]
        return [self.tasks[key] for key in mine if key in self.tasks]

    @cached_property
    def urgency(self) -> dict[str, float]:
        """Seconds from the start of a task to the end of the longest chain that begins with it."""
        longest: dict[str, float] = {}
        for key in reversed(list(self.tasks)):
            longest[key] = longest.get(key, 0.0) + self.seconds[key]
            for need in self.needs(key):
                longest[need] = max(longest.get(need, 0.0), longest[key])
        return longest

    def describe(self, key: str) -> str:
        """Say in a few words what a task makes."""
        node = self.tasks[key]
        return self.stages[node.stage].describe(node)

    def total(self) -> float:
        """Return the seconds of one worker."""
        return math.fsum(self.seconds.values())

    def makespan(self, workers: int) -> float:
        """Return the seconds that ``workers`` take, the most urgent task that is ready first."""
        waiting = {key: len(self.needs(key)) for key in self.tasks}
        feeds: dict[str, list[str]] = {key: [] for key in self.tasks}
        for key in self.tasks:
            for need in self.needs(key):
                feeds[need].append(key)
        ready = [(-self.urgency[key], key) for key, count in waiting.items() if not count]
        heapq.heapify(ready)
        running: list[tuple[float, str]] = []
        now = 0.0
        while ready or running:
            while ready and len(running) < workers:
                key = heapq.heappop(ready)[1]
                heapq.heappush(running, (now + self.seconds[key], key))
            now, done = heapq.heappop(running)
            for key in feeds[done]:
                waiting[key] -= 1
                if not waiting[key]:
                    heapq.heappush(ready, (-self.urgency[key], key))
        return now

    def without(self, done: Iterable[str], slower: Mapping[str, float]) -> Plan:
        """Return what is left, the cost of every stage corrected by a factor."""
        gone = set(done)
        left = {key: node for key, node in self.tasks.items() if key not in gone}
        costs_left = {key: self.seconds[key] * slower.get(node.stage, 1.0) for key, node in left.items()}
        return Plan(left, costs_left, self.stages, self.everything)


def plan(store: Store, leaves: Iterable[Node]) -> Plan:
    """Return what must be made so that every leaf is in the store, and nothing else; costs are by `rates`."""
    wanted = list(dict.fromkeys(leaves))
    absent: set[Node] = set()
    frontier = wanted
    while frontier:  # what is there is never taken apart: its inputs may be nowhere, and large
        found = store.missing(frontier)
        absent.update(found)
        children = dict.fromkeys(child for node in found for child in node.inputs.values())
        frontier = [child for child in children if child not in absent]
    every = list(tree(wanted))
    tasks = {node.key: node for node in every if node in absent}
    known = rates(store, every) if tasks else {}
    seconds = {key: store.stages[node.stage].work(node) * known[node.stage] for key, node in tasks.items()}
    return Plan(tasks, seconds, store.stages, [node.key for node in every])


def rates(store: Store, nodes: Iterable[Node]) -> dict[str, float]:
    """Return the seconds per unit of work by stage: of some artifacts the median, else the stage's rate."""
    seen: dict[str, list[float]] = {}
    for node in nodes:
        known = seen.setdefault(node.stage, [])
        folder = store.local(node) if len(known) < _ENOUGH else None
        if folder is not None:
            known.append(float(read_manifest(folder)["seconds"]) / store.stages[node.stage].work(node))
    rest = {name: stage.rate for name, stage in store.stages.items()}
    return rest | {name: median(values) for name, values in seen.items() if values}
