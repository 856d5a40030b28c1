"""Turn effects over training seeds into verdicts, corrected for how many claims are judged at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from tlfourier.scorecard.catalogue import CLAIMS
from tlfourier.scorecard.claim import Claim
from tlfourier.scorecard.evidence import Evidence, Missing
from tlfourier.scorecard.statistics import verdict

ALPHA = 0.05
WORDS = ("supported", "refuted", "undecided", "not run")


def scorecard(
    cases: Mapping[str, Evidence], table: Sequence[Claim] = CLAIMS, alpha: float = ALPHA
) -> xr.Dataset:
    """Judge every claim in every case.

    A claim is *supported* if the test against its opposite, *refuted* if the test against the claim itself
    has a p-value below ``alpha / 2`` after Holm's correction over its family, all tests of one number in all
    cases; *undecided* otherwise, and one seed decides nothing. Where evidence is missing it is *not run*.

    Parameters
    ----------
    cases : mapping of str to Evidence
        Name of each case.
    table : sequence of Claim
    alpha : float
        Chance of one false verdict or more in a family.

    Returns
    -------
    xr.Dataset
        Over (claim, case): ``verdict``, ``effect`` (mean over seeds), ``low`` and ``high`` (95 % interval by
        Student's t, uncorrected), ``seeds``, ``p`` (the smaller one-sided value, corrected) and ``reason``
        where it was not run. Over claim: ``number``, ``words``, ``quantity``, ``page``.
    """
    rows = [[_judge(claim, evidence) for evidence in cases.values()] for claim in table]
    for number in {claim.number for claim in table}:
        lines = [line for claim, line in zip(table, rows, strict=True) if claim.number == number]
        tested = [row for line in lines for row in line if row.seeds]
        corrected = holm([min(row.inside, row.outside) for row in tested])
        for row, p in zip(tested, corrected, strict=True):
            row.p = p
            if p < alpha / 2:
                row.verdict = "supported" if row.inside < row.outside else "refuted"
    columns = ("verdict", "effect", "low", "high", "seeds", "p", "reason")
    cells = {name: [[getattr(row, name) for row in line] for line in rows] for name in columns}
    about = ("number", "words", "quantity", "page")
    texts = {name: ("claim", [getattr(claim, name) for claim in table]) for name in about}
    data = {name: (("claim", "case"), values) for name, values in cells.items()}
    return xr.Dataset({**data, **texts}, {"claim": np.arange(len(table)), "case": list(cases)})


@dataclass
class _Row:
    """One cell of the scorecard."""

    verdict: str = "not run"
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seeds: int = 0
    p: float = math.nan
    reason: str = ""
    inside: float = math.nan
    outside: float = math.nan


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected by Holm's step-down method, in their order (Scand. J. Statist. 6, 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    count, largest = len(p_values), 0.0
    corrected = [1.0] * count
    for place, index in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (count - place) * p_values[index]))
        corrected[index] = largest
    return corrected


def _judge(claim: Claim, evidence: Evidence) -> _Row:
    """Return effect, interval and uncorrected p-values of a claim in a case."""
    try:
        effects = np.asarray(claim.effect(evidence), dtype=float)
    except Missing as reason:
        return _Row(reason=str(reason))
    effects = effects[np.isfinite(effects)]
    if not effects.size:
        return _Row(reason="no seed has a finite effect")
    interval = verdict(effects)
    inside, outside = claim.test(effects)
    return _Row(
        "undecided",
        interval.effect,
        interval.low,
        interval.high,
        interval.seeds,
        inside=inside,
        outside=outside,
    )
