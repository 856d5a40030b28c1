"""Memory that is kept changes no number and makes no page anew."""

import platform
import resource

import pytest
import torch

from tlfourier.flow import malloc
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import taylor_green
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import State


def faults_of(times: int) -> int:
    """Count the new pages of allocating and freeing 16 MiB some times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        torch.ones(2**22)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_an_array_that_was_freed_is_used_again() -> None:
    with malloc.kept_memory():
        faults_of(20)  # the heap grows until small objects are out of the way
        faults = faults_of(20)
    # 20 new arrays have 20 times 4096 pages; another C library is left to do as it does
    assert faults < 4 * 4096 or platform.libc_ver()[0] != "glibc"


def test_numbers_stay_the_same_with_and_without_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    with malloc.kept_memory():
        kept = torch.linspace(0, 1, 100_000).exp()
    monkeypatch.setattr(malloc, "_glibc", lambda: None)
    with malloc.kept_memory():
        assert torch.equal(torch.linspace(0, 1, 100_000).exp(), kept)


def test_a_run_changes_the_process_and_a_constructor_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    thresholds: list[tuple[int, int]] = []
    monkeypatch.setattr(malloc, "_raise_thresholds", lambda *sizes: thresholds.append(sizes))
    grid = Grid(8)
    equation = VorticityEquation(grid, 1e-2)
    assert thresholds == []
    list(simulate(equation, State(taylor_green(grid)), Schedule(0.0, 0.1, 2), progress=False))
    assert len(thresholds) == 1
