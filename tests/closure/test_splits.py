"""Blocks of time, and spectra in a network's units."""

import math

import numpy as np
import pytest
import xarray as xr

from tlfourier.closure.pairs import Scales, Split
from tlfourier.closure.splits import block_times, gap_time, scale_table, seen_spectra, spectral_differences


def test_blocks_follow_each_other_at_the_distance_of_a_gap() -> None:
    split = Split(train=5, validation=2, test=3, gap=4)
    blocks = block_times(split, 0.5)
    assert blocks == {"train": (0.0, 2.0), "validation": (4.5, 5.0), "test": (7.5, 8.5)}
    assert gap_time(split, 0.5) == pytest.approx(blocks["validation"][0] - blocks["train"][1])


def test_seen_spectra_sum_to_one_and_do_not_see_the_amplitude() -> None:
    rng = np.random.default_rng(0)
    fields = {name: rng.standard_normal((3, 16, 16)) for name in ("psi", "omega", "sgs")}
    fields = {name: field - field.mean((1, 2), keepdims=True) for name, field in fields.items()}
    pairs = xr.Dataset({name: (("time", "y", "x"), field) for name, field in fields.items()})
    pairs.attrs["length"] = math.tau
    seen = seen_spectra(pairs, Scales.of(pairs))
    np.testing.assert_allclose(seen.sum("k").to_array(), 1.0, rtol=1e-5)
    louder = 7.0 * pairs.assign_attrs(split="train")
    louder.attrs = pairs.attrs
    xr.testing.assert_allclose(seen, seen_spectra(louder, Scales.of(louder)))


def test_the_table_of_scales_has_a_row_for_each_flow() -> None:
    table = scale_table({"first": Scales(1.0, 2.0, 3.0), "second": Scales(4.0, 5.0, 6.0)})
    assert table["omega"].sel(flow="second").item() == 5.0
    assert table.to_dataframe().shape == (2, 3)


def test_differences_of_spectra_are_counted_in_powers_of_ten() -> None:
    k = np.arange(5.0)
    flat = xr.Dataset({"psi": ("k", np.ones(5)), "omega": ("k", np.ones(5))}, {"k": k})
    steep = xr.Dataset(
        {"psi": ("k", [9.0, 10.0, 0.1, 1.0, 1.0]), "omega": ("k", np.full(5, 100.0))}, {"k": k}
    )
    found = spectral_differences(
        {"there": ("flat", "steep"), "back": ("steep", "flat")}, {"flat": flat, "steep": steep}
    )
    np.testing.assert_allclose(found["size"], [[0.5, 2.0], [0.5, 2.0]])
    np.testing.assert_allclose(found["mean"], [[0.0, 2.0], [0.0, -2.0]], atol=1e-12)
    assert found["k"].sel(case="there", variable="psi").item() == 1.0
