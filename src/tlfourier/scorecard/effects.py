"""The claims on errors as effects, one number for each replicate.

Every effect takes the `Evidence` of one case and returns an array over ``seed``. What it is compared with
is part of it, so that the claim reads "effect > 0"; only C5 and C20 read "effect < EQUAL". Margins were fixed
before looking and stand here. `tlfourier.scorecard.inside` has the effects on what networks are.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import xarray as xr

from tlfourier.closure.models import of_size
from tlfourier.doors import door
from tlfourier.scorecard.evidence import Evidence, Missing, chosen, pairs, pick, singles
from tlfourier.scorecard.ranking import LEAST_GAP
from tlfourier.scorecard.statistics import depth_correlation, single_layers

Effect: TypeAlias = Callable[[Evidence], xr.DataArray]

BEST, LAST, SECOND_LAST = "best", "last", "second to last"
"""Single layers by their place: of the lowest mean validation error, the deepest, and the one before it."""

FAILS = 0.1
"""C1: an error this much above that of the right network is a failure."""
EQUAL = 0.05
"""C5, C6, C18, C20: differences below this part of the gap from no transfer to scratch on all are small."""


@door
def gap(evidence: Evidence) -> xr.DataArray:
    """Return the way from no transfer to a network trained on all target samples; or Missing.

    No transfer is that of the papers, in the target's own units, whatever the scaling of the others. A way
    below `tlfourier.scorecard.ranking.LEAST_GAP` of the error without transfer is none.
    """
    own = "own" if "own" in evidence.test["model"].values else "none"
    none, aim = evidence.rmse(own, "scratch_all")
    if float((way := none - aim).mean()) <= LEAST_GAP * float(none.mean()):
        found = "without transfer the network is about as good as one trained on the target"
        raise Missing(f"{found}: nothing to close")
    return way


@door
def fails_without_transfer(evidence: Evidence) -> xr.DataArray:
    """C1: ``rmse(none) / max(rmse(scratch_all), rmse(base on base)) - 1 - FAILS``."""
    none, aim = evidence.rmse("none", "scratch_all")
    home = evidence.need("home")["rmse"]
    return none / xr.where(home > aim, home, aim) - 1 - FAILS


@door
def correlation_hides_it(evidence: Evidence) -> xr.DataArray:
    """C2: growth of the spectrum error minus loss of CC, as fractions, from target-trained to no transfer.

    ``(spectrum_error(none) / spectrum_error(scratch_all) - 1) - (1 - cc(none) / cc(scratch_all))``.
    """
    evidence.rmse("scratch_all", "none")
    scores = evidence.test[["cc", "spectrum_error"]]
    change = scores.sel(model="none", drop=True) / scores.sel(model="scratch_all", drop=True)
    return (change["spectrum_error"] + change["cc"] - 2).dropna("seed")


@door
def correlation_hides_it_fairly(evidence: Evidence) -> xr.DataArray:
    """C2: the same with what the correlation leaves unexplained, ``sqrt(1 - CC**2)``, so that it can fail.

    ``spectrum_error(none) / spectrum_error(scratch_all) - missed(none) / missed(scratch_all)`` with that root
    as ``missed``: the relative RMSE that the best output factor leaves, an amplitude as the spectrum error.
    """
    evidence.rmse("scratch_all", "none")
    scores = evidence.test[["cc", "spectrum_error"]].sel(model=["none", "scratch_all"])
    missed = scores.assign(cc=np.sqrt(1 - scores["cc"] ** 2))
    change = missed.sel(model="none", drop=True) / missed.sel(model="scratch_all", drop=True)
    return (change["spectrum_error"] - change["cc"]).dropna("seed")


@door
def shallow_is_best(evidence: Evidence) -> xr.DataArray:
    """C3: Spearman's rank correlation of error and depth over the single layers, in the papers' units."""
    if evidence.scaling == "dimensional":
        raise Missing("in consistent units this is C23")
    return _depth(evidence)


def _depth(evidence: Evidence) -> xr.DataArray:
    rows = evidence.test["rmse"].sel(model=singles(evidence))
    return depth_correlation(single_layers(rows).dropna("seed"))


@door
def deepest_are_worse(evidence: Evidence) -> xr.DataArray:
    """C4: error of the best of the last two layers and their pair, minus that of layer 2."""
    last = int(singles(evidence)[-1])
    _need_pairs(evidence)
    deep = chosen(evidence, [str(last - 1), str(last), f"{last - 1}+{last}"])
    return _shared(deep - evidence.rmse("2")[0])


@door
def beats(better: str, worse: str) -> Effect:
    """Return the effect ``rmse(worse) - rmse(better)`` of two models, one of which may be a layer's place."""

    def effect(evidence: Evidence) -> xr.DataArray:
        ahead, behind = evidence.rmse(_placed(evidence, better), _placed(evidence, worse))
        return behind - ahead

    return effect


@door
def shallow_is_best_in_units(evidence: Evidence) -> xr.DataArray:
    """C23: C3 where the target is given in consistent units."""
    if evidence.scaling != "dimensional":
        raise Missing(f"asked where the scaling is dimensional: here it is {evidence.scaling}")
    return _depth(evidence)


