"""Every claim is judged right where the answer is known: supported, refuted, undecided, not run."""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tlfourier.scorecard import CLAIMS, Claim, Evidence, scorecard
from tlfourier.scorecard import effects as effects

SEEDS = 5
LAYERS = list(range(1, 12))
K = np.arange(1, 33)
NOISE = np.array([-2.0, -1.0, 0.0, 1.0, 2.0]) * 1e-3
TYPES = ["low-pass", "band-pass", "high-pass", "gabor", "unclassified"]


def scores(errors: dict[str, float], extra: dict[str, dict[str, float]] | None = None) -> xr.Dataset:
    """Return scores over (model, seed): an error each, a little noise that all models share, as seeds do."""
    names = list(errors)
    own = np.outer(np.cos(np.arange(len(names))), np.roll(NOISE, 1)) / 10
    rmse = np.array(list(errors.values()))[:, None] + NOISE + own
    columns = {"rmse": (("model", "seed"), rmse)}
    for name, values in (extra or {}).items():
        table = np.array([values[model] for model in names])[:, None] + NOISE
        columns[name] = (("model", "seed"), table)
    return xr.Dataset(columns, {"model": names, "seed": range(SEEDS)})


def evidence(
    shallow: bool = True,
    none: float = 0.9,
    gain: float = 0.8,
    every: float = 0.5,
    pair: float = 0.495,
    correlation: float = 0.0,
    matched: float = 0.52,
) -> Evidence:
    """Return evidence on which the answer to every claim about scores is known."""
    best, step = 0.5, 0.02
    depth = {str(layer): best + step * ((layer - 1) if shallow else (11 - layer)) for layer in LAYERS}
    rmse = {"none": none, "gain": gain, "all": every, "scratch_few": 0.7, "scratch_all": every, **depth}
    rmse |= {"matched": matched, "1+2": pair, "10+11": depth["11"] if shallow else pair}
    cc = dict.fromkeys(rmse, 0.9) | {"none": 0.9 - correlation}
    spectrum = dict.fromkeys(rmse, 0.5) | {"none": 2.0 if correlation == 0 else 0.5}
    table = scores(rmse, {"cc": cc, "spectrum_error": spectrum})
    home = xr.Dataset({"rmse": ("seed", every + NOISE)}, {"seed": range(SEEDS)})
    return Evidence(table, table, home=home)


def census(typed: float, null: float) -> xr.Dataset:
    """Return shares of kernels over (type, seed)."""

    def shares(part: float, noise: float) -> np.ndarray:
        each = np.array([part / 4] * 4 + [1 - part])
        return each[:, None] + np.outer([1, 0, 0, 0, -1], noise * NOISE)

    columns = {
        "trained": shares(typed, 1.0),
        "initial": shares(null, 0.5),
        "randomised": shares(null / 2, 0.1),
    }
    return xr.Dataset(
        {name: (("type", "seed"), values) for name, values in columns.items()},
        {"type": TYPES, "seed": range(SEEDS)},
    )


def curves(sign: float) -> xr.DataArray:
    """Return smooth changes over (layer, seed, k)."""
    base = sign * np.log(K / 8.0)
    values = base + 50 * NOISE[None, :, None] * np.cos(K) + np.zeros((3, SEEDS, K.size))
    coordinates = {"layer": [2, 6, 10], "seed": range(SEEDS), "k": K}
    return xr.DataArray(values, coordinates, ("layer", "seed", "k"))


def over_layers(value: float) -> xr.DataArray:
    """Return one number for each of three layers and every seed."""
    return xr.DataArray(
        value + NOISE + np.zeros((3, SEEDS)), {"layer": [2, 6, 10], "seed": range(SEEDS)}, ("layer", "seed")
    )


def putback(most: float, random: float) -> xr.Dataset:
    """Return what is lost by putting kernels back."""
    shares = xr.DataArray([1.0, 1.0], {"share": [0.1, 0.5]}, ("share",))
    both = {"most": over_layers(most) * shares, "random": over_layers(random) * shares}
    return xr.Dataset({**both, "everything": over_layers(0.4)})


def spectra(base: float, transferred: float) -> xr.Dataset:
    """Return log10 of predicted over true spectra of each layer; the last row is the output."""
    return xr.Dataset({"base": over_layers(base), "transferred": over_layers(transferred)})


def learning(two: float) -> xr.Dataset:
    """Return a learning curve: the error with 2 % of the samples, 0.5 with 10 %."""
    rmse = np.array([[two, two + 0.1], [0.5, 0.6]])[..., None] + NOISE
    coordinates = {"percent": [2.0, 10.0], "model": ["2", "10"], "seed": range(SEEDS)}
    values = (("percent", "model", "seed"), rmse)
    return xr.Dataset({"rmse": values, "validation_rmse": values}, coordinates)


def mask(share: float) -> xr.Dataset:
    """Return the share of the mask."""
    return xr.Dataset({"share": ("seed", share + NOISE)}, {"seed": range(SEEDS)})


def with_parts(**parts: Any) -> Evidence:
    """Return the evidence about scores and some parts more."""
    return dataclasses.replace(evidence(), **parts)


