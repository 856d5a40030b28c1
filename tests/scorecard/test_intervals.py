"""Intervals of many means are those of each alone."""

from __future__ import annotations

import numpy as np
import pytest

from tlfourier.scorecard.intervals import mean_intervals
from tlfourier.scorecard.statistics import decide


def test_an_interval_is_that_of_the_row_alone() -> None:
    table = np.random.default_rng(0).normal(size=(5, 4))
    low, high = mean_intervals(table)
    alone = [decide([row])[0] for row in table]
    np.testing.assert_allclose(low, [one.low for one in alone])
    np.testing.assert_allclose(high, [one.high for one in alone])


def test_replicates_that_a_row_lacks_do_not_count() -> None:
    low, high = mean_intervals([[1.0, 2.0, np.nan], [1.0, np.nan, np.nan], [np.nan] * 3])
    (expected,) = decide([[1.0, 2.0]])
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high))
    assert np.isnan([low[1:], high[1:]]).all()


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"effects of shape \(2,\): accepted is \(rows, replicates\)"):
        mean_intervals([1.0, 2.0])