@door
def beats_random_weights(evidence: Evidence) -> xr.DataArray:
    """C4: error of the last layer minus that of as many random weights of layer 2, mean of the draws.

    The last layer is solved for by least squares, so that no learning rate stands between the two.
    """
    draws = [name for name in evidence.test["model"].values.tolist() if name.startswith("random ")]
    if not draws:
        raise Missing("no random weights were re-trained in this case")
    last, *random = evidence.rmse("solved", *draws)
    return last - sum(random[1:], random[0]) / len(random)


@door
def best_few_against(model: str, of: str = "gap") -> Effect:
    """Return C5's effect ``(rmse(best one or two layers) - rmse(model)) / gap``, to lie below ``EQUAL``.

    With ``of="error"`` as a part of the error of a network trained on all target samples instead.
    """

    def effect(evidence: Evidence) -> xr.DataArray:
        _need_pairs(evidence)
        best = chosen(evidence, singles(evidence) + pairs(evidence))
        return _shared(best - evidence.rmse(model)[0]) / _measure(evidence, of)

    return effect


@door
def units_explain_it(of: str) -> Effect:
    """Return C20's effect, to lie below ``EQUAL``: the untouched network in consistent units, no worse.

    ``(rmse(dimensional) - rmse(best single layer)) / gap``, or over the error as in `best_few_against`. The
    layer is re-trained in the target's own units, as in the papers.
    """

    def effect(evidence: Evidence) -> xr.DataArray:
        if evidence.scaling != "own":
            raise Missing(
                f"asked of layers in the target's own units: here the scaling is {evidence.scaling}"
            )
        (untouched,) = evidence.rmse("dimensional")
        return _shared(untouched - chosen(evidence, singles(evidence))) / _measure(evidence, of)

    return effect


@door
def layer_beats(model: str) -> Effect:
    """Return ``rmse(model) - rmse(best single layer)``, chosen seed by seed on validation."""

    def effect(evidence: Evidence) -> xr.DataArray:
        return _shared(evidence.rmse(model)[0] - chosen(evidence, singles(evidence)))

    return effect


@door
def learns_new_filters(evidence: Evidence) -> xr.DataArray:
    """C22: error with the kernels of a layer scaled and shifted minus that with the layer re-trained.

    Of the layer with the lowest mean validation error among those of which the kernels were scaled too.
    """
    known = evidence.test["model"].values.tolist()
    layers = [name for name in singles(evidence) if f"scales {name}" in known]
    if not layers:
        raise Missing("the kernels of no layer were scaled in this case")
    layer = str(evidence.validation["rmse"].sel(model=layers).mean("seed").idxmin("model").item())
    scaled, retrained = evidence.rmse(f"scales {layer}", layer)
    return scaled - retrained


@door
def pairs_add_little(evidence: Evidence) -> xr.DataArray:
    """C6: ``EQUAL * gap - (rmse(best single) - rmse(best pair))``, both chosen on validation."""
    _need_pairs(evidence)
    gained = chosen(evidence, singles(evidence)) - chosen(evidence, pairs(evidence))
    return _shared(EQUAL * gap(evidence) - gained)


@door
def few_samples_suffice(evidence: Evidence) -> xr.DataArray:
    """C18: ``EQUAL * gap - (rmse(2 % of the data) - rmse(10 %))`` for the layer that validation chooses."""
    curve = evidence.need("learning")
    layers = of_size(curve["model"].values, 1)
    if not {2.0, 10.0} <= set(curve["percent"].values.tolist()) or not layers:
        raise Missing("no layer was re-trained on 2 % and on 10 % of the samples")
    part = curve.sel(model=layers, percent=[2.0, 10.0])
    rows = pick(part["validation_rmse"].sel(percent=10.0, drop=True), part["rmse"])
    few, more = (rows.sel(percent=percent, drop=True) for percent in (2.0, 10.0))
    return _shared(EQUAL * gap(evidence) - (few - more))


def _need_pairs(evidence: Evidence) -> None:
    """Raise Missing unless two layers were tried together: one alone is no "one or two"."""
    if not pairs(evidence):
        raise Missing("no pair of layers was scored in this case")


def _measure(evidence: Evidence, of: str) -> float:
    """Return the mean gap, or the mean error of a network trained on all target samples."""
    if of not in ("gap", "error"):
        raise ValueError(f"of={of!r}: accepted are 'gap' and 'error'")
    return float((gap(evidence) if of == "gap" else evidence.rmse("scratch_all")[0]).mean())


def _placed(evidence: Evidence, model: str) -> str:
    """Return the name of a layer that is called by its place, any other name as it is."""
    if model not in (BEST, LAST, SECOND_LAST):
        return model
    names = singles(evidence)
    if model == BEST:
        return str(evidence.validation["rmse"].sel(model=names).mean("seed").idxmin("model").item())
    return names[-1] if model == LAST else names[-2]


def _shared(effect: xr.DataArray) -> xr.DataArray:
    """Return an effect over the seeds that both of its sides have; Missing if there is none."""
    there = effect.dropna("seed")
    if not there.sizes["seed"]:
        raise Missing("no seed has both of what is compared")
    return there
