"""What a sweep has to make, in which order, and how long that takes on any number of workers."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.sweep import costs


@dataclass(frozen=True)
class Plan:
    """The nodes to make, every node after what it needs.

    Parameters
    ----------
    tasks : mapping of str to Node
        By key, in an order in which they could be made one after the other.
    seconds : mapping of str to float
        What each will probably take, one thread; NaN where nothing of the kind was ever measured.
    everything : sequence of str, optional
        Keys of all that the leaves are made from, whether it is there or not; by default the tasks.
    """

    tasks: Mapping[str, Node]
    seconds: Mapping[str, float]
    everything: Sequence[str] = ()

    def needs(self, key: str) -> list[str]:
        """Return the keys of the tasks that must be done before one."""
        return list(
            dict.fromkeys(child.key for child in self.tasks[key].inputs.values() if child.key in self.tasks)
        )

    def part(self, index: int, parts: int) -> list[Node]:
        """Return the tasks of one of ``parts`` jobs that know nothing of each other, dealt out in turn.

        Dealt out is everything, missing or not: a job that starts late must not deal the rest anew, or
        what the others had already done would shift some tasks to nobody.

        Raises
        ------
        ValueError
            ``index`` is not one of 0..parts-1.
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
            longest[key] = longest.get(key, 0.0) + self.cost(key)
            for need in self.needs(key):
                longest[need] = max(longest.get(need, 0.0), longest[key])
        return longest

    def cost(self, key: str) -> float:
        """Return the seconds of a task, 0 where they are not known."""
        value = self.seconds[key]
        return 0.0 if math.isnan(value) else value

    def unknown(self) -> list[str]:
        """Return the stages of which nothing was ever measured."""
        return sorted({node.stage for key, node in self.tasks.items() if math.isnan(self.seconds[key])})

    def total(self) -> float:
        """Return the seconds of one worker."""
        return math.fsum(map(self.cost, self.tasks))

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
                heapq.heappush(running, (now + self.cost(key), key))
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
        return Plan(left, costs_left, self.everything)


def plan(store: Store, leaves: Iterable[Node], measured: Iterable[Node] = ()) -> Plan:
    """Return what must be made so that every leaf is in the store: nothing that no missing leaf needs.

    Costs are estimated from what the store holds of the leaves' kind, and of ``measured``.
    """
    wanted = list({leaf.key: leaf for leaf in leaves}.values())
    absent: dict[str, Node] = {}
    frontier = wanted
    while frontier:  # what is there is never taken apart: its inputs may be nowhere, and large
        found = {node.key: node for node in store.missing(frontier)}
        absent |= found
        children = {child.key: child for node in found.values() for child in node.inputs.values()}
        frontier = [child for key, child in children.items() if key not in absent]
    tasks: dict[str, Node] = {}
    for leaf in wanted:
        _add(leaf, absent, tasks)
    known = costs.rates(store, [node for leaf in [*wanted, *measured] for node in leaf.tree()])
    everything: dict[str, Node] = {}
    for leaf in wanted:
        _add(leaf, {node.key: node for node in leaf.tree()}, everything)
    return Plan(tasks, {key: costs.seconds(node, known) for key, node in tasks.items()}, list(everything))


def _add(node: Node, absent: Mapping[str, Node], tasks: dict[str, Node]) -> None:
    """Add a node after the nodes that it needs, of those that are ``absent``."""
    if node.key in absent and node.key not in tasks:
        for child in node.inputs.values():
            _add(child, absent, tasks)
        tasks[node.key] = node


def describe(node: Node) -> str:
    """Say in a few words what a node is: its stage and the settings by which people tell such nodes apart."""
    spec = node.spec
    if node.stage == "simulate":
        return f"simulate Re {spec['reynolds']:g}, k_f {spec['forcing_wavenumber']}, {spec['size']}²"
    if node.stage == "train":
        return f"train on {spec['training']['samples']} samples, seed {spec['training']['seed']}"
    if node.stage == "transfer":
        layers = ",".join(map(str, spec["layers"]))
        kind = " (null)" if spec.get("keep") == "end" else " (few channels)" if "channels" in spec else ""
        return f"re-train layers {layers}, seed {spec['seed']}{kind}"
    if node.stage == "score":
        split, network = node.inputs["pairs"].spec["split"], node.inputs["network"]
        return f"score on {split}{' with a gain' if spec['gain'] else ''}: {describe(network)}"
    if node.stage == "pairs":
        return f"pairs of the {spec['split']} block" + (f", {spec['samples']}" if spec["samples"] else "")
    return f"{node.stage}: {describe(node.inputs['network'])}" if "network" in node.inputs else node.stage
