import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.flow.checkpoint import load_checkpoint
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Diverged, Schedule, simulate
from tlfourier.flow.steppers import STEPPERS, State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory

SCHEDULE = Schedule(0.5, 0.1, 6)


def flow(size: int = 32, seed: int = 0, viscosity: float = 1e-3) -> tuple[VorticityEquation, State]:
    """Return a small forced flow and its initial state."""
    grid = Grid(size)
    equation = VorticityEquation(grid, viscosity, 0.1, forcing_hat=two_way_cosine(grid, 4))
    return equation, State(random_vorticity(grid, seed, k_peak=3.0))


def content(path: Path) -> dict[str, bytes]:
    """Return every file of a folder with its bytes."""
    return {str(p.relative_to(path)): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


class Interruption:
    """Close nothing, but act once when the closure has been evaluated some number of times."""

    def __init__(self, after: int = -1, action: object = None) -> None:
        self.left, self.action = after, action

    def __call__(self, omega_hat: torch.Tensor) -> torch.Tensor:
        self.left -= 1
        if self.left == 0 and callable(self.action):
            self.action()
        return torch.zeros_like(omega_hat)


def test_trajectory_holds_the_snapshots_of_the_run(tmp_path: Path) -> None:
    equation, state = flow()
    write_trajectory(tmp_path / "run.zarr", equation, state, SCHEDULE, progress=False)
    trajectory = read_trajectory(tmp_path / "run.zarr")
    states = list(simulate(equation, state, SCHEDULE, progress=False))
    assert trajectory["omega"].dims == ("time", "y", "x")
    assert trajectory["omega"].dtype == np.float32
    np.testing.assert_array_equal(trajectory["time"], [s.time for s in states])
    np.testing.assert_allclose(trajectory["x"], equation.grid.x[0], rtol=1e-6)
    for snapshot, one in zip(trajectory["omega"].values, states, strict=True):
        np.testing.assert_array_equal(snapshot, equation.grid.to_physical(one.omega_hat).numpy())
    assert trajectory.attrs["viscosity"] == 1e-3
    assert trajectory["omega"].attrs["long_name"] == "vorticity"
    assert [p.name for p in tmp_path.iterdir()] == ["run.zarr"]


def test_trajectory_is_read_lazily_and_can_be_saved_as_netcdf(tmp_path: Path) -> None:
    equation, state = flow()
    write_trajectory(tmp_path / "run.zarr", equation, state, SCHEDULE, progress=False)
    trajectory = read_trajectory(tmp_path / "run.zarr")
    assert not trajectory["omega"].variable._in_memory
    assert len(list((tmp_path / "run.zarr" / "omega" / "c").iterdir())) == 6, "one chunk per snapshot"
    trajectory.to_netcdf(tmp_path / "run.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "run.nc", engine="h5netcdf") as copy:
        xr.testing.assert_identical(copy["omega"].load(), trajectory["omega"].load())


def test_members_have_a_dimension(tmp_path: Path) -> None:
    equation, _ = flow()
    batch = State(random_vorticity(equation.grid, 0, k_peak=3.0, members=3))
    write_trajectory(tmp_path / "run.zarr", equation, batch, SCHEDULE, progress=False)
    assert dict(read_trajectory(tmp_path / "run.zarr")["omega"].sizes) == {
        "time": 6,
        "member": 3,
        "y": 32,
        "x": 32,
    }
    with pytest.raises(ValueError, match="at most one leading dimension"):
        write_trajectory(tmp_path / "x", equation, State(batch.omega_hat[None]), SCHEDULE, progress=False)


@pytest.mark.parametrize("after", [30, 150, 260])
@pytest.mark.parametrize("stepper", list(STEPPERS))
def test_stopped_and_resumed_is_uninterrupted_to_the_bit(tmp_path: Path, after: int, stepper: str) -> None:
    equation, state = flow()
    fixed = Schedule(0.5, 0.1, 6, dt=0.01 if stepper == "ifrk4" else 0.0025)

    def stop() -> None:
        raise KeyboardInterrupt

    write_trajectory(tmp_path / "whole", equation, state, fixed, stepper, Interruption(), progress=False)
    with pytest.raises(KeyboardInterrupt):
        write_trajectory(
            tmp_path / "parts", equation, state, fixed, stepper, Interruption(after, stop), progress=False
        )
    assert read_trajectory(tmp_path / "parts").sizes["time"] < 6
    write_trajectory(tmp_path / "parts", equation, state, fixed, stepper, Interruption(), progress=False)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_killed_once_it_is_complete_it_leaves_no_checkpoint_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    equation, state = flow()
    usual = Path.unlink

    def killed(self: Path, missing_ok: bool = False) -> None:
        if self.name == "run.checkpoint" and self.exists():
            raise KeyboardInterrupt
        usual(self, missing_ok)

    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    write_trajectory(tmp_path / "whole" / "run", equation, state, SCHEDULE, progress=False)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "unlink", killed)
        write_trajectory(tmp_path / "killed" / "run", equation, state, SCHEDULE, progress=False)
    assert content(tmp_path / "killed").keys() - content(tmp_path / "whole").keys() != set()
    write_trajectory(tmp_path / "killed" / "run", equation, state, SCHEDULE, progress=False)
    assert content(tmp_path / "killed") == content(tmp_path / "whole")


def test_killed_process_and_resumed_is_uninterrupted_to_the_bit(tmp_path: Path) -> None:
    equation, state = flow(size=64)
    schedule = Schedule(0.5, 0.1, 40)
    script = (
        "import sys; from pathlib import Path\n"
        "from tlfourier.flow.equation import VorticityEquation\n"
        "from tlfourier.flow.forcing import two_way_cosine\n"
        "from tlfourier.flow.grid import Grid; from tlfourier.flow.initial import random_vorticity\n"
        "from tlfourier.flow.simulate import Schedule; from tlfourier.flow.steppers import STEPPERS, State\n"
        "from tlfourier.flow.trajectory import write_trajectory\n"
        "grid = Grid(64)\n"
        "equation = VorticityEquation(grid, 1e-3, 0.1, forcing_hat=two_way_cosine(grid, 4))\n"
        "state = State(random_vorticity(grid, 0, k_peak=3.0))\n"
        "write_trajectory(Path(sys.argv[1]), equation, state, Schedule(0.5, 0.1, 40), progress=False)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "parts")])
    checkpoint = tmp_path / "parts.checkpoint"
    deadline = time.monotonic() + 60
    while not (checkpoint.exists() and load_checkpoint(checkpoint).snapshots >= 3):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 3 <= read_trajectory(tmp_path / "parts").sizes["time"] < 40
    write_trajectory(tmp_path / "parts", equation, state, schedule, progress=False)
    write_trajectory(tmp_path / "whole", equation, state, schedule, progress=False)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")


def test_full_disk_loses_nothing(tmp_path: Path) -> None:
    equation, state = flow(size=64)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        # A file of one snapshot is larger than this: writing it fails as it does on a full disk.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))

    write_trajectory(tmp_path / "whole", equation, state, SCHEDULE, closure=Interruption(), progress=False)
    try:
        with pytest.raises(OSError, match=r"stopped at time [\d.]+: .* make room and run again") as raised:
            write_trajectory(
                tmp_path / "parts", equation, state, SCHEDULE, closure=Interruption(150, fill), progress=False
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.errno is not None
    assert "\n" not in str(raised.value)
    kept = read_trajectory(tmp_path / "parts")
    whole = read_trajectory(tmp_path / "whole")
    assert 0 < kept.sizes["time"] < 6
    xr.testing.assert_equal(kept, whole.isel(time=slice(0, kept.sizes["time"])))
    write_trajectory(tmp_path / "parts", equation, state, SCHEDULE, closure=Interruption(), progress=False)
    assert content(tmp_path / "parts") == content(tmp_path / "whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["parts", "whole"]


def test_full_disk_at_the_start_leaves_nothing_half_made(tmp_path: Path) -> None:
    equation, state = flow()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="could not be created .*: make room and run again"):
            write_trajectory(tmp_path / "run", equation, state, SCHEDULE, progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_diverged_run_keeps_what_came_before(tmp_path: Path) -> None:
    equation, state = flow()

    def explode(omega_hat: torch.Tensor) -> torch.Tensor:
        return -60 * omega_hat

    with pytest.raises(Diverged, match="the run diverged before time"):
        write_trajectory(
            tmp_path / "run", equation, state, Schedule(0.0, 0.5, 9, dt=0.1), closure=explode, progress=False
        )
    kept = read_trajectory(tmp_path / "run")
    assert 0 < kept.sizes["time"] < 9
    assert bool(np.isfinite(kept["omega"]).all())


def test_complete_trajectory_is_not_touched(tmp_path: Path) -> None:
    equation, state = flow()
    write_trajectory(tmp_path / "run", equation, state, SCHEDULE, progress=False)
    stamps = {p: os.stat(p).st_mtime_ns for p in tmp_path.rglob("*")}
    write_trajectory(tmp_path / "run", equation, state, SCHEDULE, progress=False)
    assert {p: os.stat(p).st_mtime_ns for p in tmp_path.rglob("*")} == stamps


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    equation, state = flow()
    write_trajectory(tmp_path / "run", equation, state, SCHEDULE, progress=False)
    before = content(tmp_path / "run")
    with pytest.raises(
        ValueError, match=r"holds a run of viscosity=0.001, not 0.002: remove it or choose another"
    ):
        write_trajectory(tmp_path / "run", *flow(viscosity=2e-3), SCHEDULE, progress=False)
    with pytest.raises(ValueError, match="holds a run of initial="):
        write_trajectory(tmp_path / "run", *flow(seed=1), SCHEDULE, progress=False)
    assert content(tmp_path / "run") == before


def test_what_is_no_trajectory_is_refused(tmp_path: Path) -> None:
    equation, state = flow()
    with pytest.raises(FileNotFoundError, match="no trajectory at .*nowhere"):
        read_trajectory(tmp_path / "nowhere")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("keep me")
    for use in (
        lambda: read_trajectory(tmp_path / "notes"),
        lambda: write_trajectory(tmp_path / "notes", equation, state, SCHEDULE, progress=False),
    ):
        with pytest.raises(ValueError, match="notes is not a trajectory, or a damaged one"):
            use()
    assert (tmp_path / "notes" / "mine.txt").read_text() == "keep me"
    with pytest.raises(ValueError, match=r"omega_hat has shape \(16, 9\): this grid needs \(..., 32, 17\)"):
        write_trajectory(tmp_path / "run", equation, flow(16)[1], SCHEDULE, progress=False)
    assert not (tmp_path / "run").exists()


def test_damage_is_noticed(tmp_path: Path) -> None:
    equation, state = flow()
    write_trajectory(tmp_path / "run", equation, state, SCHEDULE, progress=False)
    shutil.rmtree(tmp_path / "run" / "omega" / "c" / "2")
    with pytest.raises(ValueError, match="holds 5 of 6 snapshots: remove it and run again"):
        read_trajectory(tmp_path / "run")
    (tmp_path / "run" / "zarr.json").write_text("{")
    with pytest.raises(ValueError, match="is not a trajectory, or a damaged one"):
        read_trajectory(tmp_path / "run")


def test_damaged_checkpoint_is_refused(tmp_path: Path) -> None:
    equation, state = flow()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trajectory(
            tmp_path / "run", equation, state, SCHEDULE, closure=Interruption(60, stop), progress=False
        )
    beside = tmp_path / "run.checkpoint"
    beside.write_bytes(beside.read_bytes()[:200])
    with pytest.raises(
        ValueError, match=r"run.checkpoint is damaged .*: remove it and the trajectory beside it"
    ):
        write_trajectory(tmp_path / "run", equation, state, SCHEDULE, closure=Interruption(), progress=False)


def test_what_a_killed_write_has_left_is_no_damage(tmp_path: Path) -> None:
    write_trajectory(tmp_path / "run", *flow(), SCHEDULE, progress=False)
    for name in ("omega/zarr.0a.partial", "omega/c/1/0/0.0b.partial"):
        (tmp_path / "run" / name).write_text("half")
    assert read_trajectory(tmp_path / "run").sizes["time"] == 6
