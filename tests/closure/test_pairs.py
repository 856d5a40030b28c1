import math
import re
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from tlfourier.closure.filters import Filter, filtered_equation, subgrid_term
from tlfourier.closure.pairs import (
    SPLITS,
    UNITS,
    Scales,
    Split,
    make_pairs,
    pair_blocks,
    pair_spectra,
    subset,
    to_tensors,
)
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory

FINE, COARSE = Grid(64), Grid(16)
EQUATION = VorticityEquation(FINE, 1e-3, drag=0.1)
FILTER = Filter(FINE, COARSE)
LES = filtered_equation(EQUATION, COARSE, FILTER)


@pytest.fixture(scope="module")
def trajectory() -> xr.Dataset:
    """Return ten independent fields of different strength, called snapshots half a time unit apart."""
    strength = torch.linspace(1, 2, 10)[:, None, None]
    omega = FINE.to_physical(strength * random_vorticity(FINE, seed=5, k_peak=4.0, members=10))
    return xr.Dataset({"omega": (("time", "y", "x"), omega.numpy())}, {"time": 3 + 0.5 * np.arange(10)})


@pytest.fixture(scope="module")
def pairs(trajectory: xr.Dataset) -> xr.Dataset:
    return make_pairs(trajectory, FILTER, EQUATION, LES, progress=False)


def test_pairs_are_what_the_les_knows_and_lacks(trajectory: xr.Dataset, pairs: xr.Dataset) -> None:
    assert set(pairs.data_vars) == {"psi", "omega", "sgs"}
    for i in (0, 7):
        omega_hat = FINE.to_spectral(torch.as_tensor(trajectory["omega"].values[i]))
        omega_bar_hat = FILTER(omega_hat)
        psi_hat = COARSE.to_spectral(torch.as_tensor(pairs["psi"].values[i]))
        torch.testing.assert_close(COARSE.k_squared * psi_hat, omega_bar_hat, rtol=0, atol=1e-3)
        expected = {
            "omega": COARSE.to_physical(omega_bar_hat),
            "sgs": COARSE.to_physical(subgrid_term(omega_hat, EQUATION, LES, FILTER)),
        }
        for name, field in expected.items():
            torch.testing.assert_close(torch.as_tensor(pairs[name].values[i]), field, rtol=0, atol=1e-5)


def test_pairs_name_their_dimensions_units_and_filter(trajectory: xr.Dataset, pairs: xr.Dataset) -> None:
    for name in UNITS:
        assert pairs[name].dims == ("time", "y", "x")
        assert pairs[name].shape == (10, 16, 16)
        assert pairs[name].dtype == np.float32
        assert {"long_name", "units"} <= pairs[name].attrs.keys()
    np.testing.assert_array_equal(pairs["time"], trajectory["time"])
    np.testing.assert_allclose(pairs["x"], 2 * np.pi / 16 * np.arange(16))
    assert pairs.attrs["filter"] == "gaussian"
    assert pairs.attrs["filter_width"] == pytest.approx(2 * COARSE.dx)


