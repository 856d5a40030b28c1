import math
from itertools import pairwise

import pytest
import torch
from scipy.optimize import minimize_scalar

from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import lamb_dipole, random_vorticity, taylor_green
from tlfourier.flow.simulate import Diverged, Schedule, simulate
from tlfourier.flow.step_size import cfl_speed
from tlfourier.flow.steppers import STEPPERS, State


def run(
    equation: VorticityEquation, omega_hat: torch.Tensor, schedule: Schedule, stepper: str = "ifrk4"
) -> list[State]:
    """Return the snapshots of a run."""
    return list(simulate(equation, State(omega_hat), schedule, stepper, progress=False))


def means(equation: VorticityEquation, omega_hat: torch.Tensor) -> dict[str, float]:
    """Return energy, enstrophy and the terms of their budgets as domain means, formed in physical space."""
    grid = equation.grid
    u, v = equation.velocity(omega_hat)
    omega = grid.to_physical(omega_hat)
    psi = grid.to_physical(equation.streamfunction(omega_hat))
    f_hat = torch.zeros_like(omega_hat) if equation.forcing_hat is None else equation.forcing_hat
    f = grid.to_physical(f_hat)
    gradient = [grid.to_physical(1j * k * omega_hat) for k in (grid.k_x, grid.k_y)]
    energy, enstrophy = 0.5 * (u**2 + v**2).mean(), 0.5 * (omega**2).mean()
    palinstrophy = 0.5 * (gradient[0] ** 2 + gradient[1] ** 2).mean()
    terms = {
        "energy": energy,
        "enstrophy": enstrophy,
        "energy_in": -(psi * f).mean(),
        "energy_out": 2 * equation.viscosity * enstrophy + 2 * equation.drag * energy,
        "enstrophy_in": -(omega * f).mean(),
        "enstrophy_out": 2 * equation.viscosity * palinstrophy + 2 * equation.drag * enstrophy,
    }
    return {name: float(value) for name, value in terms.items()}


def simpson(values: list[float], interval: float) -> float:
    """Integrate an odd number of equidistant values."""
    return interval / 3 * (values[0] + 4 * sum(values[1:-1:2]) + 2 * sum(values[2:-1:2]) + values[-1])


def test_taylor_green_vortices_decay_exactly() -> None:
    grid = Grid(64, dtype=torch.float64)
    equation = VorticityEquation(grid, 0.02, 0.05)
    omega_hat = taylor_green(grid, 2)
    for state in run(equation, omega_hat, Schedule(0.0, 0.7, 4)):
        exact = math.exp(-(0.02 * 8 + 0.05) * state.time) * omega_hat
        error = (state.omega_hat - exact).abs().max() / omega_hat.abs().max()
        assert error < 1e-10, f"{error} at time {state.time}"


def test_inviscid_flow_conserves_energy_and_enstrophy() -> None:
    grid = Grid(64, dtype=torch.float64)
    equation = VorticityEquation(grid, 0.0)
    drifts = []
    for dt in (0.01, 0.005):
        first, last = run(equation, 1.5 * random_vorticity(grid, 0, k_peak=4.0), Schedule(0.0, 1.0, 2, dt=dt))
        before, after = means(equation, first.omega_hat), means(equation, last.omega_hat)
        drifts.append([abs(after[name] / before[name] - 1) for name in ("energy", "enstrophy")])
    assert max(drifts[1]) < 1e-6
    # What is lost is the error of the step, so it falls at least as fast as the scheme's order.
    assert all(fine < coarse / 14 for coarse, fine in zip(*drifts, strict=True)), drifts


def test_budgets_of_a_forced_run_close() -> None:
    grid = Grid(128, dtype=torch.float64)
    equation = VorticityEquation(grid, 1e-3, 0.1, forcing_hat=two_way_cosine(grid, 4))
    states = run(equation, random_vorticity(grid, 0), Schedule(1.0, 0.02, 51))
    history = [means(equation, state.omega_hat) for state in states]
    for name in ("energy", "enstrophy"):
        gained, lost = (simpson([h[f"{name}_{way}"] for h in history], 0.02) for way in ("in", "out"))
        change = history[-1][name] - history[0][name]
        assert abs(change - (gained - lost)) < 1e-3 * abs(gained), name
        assert abs(change) > 0.05 * abs(gained), "the run is steady: its budget tests nothing"


