"""What the benchmarks compute from their clocks: operations, extrapolations, exponents."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import growing, growth, skill, training
from benchmarks.network import Job, convolutions, training_step
from benchmarks.timing import Times

TINY = Job(channels=3, size=8, batch=2, precision="float32")


def test_operations_are_those_that_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        training_step(TINY, samples=4)()
    assert counter.get_total_flops() == TINY.flops()


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_the_limit_does_the_convolutions_of_a_step(layout: torch.memory_format) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        convolutions(TINY, layout)()
    assert counter.get_total_flops() == TINY.flops()


def test_a_fixed_part_and_equal_steps_are_extrapolated_exactly() -> None:
    def after(steps: int) -> Times:
        return Times(*(fixed + 0.5 * steps for fixed in (1.0, 2.0, 3.0)))

    assert training._extrapolated(after(10), after(30), 10, 30) == after(training.STEPS)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.5])
def test_the_exponent_of_a_power_law_is_its_power(power: float) -> None:
    sizes = (8, 16, 64)
    assert growth.exponent(sizes, [3 * size**power for size in sizes]) == pytest.approx(power, abs=1e-12)


def test_growth_counts_memory_beyond_the_start() -> None:
    watch = growing.AnonymousMemory()
    if watch.start_mib is None:
        assert watch.now() is None
        return
    watch.start()
    kept = np.ones(64 * 2**17)
    while watch.peak_mib < watch.start_mib + 60:
        kept[0] += 1
    grown = watch.grown()
    assert grown is not None and 60 <= grown <= 70


def test_a_stage_is_measured_in_a_process_of_its_own(tmp_path: Path) -> None:
    task = {"store": str(tmp_path), "stage": "diagnose", "overrides": {}, "prepare": True}
    assert growing.cost(task) == {}
    found = growing.cost(json.loads(json.dumps({**task, "prepare": False})))
    assert found.keys() == {"seconds", "peak_mib", "anonymous_mib"}
    assert found["seconds"] is not None and found["seconds"] > 0


def test_precisions_are_compared_seed_by_seed() -> None:
    section = skill.measure(quick=True)
    *seeds, mean, _ = section.rows
    for row in seeds:
        assert row["difference"] == pytest.approx(
            float(row["error_bfloat16"] or 0) - float(row["error_float32"] or 0)
        )
    assert mean["difference"] == pytest.approx(math.fsum(float(r["difference"] or 0) for r in seeds) / 2)
