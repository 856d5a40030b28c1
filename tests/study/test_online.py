"""Ensembles of a study from nothing: every closure beside the filtered DNS, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tlfourier.study import online
from tlfourier.study.stages.online import BARE, CLOSURES, TRUTH, shortened
from tlfourier.study.study import Study, begin


@pytest.fixture(scope="module")
def study(tiny: dict[str, Any]) -> Study:
    found = begin("smoke", tiny)
    some = [TRUTH, BARE, "smagorinsky", "none", "dimensional per sample", "2"]
    found.make_all([online.node(found.design, "forcing", name) for name in some], workers=1)
    return found


def test_every_closure_and_every_rung_is_run_in_every_case_that_is_looked_into() -> None:
    design = begin("laptop").design
    found = [node for node in online.nodes(design) if node.stage == "online"]
    closures = {node.spec["closure"] for node in found}
    assert closures == {TRUTH, BARE, "network", *CLOSURES}
    # the three cases have one target: closures and networks of its own are run once
    alone = [node for node in set(found) if "network" not in node.inputs]
    assert len(alone) == len(CLOSURES) + 2
    networks = {
        (name, online.node(design, case, name)) for case in design.cases for name in online.networks(design)
    }
    assert len({node for _, node in networks}) == 3 * (len(online.networks(design)) - 2) + 2
    assert online.nodes(begin("laptop", system="ocean").design) == []


def test_a_network_is_run_in_the_units_that_it_is_scored_in(study: Study) -> None:
    own, per_sample = (
        online.node(study.design, "forcing", name) for name in ("none", "dimensional per sample")
    )
    assert own.inputs["network"] == per_sample.inputs["network"]
    assert own.inputs["scales"] == study.design.score_node("forcing", "none").inputs["scales"]
    assert per_sample.inputs["scales"].spec == {"scaling": "dimensional per sample"}


def test_what_an_ensemble_holds(study: Study) -> None:
    found = online.climate(study, "forcing", "2")
    members = study.spec.online.members
    assert found.sizes["member"] == members
    assert np.isfinite(found["energy_spectrum"]).all() and found["blown_up"].isnull().all()
    assert found["correlation"].isel(lead=0).min() > 0.5  # a first snapshot later it is still the same flow
    seen = found["energy_spectrum"].values
    np.testing.assert_array_equal(seen, shortened(found)["energy_spectrum"])  # 12 binary digits are kept
    truth = online.climate(study, "forcing", TRUTH)
    assert truth.sizes["member"] == members and "blown_up" not in truth


def test_the_summary_says_how_far_and_how_many(study: Study) -> None:
    found = online.summary(study, "forcing", [BARE, "smagorinsky", "none", "2"])
    assert found["similarity"].sel(model=BARE) == 0 and (found["blown_up"] == 0).all()
    assert ((found["low"] <= found["high"]) & (found["spectrum_error"] > 0)).all()
    assert (found["members"] == study.spec.online.members).all()


def test_half_of_the_filtered_dns_is_not_the_other_half(study: Study) -> None:
    found = online.sampling(study, "forcing")
    assert 0 < found["spectrum_error"] < 1 and found["worst"] <= found["similarity"] < 1


def test_one_that_blows_up_is_counted_and_has_no_number(study: Study) -> None:
    node = online.node(study.design, "forcing", "2")
    found = study.read(node)
    gone = found.assign(blown_up=found["blown_up"].fillna(0.1))  # it had been seen until then

    class Blown:
        design = study.design

        def read(self, one: Any) -> Any:
            return gone if one == node else study.read(one)

    row = online.summary(Blown(), "forcing", ["2"]).squeeze()
    assert row["blown_up"] == row["members"] == study.spec.online.members
    assert row["spectrum_error"].isnull() and row["similarity"].isnull()
    assert online.told(row.expand_dims("model")).tolist() == ["blows up"]


def test_an_ensemble_that_blows_up_as_a_whole_is_an_artifact_too(study: Study) -> None:
    wild = study.vary({"online.cfl": 9.0, "online.duration": 40.0, "online.held": True})
    found = online.climate(wild.make, "forcing", "leith 3")
    assert found["blown_up"].notnull().all() and found["enstrophy"].isel(time=-1).isnull().all()


def test_a_film_begins_as_one_flow_and_parts(study: Study) -> None:
    found = study.make.read(online.film(study.design, "forcing"))["omega"]
    assert found.dtype == np.int8 and dict(found.sizes)["panel"] == 4
    first, last = (found.isel(time=time).astype(float) for time in (0, -1))
    truth = first.sel(panel="filtered DNS")
    assert float(abs(first - truth).max()) <= 1  # to a step of rounding
    apart = abs(last - last.sel(panel="filtered DNS")).mean(("y", "x"))
    assert (apart.drop_sel(panel="filtered DNS") > 1).all()
    strongest = float(abs(truth).max())
    assert 100 < strongest <= 127


def test_offline_stands_beside_online(study: Study) -> None:
    study.make_all(study.design.table_nodes("forcing"), workers=1)
    summary = online.summary(study, "forcing", ["none", "dimensional per sample", "2"])
    found = online.offline_and_online(study, {"forcing": summary})
    assert found["model"].tolist() == ["none", "2"]  # in other units it is no other network
    offline = study.score("forcing", "2")
    np.testing.assert_allclose(found.set_index("model").loc["2", "rmse"], offline["rmse"].mean())
    np.testing.assert_allclose(found["online"], summary["spectrum_error"].sel(model=["none", "2"]))


def test_a_score_that_orders_networks_as_the_flow_does_keeps_its_promise() -> None:
    table = pd.DataFrame(
        {
            "case": ["a"] * 3 + ["b"] * 3,
            "cc": [0.9, 0.8, 0.7, 0.9, 0.8, 0.7],
            "rmse": [0.3, 0.2, 0.1, 0.1, 0.2, 0.3],
            "spectrum_error": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            "online": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        }
    )
    found = online.promises(table)
    assert found.index.tolist() == ["a", "b", "all"]
    np.testing.assert_allclose(found["spectrum_error"], 1)
    np.testing.assert_allclose(found.loc[["a", "b"], "1 - cc"], 1)
    np.testing.assert_allclose(found["rmse"], [-1, 1, 0], atol=1e-12)
    table.loc[0, "online"] = np.nan  # the network with the best CC blows up: it is the last of its case
    np.testing.assert_allclose(online.promises(table).loc["a"], [-0.5, 0.5, -0.5])
