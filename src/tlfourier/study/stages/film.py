"""The stage of a film: the filtered DNS and LES that begin from the same field, frame by frame."""

from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from tlfourier.closure.filters import Filter, filtered_equation
from tlfourier.closure.learned import LearnedClosure
from tlfourier.closure.les import ensemble
from tlfourier.closure.network import load_network
from tlfourier.closure.pairs import Scales
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.pseudospectral import Closure
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import State
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.stage import Stage
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages.artifacts import read_network, read_scales
from tlfourier.study.stages.data import Inputs, diagnose_node, read_file, system_of
from tlfourier.study.stages.networks import describe as describe_network
from tlfourier.study.stages.networks import folders_of
from tlfourier.study.stages.system import simulation_of

FRAMES, EVERY = 48, 0.125
"""Frames, and the time between two of them: six time units."""
PANELS = ("filtered DNS", "no closure", "network as it is", "network repaired")
STEPS = 127
"""From zero to the largest value of a film: a frame is of whole numbers of one byte."""


@cache
def film_node(spec: StudySpec, flow: str, repaired: Node, scales: Node) -> Node:
    """Return the node of a film of a flow: of itself, and of LES with and without networks.

    ``repaired`` is a node of a network with its base, which is shown as it is, and ``scales`` those by which
    both see the flow.
    """
    through = spec.filter_of(flow)
    settings = {
        "frames": FRAMES,
        "every": EVERY,
        "cfl": spec.online.cfl,
        "precision": spec.training.precision,
        "filter": {"size": through.size, "kind": through.kind, "width": through.width},
    }
    data = {"diagnostics": diagnose_node(spec, flow), **folders_of(repaired), "scales": scales}
    return FILM.of(settings, data)


def make_film(node: Node, inputs: Inputs, folder: Path) -> None:
    """Run the DNS on from its last snapshot, and LES from the same field filtered."""
    spec, through = node.spec, node.spec["filter"]
    last = read_dataset(inputs["diagnostics"] / "diagnostics.nc")["vorticity"].isel(snapshot=-1)
    fine = system_of(node).equation(simulation_of(node))
    grid = Grid(through["size"], fine.grid.length, fine.grid.dtype)
    to_coarse = Filter(fine.grid, grid, kind=through["kind"], width=through["width"] * grid.dx)
    coarse, scales = filtered_equation(fine, grid, to_coarse), read_scales(inputs["scales"])
    assert isinstance(coarse, VorticityEquation) and isinstance(scales, Scales), "a film is of one layer"
    field = torch.as_tensor(last.values, dtype=fine.grid.dtype)
    start = fine.grid.to_spectral(field) * fine.grid.below_nyquist
    schedule = Schedule(0.0, spec["every"], spec["frames"], cfl=spec["cfl"])
    films = [[grid.to_physical(to_coarse(one.omega_hat)) for one in simulate(fine, State(start), schedule)]]
    networks = load_network(inputs["base"] / "network.safetensors"), read_network(inputs)
    learned = [LearnedClosure(one, scales, grid, spec["precision"]) for one in networks]
    closures: list[Closure | None] = [None, *learned]
    for closure in closures:
        looks = ensemble(coarse, to_coarse(start)[None], schedule.snapshot_times(), closure, cfl=spec["cfl"])
        films.append([_shown(look.omega_hat, grid) for look in looks])
    fields = torch.stack([torch.stack(film) for film in films]).numpy()
    limit = float(np.quantile(np.abs(fields[0]), 0.999))
    counts = np.clip(np.round(fields / limit * STEPS), -STEPS, STEPS).astype(np.int8)
    about = {"long_name": "vorticity in steps", "step": limit / STEPS, "units": "time^-1"}
    times = schedule.snapshot_times()
    film = xr.Dataset(
        {"omega": (("panel", "time", "y", "x"), counts, about)}, {"panel": list(PANELS), "time": times}
    )
    write_dataset(folder / "film.nc", film)


def _shown(omega_hat: torch.Tensor, grid: Grid) -> torch.Tensor:
    """Return the field of the one member, zero where it has blown up."""
    return grid.to_physical(omega_hat)[0] if len(omega_hat) else torch.zeros(grid.size, grid.size)


def _film_work(node: Node) -> float:
    return float(node.spec["frames"] * node.spec["every"] * simulation_of(node)["size"] ** 3)


def _describe(node: Node) -> str:
    return f"film with the network: {describe_network(node.inputs['network'])}"


FILM = Stage(
    "film", 1, node=film_node, make=make_film, read=partial(read_file, "film.nc"), work=_film_work, rate=2e-7,
    describe=_describe
)  # fmt: skip

STAGES = (FILM,)
