"""Trajectories on disk: snapshots in Zarr as they come, and a checkpoint from which a killed run resumes.

A trajectory at ``run.zarr`` is a Zarr group with one chunk per snapshot. While it grows,
``run.zarr.checkpoint`` beside it holds the state at the last stop in full precision. The checkpoint is
replaced after each stop, so at any instant the two together say how far the run is known to be good.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tlfourier.flow.pseudospectral import Closure, Equation
from tlfourier.flow.runs import Stops, in_turn
from tlfourier.flow.simulate import Schedule, visit
from tlfourier.flow.steppers import State
from tlfourier.io import trajectories


@door
def write_trajectory(
    path: Path | str,
    equation: Equation,
    state: State | Sequence[State],
    schedule: Schedule,
    stepper: str = "ifrk4",
    closure: Closure | None = None,
    progress: bool = True,
) -> None:
    """Run a flow and write its snapshots of (potential) vorticity, float32, to a Zarr group as they come.

    From several states come as many independent runs, one after the other in the file and in its time: a flow
    that decays has no statistics of its own and is sampled as an ensemble.

    Called again with the same arguments after the process was killed, it goes on from the last checkpoint and
    ends with the same bits as an uninterrupted run; when the trajectory is complete it returns at once.
    Raises ValueError if the path holds something else or the run of another recipe, if the checkpoint is
    damaged, or if the state does not fit the equation; Diverged when the run stops being finite, the
    snapshots before it being kept; OSError when the disk is full or fails: nothing that was written is lost,
    and the run can be resumed.

    Parameters
    ----------
    path : Path or str
        The Zarr group to write: ``omega`` (time, [member,] y, x) with coordinates ``time``, ``y``, ``x``; of
        layers ``q`` (time, [member,] layer, y, x), the potential vorticity, layers counted from 1.
    equation : Equation
    state : State or sequence of State
        Where a run begins; ([members,] [layers,] N, N // 2 + 1). The times of all but the first do not count:
        run i begins ``spin_up + snapshots * interval`` after run i - 1.
    schedule : Schedule
        Of each run.
    stepper : {"ifrk4", "ab2cn", "ab3"}
    closure : callable, optional
        Maps omega_hat to sgs_hat. The recipe knows it by its type only.
    progress : bool
        Show a progress bar.
    """
    path, beside = Path(path), _checkpoint_path(Path(path))
    starts = in_turn(equation, [state] if isinstance(state, State) else state, schedule)
    recipe = _recipe(equation, starts, schedule, stepper, closure)
    stops = Stops(schedule, [start.time for start in starts])
    done, resumed = 0, None
    if not path.exists():
        beside.unlink(missing_ok=True)
        members = starts[0].omega_hat.shape[: -equation.linear.ndim]
        trajectories.create(path, _coordinates(equation, stops), members, recipe)
    elif (found := _matching(path, recipe)).complete:
        beside.unlink(missing_ok=True)  # the run before may have been killed just here
        return
    elif resumed := _resume(path, found, recipe, stops):
        done = resumed.stops
    snapshots, name = trajectories.Snapshots(path), _name(recipe)
    device = equation.grid.k_squared.device
    for run in range(done // stops.each, len(starts)):
        begun = done % stops.each
        state = resumed.state if resumed and begun else starts[run]
        memory = None if state.memory is None else state.memory.to(device)
        state = State(state.omega_hat.to(device), state.time, memory)
        times = stops.of_run(run)[begun:]
        for visited in visit(equation, state, times, schedule, stepper, closure, progress):
            try:
                before, done = stops.snapshots(done), done + 1
                if (written := stops.snapshots(done)) > before:
                    omega = equation.grid.to_physical(visited.omega_hat)
                    snapshots[before] = omega.float().cpu().numpy()
                save_checkpoint(beside, Checkpoint(visited, done, written, name))
            except OSError as error:
                reason = f"stopped at time {visited.time:.6g}: {path} could not be written ({error.strerror})"
                raise OSError(
                    error.errno, f"{reason}; make room and run again, it resumes where it was"
                ) from error
    snapshots.complete()
    beside.unlink(missing_ok=True)


@door
def read_trajectory(path: Path | str) -> xr.Dataset:
    """Open a trajectory; its snapshots are read from disk only when their values are used.

    ``path`` is a group written by `write_trajectory`; while the run goes on, the snapshots so far are
    returned. They are ``omega`` (time, [member,] y, x) or, of layers, ``q`` (time, [member,] layer, y, x),
    float32, with the parameters of the run as attributes.

    Raises FileNotFoundError if there is nothing at the path, ValueError if it is not a trajectory, or some of
    its snapshots are missing.
    """
    path, beside = Path(path), _checkpoint_path(Path(path))
    if not path.exists():
        raise FileNotFoundError(f"no trajectory at {path}: write it first with write_trajectory")
    found = trajectories.inspect(path)
    written = found.recipe["snapshots"]
    if not found.complete:
        written = load_checkpoint(beside).snapshots if beside.exists() else 0
    return trajectories.open_snapshots(path, found, written)


def _checkpoint_path(path: Path) -> Path:
    """Return the path of the checkpoint beside a trajectory."""
    return path.with_name(path.name + ".checkpoint")


def _coordinates(equation: Equation, stops: Stops) -> dict[str, list[float]]:
    """Return the coordinates of a trajectory, in the order of its dimensions."""
    y, x = (axis.flatten().tolist() for axis in (equation.grid.y, equation.grid.x))
    layers = [[float(number + 1) for number in range(count)] for count in equation.linear.shape[:-2]]
    return {"time": stops.recorded(), **dict(zip(["layer"], layers, strict=False)), "y": y, "x": x}


def _recipe(
    equation: Equation,
    starts: Sequence[State],
    schedule: Schedule,
    stepper: str,
    closure: Closure | None,
) -> dict[str, Any]:
    """Return everything that decides the bits of a run, as JSON values."""
    return {
        "size": equation.grid.size,
        "length": equation.grid.length,
        "dtype": str(equation.grid.dtype).removeprefix("torch."),
        **equation.coefficients(),
        **({} if equation.step_filter is None else {"step_filter": _digest(equation.step_filter + 0j)}),
        "forcing": _digest(equation.forcing_hat),
        "stepper": stepper,
        "spin_up": schedule.spin_up,
        "interval": schedule.interval,
        "snapshots": schedule.snapshots * len(starts),
        "runs": len(starts),
        "cfl": schedule.cfl,
        "dt": schedule.dt or "cfl",
        "closure": "none" if closure is None else type(closure).__qualname__,
        "start": starts[0].time,
        "initial": _digest(*(start.omega_hat for start in starts)),
    }


def _digest(*tensors: Tensor | None) -> str:
    """Return a short hash of the bits of complex tensors."""
    digest = hashlib.sha256()
    for values in tensors:
        if values is None:
            return "none"
        digest.update(torch.view_as_real(values).cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _matching(path: Path, recipe: dict[str, Any]) -> trajectories.Contents:
    """Return what a path holds, or raise ValueError if it was made by another recipe."""
    found = trajectories.inspect(path)
    for name in {**found.recipe, **recipe}:
        if (was := found.recipe.get(name)) != (value := recipe.get(name)):
            raise ValueError(f"{path} holds a run of {name}={was}, not {value}: remove it or choose another")
    return found


def _resume(
    path: Path, found: trajectories.Contents, recipe: dict[str, Any], stops: Stops
) -> Checkpoint | None:
    """Return where a run stopped, or None if it has not begun; ValueError unless all of it is undamaged."""
    beside = _checkpoint_path(path)
    last = load_checkpoint(beside) if beside.exists() else None
    if last and (last.recipe != _name(recipe) or not stops.fits(last)):
        raise ValueError(f"{beside} is of another run: remove it and the trajectory beside it to begin again")
    written = last.snapshots if last else 0
    found.require(path, written)
    trajectories.Snapshots(path).verify(written)
    return last


def _name(recipe: dict[str, Any]) -> str:
    """Return a short hash of a recipe."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]