@pytest.mark.parametrize(("size", "share"), [(128, 8), (256, 16)])
def test_dipole_translates_at_its_known_speed(size: int, share: int) -> None:
    # Without mean flow the images in the periodic box slow the dipole by pi (radius / length)**2: by 4.9 % in
    # the smaller box and 1.2 % in the larger.
    grid = Grid(size, dtype=torch.float64)
    radius, speed = grid.length / share, 2.0
    equation = VorticityEquation(grid, 0.0)
    duration = 2 * radius / speed
    first, last = run(equation, lamb_dipole(grid, radius, speed), Schedule(0.0, duration, 2))
    weight = first.omega_hat.conj() * last.omega_hat

    def mismatch(shift: float) -> float:
        return -float((weight * torch.exp(1j * grid.k_x * shift)).real[:, 1:].sum())

    bracket = (0.8 * speed * duration, 1.2 * speed * duration)
    measured = (
        minimize_scalar(mismatch, bounds=bracket, method="bounded", options={"xatol": 1e-9}).x / duration
    )
    expected = speed * (1 - math.pi / share**2)
    assert abs(measured / expected - 1) < 2e-3
    assert abs(measured / speed - 1) > 0.8 * math.pi / share**2, "the images are not felt"
    first_omega, last_omega = grid.to_physical(first.omega_hat), grid.to_physical(last.omega_hat)
    moved = grid.to_physical(first.omega_hat * torch.exp(-1j * grid.k_x * measured * duration))
    assert (last_omega - moved).norm() < 0.06 * first_omega.norm()
    torch.testing.assert_close(last_omega, -last_omega.flip(0).roll(1, 0), rtol=0, atol=1e-9)


def test_run_turns_with_its_initial_field() -> None:
    grid = Grid(32, dtype=torch.float64)
    equation = VorticityEquation(grid, 1e-3, 0.1, forcing_hat=two_way_cosine(grid, 4))
    omega = grid.to_physical(random_vorticity(grid, 0, k_peak=4.0))

    def final(omega: torch.Tensor) -> torch.Tensor:
        schedule = Schedule(0.5, 0.1, 1, dt=0.01)
        return grid.to_physical(run(equation, grid.to_spectral(omega), schedule)[-1].omega_hat)

    def rotate(omega: torch.Tensor) -> torch.Tensor:
        return torch.rot90(omega, 1, (-2, -1)).roll(1, -2)

    torch.testing.assert_close(final(rotate(omega)), rotate(final(omega)))


@pytest.mark.parametrize("stepper", list(STEPPERS))
def test_batch_equals_loop(stepper: str) -> None:
    grid = Grid(32, dtype=torch.float64)
    equation = VorticityEquation(grid, 1e-3, 0.1, 1.0, two_way_cosine(grid, 4))
    batch = random_vorticity(grid, 0, k_peak=3.0, members=2)
    schedule = Schedule(0.2, 0.1, 3, dt=0.005)
    together = run(equation, batch, schedule, stepper)
    for member, alone in enumerate(batch):
        for state, one in zip(together, run(equation, alone, schedule, stepper), strict=True):
            torch.testing.assert_close(state.omega_hat[member], one.omega_hat)


def test_single_precision_follows_double() -> None:
    final = {}
    for dtype in (torch.float32, torch.float64):
        grid = Grid(64, dtype=dtype)
        equation = VorticityEquation(grid, 1e-3, 0.1, forcing_hat=two_way_cosine(grid, 4))
        states = run(equation, random_vorticity(grid, 0, k_peak=5.0), Schedule(0.0, 1.0, 2))
        final[dtype] = grid.to_physical(states[-1].omega_hat).double()
    error = (final[torch.float32] - final[torch.float64]).abs().max() / final[torch.float64].abs().max()
    assert error < 1e-4


def test_snapshots_come_at_their_times_and_steps_keep_to_the_cfl_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grid = Grid(32)
    equation = VorticityEquation(grid, 1e-2, 0.1, forcing_hat=two_way_cosine(grid, 4))
    kind = STEPPERS["ifrk4"]
    numbers: list[float] = []
    forward = kind.forward

    def watched(self, state, closure=None):  # type: ignore[no-untyped-def]
        numbers.append(self.dt * cfl_speed(equation, state) / grid.dx)
        return forward(self, state, closure)

    monkeypatch.setattr(kind, "forward", watched)
    start = State(random_vorticity(grid, 0, k_peak=3.0), time=5.0)
    states = list(simulate(equation, start, Schedule(1.3, 0.37, 4, cfl=0.5), progress=False))
    assert [state.time for state in states] == [5.0 + 1.3 + i * 0.37 for i in range(4)]
    # The flow gains speed between two looks at it.
    assert 0.3 < max(numbers) < 0.6


def test_spin_up_is_walked_in_steps_no_longer_than_an_interval() -> None:
    times = [0.0, *Schedule(2.0, 0.3, 2).spin_up_times(), 2.0]
    assert max(b - a for a, b in pairwise(times)) <= 0.3
    assert Schedule(0.0, 0.3, 2).spin_up_times() == []