def test_pairs_take_one_snapshot_into_memory_at_a_time(tmp_path: Path) -> None:
    count = 40
    state = State(random_vorticity(FINE, seed=1, k_peak=4.0))
    write_trajectory(
        tmp_path / "run.zarr", EQUATION, state, Schedule(0.0, 0.01, count, dt=0.01), progress=False
    )
    lazy = read_trajectory(tmp_path / "run.zarr")
    make_pairs(lazy.isel(time=slice(0, 1)), FILTER, EQUATION, LES, progress=False)  # imports, caches
    tracemalloc.start()
    made = make_pairs(lazy, FILTER, EQUATION, LES, progress=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    whole = count * FINE.size**2 * 4
    assert peak - made.nbytes < whole / 2


def test_a_trajectory_that_does_not_fit_is_refused(trajectory: xr.Dataset) -> None:
    def make(changed: xr.Dataset) -> xr.Dataset:
        return make_pairs(changed, FILTER, EQUATION, LES, progress=False)

    with pytest.raises(ValueError, match=re.escape("shape (32, 64): this grid needs (64, 64)")):
        make(trajectory.isel(y=slice(0, 32)))
    with pytest.raises(ValueError, match=r"the snapshot at time 4 is not finite"):
        make(trajectory.where(trajectory.time != 4))
    with pytest.raises(ValueError, match="dimensions member, time, y, x"):
        make(trajectory.expand_dims(member=2))


sizes = st.integers(1, 50)


@given(train=sizes, validation=sizes, test=sizes, gap=sizes)
def test_blocks_follow_each_other_and_never_touch(train: int, validation: int, test: int, gap: int) -> None:
    split = Split(train, validation, test, gap)
    blocks = [range(split.total)[split.indices(name)] for name in SPLITS]
    assert [len(block) for block in blocks] == [train, validation, test]
    assert blocks[0][0] == 0
    assert blocks[2][-1] == split.total - 1
    for before, after in ((blocks[0], blocks[1]), (blocks[1], blocks[2])):
        assert after[0] - before[-1] == gap + 1


def test_gaps_must_outlast_the_decorrelation_time() -> None:
    split, time = Split(4, 2, 2, 1), 0.5 * np.arange(10)
    split.check(time, decorrelation_time=0.99)
    for too_long in (1.0, 3.0, math.inf, math.nan):
        with pytest.raises(
            ValueError, match=r"gap=1 sets the blocks 1 time units apart: more than the decorr"
        ):
            split.check(time, too_long)
    with pytest.raises(ValueError, match="9 snapshots: this split needs at least 10, gaps included"):
        split.check(time[:9], decorrelation_time=0.1)


def test_splits_that_cannot_be_are_refused(pairs: xr.Dataset) -> None:
    for name in (*SPLITS, "gap"):
        with pytest.raises(ValueError, match=f"{name}=0: at least 1 snapshot is needed"):
            replace(Split(1, 1, 1, 1), **{name: 0})
    with pytest.raises(ValueError, match="split 'tests': choose one of train, validation, test"):
        Split(1, 1, 1, 1).indices("tests")
    with pytest.raises(ValueError, match="10 snapshots: this split needs at least 11, gaps included"):
        Split(5, 2, 2, 1).select(pairs, "train")


def test_select_cuts_in_time_and_says_which_block_it_is(pairs: xr.Dataset) -> None:
    split = Split(4, 2, 2, 1)
    times = [split.select(pairs, name)["time"].values.tolist() for name in SPLITS]
    assert times == [[3, 3.5, 4, 4.5], [5.5, 6], [7, 7.5]]
    assert split.select(pairs, "validation").attrs["split"] == "validation"
    assert "split" not in pairs.attrs


def test_scales_are_standard_deviations_of_the_train_block_only(pairs: xr.Dataset) -> None:
    split = Split(4, 2, 2, 1)
    train = split.select(pairs, "train")
    scales = Scales.of(train)
    for name in UNITS:
        assert getattr(scales, name) == pytest.approx(float(np.std(pairs[name].values[:4].astype(float))))
    # What lies beyond the train block has no influence.
    changed = pairs.copy(deep=True)
    changed["sgs"][4:] *= 100
    assert Scales.of(split.select(changed, "train")) == scales
    assert Scales.of(subset(train, 4)) == scales
    for name in ("validation", "test"):
        with pytest.raises(ValueError, match=f"split '{name}': scales are measured on the train split only"):
            Scales.of(split.select(pairs, name))


@pytest.mark.parametrize(("value", "said"), [(0.0, "0.0"), (math.nan, "nan"), (math.inf, "nan")])
def test_scales_of_constant_or_broken_data_are_refused(pairs: xr.Dataset, value: float, said: str) -> None:
    broken = pairs.assign(psi=xr.full_like(pairs["psi"], value))
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match=f"standard deviation of psi is {said}: it must be a positive number"),
    ):
        Scales.of(broken)


