"""Judge every claim in every case, corrected for how many are judged at once."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import product
from typing import TypeAlias

import xarray as xr

from tlfourier.doors import door
from tlfourier.scorecard.catalogue import CLAIMS, Claim
from tlfourier.scorecard.evidence import Evidence, Missing
from tlfourier.scorecard.statistics import ALPHA, Decision, decide

ABOUT = ("number", "words", "quantity", "page")


@door
@dataclass(frozen=True)
class Cell:
    """What the scorecard holds on a claim in a case.

    ``bound`` is what the claim says of the effect: ``"> 0"``, ``"< 0.05"``; ``threshold`` half of alpha: the
    ``verdict`` ("supported", "refuted", "undecided", "not run") is decided if ``p`` is below. Mean, corrected
    interval, p-value, test and the replicates that are needed are as in
    `tlfourier.scorecard.statistics.Decision`. ``same_as`` is the case with the same networks, of which this
    verdict is a copy; ``reason`` is why it was not run.
    """

    bound: str
    threshold: float
    verdict: str = "not run"
    effect: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seeds: int = 0
    p: float = math.nan
    level: float = math.nan
    test: str = ""
    needed: float = math.nan
    same_as: str = ""
    reason: str = ""


_Cells: TypeAlias = dict[tuple[str, str], Cell]
"""By the id of a claim and the name of a case."""


@door
def scorecard(
    cases: Mapping[str, Evidence], table: Sequence[Claim] = CLAIMS, alpha: float = ALPHA
) -> xr.Dataset:
    """Judge every claim in every case.

    A claim "effect > bound" is *supported* if the seeds show the mean above the bound and *refuted* if they
    show it below, the other way round for "effect < bound": the one-sided p-value, after Holm's correction
    over the family, is below ``alpha / 2``. A family is all tests of one claim in the cases of one
    `Evidence.family`; a claim that rests on the same networks in two cases is one test. Anything else is
    *undecided*, and one seed decides nothing. Where evidence is missing it is *not run*.
    ``alpha`` is the chance of one false verdict or more in a family.

    Returns over (claim, case), the claims by their ids and the cases by their names, the fields of `Cell`;
    over claim: ``number``, ``words``, ``quantity``, ``page``.
    """
    found: _Cells = {}
    families: dict[str, dict[str, Evidence]] = {}
    for case, evidence in cases.items():
        families.setdefault(evidence.family, {})[case] = evidence
    for claim, family in product(table, families.values()):
        found |= _judged(claim, family, alpha)
    rows = [[found[claim.id, case] for case in cases] for claim in table]
    data = {
        field.name: (("claim", "case"), [[getattr(cell, field.name) for cell in row] for row in rows])
        for field in fields(Cell)
    }
    about = {name: ("claim", [getattr(claim, name) for claim in table]) for name in ABOUT}
    return xr.Dataset({**data, **about}, {"claim": [claim.id for claim in table], "case": list(cases)})


def _judged(claim: Claim, cases: Mapping[str, Evidence], alpha: float) -> _Cells:
    """Return the cells of a claim in the cases of one family."""
    found: _Cells = {}
    tested = {}
    for case, evidence in cases.items():
        try:
            tested[case] = claim.effects(evidence)
        except Missing as reason:
            found[claim.id, case] = Cell(claim.bound_in_words, alpha / 2, reason=str(reason))
    first: dict[object, str] = {}
    same = {case: first.setdefault(claim.networks(cases[case]) or case, case) for case in tested}
    once = list(dict.fromkeys(same.values()))
    decided = decide([tested[case] for case in once], [claim.bound] * len(once), alpha)
    decisions = dict(zip(once, decided, strict=True))
    for case, judged in same.items():
        found[claim.id, case] = _cell(claim, decisions[judged], alpha, judged if judged != case else "")
    return found


def _cell(claim: Claim, decision: Decision, alpha: float, same_as: str) -> Cell:
    verdict = {0: "undecided", claim.side: "supported", -claim.side: "refuted"}[decision.side]
    numbers = {name: value for name, value in vars(decision).items() if name != "side"}
    return Cell(claim.bound_in_words, alpha / 2, verdict, **numbers, same_as=same_as)
