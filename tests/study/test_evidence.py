"""The whole programme of a tiny study: everything is made, and every claim is judged from it."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from click.testing import CliRunner

from tlfourier import fourier
from tlfourier.cli import main
from tlfourier.closure.models import of_size
from tlfourier.closure.scalings import SCALINGS
from tlfourier.scorecard import CLAIMS, reading, scorecard
from tlfourier.study import evidence, tables, targets
from tlfourier.study.stages.analyses import relative_error
from tlfourier.study.stages.data import pairs_node
from tlfourier.study.study import Study, begin


@pytest.fixture(scope="module")
def study(tiny: dict[str, Any]) -> Study:
    made = begin("smoke", tiny)
    made.make_all(targets.everything(made.design), workers=1)
    return made


def test_the_programme_has_every_set_of_layers_from_enough_seeds() -> None:
    full = begin("laptop").design
    models, singles = full.models("forcing"), [str(layer) for layer in range(1, 12)]
    pairs = of_size(models, 2)
    assert len(pairs) == 55 and all(len(models[pair]) >= 2 for pair in pairs)
    for varied in (full, full.vary({"transfer.scaling": "dimensional"})):
        for case in full.ladders:
            seeds = full.seeds_of(case)
            assert all(varied.models(case)[model] == seeds for model in (*singles, "gains"))
            assert len(seeds) >= full.spec.realisations  # of every flow
    for case in full.ways:
        number = full.spec.reversed_seeds if case.endswith("reversed") else full.spec.seeds
        assert len(full.seeds_of(case)) == number >= len(full.inside_seeds(case))
    prefixes = ["+".join(singles[:end]) for end in range(1, 11)]
    suffixes = ["+".join(singles[start:]) for start in range(1, 11)]
    assert models.keys() >= {*prefixes, *suffixes, "all"}
    budget = full.budget()
    assert budget.loc["forcing", "single layers"] == 11 * full.spec.seeds
    assert budget.to_numpy().sum() == sum(len(s) for case in full.ways for s in full.models(case).values())


def test_nothing_that_the_scorecard_reads_is_left_out(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(study.store), "_make", None)  # whatever is missing cannot be made now
    for scaling in targets.JUDGED:
        varied = study.vary({"transfer.scaling": scaling})
        for case in varied.ladders:
            evidence.evidence(varied, case)


def test_every_claim_is_judged_in_every_case(study: Study) -> None:
    found = study.verdicts()
    assert found.sizes == {"claim": len(CLAIMS), "case": 2 * len(study.cases)}
    not_run = found["verdict"] == "not run"
    reasons = found["reason"].values[not_run.values]
    known = (
        "jets",
        "nothing to close",
        "learning",
        "way back",
        "putback",
        "pair",
        "scratch_few",
        "random",
        "scaling",
    )
    assert all(any(word in reason for word in known) for reason in reasons), set(reasons)
    assert set(found["seeds"].values[~not_run.values]) <= {1, 2}
    always = np.isin(found["number"], ["C1", "C2", "C3", "C7", "C9", "C11", "C12", "C13"])
    assert np.isfinite(found["effect"].sel(case=list(study.cases))[always]).all()


def test_tables_of_replicates_are_read_as_one(study: Study) -> None:
    nodes = study.design.table_nodes("forcing")
    whole = tables.read(study, nodes)
    assert whole["rmse"].dims == ("model", "seed") and whole["seed"].values.tolist() == [0, 1]
    assert whole["model"].values.tolist() == list(study.design.models("forcing"))
    for node in nodes:
        one = study.read(node)
        for model in one["model"].values.tolist():
            score = study.score("forcing", model, node.spec["seed"])["rmse"].mean("snapshot")
            assert one["rmse"].sel(model=model).item() == score.item()
        assert (
            whole.sel(seed=node.spec["seed"])["rmse"].isnull().sum()
            == whole.sizes["model"] - one.sizes["model"]
        )


def test_the_verdicts_are_those_of_the_evidence(study: Study) -> None:
    """The stage reads the inputs of its recipe alone, and builds the settings from the recipe."""
    for scaling in targets.JUDGED:
        varied = study.vary({"transfer.scaling": scaling})
        direct = scorecard({case: evidence.evidence(varied, case) for case in study.ladders})
        xr.testing.assert_equal(study.verdicts(scaling, study.ladders), direct)
    with pytest.raises(ValueError, match="scaling='base': accepted are own, dimensional"):
        study.verdicts("base")


def test_what_a_layer_became_is_counted_in_the_layer_itself(study: Study) -> None:
    found = evidence.type_changes(study, "forcing")
    assert found["layer"].values.tolist() == list(study.design.probed_layers)
    for name in ("before", "after", "initial", "randomised"):
        np.testing.assert_allclose(found[name].sum("type"), 1.0)
    network = study.transferred("forcing", {2}, seed=1)
    shares = fourier.class_fractions(fourier.classify(network.layer(2).weight))
    here = found["after"].sel(layer=2, seed=1)
    np.testing.assert_allclose(here, [shares.sel(type=name).item() for name in here["type"].values])


def test_the_fairer_readings_are_gathered_with_their_nulls(study: Study) -> None:
    found = evidence.census(study, "forcing")
    assert "draw" not in found.dims
    for name in ("by_norm", "noise", "learned", "learned_gaussian", "learned_randomised"):
        assert found[name].dims == ("seed", "type")
        np.testing.assert_allclose(found[name].sum("type"), 1.0)
    assert ((found["explained"] >= 0) & (found["explained"] <= 1)).all()
    shares = fourier.false_positive_rate(5)
    np.testing.assert_allclose(1 - found["noise"].sel(type="unclassified"), shares)
    weighed = evidence.importance(study, "forcing")
    assert weighed["by_importance"].dims == ("seed", "type")
    np.testing.assert_allclose(weighed["by_importance"].sum("type"), 1.0)
    assert (weighed["tried"] == 8 + 16 + 4).all()


def test_kernels_are_weighed_on_the_flow_that_the_network_was_trained_on(study: Study) -> None:
    forward, back = (study.design.importance_node(case, 0) for case in ("forcing", "forcing reversed"))
    flow = study.design.case("forcing")
    for node, name in ((forward, flow.base), (back, flow.target)):
        assert node.inputs["pairs"].key == pairs_node(study.spec, name, "test").key
    found = study.read(forward)
    network = study.base("forcing", seed=0)
    given, wanted = study.tensors(flow.base)
    other = copy.deepcopy(network)
    with torch.no_grad():
        lost = []
        for channel in range(4):
            other.load_state_dict(network.state_dict())
            other.layer(3).weight[0, channel] = 0
            lost.append(relative_error(other(given), wanted) - relative_error(network(given), wanted))
    counts = np.clip(lost, 0, None)
    labels = fourier.classify(network.layer(3).weight)
    row = found["by_importance"].isel(layer=2)
    if counts.sum() > 0:
        np.testing.assert_allclose(row, fourier.class_fractions(labels, counts), atol=1e-4)
    assert found["counted"].isel(layer=2) == np.mean(counts > 0)


def test_the_gain_that_masks_lose_is_that_of_the_chosen_layer(study: Study) -> None:
    validation = evidence.scores(study, "forcing", "validation")
    found = evidence.mask_shares(study, "forcing", validation)
    layers = list(study.design.probed_layers)
    for seed in study.seeds:
        errors = validation["rmse"].sel(seed=seed, model=[str(one) for one in layers]).values
        node = study.design.mask_node("forcing", layers[int(errors.argmin())], seed)
        np.testing.assert_equal(found["lost"].sel(seed=seed).item(), study.read(node)["lost"].item())


def test_the_claim_on_matching_filters_is_the_mean_of_what_the_page_shows(study: Study) -> None:
    found = evidence.matching(study, "forcing")
    assert found["layer"].values.tolist() == list(study.layers)
    effect = reading.cell(study.verdicts(), "C9.match", "forcing").effect
    assert found.mean("layer").mean("seed").item() == pytest.approx(effect)
    null = evidence.matching(study, "forcing", null=True)
    assert null["layer"].values.tolist() == list(study.design.probed_layers)


def test_the_way_back_is_compared_layer_by_layer(study: Study) -> None:
    found = evidence.reversal(study, "forcing")
    assert found.dims == ("layer", "seed") and not (abs(found) > 1 + 1e-12).any()
    there, back = (evidence.changes(study, case)["response"] for case in ("forcing", "forcing reversed"))
    one = np.corrcoef(there.sel(layer=2, seed=0), back.sel(layer=2, seed=0))[0, 1]
    assert found.sel(layer=2, seed=0).item() == pytest.approx(one)


def test_scores_of_seeds_that_a_model_does_not_have_are_missing(study: Study) -> None:
    table = evidence.scores(study, "forcing")["rmse"]
    assert np.isfinite(table.sel(model=["none", "2", "gains"])).all()
    assert np.isfinite(table.sel(model="1+3", seed=0)) and np.isnan(table.sel(model="1+3", seed=1))


@pytest.mark.parametrize("scaling", SCALINGS)
def test_every_rung_of_the_ladder_is_there_under_every_scaling(study: Study, scaling: str) -> None:
    table, plain = study.make.ladder("forcing", scaling), study.ladder("forcing")
    rungs = study.vary({"transfer.scaling": scaling}).design.rungs("forcing")
    assert list(table["model"].values) == list(rungs)
    assert np.isfinite(table["rmse"]).all()
    # what has nothing to do with a scaling is the same under all of them
    for name in ("scratch_all", "own", "base", *(["2", "all"] if scaling == "own" else [])):
        assert table["rmse"].sel(model=name).equals(plain["rmse"].sel(model=name))
    formula = table["rmse"].sel(model="gradient")
    assert (formula == formula[0]).all()  # it has no seed


def test_the_ladder_writes_only_what_a_rung_may_change(study: Study) -> None:
    study.make.ladder("forcing")
    base = study.base("forcing").state_dict()
    last = f"conv{study.layers[-1]:02d}"
    for name, allowed in (
        ("gains", {"conv01.weight", f"{last}.weight", f"{last}.bias"}),
        ("biases", {key for key in base if key.endswith("bias")}),
        ("scales 2", {"conv02.weight", "conv02.bias"}),
        ("random 0", {"conv02.weight", "conv02.bias"}),
        ("solved", {f"{last}.weight", f"{last}.bias"}),
    ):
        found = study.network("forcing", name).state_dict()
        assert {key for key in base if not base[key].equal(found[key])} <= allowed
    with pytest.raises(ValueError, match="'gradient' has no network"):
        study.network("forcing", "gradient")


def test_varied_studies_share_what_they_can(study: Study) -> None:
    varied = study.vary({"transfer.steps": 9})
    mine, theirs = (one.design.network_node for one in (study, varied))
    assert theirs("forcing", "none") == mine("forcing", "none")
    assert theirs("forcing", [2]) != mine("forcing", [2])
    seen = study.vary({"transfer.scaling": "base"}).design.score_node("forcing", "none", 0)
    assert seen.inputs["scales"].key == study.design.network_node("forcing", "none").inputs["scales"].key
    carried = study.vary({"transfer.optimiser": "carried"}).design.network_node("forcing", [2])
    assert carried.inputs["home"].key != carried.inputs["few"].key
    assert carried.inputs["home_scales"].key == carried.inputs["base"].inputs["scales"].key
    with pytest.raises(ValueError, match="unknown setting"):
        study.vary({"transfer.stepz": 9})


def test_the_command_prints_and_writes_the_scorecard(
    study: Study, tmp_path: Path, tiny: dict[str, Any]
) -> None:
    settings = [f"--set={key}={value!r}" for key, value in flat(tiny).items()]
    environment = {"TLFOURIER_STORE": str(study.store.root), "TLFOURIER_REFERENCE": ""}
    arguments = ["scorecard", "--profile", "smoke", *settings, "--csv", str(tmp_path / "card.csv")]
    result = CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    table = pd.read_csv(tmp_path / "card.csv")
    assert len(table) == len(CLAIMS) * len(study.ladders)
    wanted = reading.as_table(study.verdicts(cases=study.ladders))["verdict"]
    assert table["verdict"].tolist() == wanted.tolist()
    assert table["case"].tolist().count("forcing reversed") == len(CLAIMS)
    assert all(claim.id in result.output for claim in CLAIMS)


def flat(settings: dict[str, Any], above: str = "") -> dict[str, Any]:
    """Return nested settings with dots in their keys."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return found
