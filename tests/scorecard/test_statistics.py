"""Means, intervals and verdicts over replicates: sign flips, Student's t, Holm's correction, ranks."""

import math

import numpy as np
import pytest
import xarray as xr
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from tlfourier.scorecard.statistics import (
    ALPHA,
    FLIPS,
    STUDENT,
    decide,
    depth_correlation,
    gather,
    holm,
    per_seed,
    replicates_needed,
    scatter,
    sign_flips,
    single_layers,
    variance_parts,
)


def over_layers(values: np.ndarray) -> xr.DataArray:
    layers, seeds = values.shape
    return xr.DataArray(values, {"layer": np.arange(1, layers + 1), "seed": np.arange(seeds)})


def test_holm_is_the_textbook_example() -> None:
    # Holm (1979) as worked in most textbooks: 0.01, 0.04, 0.03, 0.005 of four tests.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert holm([]).size == 0
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_the_interval_is_that_of_student() -> None:
    # three values, t(0.975, 2) = 4.30265
    (result,) = decide([[1.0, 2.0, 3.0]])
    assert (result.effect, result.seeds, result.level) == (2.0, 3, 0.95)
    assert result.high - result.effect == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert result.low == pytest.approx(2 * result.effect - result.high)


@pytest.mark.parametrize(
    ("effects", "bound", "side"),
    [
        ([1.0, 1.1, 0.9], 0.0, 1),
        ([-1.0, -1.1, -0.9], 0.0, -1),
        ([1.0, 1.1, 0.9], 2.0, -1),
        ([1.0, -1.0, 0.2], 0.0, 0),
        ([5.0], 0.0, 0),
        ([0.9, 0.9], 0.0, 0),
        ([0.3, 0.3, 0.3], 0.2, 1),
        ([0.2, 0.2, 0.2], 0.2, 0),
    ],
)
def test_the_side_is_where_the_interval_lies(effects: list[float], bound: float, side: int) -> None:
    (found,) = decide([effects], [bound])
    assert found.side == side == (found.low > bound) - (found.high < bound)


def test_signs_decide_where_there_are_enough_of_them_for_the_family() -> None:
    """Of n replicates the smallest p is 1 / 2^n, of m tests 1 / 40 is held against m p."""
    sure = [1.0, 1.1, 0.9, 1.3, 0.8, 1.2, 0.7, 1.4]
    (alone,) = decide([sure[:6]])
    assert (alone.test, alone.p, alone.side) == (FLIPS, 1 / 64, 1)
    (fewer,) = decide([sure[:5]])
    assert (fewer.test, fewer.side) == (STUDENT, 1)
    six = decide([sure] * 6)
    assert {(one.test, one.p, one.side) for one in six} == {(FLIPS, 6 / 256, 1)}
    seven = decide([sure] * 7)
    assert {one.test for one in seven} == {STUDENT}
    assert {one.test for one in decide([np.linspace(0.5, 1.5, 21)])} == {STUDENT}
    # an outlier that makes Student's t doubt does not change a sign
    (heavy,) = decide([[*sure[:7], 40.0]])
    assert heavy.side == 1 and heavy.low < 0 < heavy.high


def test_what_is_not_decided_says_how_many_replicates_would() -> None:
    found = decide([[1.0, -1.0, 0.2, 0.9], [1.0, 1.1, 0.9, 1.0], [3.0]])
    assert found[0].needed == replicates_needed([1.0, -1.0, 0.2, 0.9], tests=3) > 4
    assert np.isnan(found[1].needed) and found[1].side == 1
    assert np.isnan(found[2].needed) and found[2].side == 0


def test_false_verdicts_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(1)
    results = [decide([rng.normal(0.3, 1.0, size=4)], [0.3])[0] for _ in range(2000)]
    covered = [result.low < 0.3 < result.high for result in results]
    assert [result.side == 0 for result in results] == covered
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


rows = st.lists(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(1, 4), st.floats(-3, 3), st.floats(0.01, 2)),
    min_size=1,
    max_size=12,
)


@given(rows, st.floats(0.001, 0.1), st.floats(-1, 1))
def test_an_interval_excludes_its_bound_exactly_where_the_corrected_p_decides(
    family: list[tuple[int, int, float, float]], alpha: float, bound: float
) -> None:
    effects = [np.random.default_rng(seed).normal(mean, sd, size) for seed, size, mean, sd in family]
    found = decide(effects, [bound] * len(effects), alpha)
    uncorrected = [
        float(stats.ttest_1samp(values, bound).pvalue) / 2 if values.size > 1 else 1.0 for values in effects
    ]
    np.testing.assert_allclose([one.p for one in found], holm(uncorrected), rtol=1e-12)
    for one in found:
        assume(abs(one.p - alpha / 2) > 1e-9)  # on the edge rounding decides
        assert (one.side != 0) == (one.p < alpha / 2) == (not one.low <= bound <= one.high)
        assert 1 - alpha - 1e-12 <= one.level <= 1 - alpha / len(effects) + 1e-12
        assert one.low <= one.effect <= one.high


@pytest.mark.parametrize("effects", [[], [np.nan, 1.0], [[1.0, 2.0]]])
def test_effects_that_are_no_row_of_numbers_are_refused(effects: list[float]) -> None:
    with pytest.raises(ValueError, match="one finite number per replicate"):
        decide([effects])


