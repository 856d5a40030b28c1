"""Independent runs that follow one another in one trajectory: an ensemble of a flow that decays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tlfourier.doors import door
from tlfourier.flow.checkpoint import Checkpoint
from tlfourier.flow.pseudospectral import Equation
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import State


@door
@dataclass(frozen=True)
class Stops:
    """Count the stops of several runs with one schedule: those of the spin-up, then the snapshots."""

    schedule: Schedule
    begins: list[float]

    @property
    def each(self) -> int:
        """Return the stops of one run."""
        return len(self.schedule.spin_up_times()) + self.schedule.snapshots

    def of_run(self, run: int) -> list[float]:
        """Return the times of the stops of a run."""
        times = self.schedule.spin_up_times() + self.schedule.snapshot_times()
        return [self.begins[run] + time for time in times]

    def recorded(self) -> list[float]:
        """Return the times of all snapshots."""
        return [begin + time for begin in self.begins for time in self.schedule.snapshot_times()]

    def snapshots(self, done: int) -> int:
        """Return how many snapshots there are after so many stops."""
        runs, rest = divmod(done, self.each)
        return runs * self.schedule.snapshots + max(0, rest - len(self.schedule.spin_up_times()))

    def fits(self, last: Checkpoint) -> bool:
        """Tell whether a checkpoint can be one of these runs."""
        if not 1 <= last.stops <= self.each * len(self.begins):
            return False
        run, place = divmod(last.stops - 1, self.each)
        in_time = math.isclose(last.state.time, self.of_run(run)[place], abs_tol=1e-9)
        return in_time and last.snapshots == self.snapshots(last.stops)


@door
def in_turn(equation: Equation, states: Sequence[State], schedule: Schedule) -> list[State]:
    """Return the states from which the runs begin, one after another; ValueError if one does not fit."""
    if not states:
        raise ValueError("no state to begin with: give one for each run")
    for state in states:
        equation.check_state(state.omega_hat)
        if state.omega_hat.ndim > equation.linear.ndim + 1:
            shape = tuple(state.omega_hat.shape)
            raise ValueError(f"omega_hat has shape {shape}: a trajectory has at most one leading dimension")
    length, first = schedule.spin_up + schedule.snapshots * schedule.interval, states[0].time
    later = [replace(state, time=first + run * length) for run, state in enumerate(states)]
    return [states[0], *later[1:]]
