"""Draw the solver's trials: errors against what is known beforehand, budgets, and what a step costs."""

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from tlfourier.doors import door
from tlfourier.figures.style import draw_signed, new_figure, new_panel, panel_letters, styled

STEPPER_LABELS = {"ifrk4": "IFRK4", "ab2cn": "AB2/CN"}
DEALIAS_LABELS = {"truncate": "free of aliasing", "none": "with aliasing"}
PART_LABELS = {"injection": "forcing", "drag": "drag", "dissipation": "viscosity"}
"""What legends call steppers, treatments of products and terms of a budget."""
_LEAST = 1e-16
"""Errors below the spacing of float64 are drawn here: a logarithm needs a positive number."""


@door
@styled
def exact_decay(trial: xr.Dataset) -> Figure:
    """Show the exact decay of Taylor-Green vortices and the error of each stepper.

    ``trial`` is from `tlfourier.flow.verification.exact_decay`.
    """
    figure, axes = new_figure(1, 2, height=2.9)
    left, right = axes.flat
    left.plot(trial["time"], trial["amplitude"])
    left.set(xlabel="time", ylabel="exact amplitude", ylim=(0, 1.05))
    for stepper in trial["stepper"].values:
        error = trial["error"].sel(stepper=stepper).values
        right.semilogy(trial["time"], np.maximum(error, _LEAST), label=STEPPER_LABELS[str(stepper)])
    right.set(xlabel="time", ylabel="largest relative error")
    right.legend(loc="center right")
    panel_letters(axes.flat)
    return figure


@door
@styled
def observed_order(trial: xr.Dataset) -> Figure:
    """Show how the error of each stepper shrinks with the time step, with its expected slope dotted.

    ``trial`` is from `tlfourier.flow.verification.observed_order`.
    """
    figure, ax = new_panel(3.2)
    for stepper in trial["stepper"].values:
        one = trial.sel(stepper=stepper)
        (line,) = ax.loglog(one["dt"], one["error"], "o-", label=STEPPER_LABELS[str(stepper)])
        slope = one["error"][-1] * (one["dt"] / one["dt"][-1]) ** one["expected"]
        label = rf"$\propto \Delta t^{int(one['expected'])}$"
        ax.loglog(one["dt"], 0.5 * slope, ":", color=line.get_color(), label=label)
    ax.set(xlabel=r"time step $\Delta t$", ylabel="relative error of vorticity")
    ax.set_xticks(trial["dt"].values, [f"{dt:g}" for dt in trial["dt"].values])
    ax.minorticks_off()
    ax.legend(ncols=2)
    return figure


@door
@styled
def conservation(trial: xr.Dataset) -> Figure:
    """Show the drift of energy and of enstrophy in time without viscosity; a line ends where its run did.

    ``trial`` is from `tlfourier.flow.verification.conservation`.
    """
    figure, axes = new_figure(1, 2, height=2.9, sharey=True)
    for ax, name in zip(axes.flat, ("energy", "enstrophy"), strict=True):
        for dealias in trial["dealias"].values:
            drift = abs(trial[f"{name}_drift"].sel(dealias=dealias))[1:]
            marker = "x" if drift.isnull().any() else ""
            ends = [int(drift.notnull().sum()) - 1]
            label = DEALIAS_LABELS[str(dealias)]
            ax.semilogy(drift["time"], drift, marker=marker, markevery=ends, label=label)
        ax.set(xlabel="time", title=name)
    axes[0, 0].set_ylabel("|relative change|")
    axes[0, 0].legend()
    panel_letters(axes.flat)
    return figure


@door
@styled
def budget(trial: xr.Dataset) -> Figure:
    """Show what forcing, drag and viscosity brought and took since the start, and their sum on the change.

    ``trial`` is from `tlfourier.flow.verification.forced_budget`.
    """
    figure, axes = new_figure(1, 2, height=3.1)
    for ax, name in zip(axes.flat, ("energy", "enstrophy"), strict=True):
        ax.axhline(0, color="#B0B0B0", linewidth=0.8)
        terms = {part: trial[f"{name}_{part}"] for part in PART_LABELS}
        for colour, (part, values) in zip(("#0072B2", "#E69F00", "#8C510A"), terms.items(), strict=True):
            ax.plot(trial["time"], values, color=colour, label=PART_LABELS[part])
        ax.plot(trial["time"], trial[f"{name}_change"], color="#BFBFBF", linewidth=4, label="change")
        ax.plot(trial["time"], sum(terms.values()), color="#000000", linewidth=1.1, label="sum of terms")
        ax.set(xlabel="time", title=name)
    axes[0, 0].set_ylabel("since the start")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    panel_letters(axes.flat)
    return figure


@door
@styled
def dipole(trial: xr.Dataset) -> Figure:
    """Show a dipole's vorticity before and after, and the distance that it travelled against the known speed.

    ``trial`` is from `tlfourier.flow.verification.dipole_translation`.
    """
    figure, axes = new_figure(1, 3, height=2.7)
    for ax, field, title in zip(axes.flat, trial["vorticity"], ("start", "end"), strict=False):
        draw_signed(ax, field)
        ax.set(title=title, xlabel="$x$")
    axes[0, 0].set_ylabel("$y$")
    curve = axes[0, 2]
    curve.plot(trial["time"], trial["expected"], color="#BFBFBF", linewidth=4, label="theory")
    curve.plot(trial["time"], trial["place"], color="#000000", linewidth=1.1, label="solver")
    curve.set(xlabel="time", ylabel="distance")
    curve.legend()
    return figure


@door
@styled
def precision(trial: xr.Dataset) -> Figure:
    """Show how far a float32 run strays from the float64 run of the same field.

    ``trial`` is from `tlfourier.flow.verification.precision`.
    """
    figure, ax = new_panel(2.8)
    ax.semilogy(trial["time"], trial["difference"], label="float32 against float64")
    rounding = (trial["epsilon"] * trial["steps"])[1:]
    ax.semilogy(rounding["time"], rounding, ":", label="one rounding a step")
    ax.set(xlabel="time", ylabel="relative difference")
    ax.legend()
    return figure


@door
@styled
def cost(table: xr.Dataset) -> Figure:
    """Show the milliseconds of one evaluation of the right-hand side beside those of its four transforms.

    ``table`` is from `tlfourier.flow.timing.cost`.
    """
    figure, ax = new_panel(2.8)
    for stepper in table["stepper"].values:
        label = f"{STEPPER_LABELS[str(stepper)]}, one evaluation"
        ax.loglog(table["size"], table["evaluation"].sel(stepper=stepper), "o-", label=label)
    ax.loglog(table["size"], table["transforms"], "s:", color="#767676", label="four transforms alone")
    ax.set(xlabel="points per side $N$", ylabel="milliseconds")
    ax.set_xticks(table["size"].values, [str(size) for size in table["size"].values])
    ax.minorticks_off()
    ax.legend()
    return figure
