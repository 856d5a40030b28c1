"""Which ensembles of LES a study runs, and what they say: each beside the filtered DNS and no closure."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import xarray as xr

from tlfourier.closure import online
from tlfourier.closure.scalings import SCALINGS
from tlfourier.store.node import Node
from tlfourier.study import tables
from tlfourier.study.design import Design, Results
from tlfourier.study.stages.film import film_node
from tlfourier.study.stages.networks import applied_scales
from tlfourier.study.stages.online import BARE as BARE
from tlfourier.study.stages.online import CLOSURES as CLOSURES
from tlfourier.study.stages.online import NETWORK, online_node
from tlfourier.study.stages.online import TRUTH as TRUTH

DRAWS = 400
"""Ensembles drawn with replacement from the members, for an interval."""


def networks(design: Design) -> list[str]:
    """Return the models that are run: untouched in several units, every rung that is a network."""
    return [
        "none", "dimensional", "dimensional per sample", "gains", "scales 2", *map(str, design.layers), "all",
        "scratch_few", "scratch_all"
    ]  # fmt: skip


def node(design: Design, case: str, model: str, seed: int = 0) -> Node:
    """Return the node of an ensemble: of a model of a case, a closure, ``"nothing"``, the filtered DNS."""
    spec, target = design.spec.of_seed(seed), design.case(case).target
    if model in (TRUTH, BARE, *CLOSURES):
        return online_node(spec, target, model)
    if model in SCALINGS:
        return node(design.vary({"transfer.scaling": model}), case, "none", seed)
    network = design.network_node(case, model, seed)
    return online_node(spec, target, NETWORK, network, applied_scales(spec, target, network))


def nodes(design: Design) -> list[Node]:
    """Return every ensemble of the study, forward in the cases that are looked into."""
    names = [TRUTH, BARE, *CLOSURES, *networks(design)]
    found = [
        node(design, case, name, seed)
        for case in design.cases
        for name in names
        for seed in design.seeds_of(case)[: design.spec.online.seeds]
    ]
    asked_more = design.vary({"online.held": False})
    shown = [case for case in design.cases if case == design.spec.showcase]
    return found + [one for case in shown for one in (node(asked_more, case, "2"), film(design, case))]


def film(design: Design, case: str, seed: int = 0) -> Node:
    """Return the node of the film of a case: filtered DNS, no closure, network as it is, layer 2."""
    spec, target = design.spec.of_seed(seed), design.case(case).target
    network = design.network_node(case, "2", seed)
    return film_node(spec, target, network, applied_scales(spec, target, network))


def climate(study: Results, case: str, model: str, seed: int = 0) -> xr.Dataset:
    """Return the statistics of an ensemble, see `tlfourier.closure.online`; NaN of members that blew up."""
    found: xr.Dataset = study.read(node(study.design, case, model, seed))
    if "blown_up" not in found:
        return found
    of_members = [name for name, one in found.items() if "member" in one.dims and name != "blown_up"]
    return found.assign(found[of_members].where(found["blown_up"].isnull()))


def summary(study: Results, case: str, models: Iterable[str], seed: int = 0) -> xr.Dataset:
    """Compare ensembles with the filtered DNS, along ``model``.

    ``spectrum_error`` in decades and its 95 % interval over members, ``low`` and ``high``; ``tails``, the
    Wasserstein distance of the vorticity's distribution in its deviations; ``similarity``, mean and ``worst``
    of the board; ``blown_up``, members of ``members``; ``correlation`` at the last lead.
    """
    truth, bare = (climate(study, case, name, seed) for name in (TRUTH, BARE))
    k_most = study.design.spec.filter.size / 2
    spread = float(truth["omega"].mean("member").std())
    rows = []
    for name in (models := list(models)):
        found = climate(study, case, name, seed)
        alive = bool(found["energy_spectrum"].notnull().any())
        row: dict[str, float] = {
            "blown_up": int(found["blown_up"].notnull().sum()),
            "members": found.sizes["member"],
        }
        numbers = dict.fromkeys(("spectrum_error", "low", "high", "tails", "similarity", "worst"), np.nan)
        if alive:
            drawn = online.spectrum_error(online.resampled(found[["energy_spectrum"]], DRAWS), truth, k_most)
            similar = online.board(found, bare, truth)
            numbers = {
                "spectrum_error": float(online.spectrum_error(found, truth, k_most)),
                **dict(zip(("low", "high"), np.quantile(drawn, [0.025, 0.975]), strict=True)),
                "tails": float(online.distances(found, truth).sel(item="omega")) / spread,
                "similarity": float(similar.mean()),
                "worst": float(similar.min()),
            }
        row |= numbers | {"correlation": float(found["correlation"].mean("member")[-1])}
        rows.append(xr.Dataset(row))
    return xr.concat(rows, "model").assign_coords(model=models)


def told(found: xr.Dataset) -> pd.Series:
    """Return the spectrum error of each model of a `summary` in words: "blows up" where all members do."""
    errors = found["spectrum_error"].to_series()
    return errors.map(lambda error: "blows up" if np.isnan(error) else f"{error:.3f}")


def sampling(study: Results, case: str, seed: int = 0) -> xr.Dataset:
    """Compare the first half of the filtered DNS with the second: what too few snapshots alone make of it.

    ``spectrum_error``, ``similarity`` and its ``worst``, as in `summary`.
    """
    truth, bare = (climate(study, case, name, seed) for name in (TRUTH, BARE))
    half = truth.sizes["member"] // 2
    first, second = truth.isel(member=slice(half)), truth.isel(member=slice(half, None))
    similar = online.board(first, bare, second)
    error = online.spectrum_error(first, second, study.design.spec.filter.size / 2)
    return xr.Dataset({"spectrum_error": error, "similarity": similar.mean(), "worst": similar.min()})


def offline_and_online(study: Results, online: Mapping[str, xr.Dataset], seed: int = 0) -> pd.DataFrame:
    """Return offline scores of networks beside their spectrum error online: a row for each, and case.

    ``online`` has the `summary` of each case; a network that is given the flow in other units is left out.
    """
    rows = []
    for case, found in online.items():
        models = [str(name) for name in found["model"].values if name not in SCALINGS]
        table = tables.read(study, study.design.table_nodes(case)).sel(seed=seed, model=models)
        offline = table[["cc", "rmse", "spectrum_error"]].to_dataframe()[["cc", "rmse", "spectrum_error"]]
        errors = found["spectrum_error"].sel(model=models).to_series()
        rows.append(offline.assign(online=errors, case=case).reset_index())
    return pd.concat(rows, ignore_index=True)


def promises(table: pd.DataFrame) -> pd.DataFrame:
    """Return Spearman's rank correlation of each offline score with the error online, 1 - CC for CC.

    ``table`` is of `offline_and_online`; a row for each case, and one for all networks together. A network
    that blows up is the last of all.
    """
    scores = table.assign(cc=1 - table["cc"], online=table["online"].fillna(np.inf))
    names = {"cc": "1 - cc", "rmse": "rmse", "spectrum_error": "spectrum_error"}
    rows = {str(case): rows for case, rows in scores.groupby("case", sort=False)} | {"all": scores}
    ranks = {case: one[[*names, "online"]].rank() for case, one in rows.items()}
    found = {case: one[[*names]].corrwith(one["online"]) for case, one in ranks.items()}
    return pd.DataFrame(found).T.rename(columns=names)
