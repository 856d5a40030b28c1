"""The stage of what runs: an LES with a closure, many times over, and the filtered DNS seen like it."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure import eddy_viscosity as viscous
from tlfourier.closure import online
from tlfourier.closure.learned import LearnedClosure
from tlfourier.closure.les import ensemble
from tlfourier.closure.pairs import Scales
from tlfourier.closure.physical import GradientModel
from tlfourier.flow import spectra
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.pseudospectral import Closure
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.stage import Stage
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages.artifacts import read_network, read_scales
from tlfourier.study.stages.data import Inputs, equations, pairs_node, points, read_file
from tlfourier.study.stages.networks import describe as describe_network
from tlfourier.study.stages.networks import folders_of, multiplications_of
from tlfourier.study.stages.system import simulation_of

TRUTH, BARE, NETWORK = "filtered DNS", "nothing", "network"
"""What is no closure: the flow itself, an LES without one; and what is a network's."""
LEADS = 5
"""Snapshots after the start at which an LES is correlated with the filtered DNS."""

Build = Callable[[Grid, float, float], Closure]  # the grid, the filter's width, ln(k_c / k_f)


def _cutoff(grid: Grid) -> float:
    return math.pi / grid.dx


def _viscosity(name: str, factor: float = 1.0) -> Build:
    def build(grid: Grid, width: float, scales: float) -> Closure:
        reach = _cutoff(grid) * width
        smagorinsky = name == "smagorinsky"
        of_theory = (
            viscous.smagorinsky_constant(reach, scales) if smagorinsky else viscous.leith_constant(reach)
        )
        return viscous.EddyViscosity(grid, name, factor * of_theory, width)

    return build


def _dynamic(name: str, convention: str) -> Build:
    return lambda grid, width, _: viscous.DynamicEddyViscosity(grid, name, width, convention)


def _jansen_held(grid: Grid, width: float, scales: float) -> Closure:
    return viscous.JansenHeld(grid, viscous.biharmonic_constant(_cutoff(grid) * width, scales), width)


def _gradient(grid: Grid, width: float, _: float) -> Closure:
    return GradientModel(grid, width)


CLOSURES: Mapping[str, Build] = {
    **{name: _viscosity(name) for name in viscous.POWERS},
    **{
        f"{name} {factor:g}": _viscosity(name, factor)
        for name in viscous.POWERS
        for factor in (1.5, 2.0, 3.0)
    },
    **{
        f"dynamic {name}, {convention}": _dynamic(name, convention)
        for name in viscous.POWERS
        for convention in viscous.CONVENTIONS
    },
    "jansen-held": _jansen_held,
    "gradient": _gradient,
}
"""Closures that nobody trained, by name: constants from theory, and some times as large; see
`tlfourier.closure.eddy_viscosity`."""


@cache
def online_node(
    spec: StudySpec, flow: str, closure: str, network: Node | None = None, scales: Node | None = None
) -> Node:
    """Return the node of an ensemble of LES of a flow, by the name of its closure or with a network's.

    ``"filtered DNS"`` is the flow itself, in as many blocks as there are members.
    """
    settings = dataclasses.asdict(spec.online)
    del settings["seeds"]
    data = {"pairs": pairs_node(spec, flow, "test")}
    if closure == TRUTH:
        return ONLINE.of({"closure": closure, "members": settings["members"]}, data)
    if network is not None and scales is not None:
        data |= {**folders_of(network), "scales": scales}
        settings["precision"] = spec.training.precision
    return ONLINE.of({"closure": closure, **settings}, data)


def make_online(node: Node, inputs: Inputs, folder: Path) -> None:
    """Run an ensemble, or look at the filtered DNS, and write what it is like."""
    block = read_dataset(inputs["pairs"] / "pairs.nc")
    _, _, equation = equations(node.inputs["pairs"].inputs["filtered"])
    assert isinstance(equation, VorticityEquation)
    grid, sigma, members = equation.grid, float(block["omega"].std()), node.spec["members"]
    omega_hat, sgs_hat = (
        grid.to_spectral(torch.as_tensor(block[name].values, dtype=grid.dtype)) * grid.below_nyquist
        for name in ("omega", "sgs")
    )
    if node.spec["closure"] == TRUTH:
        found = online.climate_of(equation, omega_hat, sgs_hat, min(members, len(omega_hat)), sigma)
    else:
        closure = _closure(node, inputs, grid, float(block.attrs["filter_width"]))
        found = _ensemble(node, equation, closure, omega_hat, block["time"].values, sigma)
    write_dataset(folder / "climate.nc", shortened(found))


