"""Trajectories on disk: snapshots in Zarr as they come, and a checkpoint from which a killed run resumes.

A trajectory at ``run.zarr`` is a Zarr group with one chunk per snapshot. While it grows,
``run.zarr.checkpoint`` beside it holds the state at the last stop in full precision. The checkpoint is
replaced after each stop, so at any instant the two together say how far the run is known to be good.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
import xarray as xr
from torch import Tensor

from tlfourier.flow.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tlfourier.flow.equation import Closure, VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.runs import Stops, in_turn
from tlfourier.flow.simulate import Schedule, visit
from tlfourier.flow.steppers import State
from tlfourier.io.zarrformat import Contents, inspect, remove_leftovers


def write_trajectory(
    path: Path | str,
    equation: VorticityEquation,
    state: State | Sequence[State],
    schedule: Schedule,
    stepper: str = "ifrk4",
    closure: Closure | None = None,
    progress: bool = True,
) -> None:
    """Run a flow and write its snapshots of vorticity, float32, to a Zarr group as they come.

    From several states come as many independent runs, one after the other in the file and in its time: a flow
    that decays has no statistics of its own and is sampled as an ensemble.

    Called again with the same arguments after the process was killed, it goes on from the last checkpoint and
    ends with the same bits as an uninterrupted run; when the trajectory is complete it returns at once.

    Parameters
    ----------
    path : Path or str
        The Zarr group to write: ``omega`` (time, [member,] y, x) with coordinates ``time``, ``y``, ``x``.
    equation : VorticityEquation
    state : State or sequence of State
        Where a run begins; (N, N // 2 + 1), or (members, N, N // 2 + 1). The times of all but the first do
        not count: run i begins ``spin_up + snapshots * interval`` after run i - 1.
    schedule : Schedule
        Of each run.
    stepper : {"ifrk4", "ab2cn"}
    closure : callable, optional
        Maps omega_hat to sgs_hat. The recipe knows it by its type only.
    progress : bool
        Show a progress bar.

    Raises
    ------
    ValueError
        If the path holds something else or the run of another recipe, if the checkpoint is damaged, or if the
        state does not fit the equation.
    Diverged
        When the run stops being finite; the snapshots before it are kept.
    OSError
        When the disk is full or fails; nothing that was written is lost, and the run can be resumed.
    """
    path, beside = Path(path), _checkpoint_path(Path(path))
    starts = in_turn(equation.grid, [state] if isinstance(state, State) else state, schedule)
    recipe = _recipe(equation, starts, schedule, stepper, closure)
    stops = Stops(schedule, [start.time for start in starts])
    done, resumed = 0, None
    if not path.exists():
        beside.unlink(missing_ok=True)
        _create(path, equation.grid, starts[0], stops.recorded(), recipe)
    elif (found := _matching(path, recipe)).complete:
        return
    elif resumed := _resume(path, found, recipe, stops):
        done = resumed.stops
    array, name, device = _omega(path), _name(recipe), equation.grid.k_squared.device
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
                    array[before] = omega.float().cpu().numpy()
                save_checkpoint(beside, Checkpoint(visited, done, written, name))
            except OSError as error:
                reason = f"stopped at time {visited.time:.6g}: {path} could not be written ({error.strerror})"
                raise OSError(
                    error.errno, f"{reason}; make room and run again, it resumes where it was"
                ) from error
    _group(path).attrs["complete"] = True
    beside.unlink(missing_ok=True)


def read_trajectory(path: Path | str) -> xr.Dataset:
    """Open a trajectory; its snapshots are read from disk only when their values are used.

    Parameters
    ----------
    path : Path or str
        A group written by `write_trajectory`. While the run goes on, the snapshots so far are returned.

    Returns
    -------
    xr.Dataset
        ``omega`` (time, [member,] y, x), float32; the parameters of the run as attributes.

    Raises
    ------
    FileNotFoundError
        If there is nothing at the path.
    ValueError
        If it is not a trajectory, or some of its snapshots are missing.
    """
    path, beside = Path(path), _checkpoint_path(Path(path))
    if not path.exists():
        raise FileNotFoundError(f"no trajectory at {path}: write it first with write_trajectory")
    found = inspect(path)
    written = int(found.recipe["snapshots"])
    if not found.complete:
        written = load_checkpoint(beside).snapshots if beside.exists() else 0
    _require_snapshots(path, found, written)
    trajectory = xr.open_zarr(path, chunks=None, consolidated=False).isel(time=slice(0, written))
    return trajectory.drop_attrs(deep=False).assign_attrs(found.recipe)


def _require_snapshots(path: Path, found: Contents, written: int) -> None:
    """Raise ValueError unless the first snapshots of a trajectory are all there."""
    there = sum(number < written for number in found.snapshots)
    if there < written:
        raise ValueError(f"{path} holds {there} of {written} snapshots: remove it and run again")


def _checkpoint_path(path: Path) -> Path:
    """Return the path of the checkpoint beside a trajectory."""
    return path.with_name(path.name + ".checkpoint")


def _recipe(
    equation: VorticityEquation,
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
        "viscosity": equation.viscosity,
        "drag": equation.drag,
        "beta": equation.beta,
        "dealias": equation.dealias,
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


def _matching(path: Path, recipe: dict[str, Any]) -> Contents:
    """Return what a path holds, or raise ValueError if it was made by another recipe."""
    found = inspect(path)
    for name, value in recipe.items():
        if found.recipe.get(name) != value:
            was = found.recipe.get(name)
            raise ValueError(
                f"{path} holds a run with {name}={was}, not {value}: remove it or choose another path"
            )
    return found


def _resume(path: Path, found: Contents, recipe: dict[str, Any], stops: Stops) -> Checkpoint | None:
    """Return where a run stopped, or None if it has not begun; ValueError unless all of it is undamaged."""
    remove_leftovers(path)
    beside = _checkpoint_path(path)
    if not beside.exists():
        return None
    last = load_checkpoint(beside)
    if last.recipe != _name(recipe) or not stops.fits(last):
        raise ValueError(f"{beside} is of another run: remove it and the trajectory beside it to begin again")
    _require_snapshots(path, found, last.snapshots)
    omega = _omega(path)
    for number in range(last.snapshots):
        try:
            omega[number]
        except (RuntimeError, ValueError) as error:
            raise ValueError(
                f"{path} is damaged in snapshot {number}: remove it and its checkpoint to begin again"
            ) from error
    return last


def _name(recipe: dict[str, Any]) -> str:
    """Return a short hash of a recipe."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def _group(path: Path, mode: Literal["r+", "w"] = "r+") -> Any:
    import zarr  # here, because most programs open no trajectory

    return zarr.open_group(path, mode=mode)


def _omega(path: Path) -> Any:
    """Open the vorticity of a trajectory that was inspected."""
    return _group(path)["omega"]


def _create(path: Path, grid: Grid, state: State, times: list[float], recipe: dict[str, Any]) -> None:
    """Create the empty group under a temporary name and rename it: a group that exists is whole."""
    from zarr.codecs import ZstdCodec

    building = path.with_name(path.name + ".building")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(building, ignore_errors=True)
    members = state.omega_hat.shape[:-2]
    shape = (*members, grid.size, grid.size)
    dims = ["time", *["member"] * len(members), "y", "x"]
    coordinates = {"time": times, "y": grid.y.flatten().tolist(), "x": grid.x.flatten().tolist()}
    nan = float("nan")
    try:
        group = _group(building, mode="w")
        group.attrs.update({"recipe": json.dumps(recipe), "complete": False})
        omega = group.create_array(
            "omega",
            shape=(len(times), *shape),
            chunks=(1, *shape),
            dtype="f4",
            dimension_names=dims,
            fill_value=nan,
            compressors=ZstdCodec(level=0, checksum=True),
        )
        omega.attrs.update({"long_name": "vorticity", "units": "1"})
        for name, values in coordinates.items():
            one = group.create_array(name, shape=(len(values),), dtype="f8", dimension_names=[name])
            one[:] = values
            one.attrs.update({"long_name": name, "units": "1"})
        os.rename(building, path)
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        raise OSError(
            error.errno, f"{path} could not be created ({error.strerror}): make room and run again"
        ) from error