def test_tensors_are_the_pairs_in_units_of_the_scales(pairs: xr.Dataset) -> None:
    scales = Scales.of(pairs)
    inputs, outputs = to_tensors(pairs, scales)
    assert inputs.shape == (10, 2, 16, 16)
    assert outputs.shape == (10, 1, 16, 16)
    assert inputs.dtype == outputs.dtype == torch.float32
    for channel, name in ((inputs[:, 0], "psi"), (inputs[:, 1], "omega"), (outputs[:, 0], "sgs")):
        assert channel.std().item() == pytest.approx(1, rel=1e-3)
        np.testing.assert_allclose(channel.numpy() * getattr(scales, name), pairs[name], rtol=1e-6)
    again, _ = to_tensors(pairs.transpose("x", "time", "y"), scales)
    assert torch.equal(again, inputs)


def test_tensors_that_are_not_finite_are_refused(pairs: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="sgs holds values that are not finite"):
        to_tensors(pairs.assign(sgs=pairs["sgs"].where(pairs.time > 3)), Scales.of(pairs))


@given(total=st.integers(1, 200), data=st.data())
def test_a_subset_is_spread_evenly(total: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, total))
    picked = subset(xr.Dataset(coords={"time": np.arange(total)}), count)["time"].values
    assert picked.size == count
    steps = np.diff(picked)
    assert (steps >= total // count).all()
    assert (steps <= -(-total // count)).all()
    # Nearly as much is left out before the first as after the last.
    assert abs(picked[0] - (total - 1 - picked[-1])) <= 1


def test_a_subset_of_none_or_too_many_is_refused(pairs: xr.Dataset) -> None:
    for count in (0, 11):
        with pytest.raises(ValueError, match=f"count={count}: a subset of these pairs has 1 to 10 snapshots"):
            subset(pairs, count)


def test_spectra_of_pairs_sum_to_the_mean_squares(pairs: xr.Dataset) -> None:
    spectra = pair_spectra(pairs)
    for name in UNITS:
        mean_square = float((pairs[name].astype(float) ** 2).mean())
        assert spectra[name].dims == ("k",)
        assert float(spectra[name].sum()) == pytest.approx(mean_square, rel=1e-12)
        assert {"long_name", "units"} <= spectra[name].attrs.keys()


def test_a_single_wave_has_its_power_in_its_shell(pairs: xr.Dataset) -> None:
    wave = xr.DataArray(np.cos(3 * pairs["x"] + 4 * pairs["y"]), dims=("x", "y")).transpose("y", "x")
    waves = pairs.assign(omega=wave.expand_dims(time=pairs["time"]))
    power = pair_spectra(waves)["omega"]
    assert float(power.sel(k=5)) == pytest.approx(0.5)
    assert float(power.drop_sel(k=5).sum()) < 1e-25


@pytest.mark.parametrize("size", [1, 3, 10, 64])
def test_blocks_of_pairs_are_the_pairs(size: int, trajectory: xr.Dataset, pairs: xr.Dataset) -> None:
    made = list(pair_blocks(trajectory, FILTER, EQUATION, LES, size))
    assert max(block.sizes["time"] for block in made) == min(size, 10)
    for name in UNITS:
        np.testing.assert_array_equal(np.concatenate([block[name] for block in made]), pairs[name])
    assert made[0].attrs == pairs.attrs


def test_scales_do_not_depend_on_how_much_is_read_at_once(
    pairs: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = Scales.of(pairs)
    monkeypatch.setattr("tlfourier.closure.pairs._WHOLE", 700)
    in_blocks = Scales.of(pairs + 100.0)
    for name in UNITS:
        assert getattr(in_blocks, name) == pytest.approx(getattr(at_once, name), rel=1e-5)
