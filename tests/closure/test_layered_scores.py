"""Scores of layers: those of one layer for each, their means, and the loss of the ocean's paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.layered_scores import of_layer, score_layers
from tlfourier.closure.scores import score
from tlfourier.scorecard.statistics import per_seed

GENERATOR = torch.Generator().manual_seed(0)
TRUTH, PSI, Q = (torch.randn(3, 2, 16, 16, generator=GENERATOR) for _ in range(3))
TRUTH = TRUTH * torch.tensor([10.0, 0.1])[:, None, None]
FOUND = TRUTH * torch.tensor([0.9, 0.5])[:, None, None]


@pytest.fixture(scope="module")
def scores() -> xr.Dataset:
    return score_layers(FOUND, TRUTH, PSI, Q, length=1e6)


def test_each_layer_is_scored_as_a_flow_of_one(scores: xr.Dataset) -> None:
    for layer in (1, 2):
        found, truth, psi, q = (tensor[:, layer - 1] for tensor in (FOUND, TRUTH, PSI, Q))
        xr.testing.assert_allclose(of_layer(scores, layer), score(found, truth, psi, q, length=1e6))
    with pytest.raises(ValueError, match="layer=3: these scores have the layers 1, 2"):
        of_layer(scores, 3)
    with pytest.raises(ValueError, match="layer=1: these scores have the layers none"):
        of_layer(score(FOUND[:, 0], TRUTH[:, 0]), 1)


def test_the_error_of_both_is_the_root_of_the_paper_s_loss(scores: xr.Dataset) -> None:
    np.testing.assert_allclose(scores["rmse_of_layer"], [[0.1] * 3, [0.5] * 3], rtol=1e-5)
    np.testing.assert_allclose(scores["rmse"], np.sqrt((0.1**2 + 0.5**2) / 2), rtol=1e-5)
    np.testing.assert_allclose(scores["cc"], 1, rtol=1e-5)
    assert float(scores["spectrum_error"]) == pytest.approx((0.1 + 0.5) / 2, rel=1e-4)


def test_a_small_layer_counts_as_much_as_a_large_one() -> None:
    upper_wrong, lower_wrong = TRUTH.clone(), TRUTH.clone()
    upper_wrong[:, 0], lower_wrong[:, 1] = 0.7 * TRUTH[:, 0], 0.7 * TRUTH[:, 1]
    one, other = (score_layers(found, TRUTH)["rmse"] for found in (upper_wrong, lower_wrong))
    np.testing.assert_allclose(one, other, rtol=1e-5)


def test_one_number_for_a_network_and_one_for_each_layer_go_into_tables(scores: xr.Dataset) -> None:
    row = per_seed(scores)
    assert row["rmse"].dims == () and row["rmse_of_layer"].dims == ("layer",)
    assert "spectrum_of_layer" not in row


def test_arrays_of_no_layers_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"prediction of shape \(3, 16, 16\): accepted is \(snapshots, layers"
    ):
        score_layers(FOUND[:, 0], TRUTH)
    with pytest.raises(ValueError, match=r"psi of shape \(3, 1, 16, 16\)"):
        score_layers(FOUND, TRUTH, PSI[:, :1])
    with pytest.raises(ValueError, match="constant: nothing to score"):
        score_layers(FOUND, torch.zeros_like(TRUTH))