def shortened(found: xr.Dataset) -> xr.Dataset:
    """Return float32 numbers of which 12 binary digits are kept, 1e-4 of each: they are to be shipped."""

    def short(values: xr.DataArray) -> xr.DataArray:
        digits, power = np.frexp(values.values.astype(np.float32))
        return values.copy(data=np.ldexp(np.round(digits * 2**12) / 2**12, power).astype(np.float32))

    return found.map(short, keep_attrs=True)


def _closure(node: Node, inputs: Inputs, grid: Grid, width: float) -> Closure | None:
    name = node.spec["closure"]
    if name == NETWORK:
        scales = read_scales(inputs["scales"])
        assert isinstance(scales, Scales)
        return LearnedClosure(read_network(inputs), scales, grid, node.spec["precision"])
    if name == BARE:
        return None
    driven = simulation_of(node.inputs["pairs"])["forcing_wavenumber"] or 1
    return CLOSURES[name](grid, width, math.log(_cutoff(grid) / (driven * math.tau / grid.length)))


def _ensemble(
    node: Node,
    equation: VorticityEquation,
    closure: Closure | None,
    omega_hat: Tensor,
    time: np.ndarray,
    sigma: float,
) -> xr.Dataset:
    """Return the statistics of an ensemble, how long it follows the filtered DNS, and how it ended."""
    spec, grid = node.spec, equation.grid
    leads = min(LEADS, len(omega_hat) - 1)
    starts = np.linspace(0, len(omega_hat) - 1 - leads, spec["members"]).round().astype(int)
    spacing = float(time[1] - time[0]) if len(time) > 1 else spec["interval"]
    early = [(number + 1) * spacing for number in range(leads)]
    late = [spec["spin_up"] + number * spec["interval"] for number in range(1, 1 + _looks(spec))]
    statistics = online.Statistics(equation, len(starts), sigma)
    correlation, enstrophy = np.full((len(starts), leads), np.nan), np.full((len(starts), len(late)), np.nan)
    looks = ensemble(
        equation, omega_hat[starts], sorted({*early, *late}), closure, cfl=spec["cfl"], held=spec["held"]
    )
    for look in looks:
        last, alive = look, look.members.tolist()
        if not alive:
            continue
        if look.time in early:
            lead = early.index(look.time)
            truth = omega_hat[starts[alive] + lead + 1]
            correlation[alive, lead] = online.correlation(grid, look.omega_hat, truth).numpy()
        if look.time in late:
            statistics.observe(look, closure)
            enstrophy[alive, late.index(look.time)] = spectra.enstrophy(grid, look.omega_hat).numpy()
    return statistics.result().assign(
        correlation=(("member", "lead"), correlation, {"long_name": "correlation with the filtered DNS"}),
        enstrophy=(("member", "time"), enstrophy, {"long_name": "enstrophy Z", "units": "time^-2"}),
        blown_up=("member", last.blown_up.numpy(), {"long_name": "time of blow-up", "units": "time"}),
    ).assign_coords(lead=early, time=late)  # fmt: skip


def _looks(spec: Mapping[str, Any]) -> int:
    return max(1, round(spec["duration"] / spec["interval"]))


def _online_work(node: Node) -> float:
    """Return the multiplications of all steps; a step without a network counts as one of few channels."""
    spec, block = node.spec, node.inputs["pairs"]
    if spec["closure"] == TRUTH:
        return float(points(block))
    size = node.inputs["pairs"].inputs["filtered"].spec["size"]
    steps = (spec["spin_up"] + spec["duration"]) * size / spec["cfl"]
    each = multiplications_of(node.inputs["network"]) if "network" in node.inputs else 5000
    return float(steps * spec["members"] * points(block) * each * (1 if spec["held"] else 4))


def _describe(node: Node) -> str:
    name = node.spec["closure"]
    if name == NETWORK:
        return f"LES with the network: {describe_network(node.inputs['network'])}"
    return "statistics of the filtered DNS" if name == TRUTH else f"LES closed by {name}"


ONLINE = Stage(
    "online", 1, node=online_node, make=make_online, read=partial(read_file, "climate.nc"), work=_online_work,
    rate=1.3e-11, describe=_describe
)  # fmt: skip

STAGES = (ONLINE,)
