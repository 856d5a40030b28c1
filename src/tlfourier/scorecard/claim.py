"""What a claim is: an effect over training seeds, and the tests that speak for it and against it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from tlfourier.scorecard.evidence import Evidence


@dataclass(frozen=True)
class Claim:
    """One claim: its number and words, how its effect is computed, and where to see it.

    Parameters
    ----------
    number : str
        C1 to C18; several tests may belong to one number.
    words : str
        The claim.
    effect : callable
        From the evidence of a case to one number per seed.
    quantity : str
        What that number is.
    page : str
        The page with the figure that shows it.
    margin : float
        None for a claim "effect > 0"; else the claim is that the effect lies within the margin of zero.
    """

    number: str
    words: str
    effect: Callable[[Evidence], xr.DataArray]
    quantity: str
    page: str
    margin: float | None = None

    def test(self, effects: np.ndarray) -> tuple[float, float]:
        """Return the p-values against the opposite of the claim and against the claim, both one-sided.

        For a claim "effect > 0" by Student's t of the mean; for one of equivalence by two one-sided tests
        (Schuirmann, J. Pharmacokinet. Biopharm. 15, 1987), and against it by the test that the effect lies
        beyond the nearer margin.
        """
        if self.margin is None:
            return _greater(effects, 0.0), _greater(-effects, 0.0)
        inside = max(_greater(effects, -self.margin), _greater(-effects, -self.margin))
        beyond = min(_greater(effects, self.margin), _greater(-effects, self.margin))
        return inside, min(1.0, 2 * beyond)


def _greater(effects: np.ndarray, than: float) -> float:
    """Return the one-sided p-value of Student's t against "the mean is at most ``than``"; 1 for one seed."""
    from scipy import stats

    if effects.size < 2:
        return 1.0
    if np.ptp(effects) <= 1e-12 * np.abs(effects).max():  # equal but for rounding
        return 0.0 if effects[0] > than else 1.0
    return float(stats.ttest_1samp(effects, than, alternative="greater").pvalue)
