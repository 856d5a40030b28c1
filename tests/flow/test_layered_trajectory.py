"""Runs of layers on disk: what they hold, and that a stopped one goes on to the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tlfourier.flow.dissipation import exponential_filter
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.layers import Layers
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import STEPPERS, State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory

GRID = Grid(32)
LAYERS = Layers((1.0, 4.0), (6.0,), (0.3, 0.0), 0.5, 0.05)
FILTER = exponential_filter(GRID)
EQUATION = QuasiGeostrophicEquation(GRID, LAYERS, step_filter=FILTER, dealias="none")
START = State(random_vorticity(GRID, seed=1, k_peak=3.0, members=2))


def content(path: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes."""
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


class Interruption:
    """Stand for a closure that does nothing, in a process that is stopped after some evaluations."""

    def __init__(self, after: int = -1) -> None:
        self.left = after

    def __call__(self, q_hat: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return torch.zeros_like(q_hat)


def test_a_trajectory_of_layers_holds_potential_vorticity_by_layer(tmp_path: Path) -> None:
    schedule = Schedule(0.1, 0.1, 3)
    write_trajectory(tmp_path / "run", EQUATION, START, schedule, progress=False)
    trajectory = read_trajectory(tmp_path / "run")
    assert set(trajectory.data_vars) == {"q"}
    assert trajectory["q"].dims == ("time", "layer", "y", "x")
    assert trajectory["q"].attrs["long_name"] == "potential vorticity"
    np.testing.assert_array_equal(trajectory["layer"], [1.0, 2.0])
    for snapshot, one in zip(
        trajectory["q"].values, simulate(EQUATION, START, schedule, progress=False), strict=True
    ):
        np.testing.assert_array_equal(snapshot, GRID.to_physical(one.omega_hat).numpy())
    assert trajectory.attrs["thickness"] == [1.0, 4.0] and trajectory.attrs["beta"] == 0.5


def test_members_have_a_dimension_before_layers(tmp_path: Path) -> None:
    members = State(random_vorticity(GRID, 1, 3.0, members=6).reshape(3, 2, 32, 17))
    write_trajectory(tmp_path / "run", EQUATION, members, Schedule(0.0, 0.1, 2), progress=False)
    sizes = read_trajectory(tmp_path / "run")["q"].sizes
    assert dict(sizes) == {"time": 2, "member": 3, "layer": 2, "y": 32, "x": 32}
    with pytest.raises(ValueError, match="at most one leading dimension"):
        more = State(members.omega_hat[None])
        write_trajectory(tmp_path / "more", EQUATION, more, Schedule(0.0, 0.1, 2), progress=False)
    with pytest.raises(ValueError, match=r"this grid needs \(..., 2, 32, 17\)"):
        one = State(START.omega_hat[0])
        write_trajectory(tmp_path / "one", EQUATION, one, Schedule(0.0, 0.1, 2), progress=False)


@pytest.mark.parametrize("stepper", list(STEPPERS))
@pytest.mark.parametrize("dt", [0.005, None])
def test_resumed_is_uninterrupted_to_the_bit(tmp_path: Path, stepper: str, dt: float | None) -> None:
    schedule = Schedule(0.1, 0.1, 4, cfl=0.05 if dt is None else 0.8, dt=dt)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    counted = Interruption(10**6)
    write_trajectory(whole, EQUATION, START, schedule, stepper, counted, progress=False)
    evaluations = 10**6 - counted.left
    with pytest.raises(KeyboardInterrupt):
        stopping = Interruption(evaluations // 2)
        write_trajectory(parts, EQUATION, START, schedule, stepper, stopping, progress=False)
    assert read_trajectory(parts).sizes["time"] < 4
    write_trajectory(parts, EQUATION, START, schedule, stepper, Interruption(), progress=False)
    assert content(parts) == content(whole)


def test_a_run_of_another_ocean_is_not_taken_for_this_one(tmp_path: Path) -> None:
    schedule = Schedule(0.0, 0.1, 2)
    write_trajectory(tmp_path / "run", EQUATION, START, schedule, progress=False)
    unfiltered = QuasiGeostrophicEquation(GRID, LAYERS, dealias="none")
    thicker = QuasiGeostrophicEquation(
        GRID, Layers((1.0, 5.0), (6.0,), (0.3, 0.0), 0.5, 0.05), step_filter=FILTER, dealias="none"
    )
    for equation, sentence in (
        (unfiltered, "holds a run of step_filter=.*, not None: remove it or choose another"),
        (thicker, r"holds a run of thickness=\[1.0, 4.0\], not \[1.0, 5.0\]"),
    ):
        with pytest.raises(ValueError, match=sentence):
            write_trajectory(tmp_path / "run", equation, START, schedule, progress=False)
    with pytest.raises(ValueError, match="holds a run of .*: remove it or choose another"):
        flat, state = VorticityEquation(GRID, 1e-3), State(START.omega_hat[0])
        write_trajectory(tmp_path / "run", flat, state, schedule, progress=False)


def test_a_foreign_name_of_the_snapshots_is_refused(tmp_path: Path) -> None:
    write_trajectory(tmp_path / "run", EQUATION, START, Schedule(0.0, 0.1, 1), progress=False)
    metadata = tmp_path / "run" / "zarr.json"
    metadata.write_text(metadata.read_text().replace('\\"variable\\": \\"q\\"', '\\"variable\\": \\"../q\\"'))
    with pytest.raises(ValueError, match=r"is not a trajectory, or a damaged one .*its snapshots are called"):
        read_trajectory(tmp_path / "run")