Known = tuple[Callable[[Evidence], xr.DataArray], Evidence, Evidence]
response, opposite = xr.Dataset({"response": curves(1.0)}), xr.Dataset({"response": curves(-1.0)})
shift = xr.Dataset({"shift": curves(1.0)})
even, uneven = xr.Dataset({"gini": over_layers(0.3)}), xr.Dataset({"gini": over_layers(0.6)})
KNOWN: list[Known] = [
    (effects.fails_without_transfer, evidence(), evidence(none=0.51)),
    (effects.correlation_hides_it, evidence(), evidence(correlation=0.5)),
    (effects.shallow_is_best, evidence(), evidence(shallow=False)),
    (effects.deepest_are_worse, evidence(), evidence(shallow=False)),
    (effects.parameters_do_not_explain_it, evidence(), evidence(matched=0.9)),
    (effects.matches_all_layers, evidence(), evidence(every=0.3)),
    (effects.matches_scratch, evidence(), evidence(every=0.3)),
    (effects.pairs_add_little, evidence(), evidence(pair=0.4)),
    (
        effects.more_types_than_chance,
        with_parts(census=census(0.8, 0.2)),
        with_parts(census=census(0.1, 0.2)),
    ),
    (
        effects.most_kernels_have_a_type,
        with_parts(census=census(0.8, 0.2)),
        with_parts(census=census(0.3, 0.2)),
    ),
    (
        effects.mix_ignores_isotropy,
        with_parts(census=census(0.5, 0.2), jets=census(0.52, 0.2)),
        with_parts(census=census(0.8, 0.2), jets=census(0.3, 0.2)),
    ),
    (
        effects.filters_match_the_shift,
        with_parts(change=response, shift=shift),
        with_parts(change=response, shift=-shift),
    ),
    (
        effects.sign_flips_on_the_way_back,
        with_parts(change=response, way_back=opposite),
        with_parts(change=response, way_back=response),
    ),
    (
        effects.change_is_uneven,
        with_parts(change=uneven, continued=even),
        with_parts(change=even, continued=uneven),
    ),
    (
        effects.few_kernels_carry_it,
        with_parts(putback=putback(0.3, 0.05)),
        with_parts(putback=putback(0.05, 0.3)),
    ),
    (
        effects.base_underestimates,
        with_parts(activations=spectra(-0.3, -0.05)),
        with_parts(activations=spectra(0.3, 0.05)),
    ),
    (
        effects.one_layer_repairs_it,
        with_parts(activations=spectra(-0.3, -0.05)),
        with_parts(activations=spectra(-0.05, 0.3)),
    ),
    (effects.more_than_a_gain, evidence(), evidence(gain=0.4)),
    (effects.mask_spreads, with_parts(mask=mask(0.9)), with_parts(mask=mask(0.1))),
    (
        effects.few_samples_suffice,
        with_parts(learning=learning(0.505)),
        with_parts(learning=learning(0.6)),
    ),
]
NAMES = [known[0].__name__ for known in KNOWN]


def claim_of(effect: Callable[[Evidence], xr.DataArray]) -> Claim:
    """Return the claim that is judged by an effect."""
    return next(claim for claim in CLAIMS if claim.effect is effect)


def test_every_claim_has_a_known_answer() -> None:
    assert [claim.effect for claim in CLAIMS] == [known[0] for known in KNOWN]
    assert {claim.number for claim in CLAIMS} == {f"C{i}" for i in (*range(1, 14), 18)}


@pytest.mark.parametrize("known", KNOWN, ids=NAMES)
def test_a_claim_that_holds_is_supported_and_one_that_fails_is_refuted(known: Known) -> None:
    effect, holds, fails = known
    found = scorecard({"holds": holds, "fails": fails}, [claim_of(effect)])
    assert found["verdict"].values.tolist() == [["supported", "refuted"]]
    assert found["seeds"].values.tolist() == [[SEEDS, SEEDS]]


@pytest.mark.parametrize("known", KNOWN, ids=NAMES)
def test_a_claim_with_one_seed_is_undecided(known: Known) -> None:
    effect, holds, _ = known

    first: dict[str, Any] = {n: part.isel(seed=[0]) for n, part in vars(holds).items() if part is not None}
    alone = dataclasses.replace(holds, **first)
    found = scorecard({"one": alone}, [claim_of(effect)])
    assert found["verdict"].item() == "undecided"
    assert np.isinf(found["high"].item())


@pytest.mark.parametrize("known", KNOWN, ids=NAMES)
def test_a_claim_between_the_answers_is_undecided(known: Known) -> None:
    """Seeds that contradict each other, half of them from either evidence, decide nothing."""
    effect, holds, fails = known
    values = np.concatenate([np.asarray(effect(holds))[:2], np.asarray(effect(fails))[:2]])
    claim = claim_of(effect)
    mixed = Claim("C0", "", lambda _: xr.DataArray(values, dims="seed"), "", "", claim.margin)
    assert scorecard({"mixed": holds}, [mixed])["verdict"].item() == "undecided"


def test_missing_evidence_is_not_run_and_says_why() -> None:
    found = scorecard({"forcing": evidence()})
    words = dict(zip(found["number"].values.tolist(), found["verdict"].values[:, 0], strict=True))
    assert words["C8"] == words["C13"] == words["C18"] == "not run"
    reasons = dict(zip(found["number"].values.tolist(), found["reason"].values[:, 0], strict=True))
    assert reasons["C13"] == "mask was not gathered in this case"
    assert words["C3"] == "supported" and reasons["C3"] == ""
