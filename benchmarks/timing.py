"""Time contestants in turn, so that a busy machine is as busy for each of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Times:
    """Seconds of one action: on the clock (fastest and median turn) and of the processor over all threads."""

    fastest: float
    median: float
    processor: float


def compare(actions: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 2) -> dict[str, Times]:
    """Run every action once in each of ``rounds`` turns, after ``warm_up`` turns that do not count."""
    clock: dict[str, list[float]] = {name: [] for name in actions}
    processor: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(warm_up + rounds):
        for name, action in actions.items():
            before = time.perf_counter(), time.process_time()
            action()
            if turn >= warm_up:
                clock[name].append(time.perf_counter() - before[0])
                processor[name].append(time.process_time() - before[1])
    return {
        name: Times(min(clock[name]), statistics.median(clock[name]), statistics.median(processor[name]))
        for name in actions
    }