@pytest.mark.parametrize("stepper", list(STEPPERS))
def test_diverging_run_stops_with_one_sentence(stepper: str) -> None:
    grid = Grid(32)
    equation = VorticityEquation(grid, 0.0, forcing_hat=two_way_cosine(grid, 4))
    omega_hat = 10 * random_vorticity(grid, 0, k_peak=3.0)
    with pytest.raises(
        Diverged, match=r"diverged before time [\d.]+ with dt=0\.2, CFL [\d.]+ .*take a smaller dt"
    ) as raised:
        run(equation, omega_hat, Schedule(0.0, 100.0, 2, dt=0.2), stepper)
    assert "\n" not in str(raised.value)


def test_diverging_run_hands_over_its_last_good_state(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid(32, dtype=torch.float64)
    equation = VorticityEquation(grid, 1e-3)
    kind = STEPPERS["ifrk4"]
    steps = 0
    forward = kind.forward

    def spoiled(self, state, closure=None):  # type: ignore[no-untyped-def]
        nonlocal steps
        steps += 1
        stepped = forward(self, state, closure)
        return stepped if steps < 120 else State(stepped.omega_hat * math.nan, stepped.time)

    start = random_vorticity(grid, 0, k_peak=3.0)
    with monkeypatch.context() as patch:
        patch.setattr(kind, "forward", spoiled)
        with pytest.raises(Diverged, match=r"before time 1\.5 .* last finite, at time 1 ") as raised:
            run(equation, start, Schedule(0.0, 10.0, 2, dt=0.01))
    assert steps == 150, "the run went on after the segment in which it diverged"
    good = run(equation, start, Schedule(0.0, 1.0, 2, dt=0.01))[-1]
    assert raised.value.last.time == good.time
    assert torch.equal(raised.value.last.omega_hat, good.omega_hat)


@pytest.mark.parametrize("strength", [1e12, 1e300])
def test_exploding_run_stops_while_it_is_still_finite(strength: float) -> None:
    grid = Grid(32, dtype=torch.float64)
    omega_hat = strength * random_vorticity(grid, 0, k_peak=3.0)
    with pytest.raises(
        Diverged, match=r"diverged at time 0: at a speed of .* the next stop is more than 10000000 steps"
    ):
        run(VorticityEquation(grid, 1e-3), omega_hat, Schedule(0.0, 1.0, 2))


def test_order_of_a_state_in_memory_does_not_change_a_bit() -> None:
    grid = Grid(48, dtype=torch.float64)
    equation = VorticityEquation(grid, 1e-3, 0.1, forcing_hat=two_way_cosine(grid, 4))
    omega_hat = random_vorticity(grid, 0, k_peak=4.0)
    by_rows, by_columns = omega_hat.contiguous(), omega_hat.mT.contiguous().mT
    assert by_rows.stride() != by_columns.stride()
    one, two = (run(equation, start, Schedule(0.0, 0.5, 2))[-1] for start in (by_rows, by_columns))
    assert torch.equal(one.omega_hat, two.omega_hat)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((-1.0, 1.0, 2), "spin_up=-1.0: it must be a finite time, zero or more"),
        ((0.0, 0.0, 2), "interval=0.0: it must be a positive number"),
        ((0.0, math.nan, 2), "interval=nan: it must be a positive number"),
        ((0.0, 1.0, 0), "snapshots=0: ask for at least one"),
        ((0.0, 1.0, 2, 0.0), "cfl=0.0: it must be a positive number"),
        ((0.0, 1.0, 2, 0.8, -0.1), "dt=-0.1: it must be a positive number"),
        ((0.0, 1.0, 2, 0.8, 0.3), "dt=0.3: a fixed step must divide interval=1.0"),
    ],
)
def test_impossible_schedules_are_refused(values: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schedule(*values)  # type: ignore[arg-type]


def test_bad_runs_are_refused() -> None:
    equation = VorticityEquation(Grid(16), 1e-2)
    good = random_vorticity(Grid(16), 0, k_peak=2.0)
    schedule = Schedule(0.0, 1.0, 1)
    with pytest.raises(ValueError, match="stepper='rk4': choose one of ifrk4, ab2cn, ab3"):
        run(equation, good, schedule, "rk4")
    with pytest.raises(ValueError, match="omega_hat holds values that are not finite"):
        run(equation, good * math.nan, schedule)
    with pytest.raises(ValueError, match=r"omega_hat has shape \(8, 5\): this grid needs \(..., 16, 9\)"):
        run(equation, random_vorticity(Grid(8), 0, k_peak=1.0), schedule)
