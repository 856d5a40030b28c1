"""Verdicts over seeds: intervals of Student's t, ranks, pairs."""

import numpy as np
import pytest
import xarray as xr

from tlfourier.scorecard.statistics import (
    depth_correlation,
    gather,
    paired,
    per_seed,
    single_layers,
    verdict,
    verdict_table,
)


def over_layers(values: np.ndarray) -> xr.DataArray:
    layers, seeds = values.shape
    return xr.DataArray(values, {"layer": np.arange(1, layers + 1), "seed": np.arange(seeds)})


def test_the_interval_is_that_of_student() -> None:
    # three values, t(0.975, 2) = 4.30265
    result = verdict([1.0, 2.0, 3.0])
    assert result.effect == pytest.approx(2.0)
    assert result.high - result.effect == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert result.low == pytest.approx(2 * result.effect - result.high)


@pytest.mark.parametrize(
    ("effects", "margin", "word"),
    [
        ([1.0, 1.1, 0.9], 0.0, "supported"),
        ([-1.0, -1.1, -0.9], 0.0, "refuted"),
        ([1.0, 1.1, 0.9], 2.0, "refuted"),
        ([1.0, -1.0, 0.2], 0.0, "undecided"),
        ([5.0], 0.0, "undecided"),
    ],
)
def test_the_word_follows_the_interval(effects: list[float], margin: float, word: str) -> None:
    assert verdict(effects, margin).word == word


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    results = [verdict(rng.normal(0.3, 1.0, size=3)) for _ in range(2000)]
    covered = np.mean([result.low < 0.3 < result.high for result in results])
    assert 0.935 < covered < 0.965


@pytest.mark.parametrize("effects", [[], [np.nan, 1.0], [[1.0, 2.0]]])
def test_effects_that_are_no_row_of_numbers_are_refused(effects: list[float]) -> None:
    with pytest.raises(ValueError, match="one finite number per seed"):
        verdict(effects)


def test_confidence_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence=95"):
        verdict([1.0, 2.0], confidence=95.0)


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


def test_pairs_share_the_seed() -> None:
    # the seeds differ by far more than the models: only the paired difference sees the effect
    table = xr.DataArray([[1.0, 5.0, 9.0], [0.9, 4.88, 8.9]], {"model": ["none", "2"], "seed": [0, 1, 2]})
    np.testing.assert_allclose(paired(table, worse="none", better="2"), [0.1, 0.12, 0.1])
    judged = verdict_table({"layer 2 beats none": paired(table, worse="none", better="2")})
    assert judged["verdict"].sel(claim="layer 2 beats none") == "supported"
    np.testing.assert_allclose(judged["effect"], 0.32 / 3)
    with pytest.raises(ValueError, match="unknown model '3'"):
        paired(table, worse="3", better="2")


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
