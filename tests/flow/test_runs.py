from pathlib import Path

import numpy as np
import pytest
import torch

from tlfourier.flow.diagnostics import diagnose
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory

SCHEDULE = Schedule(0.5, 0.1, 4)
GRID = Grid(32)
DECAYING = VorticityEquation(GRID, 1e-3)


def starts(count: int = 3) -> list[State]:
    """Return independent fields."""
    return [State(field) for field in random_vorticity(GRID, seed=5, k_peak=3.0, members=count)]


class Stopping:
    """Stand for a process that is killed after some evaluations of a closure that does nothing."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, omega_hat: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return torch.zeros_like(omega_hat)


def test_several_runs_are_each_as_alone_and_follow_one_another_in_time(tmp_path: Path) -> None:
    write_trajectory(tmp_path / "run.zarr", DECAYING, starts(), SCHEDULE, progress=False)
    trajectory = read_trajectory(tmp_path / "run.zarr")
    length = 0.5 + 4 * 0.1
    expected = [run * length + 0.5 + i * 0.1 for run in range(3) for i in range(4)]
    np.testing.assert_allclose(trajectory["time"], expected)
    for run, start in enumerate(starts()):
        alone = list(simulate(DECAYING, start, SCHEDULE, progress=False))
        for i, state in enumerate(alone):
            together = trajectory["omega"].values[4 * run + i]
            # The clock of a later run begins elsewhere: its steps differ in the last bit of their length.
            np.testing.assert_allclose(together, GRID.to_physical(state.omega_hat), atol=2e-5)
    assert trajectory.attrs["runs"] == 3


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.7, 0.99])
def test_stopped_in_any_run_and_resumed_is_uninterrupted_to_the_bit(tmp_path: Path, part: float) -> None:
    whole, parts = tmp_path / "whole.zarr", tmp_path / "parts.zarr"
    through = Stopping(-1)
    write_trajectory(whole, DECAYING, starts(), SCHEDULE, closure=through, progress=False)
    after = round(part * -through.left)
    with pytest.raises(KeyboardInterrupt):
        write_trajectory(parts, DECAYING, starts(), SCHEDULE, closure=Stopping(after), progress=False)
    write_trajectory(parts, DECAYING, starts(), SCHEDULE, closure=Stopping(-1), progress=False)
    first, second = (read_trajectory(path)["omega"].values for path in (whole, parts))
    np.testing.assert_array_equal(first, second)


def test_no_run_and_runs_of_another_shape_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no state to begin with"):
        write_trajectory(tmp_path / "run.zarr", DECAYING, [], SCHEDULE, progress=False)
    other = State(random_vorticity(Grid(16), seed=0, k_peak=2.0))
    with pytest.raises(ValueError, match="shape"):
        write_trajectory(tmp_path / "run.zarr", DECAYING, [*starts(1), other], SCHEDULE, progress=False)
    assert not (tmp_path / "run.zarr").exists()


def test_the_autocorrelation_does_not_reach_from_one_run_into_the_next(tmp_path: Path) -> None:
    write_trajectory(tmp_path / "run.zarr", DECAYING, starts(), SCHEDULE, progress=False)
    trajectory = read_trajectory(tmp_path / "run.zarr")
    found = diagnose(trajectory, DECAYING, progress=False, runs=3)
    omega = trajectory["omega"].values.reshape(3, 4, -1).astype(float)
    unit = omega / np.linalg.norm(omega, axis=-1, keepdims=True)
    expected = [np.mean((unit[:, lag:] * unit[:, : 4 - lag]).sum(-1)) for lag in range(3)]
    np.testing.assert_allclose(found["autocorrelation"], expected, rtol=1e-5)


def test_runs_must_divide_the_snapshots(tmp_path: Path) -> None:
    write_trajectory(tmp_path / "run.zarr", DECAYING, starts(), SCHEDULE, progress=False)
    trajectory = read_trajectory(tmp_path / "run.zarr")
    with pytest.raises(ValueError, match="12 snapshots in 5 runs"):
        diagnose(trajectory, DECAYING, progress=False, runs=5)
    with pytest.raises(ValueError, match="equal, positive ones"):
        diagnose(trajectory, DECAYING, progress=False)
