"""Draw the book in one picture: the flows, the network, what transfer re-trains, and what that brings."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from numpy.typing import ArrayLike

from tlfourier.doors import door
from tlfourier.figures.ladder import RUNGS
from tlfourier.figures.style import DIVERGING, WIDTH, BookFigure, label_of, role_colour, styled

_SMALL, _TEXT = 11.0, 12.5  # points: a telephone shrinks the figure to a third
_FROZEN = "#C9CED6"
_CASES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))
"""Colour and marker of each case: told apart without colour too."""


@door
@styled
def opening(
    bases: Mapping[str, ArrayLike],
    target: ArrayLike,
    layers: int,
    chosen: Sequence[int],
    errors: Mapping[str, Mapping[str, float]],
) -> Figure:
    """Show the base flows and the target, the network with the layers that are re-trained, and the errors.

    Vorticity is drawn in units of each field's own standard deviation: the picture is of shapes, not of
    strengths.

    ``bases``: vorticity (y, x) of the base flow of each case. ``target``: that of the target flow.
    ``layers``: how many the network has. ``chosen``: those that are re-trained, counted from 1. ``errors``:
    for each case the relative RMSE by rung, names of `tlfourier.figures.ladder.RUNGS`. Raises ValueError for
    no case, more than four, a layer or a rung that is none, or errors of other cases.
    """
    _check(bases, layers, chosen, errors)
    figure = BookFigure(figsize=(WIDTH, 5.9), layout="constrained")
    parts: Any = figure.subfigures(3, 1, height_ratios=(2.3, 1.2, 2.4))
    above, between, below = parts
    fields = above.subplots(1, len(bases) + 1)
    for ax, (case, omega) in zip(fields, bases.items(), strict=False):
        _field(ax, omega, label_of(case), role_colour("base"))
    _field(fields[-1], target, "target", role_colour("target"))
    for ax, words, role in (
        (fields[0], "trained on", "base"),
        (fields[-1], "used on", "target"),
    ):
        ax.text(
            0, 1.2, words, transform=ax.transAxes, fontsize=_TEXT, color=role_colour(role), fontweight="bold"
        )
    _network(between.subplots(), layers, chosen)
    _errors(below.subplots(), errors)
    return figure


def _check(
    bases: Mapping[str, ArrayLike],
    layers: int,
    chosen: Sequence[int],
    errors: Mapping[str, Mapping[str, float]],
) -> None:
    if not 1 <= len(bases) <= len(_CASES) or set(bases) != set(errors):
        told = f"bases of {', '.join(bases) or 'no case'} and errors of {', '.join(errors) or 'no case'}"
        raise ValueError(f"{told}: one to {len(_CASES)} cases are drawn, the same of both")
    if strangers := [number for number in chosen if not 1 <= number <= layers]:
        raise ValueError(f"layer {strangers[0]}: the network has layers 1 to {layers}")
    if strange := [rung for one in errors.values() for rung in one if rung not in RUNGS]:
        raise ValueError(f"rung {strange[0]!r}: accepted are {', '.join(RUNGS)}")


def _field(ax: Axes, omega: ArrayLike, title: str, colour: str) -> None:
    """Draw a field in a frame of its role's colour, without ticks: the box needs no scale here."""
    values = np.asarray(omega, dtype=float)
    ax.imshow(values / (values.std() or 1.0), cmap=DIVERGING, vmin=-3, vmax=3)
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set(visible=True, color=colour, linewidth=2.0)
    ax.set_title(title, fontsize=_TEXT, color=colour)


def _network(ax: Axes, layers: int, chosen: Sequence[int]) -> None:
    """Draw the layers as slabs from left to right, in grey those that are frozen."""
    trained, dark = role_colour("transferred"), "#30363F"
    for number in range(1, layers + 1):
        inside = number in chosen
        face = trained if inside else _FROZEN
        box = "round,pad=0,rounding_size=0.12"
        ax.add_patch(FancyBboxPatch((number - 0.38, 0.0), 0.76, 1.0, box, fc=face, ec="none"))
        style: dict[str, Any] = {"color": "#FFFFFF", "fontweight": "bold"} if inside else {"color": dark}
        ax.text(number, 0.5, str(number), ha="center", va="center", fontsize=_TEXT, **style)
    for start in (-0.15, layers + 0.35):
        arrow = FancyArrowPatch(
            (start, 0.5), (start + 0.8, 0.5), arrowstyle="-|>", mutation_scale=14, color=dark
        )
        ax.add_patch(arrow)
    ax.text(-0.25, 0.5, r"$\bar\psi,\ \bar\omega$", ha="right", va="center", fontsize=_TEXT + 2)
    ax.text(layers + 1.25, 0.5, r"$\Pi$", ha="left", va="center", fontsize=_TEXT + 2)
    middle = sum(chosen) / len(chosen) if chosen else (layers + 1) / 2
    words: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": _TEXT}
    ax.text(middle, 1.12, "re-trained", color=trained, fontweight="bold", **words)
    aside = (layers + 5) / 2 if middle <= (layers + 1) / 2 else (layers - 3) / 2
    ax.text(aside, 1.12, "frozen", color="#5B6470", **words)
    ax.set(xlim=(-1.6, layers + 1.9), ylim=(-0.15, 1.75))
    ax.set_axis_off()


def _errors(ax: Axes, errors: Mapping[str, Mapping[str, float]]) -> None:
    """Draw the errors, a row a rung, a marker a case."""
    rungs = [rung for rung in RUNGS if any(rung in one for one in errors.values())]
    for (case, one), (colour, marker) in zip(errors.items(), _CASES, strict=False):
        places = [rungs.index(rung) for rung in one]
        style: dict[str, Any] = {
            "color": colour,
            "markersize": 9,
            "markeredgecolor": "white",
            "label": label_of(case),
        }
        ax.plot(list(one.values()), places, marker, **style)
    ax.set_yticks(range(len(rungs)), [RUNGS[rung] for rung in rungs], fontsize=_TEXT)
    ax.set(ylim=(len(rungs) - 0.5, -0.5), xlim=(0, None))
    ax.grid(axis="y", color="#E8E8E8", linewidth=0.8)
    ax.tick_params(axis="x", labelsize=_SMALL)
    ax.set_xlabel("error on the target (1: as bad as predicting nothing)", fontsize=_TEXT)
    ax.legend(loc="center left", fontsize=_TEXT, handletextpad=0.2, borderaxespad=0.2)
