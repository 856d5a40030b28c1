"""Intervals of many means at once, for a reader to look at: they decide nothing, see `statistics.decide`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tlfourier.doors import door
from tlfourier.scorecard.statistics import ALPHA


@door
def mean_intervals(effects: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return ``low`` and ``high`` of Student's interval of the mean of every row, each on its own.

    Its level is ``1 - ALPHA``, as that of `tlfourier.scorecard.statistics.decide` for one row alone.
    ``effects`` have the shape (rows, replicates); NaN is a replicate that a row lacks, and an interval that
    one replicate does not give. ValueError for another shape.

    Examples
    --------
    >>> [ends.round(3).tolist() for ends in mean_intervals([[1.0, 2.0, 3.0], [1.0, np.nan, np.nan]])]
    [[-0.484, nan], [4.484, nan]]
    """
    from scipy import stats  # slow to import

    table = np.ma.masked_invalid(np.asarray(effects, dtype=float))
    if table.ndim != 2:
        raise ValueError(f"effects of shape {table.shape}: accepted is (rows, replicates)")
    count = table.count(1)
    several = np.where(count > 1, count, 2)
    half = stats.t.isf(ALPHA / 2, several - 1) * np.ma.filled(table.std(1, ddof=1), np.nan) / np.sqrt(several)
    mean, known = np.ma.filled(table.mean(1), np.nan), count > 1
    return np.where(known, mean - half, np.nan), np.where(known, mean + half, np.nan)
