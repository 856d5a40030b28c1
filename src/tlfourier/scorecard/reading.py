"""Read a scorecard: as a table, in words, one cell of it, or sorted by what came out."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import xarray as xr

LOGGED = pd.DataFrame(
    {
        "no transfer": [0.270, 0.494, 0.328],
        "layer 2": [0.0720, 0.160, 0.120],
        "layer 5": [0.0710, 0.172, 0.125],
        "layer 7": [0.0730, 0.193, 0.131],
        "scratch, all data": [0.078, 0.143, 0.094],
    },
    index=["larger eddies", "3 jets", "4 jets"],
)
"""Losses logged by the public code of Darman et al. (2025) for an ocean model: quoted, not computed here."""

OUTCOMES = ("supported", "refuted", "mixed", "open")


def as_table(found: xr.Dataset) -> pd.DataFrame:
    """Return a scorecard as a table with a row for each claim and case, for reading and for CSV."""
    rows: pd.DataFrame = found.to_dataframe().reset_index(level="case")
    columns = ["number", "words", "case", "verdict", "effect", "low", "high", "seeds", "p", "quantity"]
    return rows[[*columns, "reason"]].reset_index(drop=True)


def in_words(found: xr.Dataset) -> pd.DataFrame:
    """Return the verdicts alone: a row for each claim that was tested anywhere, a column for each case."""
    rows = as_table(found)
    tested = rows[rows["verdict"] != "not run"]
    order = pd.MultiIndex.from_frame(tested[["number", "words"]].drop_duplicates())
    table = rows.pivot(index=["number", "words"], columns="case", values="verdict")
    return table.loc[order, [str(case) for case in found["case"].values]]


def cell(found: xr.Dataset, number: str, case: str) -> xr.Dataset:
    """Return what a scorecard holds on the first statement of a claim in a case, as scalars.

    Raises
    ------
    ValueError
        If no claim has this number, or no case this name.
    """
    numbers = [str(name) for name in found["number"].values]
    if number not in numbers:
        raise ValueError(f"claim {number!r}: there are {', '.join(dict.fromkeys(numbers))}")
    if case not in found["case"].values:
        raise ValueError(f"case {case!r}: there are {', '.join(map(str, found['case'].values))}")
    return found.isel(claim=numbers.index(number)).sel(case=case)


def verdicts_of(found: xr.Dataset, number: str, cases: Sequence[str]) -> list[str]:
    """Return the verdicts on the first statement of a claim in some cases; errors as in `cell`."""
    return [str(cell(found, number, case)["verdict"].item()) for case in cases]


def effects_of(found: xr.Dataset, number: str, cases: Sequence[str]) -> list[float]:
    """Return the mean effects that belong to `verdicts_of`."""
    return [float(cell(found, number, case)["effect"]) for case in cases]


def outcomes(found: xr.Dataset) -> dict[str, str]:
    """Return the numbers of the claims that came out alike, as text, for each of `OUTCOMES`.

    A statement is *supported* if it is so in some case and refuted in none, *refuted* the other way round,
    *mixed* if both occur, *open* if neither does. A claim of several statements may appear twice.
    """
    sorted_out: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    for (number, _), row in in_words(found).iterrows():
        said = {"supported", "refuted"} & set(row)
        outcome = "mixed" if len(said) == 2 else said.pop() if said else "open"
        sorted_out[outcome].append(str(number))
    return {outcome: ", ".join(dict.fromkeys(numbers)) or "none" for outcome, numbers in sorted_out.items()}


def spread_of_layers(losses: pd.DataFrame) -> pd.Series:
    """Return by how many percent the worst of the columns ``layer ...`` exceeds the best, row by row."""
    layers = losses[[name for name in losses.columns if str(name).startswith("layer")]]
    return 100 * (layers.max(axis=1) / layers.min(axis=1) - 1)
