"""Gather what a study measured in a case as the evidence that the scorecard judges."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import xarray as xr

from tlfourier import fourier
from tlfourier.closure.models import Model
from tlfourier.scorecard import Evidence
from tlfourier.store.node import Node
from tlfourier.study import tables
from tlfourier.study.design import PERCENTS, Design, Results
from tlfourier.study.settings import REVERSED


def evidence(study: Results, case: str) -> Evidence:
    """Return everything that was measured in a case."""
    back, forward = f"{case}{REVERSED}", not case.endswith(REVERSED)
    design, scaling = study.design, study.design.spec.transfer.scaling
    validation = scores(study, case, "validation")
    errors = Evidence(
        test=scores(study, case),
        validation=validation,
        home=tables.read(study, design.home_nodes(case)).squeeze("model", drop=True),
        scaling=scaling,
        family=f"{scaling}, {'looked into' if case in design.ways else 'the ladder alone'}",
    )
    if case in design.spec.anisotropic and scaling == "own":
        trained = {"census": census_nodes(design, case), "jets": census_nodes(design, case, "scratch_all")}
        identity = {name: " ".join(node.key for node in nodes) for name, nodes in trained.items()}
        eddies, jets = census(study, case), census(study, case, "scratch_all")
        errors = replace(errors, census=eddies, jets=jets, identity=identity)
    if case not in design.ways or scaling != "own":
        return errors
    return replace(
        errors,
        learning=learning(study, case) if case in design.spec.learning else None,
        census=census(study, case),
        change=changes(study, case),
        continued=changes(study, case, null=True),
        way_back=changes(study, back)[["response"]] if forward else None,
        shift=shift(study, case),
        putback=put_back(study, case) if forward else None,
        activations=output_gaps(study, case, validation),
        mask=mask_shares(study, case, validation),
        importance=importance(study, case),
        # reverse transfers with one base flow begin with the same networks
        identity={
            **errors.identity,
            "census": " ".join(node.key for node in census_nodes(study.design, case)),
            "importance": " ".join(node.key for node in importance_nodes(study.design, case)),
        },
    )


def census_nodes(design: Design, case: str, model: Model = "none") -> list[Node]:
    """Return the nodes of the filter types of a model's kernels, one for each seed."""
    return [design.census_node(case, model, seed) for seed in design.inside_seeds(case)]


def importance_nodes(design: Design, case: str) -> list[Node]:
    """Return the nodes of the base networks' kernels weighed on their own flow, one for each seed."""
    return [design.importance_node(case, seed) for seed in design.inside_seeds(case)]


def scores(study: Results, case: str, split: str = "test") -> xr.Dataset:
    """Return the scores of all models over (model, seed), NaN for seeds that one does not have."""
    table = tables.read(study, study.design.table_nodes(case, split=split))
    return table.reindex(seed=list(study.design.seeds_of(case)))


def learning(study: Results, case: str) -> xr.Dataset:
    """Return errors over (percent, model, seed): of the test block, and of validation to choose by."""
    models, rows = study.design.learning_models(case), []
    for percent in PERCENTS:
        part = study.design.with_percent(percent)
        read = [tables.read(study, part.table_nodes(case, models, split)) for split in ("test", "validation")]
        test, validation = (table["rmse"].reindex(seed=list(part.seeds_of(case))) for table in read)
        samples = part.spec.transfer.samples
        row = xr.Dataset({"rmse": test, "validation_rmse": validation, "samples": samples})
        rows.append(row.dropna("seed", how="all"))
    return xr.concat(rows, "percent").assign_coords(percent=list(PERCENTS))


def census(study: Results, case: str, model: Model = "none") -> xr.Dataset:
    """Return the shares of the filter types of all kernels over (type, seed), nulls as means of draws.

    And, over seed, those of what training added to the kernels, and how much dictionaries explain.
    """

    def one(seed: int) -> xr.Dataset:
        found: xr.Dataset = study.read(study.design.census_node(case, model, seed))
        return found.mean("draw", keep_attrs=True)

    return _over_seeds(study, case, one).sel(layer="all", drop=True)


def importance(study: Results, case: str) -> xr.Dataset:
    """Return the shares of the filter types of all kernels by the skill lost without each, (type, seed)."""

    def one(seed: int) -> xr.Dataset:
        found: xr.Dataset = study.read(study.design.importance_node(case, seed))
        return found

    return _over_seeds(study, case, one).sel(layer="all", drop=True)


def changes(study: Results, case: str, null: bool = False) -> xr.Dataset:
    """Return what re-training each layer changed in its kernels, over (layer, seed); or what its null did."""

    def one(seed: int) -> xr.Dataset:
        layers = study.design.probed_layers if null else study.design.layers
        nodes = (study.design.change_node(case, layer, seed, null) for layer in layers)
        return xr.concat(map(study.read, nodes), "layer")

    return _over_seeds(study, case, one)


def shift(study: Results, case: str) -> xr.Dataset:
    """Return log10 of target over base spectra entering each layer of the base network, (layer, seed, k)."""

    def one(seed: int) -> xr.Dataset:
        after, before = (_entering(activations(study, case, "none", seed, on)) for on in ("target", "base"))
        return fourier.log_ratio(after, before).to_dataset(name="shift")

    return _over_seeds(study, case, one)


def put_back(study: Results, case: str) -> xr.Dataset:
    """Return what is lost with kernels put back, over (layer, share, seed); random draws are averaged."""

    def one(seed: int) -> xr.Dataset:
        layers = list(study.design.layers)
        parts = [study.read(study.design.put_back_node(case, layer, seed)).mean("draw") for layer in layers]
        return xr.concat(parts, "layer").assign_coords(layer=layers)

    return _over_seeds(study, case, one)