def test_alpha_outside_its_range_is_refused() -> None:
    assert ALPHA == 0.05
    with pytest.raises(ValueError, match="alpha=95"):
        decide([[1.0, 2.0]], alpha=95.0)


def test_depth_correlation_is_one_for_errors_that_grow_with_depth() -> None:
    ramp = np.arange(11.0)
    result = depth_correlation(over_layers(np.stack([ramp, -ramp, ramp**3], axis=1)))
    np.testing.assert_allclose(result, [1.0, -1.0, 1.0])
    with pytest.raises(ValueError, match="2 layers"):
        depth_correlation(over_layers(np.zeros((2, 3))))


def test_single_layers_are_found_by_name_and_sorted_as_numbers() -> None:
    table = xr.DataArray(np.arange(8.0).reshape(4, 2), {"model": ["none", "10", "2", "2+5"], "seed": [0, 1]})
    result = single_layers(table)
    assert result["layer"].values.tolist() == [2, 10]
    np.testing.assert_array_equal(result.sel(layer=10), [2.0, 3.0])
    with pytest.raises(ValueError, match="none of them"):
        single_layers(table.sel(model=["none", "2+5"]))


def test_scores_are_averaged_over_snapshots_and_gathered() -> None:
    scores = xr.Dataset(
        {
            "cc": (("model", "seed", "snapshot"), [[[0.1, 0.3], [0.5, 0.7]]]),
            "spectrum_error": (("model", "seed"), [[1.0, 2.0]]),
            "spectrum": (("model", "seed", "k"), np.ones((1, 2, 4))),
        },
        {"model": ["none"], "seed": [0, 1]},
    )
    assert set(per_seed(scores).data_vars) == {"cc", "spectrum_error"}
    table = gather({"own flow": scores, "target": 2 * scores})
    np.testing.assert_allclose(table["cc"], [[0.2, 0.6], [0.4, 1.2]])
    assert table["model"].values.tolist() == ["own flow", "target"]


def test_layers_that_all_score_the_same_have_no_rank_correlation() -> None:
    scores = xr.DataArray(np.ones((3, 2)), {"layer": [1, 2, 3], "seed": [0, 1]}, ("layer", "seed"))
    scores[0, 1] = 0.5
    assert depth_correlation(scores).isnull().values.tolist() == [True, False]


def test_sign_flips_of_one_sign_are_the_smallest_share_there_is() -> None:
    for count in (1, 3, 8):
        values = np.arange(1.0, count + 1)
        assert sign_flips(values) == sign_flips(-values) == sign_flips(values + 7, 7.0) == 2.0**-count
    assert sign_flips(np.zeros(4)) == 1.0
    assert 6 * sign_flips(np.ones(8)) < ALPHA / 2  # what Holm asks of the best of six


def test_sign_flips_are_those_of_a_permutation_test() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, 9)
    found = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flips(values) == pytest.approx(found.pvalue / 2)


def test_sign_flips_keep_their_level_whatever_the_distribution() -> None:
    random = np.random.default_rng(2)
    samples = random.standard_cauchy((4000, 8))
    rate = np.mean([sign_flips(sample) <= 0.025 for sample in samples])
    assert rate < 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)  # of both sides


@pytest.mark.parametrize(("distance", "needed"), [(0.5, 34), (0.8, 15), (1.0, 10)])
def test_the_replicates_that_are_needed_are_those_of_the_tables_of_power(
    distance: float, needed: int
) -> None:
    """Cohen (1988): one sample, two-sided .05, power .80."""
    values = stats.zscore(np.random.default_rng(0).normal(size=12), ddof=1) + distance
    assert replicates_needed(values) == needed
    assert replicates_needed(-values) == needed == replicates_needed(values + 3, bound=3.0)
    assert replicates_needed(values, tests=6) > needed


def test_no_number_of_replicates_decides_nothing() -> None:
    assert replicates_needed([0.1, -0.1]) == math.inf
    assert replicates_needed([0.1, 0.1]) == 3.0
    with pytest.raises(ValueError, match="at least two finite numbers"):
        replicates_needed([0.1])


def test_variance_of_realisations_and_of_seeds_are_told_apart() -> None:
    random = np.random.default_rng(3)
    found = []
    for _ in range(2000):
        realisations = np.repeat(random.normal(0, 2, 2), 4)
        found.append(variance_parts(realisations + random.normal(0, 1, 8), [0, 0, 0, 0, 1, 1, 1, 1]))
    between, within = np.mean(found, axis=0)
    assert within == pytest.approx(1.0, rel=0.05)
    assert between == pytest.approx(4.0, rel=0.15)
    with pytest.raises(ValueError, match="at least two of equal size"):
        variance_parts([1.0, 2.0, 3.0], [0, 0, 1])


def test_the_scatter_of_realisations_is_told_from_that_of_trainings() -> None:
    errors = xr.DataArray([[1.0, 11.0, 3.0, 13.0]], {"model": ["2"]}, ("model", "seed"))
    found = scatter(errors, [0, 1, 0, 1])
    np.testing.assert_allclose([found["between"].item(), found["within"].item()], [7.0, math.sqrt(2)])
    for groups in ([0, 0, 0, 0], [0, 1, 2, 3], [0, 0, 0, 1]):
        assert np.isnan(scatter(errors, groups)["between"]).all()
