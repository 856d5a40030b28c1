"""Read a scorecard: as a table, in words, one cell of it, or sorted by what came out."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import pandas as pd
import xarray as xr

from tlfourier.doors import door
from tlfourier.io.words import listed
from tlfourier.scorecard.judge import Cell

WORDS = ("supported", "refuted", "undecided", "not run")
COLUMNS = (
    *("claim", "words", "case", "verdict", "effect", "bound", "low", "high", "seeds", "p", "threshold"),
    *("test", "needed", "same_as", "quantity", "reason"),
)
"""The columns of a scorecard's table."""

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

LOGGED_AS = {
    "none": "no transfer", "2": "layer 2", "5": "layer 5", "7": "layer 7", "scratch_all": "scratch, all data",
}  # fmt: skip
"""The columns of `LOGGED` by the names of our models."""

OUTCOMES = ("supported", "refuted", "mixed", "open")


@door
def as_table(found: xr.Dataset) -> pd.DataFrame:
    """Return a scorecard as a table with a row for each claim and case, for reading and for CSV."""
    rows: pd.DataFrame = found.to_dataframe(dim_order=["claim", "case"]).reset_index()
    return rows[list(COLUMNS)]


@door
def in_words(found: xr.Dataset) -> pd.DataFrame:
    """Return the verdicts alone: a row for each claim that was tested anywhere, a column for each case."""
    tested = found.isel(claim=(found["verdict"] != "not run").any("case").values)
    rows = tested["verdict"].transpose("claim", "case").to_pandas()
    names = {"claim": rows.index, "words": tested["words"].values}
    return rows.set_axis(pd.MultiIndex.from_arrays(list(names.values()), names=list(names)))


@door
def cell(found: xr.Dataset, claim: str, case: str) -> Cell:
    """Return what a `tlfourier.scorecard.scorecard` holds on a claim, such as ``"C4.deepest"``, in a case.

    ValueError if no claim has this id, or no case this name.
    """
    for dimension, name in (("claim", claim), ("case", case)):
        known = found[dimension].values.tolist()
        if name not in known:
            raise ValueError(f"{dimension} {name!r}: accepted are {', '.join(known)}")
    chosen = found.sel(claim=claim, case=case)
    return Cell(**{field.name: chosen[field.name].item() for field in fields(Cell)})


@door
def where(words: Mapping[str, str]) -> str:
    """Say in which cases what was found: "layer 2 in decay and forcing, layer 9 in reynolds".

    Examples
    --------
    >>> where({"decay": "layer 2", "reynolds": "layer 9", "forcing": "layer 2"})
    'layer 2 in decay and forcing, layer 9 in reynolds'
    """
    cases = {word: [case for case in words if words[case] == word] for word in words.values()}
    return ", ".join(f"{word} in {listed(names)}" for word, names in cases.items())


@door
def spoken(found: xr.Dataset, claim: str, cases: Sequence[str]) -> str:
    """Say how a claim turned out: "supported in decay and forcing, undecided in reynolds"."""
    verdicts = {case: cell(found, claim, case).verdict for case in cases}
    return where(dict(sorted(verdicts.items(), key=lambda item: WORDS.index(item[1]))))


@door
def by_verdict(found: xr.Dataset, case: str) -> dict[str, str]:
    """Return the claims of each verdict in a case, in words: "it is more than a gain", "none"."""
    verdicts = found["verdict"].sel(case=case).values
    words = {word: found["words"].values[verdicts == word].tolist() for word in WORDS}
    return {word.replace(" ", "_"): listed(claims) for word, claims in words.items()}


@door
def counts(found: xr.Dataset) -> dict[str, int]:
    """Count the verdicts, those on the same networks once, and as ``judged`` all but "not run"."""
    words = found["verdict"].values[found["same_as"].values == ""].tolist()
    numbers = {word.replace(" ", "_"): words.count(word) for word in WORDS}
    return numbers | {"judged": len(words) - numbers["not_run"]}


@door
def outcomes(found: xr.Dataset) -> dict[str, str]:
    """Return the claims that came out alike, in words and with their numbers, for each of `OUTCOMES`.

    A claim is *supported* if it is so in some case and refuted in none, *refuted* the other way round,
    *mixed* if both occur, *open* if neither does.
    """
    sorted_out: dict[str, list[str]] = {outcome: [] for outcome in OUTCOMES}
    for (claim, words), row in in_words(found).iterrows():
        said = {"supported", "refuted"} & set(row)
        outcome = "mixed" if len(said) == 2 else said.pop() if said else "open"
        sorted_out[outcome].append(f"{words} ({found['number'].sel(claim=claim).item()})")
    return {outcome: "; ".join(claims) or "none" for outcome, claims in sorted_out.items()}


@door
def losses(rmse: Mapping[str, xr.DataArray]) -> pd.DataFrame:
    """Return mean squared errors in the form of `LOGGED`, a row for each case.

    ``rmse`` is the relative RMSE over (model, seed) of each case: the mean over replicates of its square is
    the loss of Darman et al., but for the mean over snapshots, which is taken here before the square.
    """
    squares = {case: (one.sel(model=list(LOGGED_AS)) ** 2).mean("seed") for case, one in rmse.items()}
    return pd.DataFrame(
        {
            column: [float(one.sel(model=model)) for one in squares.values()]
            for model, column in LOGGED_AS.items()
        },
        index=list(squares),
    )


@door
def order_of_layers(losses: pd.DataFrame) -> pd.Series:
    """Return the numbers of the columns ``layer ...`` from the least loss on, as words, row by row.

    Examples
    --------
    >>> order_of_layers(LOGGED)["larger eddies"]
    '5, 2, 7'
    """
    layers = losses[[name for name in losses.columns if str(name).startswith("layer")]]
    return layers.apply(
        lambda row: ", ".join(str(name).split()[1] for name in row.sort_values().index), axis=1
    )


@door
def spread_of_layers(losses: pd.DataFrame) -> pd.Series:
    """Return by how many percent the worst of the columns ``layer ...`` exceeds the best, row by row."""
    layers = losses[[name for name in losses.columns if str(name).startswith("layer")]]
    return 100 * (layers.max(axis=1) / layers.min(axis=1) - 1)
