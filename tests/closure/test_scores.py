"""Scores against their definitions, on fields whose scores are known."""

import math

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure.scores import score


def noise(seed: int, samples: int = 3, size: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(samples, size, size, dtype=torch.float64, generator=generator)


def wave(k_x: int, k_y: int, size: int = 16) -> Tensor:
    x = torch.arange(size, dtype=torch.float64) * math.tau / size
    return torch.cos(k_x * x + k_y * x[:, None])[None]


def test_the_truth_scores_perfectly() -> None:
    result = score(noise(0), noise(0), psi=noise(1), omega=noise(2))
    for name in ("cc", "cc_forward", "cc_backward", "sd_ratio"):
        np.testing.assert_allclose(result[name], 1, atol=1e-12)
    for name in ("rmse", "bias", "spectrum_error"):
        np.testing.assert_allclose(result[name], 0, atol=1e-12)
    for name in ("energy_transfer", "enstrophy_transfer", "energy_transfer_spectrum", "spectrum"):
        np.testing.assert_array_equal(result[name].sel(field="truth"), result[name].sel(field="prediction"))
    assert all(
        "long_name" in result[name].attrs and "units" in result[name].attrs for name in result.data_vars
    )


def test_a_wrong_amplitude_is_invisible_to_the_correlation_only() -> None:
    truth = noise(0)
    result = score(0.25 * (truth - truth.mean((-2, -1), keepdim=True)), truth)
    np.testing.assert_allclose(result["cc"], 1, rtol=1e-12)
    np.testing.assert_allclose(result["sd_ratio"], 0.25, rtol=1e-12)
    assert result["spectrum_error"].item() == pytest.approx(0.75, rel=1e-12)


def test_rmse_correlation_and_amplitude_are_tied() -> None:
    """The law of cosines rmse² = 1 + s² − 2 s CC, exact without means; with means the bias completes it."""
    p, t = noise(0) + 0.4 * noise(1), noise(1)
    for shift_p, shift_t in ((0.0, 0.0), (0.7, -0.3)):
        given = p - p.mean((-2, -1), keepdim=True) + shift_p
        truth = t - t.mean((-2, -1), keepdim=True) + shift_t
        result = score(given, truth)
        s, cc, bias = (result[name] for name in ("sd_ratio", "cc", "bias"))
        unit = (truth.square().mean((-2, -1)) / truth.var((-2, -1), correction=0)).numpy()
        np.testing.assert_allclose(result["rmse"] ** 2 * unit, 1 + s**2 - 2 * s * cc + bias**2, rtol=1e-12)
        if shift_t == 0:
            np.testing.assert_allclose(result["rmse"] ** 2, 1 + s**2 - 2 * s * cc, rtol=1e-12)


def test_correlation_is_numpys_also_on_half_of_the_points() -> None:
    p, t, omega = noise(0) + noise(1), noise(1), noise(2)
    result = score(p, t, omega=omega)
    for i in range(3):
        for name, chosen in (
            ("cc", omega[i] == omega[i]),
            ("cc_forward", omega[i] * t[i] > 0),
            ("cc_backward", omega[i] * t[i] < 0),
        ):
            expected = np.corrcoef(p[i][chosen].numpy(), t[i][chosen].numpy())[0, 1]
            assert result[name][i].item() == pytest.approx(expected, rel=1e-12)


def test_spectrum_is_the_angle_average_of_the_amplitude() -> None:
    """A plane wave of amplitude a has two modes of amplitude a/2 among all modes of its shell."""
    k = np.fft.fftfreq(16, 1 / 16)
    in_shell = int((np.rint(np.hypot(k[:, None], k[None])) == 5).sum())
    result = score(3 * wave(3, 4), 2 * wave(3, 4) + noise(0, 1))
    predicted = result["spectrum"].sel(field="prediction")
    assert predicted.sel(k=5).item() == pytest.approx(2 * 1.5 / in_shell, rel=1e-12)
    np.testing.assert_allclose(predicted.where(predicted["k"] != 5, 0), 0, atol=1e-15)
    np.testing.assert_array_equal(result["k"], np.arange(1, 8))
    spectra = result["spectrum"]
    expected = abs(spectra.sel(field="prediction") / spectra.sel(field="truth") - 1).mean().item()
    assert result["spectrum_error"].item() == pytest.approx(expected, rel=1e-12)


def test_spectra_are_averaged_over_samples_before_they_are_compared() -> None:
    """Swapping the samples leaves the spectrum error at zero: it is a statistic, not a match."""
    result = score(noise(0).flip(0), noise(0))
    assert result["spectrum_error"].item() < 1e-12
    assert result["cc"][0].item() < 0.5


def test_transfers_are_domain_means_and_their_spectra_add_up() -> None:
    resolved, sgs = wave(3, 0) + wave(0, 2), 2 * wave(3, 0) - wave(0, 2)
    result = score(sgs, sgs, psi=resolved, omega=3 * resolved)
    for name, factor in (("energy", 1), ("enstrophy", 3)):
        assert result[f"{name}_transfer"].sel(field="truth").item() == pytest.approx(0.5 * factor, rel=1e-12)
        spectrum = result[f"{name}_transfer_spectrum"].sel(field="truth")
        # cos² has the mean 1/2: forward transfer 1 at k = 3, backscatter −1/2 at k = 2
        assert spectrum.sel(k=3).item() == pytest.approx(factor, rel=1e-12)
        assert spectrum.sel(k=2).item() == pytest.approx(-0.5 * factor, rel=1e-12)
        assert spectrum.sum().item() == pytest.approx(0.5 * factor, rel=1e-12)


def test_a_constant_prediction_has_no_correlation() -> None:
    result = score(torch.zeros(3, 16, 16), noise(0).float())
    np.testing.assert_array_equal(result["cc"], 0)
    np.testing.assert_allclose(result["rmse"], 1, rtol=1e-6)
    assert result["spectrum_error"].item() == 1


def test_scores_are_those_of_each_snapshot_alone() -> None:
    whole = score(noise(0), noise(1), noise(2), noise(3))
    alone = score(noise(0)[1:2], noise(1)[1:2], noise(2)[1:2], noise(3)[1:2])
    for name in ("cc", "rmse", "cc_forward", "enstrophy_transfer"):
        np.testing.assert_allclose(whole[name].isel(snapshot=1), alone[name].isel(snapshot=0), rtol=1e-12)


def test_bad_fields_are_refused() -> None:
    hole = noise(1)
    hole[2, 0, 0] = math.nan
    flat = noise(1)
    flat[1] = 2.0
    cases = (
        (noise(0)[:2], noise(1), None, r"prediction of shape \(2, 16, 16\): accepted is that of the truth"),
        (noise(0), noise(1)[0], None, r"truth of shape \(16, 16\): accepted is \(snapshots, N, N\)"),
        (noise(0), noise(1), noise(2, 1), r"psi of shape \(1, 16, 16\): accepted is that of the truth"),
        (noise(0), hole, None, "truth hold values that are not finite, first in sample 2"),
        (noise(0), flat, None, "of snapshot 1 is constant"),
    )
    for prediction, truth, psi, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            score(prediction, truth, psi=psi)


def test_scores_do_not_depend_on_how_many_snapshots_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(3)
    p, t, psi, omega = torch.randn(4, 11, 16, 16, generator=generator)
    whole = score(p, t, psi, omega)
    monkeypatch.setattr("tlfourier.closure.scores._AT_ONCE", 4)
    batched = score(p, t, psi, omega)
    xr.testing.assert_allclose(batched, whole, rtol=1e-13)
    for name in whole:
        assert batched[name].dims == whole[name].dims and batched[name].attrs == whole[name].attrs
        if "snapshot" in whole[name].dims:
            xr.testing.assert_equal(batched[name], whole[name])
