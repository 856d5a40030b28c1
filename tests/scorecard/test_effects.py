"""Every claim is judged right where the answer is known: supported, refuted, undecided, not run."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from tlfourier.scorecard import CLAIMS, STATEMENTS, Evidence, effects, scorecard
from tlfourier.scorecard.readings import EXPLAINS

ROOT = Path(__file__).parents[2]
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
    random: float = 0.52,
    few: float = 0.7,
    units: float = 0.505,
    gains: float = 0.6,
    scales: float = 0.56,
    scaling: str = "own",
) -> Evidence:
    """Return evidence on which the answer to every claim about scores is known."""
    best, step = 0.5, 0.02
    depth = {str(layer): best + step * ((layer - 1) if shallow else (11 - layer)) for layer in LAYERS}
    rmse = {"none": none, "gain": gain, "all": every, "scratch_few": few, "scratch_all": every, **depth}
    rmse |= {"random 0": random - 0.01, "random 1": random + 0.01, "dimensional": units, "gains": gains}
    rmse |= {"scales 1": scales, "scales 6": 0.9, "own": none, "solved": depth["11"]}
    rmse |= {"1+2": pair, "10+11": depth["11"] if shallow else pair}
    cc = dict.fromkeys(rmse, 0.9) | {"none": 0.9 - correlation}
    spectrum = dict.fromkeys(rmse, 0.5) | {"none": 2.0 if correlation == 0 else 0.5}
    table = scores(rmse, {"cc": cc, "spectrum_error": spectrum})
    home = xr.Dataset({"rmse": ("seed", every + NOISE)}, {"seed": range(SEEDS)})
    return Evidence(table, table, home=home, scaling=scaling)


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


def readings(typed: float, null: float) -> xr.Dataset:
    """Return what the fairer readings rest on: shares by norm and of what was learned, power explained."""
    shares, parts = census(typed, null), {"by_norm": "trained", "learned": "trained"}
    nulls = {"learned_gaussian": "randomised", "learned_randomised": "initial"}
    whole = np.array([[typed], [null], [null / 2]]) + np.outer([1, 0.5, 0.1], NOISE)
    explained = xr.DataArray(
        np.stack([whole, np.zeros_like(whole)]),
        {"dictionary": ["families", "centres"], "origin": ["trained", "initial", "randomised"]},
        ("dictionary", "origin", "seed"),
    )
    found = {name: shares[source] for name, source in (parts | nulls).items()}
    return xr.Dataset({**found, "explained": explained})


def importance(typed: float) -> xr.Dataset:
    """Return shares of kernels by the skill that is lost without each."""
    return census(typed, typed)[["trained"]].rename(trained="by_importance")


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
    """Return the share of the mask, and as much of the gain that is lost with old ones."""
    return xr.Dataset(dict.fromkeys(("share", "lost"), ("seed", share + NOISE)), {"seed": range(SEEDS)})


def with_parts(**parts: Any) -> Evidence:
    """Return the evidence about scores and some parts more."""
    return dataclasses.replace(evidence(), **parts)


Known = tuple[Evidence, Evidence]
response, opposite = xr.Dataset({"response": curves(1.0)}), xr.Dataset({"response": curves(-1.0)})
shift = xr.Dataset({"shift": curves(1.0)})
waves = xr.Dataset({"response": curves(0.01) + np.cos(2 * K)})  # what more training on the base flow does
even, uneven = xr.Dataset({"gini": over_layers(0.3)}), xr.Dataset({"gini": over_layers(0.6)})
KNOWN: dict[str, Known] = {
    "C1": (evidence(), evidence(none=0.51)),
    "C2": (evidence(), evidence(correlation=0.5)),
    "C2.fair": (evidence(), evidence(correlation=0.5)),
    "C3": (evidence(), evidence(shallow=False)),
    "C4.deepest": (evidence(), evidence(shallow=False)),
    "C4.parameters": (evidence(), evidence(random=0.9)),
    "C5.all": (evidence(), evidence(every=0.3)),
    "C5.scratch": (evidence(), evidence(every=0.3)),
    "C5.all.error": (evidence(), evidence(every=0.3)),
    "C5.scratch.error": (evidence(), evidence(every=0.3)),
    "C6": (evidence(), evidence(pair=0.4)),
    "C7.chance": (
        with_parts(census=census(0.8, 0.2)),
        with_parts(census=census(0.1, 0.2)),
    ),
    "C7.most": (
        with_parts(census=census(0.8, 0.2)),
        with_parts(census=census(0.3, 0.2)),
    ),
    "C7.dictionary": (
        with_parts(census=readings(0.4, 0.2)),
        with_parts(census=readings(0.23, 0.2)),
    ),
    "C7.norm": (
        with_parts(census=readings(0.8, 0.2)),
        with_parts(census=readings(0.3, 0.2)),
    ),
    "C7.importance": (with_parts(importance=importance(0.8)), with_parts(importance=importance(0.3))),
    "C7.learned": (
        with_parts(census=readings(0.4, 0.2)),
        with_parts(census=readings(0.1, 0.2)),
    ),
    "C8": (
        with_parts(census=census(0.5, 0.2), jets=census(0.52, 0.2)),
        with_parts(census=census(0.8, 0.2), jets=census(0.3, 0.2)),
    ),
    "C9.match": (
        with_parts(change=response, shift=shift),
        with_parts(change=response, shift=-shift),
    ),
    "C9.layer 2": (
        with_parts(change=response, continued=waves, shift=shift),
        with_parts(change=waves, continued=response, shift=shift),
    ),
    "C9.deep": (
        with_parts(change=response, continued=waves, shift=shift),
        with_parts(change=response, continued=waves, shift=-shift),
    ),
    "C9.reversal": (
        with_parts(change=response, way_back=opposite),
        with_parts(change=response, way_back=response),
    ),
    "C10.gini": (
        with_parts(change=uneven, continued=even),
        with_parts(change=even, continued=uneven),
    ),
    "C10.reversion": (
        with_parts(putback=putback(0.3, 0.05)),
        with_parts(putback=putback(0.05, 0.3)),
    ),
    "C11.fails": (
        with_parts(activations=spectra(-0.3, -0.05)),
        with_parts(activations=spectra(0.3, 0.05)),
    ),
    "C11.repair": (
        with_parts(activations=spectra(-0.3, -0.05)),
        with_parts(activations=spectra(-0.05, 0.3)),
    ),
    "C12": (evidence(), evidence(gain=0.4)),
    "C12.units": (evidence(units=0.6), evidence(units=0.4)),
    "C13": (with_parts(mask=mask(0.9)), with_parts(mask=mask(0.1))),
    "C13.masks": (with_parts(mask=mask(0.9)), with_parts(mask=mask(0.3))),
    "C18": (
        with_parts(learning=learning(0.505)),
        with_parts(learning=learning(0.6)),
    ),
    "C19": (evidence(few=0.7), evidence(few=0.4)),
    "C20": (evidence(units=0.505), evidence(units=0.6)),
    "C20.error": (evidence(units=0.505), evidence(units=0.6)),
    "C21": (evidence(gains=0.6), evidence(gains=0.4)),
    "C22": (evidence(scales=0.56), evidence(scales=0.4)),
    "C23": (evidence(scaling="dimensional"), evidence(shallow=False, scaling="dimensional")),
}
"""For each claim, evidence on which it holds and evidence on which it fails."""
STATED: dict[str, Known] = {
    "L1.none": (evidence(), evidence(none=0.3)),
    "L2.gain": (evidence(), evidence(gain=0.3)),
    "L3.few": (evidence(), evidence(few=0.3)),
    "L4.second_last": (evidence(), evidence(shallow=False)),
    "L4.last": (evidence(), evidence(shallow=False)),
    "L5.all": (evidence(every=0.3), evidence(every=0.7)),
    "L6.scratch": (evidence(every=0.3), evidence(every=0.7)),
}
EVERY = {claim.id: claim for claim in (*CLAIMS, *STATEMENTS)}
known = pytest.mark.parametrize(
    ("name", "holds", "fails"), [(n, *both) for n, both in (KNOWN | STATED).items()]
)


def test_everything_that_is_judged_has_a_known_answer() -> None:
    assert list(KNOWN | STATED) == list(EVERY)
    assert {claim.number for claim in CLAIMS} == {f"C{i}" for i in (*range(1, 14), *range(18, 24))}
    assert [claim.id for claim in EVERY.values() if claim.margin is not None] == [
        *("C5.all", "C5.scratch", "C5.all.error", "C5.scratch.error", "C20", "C20.error")
    ]


def test_every_claim_names_a_page_of_the_book() -> None:
    pages = {Path(name).name for name in re.findall(r"file: (\S+)", (ROOT / "_toc.yml").read_text())}
    assert {claim.page for claim in EVERY.values()} <= pages


@known
def test_a_claim_that_holds_is_supported_and_one_that_fails_is_refuted(
    name: str, holds: Evidence, fails: Evidence
) -> None:
    found = scorecard({"holds": holds, "fails": fails}, [EVERY[name]])
    assert found["verdict"].values.tolist() == [["supported", "refuted"]]
    assert found["seeds"].values.tolist() == [[SEEDS, SEEDS]]


@known
def test_a_claim_with_one_seed_is_undecided(name: str, holds: Evidence, fails: Evidence) -> None:
    parts = vars(holds).items()
    first: dict[str, Any] = {n: part.isel(seed=[0]) for n, part in parts if isinstance(part, xr.Dataset)}
    alone = dataclasses.replace(holds, **first)
    found = scorecard({"one": alone}, [EVERY[name]])
    assert found["verdict"].item() == "undecided"
    assert np.isinf(found["high"].item())


@known
def test_a_claim_between_the_answers_is_undecided(name: str, holds: Evidence, fails: Evidence) -> None:
    """Seeds that contradict each other, half of them from either evidence, decide nothing."""
    claim = EVERY[name]
    values = np.concatenate([claim.effects(holds)[:2], claim.effects(fails)[:2]])
    mixed = dataclasses.replace(claim, effect=lambda _: xr.DataArray(values, dims="seed"))
    assert scorecard({"mixed": holds}, [mixed])["verdict"].item() == "undecided"


def test_missing_evidence_is_not_run_and_says_why() -> None:
    found = scorecard({"forcing": evidence()}).sel(case="forcing")
    assert found["verdict"].sel(claim=["C8", "C13", "C18"]).values.tolist() == ["not run"] * 3
    assert found["reason"].sel(claim="C13") == "mask was not gathered in this case"
    assert found["verdict"].sel(claim="C3") == "supported" and found["reason"].sel(claim="C3") == ""


def test_what_more_training_on_the_base_flow_does_too_is_no_match_of_filters() -> None:
    alike = with_parts(change=response, continued=response, shift=shift)
    assert EVERY["C9.match"].effects(alike).mean() > 0.9
    for claim in ("C9.layer 2", "C9.deep"):
        np.testing.assert_allclose(EVERY[claim].effects(alike), 0.0, atol=1e-12)
    other = xr.Dataset({"response": curves(1.0).sel(layer=[6])})
    claims = [EVERY["C9.layer 2"], EVERY["C9.deep"]]
    found = scorecard({"one": with_parts(change=response, continued=other, shift=shift)}, claims)
    assert found["reason"].sel(claim="C9.layer 2").item() == "no layer from 2 to 2 has a null"
    assert found["verdict"].sel(claim="C9.deep") != "not run"  # of layer 6


def test_one_layer_alone_is_no_one_or_two() -> None:
    full = evidence()
    single = full.test.sel(model=[name for name in full.test["model"].values if "+" not in str(name)])
    found = scorecard({"one": dataclasses.replace(full, test=single, validation=single)})
    for claim in ("C4.deepest", "C5.all", "C5.scratch", "C5.all.error", "C5.scratch.error", "C6"):
        assert found["reason"].sel(claim=claim).item() == "no pair of layers was scored in this case"


def test_a_gap_that_is_hardly_there_has_no_parts() -> None:
    found = scorecard({"filter": evidence(none=0.508)})
    for claim in ("C5.all", "C6", "C20"):
        assert "nothing to close" in found["reason"].sel(claim=claim).item()
    assert found["verdict"].sel(claim="C20.error") == "supported"


def test_depth_is_asked_once_under_each_scaling() -> None:
    found = scorecard({"own": evidence(), "units": evidence(scaling="dimensional")})
    assert found["verdict"].sel(claim=["C3", "C23"]).values.tolist() == [
        ["supported", "not run"], ["not run", "supported"]
    ]  # fmt: skip


def test_the_larger_of_both_nulls_is_what_counts_for_a_fairer_reading() -> None:
    """For W - W0 that is the phase null here, for the dictionary the initial kernels."""
    found = with_parts(census=readings(0.36, 0.3))
    learned, explained = (EVERY[name].effects(found) for name in ("C7.learned", "C7.dictionary"))
    np.testing.assert_allclose(learned, 0.06 + NOISE / 2, atol=1e-12)
    np.testing.assert_allclose(explained, 0.06 - EXPLAINS + NOISE / 2, atol=1e-12)


def test_seeds_without_a_gain_have_none_to_lose() -> None:
    some = mask(0.6)
    some["lost"][1] = np.nan
    assert EVERY["C13.masks"].effects(with_parts(mask=some)).size == SEEDS - 1
    none = some.assign(lost=some["lost"] * np.nan)
    found = scorecard({"forcing": with_parts(mask=none)}, [EVERY["C13.masks"]])
    assert found["reason"].item().startswith("no transfer gained anything")
    shares = importance(0.8)
    shares["by_importance"][:, 2] = np.nan  # a network that is no worse without any of its kernels
    assert EVERY["C7.importance"].effects(with_parts(importance=shares)).size == SEEDS - 1


def test_a_seed_without_some_pairs_chooses_among_those_it_has() -> None:
    full = evidence(pair=0.45)
    table = full.test.copy(deep=True)
    table["rmse"].loc[{"model": "1+2", "seed": [3, 4]}] = np.nan
    some = dataclasses.replace(full, test=table, validation=table)
    assert scorecard({"all": full, "some": some})["seeds"].sel(claim="C6").values.tolist() == [SEEDS] * 2
    here, there = (EVERY["C6"].effects(one) for one in (some, full))
    np.testing.assert_array_equal(here[:3], there[:3])
    assert (here[3:] > there[3:]).all()  # the pair that is left gains nothing
    table["rmse"].loc[{"model": "10+11", "seed": 4}] = np.nan
    assert EVERY["C6"].effects(some).size == SEEDS - 1


def test_the_best_layer_of_a_statement_is_chosen_by_its_mean_on_validation() -> None:
    full = evidence()
    validation = full.validation.copy(deep=True)
    validation["rmse"].loc[{"model": "7"}] = [0.0, 0.0, 0.0, 0.6, 0.6]
    effect = EVERY["L1.none"].effects(dataclasses.replace(full, validation=validation))
    rmse = full.test["rmse"]
    np.testing.assert_array_equal(effect, rmse.sel(model="none") - rmse.sel(model="7"))


def test_the_gap_is_that_of_the_papers_under_every_scaling() -> None:
    """Consistent units close much of it: differences are still parts of the whole way."""
    known = evidence(none=0.9)
    better = known.test["rmse"].where(known.test["model"] != "none", 0.6)
    consistent = dataclasses.replace(known, test=known.test.assign(rmse=better), scaling="dimensional")
    xr.testing.assert_equal(effects.gap(consistent), effects.gap(known))
    assert float(effects.fails_without_transfer(consistent).mean()) < float(
        effects.fails_without_transfer(known).mean()
    )