def activations(study: Results, case: str, model: Model, seed: int, on: str = "target") -> xr.Dataset:
    """Return the spectra of a network's activations on a flow, the inputs' and the true output's."""
    found: xr.Dataset = study.read(study.design.activations_node(case, model, seed, on))
    return found


def output_gaps(study: Results, case: str, validation: xr.Dataset) -> xr.Dataset:
    """Return log10 of predicted over true output spectra, and of hidden ones over a target-trained network's.

    ``base``, ``transferred`` over (layer, seed), mean over k > 0, after the nonlinearity; the last layer's is
    the output against the truth. ``transferred`` is the probed layer that validation chooses.
    """

    def one(seed: int) -> xr.Dataset:
        target = activations(study, case, "scratch_all", seed)
        layer = _chosen(study, validation, seed)
        models: dict[str, Model] = {"base": "none", "transferred": (layer,)}
        spectra = {name: activations(study, case, model, seed) for name, model in models.items()}
        return xr.Dataset({name: _gaps(found, target) for name, found in spectra.items()})

    return _over_seeds(study, case, one)


def reversal(study: Results, case: str) -> xr.DataArray:
    """Return the correlation over k of a layer's response changes there and back, over (layer, seed).

    Minus one where the reverse transfer undoes in every wavenumber what the transfer did.
    """
    ways = (changes(study, name)["response"] for name in (case, f"{case}{REVERSED}"))
    there, back = xr.align(*ways, join="inner")
    return xr.corr(there, back, "k").transpose("layer", "seed")


def matching(study: Results, case: str, null: bool = False) -> xr.DataArray:
    """Return the correlation over k of a layer's response change and that of its input, over (layer, seed).

    The spectra that enter a layer are those of the base network, target over base flow; ``null`` is the layer
    trained on, on its base flow. What claim C9 averages over the layers.
    """
    pair = xr.align(changes(study, case, null)["response"], shift(study, case)["shift"], join="inner")
    return xr.corr(*pair, "k").transpose("layer", "seed")


def type_changes(study: Results, case: str) -> xr.Dataset:
    """Return the shares of the filter types in re-trained layers, over (layer, type, seed).

    ``before`` and ``after`` re-training the layer alone, and of both nulls of the layer after it:
    ``initial`` and ``randomised``. Over `Design.probed_layers`.
    """

    def one(seed: int) -> xr.Dataset:
        base = study.read(study.design.census_node(case, "none", seed))
        rows = []
        for layer in study.design.probed_layers:
            found = study.read(study.design.census_node(case, [layer], seed))
            before, after = (
                table.drop_sel(layer="all").isel(layer=layer - 1, drop=True) for table in (base, found)
            )
            nulls = {"initial": after["initial"], "randomised": after["randomised"].mean("draw")}
            rows.append(xr.Dataset({"before": before["trained"], "after": after["trained"], **nulls}))
        return xr.concat(rows, "layer").assign_coords(layer=list(study.design.probed_layers))

    return _over_seeds(study, case, one)


def mask_shares(study: Results, case: str, validation: xr.Dataset) -> xr.Dataset:
    """Return which share of the change of spectra the masks make, for the layer that validation chooses.

    ``by_layer`` over (layer, seed), NaN before the re-trained layer; ``share``, the mean of the others;
    ``lost``, the share of the transfer's gain that is lost with the masks of the base network.
    """

    def one(seed: int) -> xr.Dataset:
        layer = _chosen(study, validation, seed)
        found = study.read(study.design.mask_node(case, layer, seed))
        share = fourier.mask_share(found)
        reached = share.where(share["layer"] >= layer)
        return xr.Dataset({"share": reached.mean("layer"), "by_layer": reached, "lost": found["lost"]})

    return _over_seeds(study, case, one)


def _chosen(study: Results, validation: xr.Dataset, seed: int) -> int:
    """Return the one of the layers that are looked into that the validation block of a seed chooses."""
    errors = validation["rmse"].sel(seed=seed, model=[str(layer) for layer in study.design.probed_layers])
    return study.design.probed_layers[int(np.argmin(errors.values))]


def _over_seeds(study: Results, case: str, one: Callable[[int], xr.Dataset]) -> xr.Dataset:
    seeds = list(study.design.inside_seeds(case))
    return xr.concat(map(one, seeds), "seed", combine_attrs="override").assign_coords(seed=seeds)


def _entering(spectra: xr.Dataset) -> xr.DataArray:
    """Return the amplitudes that enter each layer: the inputs, then what the layers before it give."""
    hidden = spectra["amplitude"].sel(stage="after", drop=True).isel(layer=slice(0, -1))
    inputs = spectra["inputs"].drop_vars("layer", errors="ignore")
    rows = xr.concat([inputs, hidden.drop_vars("layer")], "layer")
    return rows.assign_coords(layer=np.arange(1, rows.sizes["layer"] + 1))


def _gaps(spectra: xr.Dataset, target: xr.Dataset) -> xr.DataArray:
    """Return the mean over k of log10 of spectra over a target-trained network's, the output's over truth."""
    hidden = fourier.spectral_gaps(spectra, target).sel(stage="after", drop=True).isel(layer=slice(0, -1))
    output = spectra["amplitude"].sel(stage="before", drop=True).isel(layer=[-1])
    last = fourier.log_ratio(output, spectra["truth"]).mean("k")
    return xr.concat([hidden, last], "layer")
