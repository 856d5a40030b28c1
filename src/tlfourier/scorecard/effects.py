"""The claims as effects, one number for each training seed.

Every effect takes the `Evidence` of one case and returns an array over ``seed``. What it is compared with
is part of it, so that the claim reads "effect > 0"; only C5 reads "effect < EQUAL". Margins were fixed before
looking and stand here.
"""

from collections.abc import Callable
from typing import TypeAlias

import xarray as xr

from tlfourier.closure.models import of_size
from tlfourier.doors import door
from tlfourier.scorecard.evidence import Evidence, Missing, chosen, pairs, pick, singles
from tlfourier.scorecard.statistics import depth_correlation, single_layers

Effect: TypeAlias = Callable[[Evidence], xr.DataArray]

BEST, LAST, SECOND_LAST = "best", "last", "second to last"
"""Single layers by their place: of the lowest mean validation error, the deepest, and the one before it."""

FAILS = 0.1
"""C1: an error this much above that of the right network is a failure."""
EQUAL = 0.05
"""C5, C6, C18: differences below this part of the gap from no transfer to scratch on all data are small."""
MIX = 0.1
"""C8: class fractions of two kinds of training data are alike below this total variation distance."""
PUT_BACK = 0.1
"""C10: the share of the kernels that is "few"."""


@door
def gap(evidence: Evidence) -> xr.DataArray:
    """Return the way from no transfer to a network trained on all target samples; Missing if none."""
    none, aim = evidence.rmse("none", "scratch_all")
    if float((way := none - aim).mean()) <= 0:
        found = "without transfer the network is as good as one trained on the target"
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
def shallow_is_best(evidence: Evidence) -> xr.DataArray:
    """C3: Spearman's rank correlation of error and depth over the single layers."""
    rows = evidence.test["rmse"].sel(model=singles(evidence))
    return depth_correlation(single_layers(rows).dropna("seed"))


@door
def deepest_are_worse(evidence: Evidence) -> xr.DataArray:
    """C4: error of the best of the last two layers and their pair, minus that of layer 2."""
    last = int(singles(evidence)[-1])
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
def best_few_against(model: str) -> Effect:
    """Return C5's effect ``(rmse(best one or two layers) - rmse(model)) / gap``, to lie below ``EQUAL``."""

    def effect(evidence: Evidence) -> xr.DataArray:
        best = chosen(evidence, singles(evidence) + pairs(evidence))
        return _shared(best - evidence.rmse(model)[0]) / float(gap(evidence).mean())

    return effect


@door
def pairs_add_little(evidence: Evidence) -> xr.DataArray:
    """C6: ``EQUAL * gap - (rmse(best single) - rmse(best pair))``, both chosen on validation."""
    if not pairs(evidence):
        raise Missing("no pair of layers was scored in this case")
    gained = chosen(evidence, singles(evidence)) - chosen(evidence, pairs(evidence))
    return _shared(EQUAL * gap(evidence) - gained)


@door
def more_types_than_chance(evidence: Evidence) -> xr.DataArray:
    """C7: share of kernels of the four types minus the larger of both nulls' shares."""
    shares = _typed(evidence.need("census"))
    null = xr.where(shares["initial"] > shares["randomised"], shares["initial"], shares["randomised"])
    return shares["trained"] - null


@door
def most_kernels_have_a_type(evidence: Evidence) -> xr.DataArray:
    """C7: share of kernels of the four types minus one half."""
    return _typed(evidence.need("census"))["trained"] - 0.5


@door
def mix_ignores_isotropy(evidence: Evidence) -> xr.DataArray:
    """C8: ``MIX`` minus the total variation distance of the class fractions of both kinds of networks."""
    here, there = evidence.need("census")["trained"], evidence.need("jets")["trained"]
    return MIX - abs(here - there).sum("type") / 2


@door
def filters_match_the_shift(evidence: Evidence) -> xr.DataArray:
    """C9: correlation over k of a layer's change of ``|F(W)|**2`` with the data's log ratio, layers' mean.

    The spectra that enter a layer are those of the base network on both flows.
    """
    return _correlation(evidence.need("change")["response"], evidence.need("shift")["shift"])


@door
def sign_flips_on_the_way_back(evidence: Evidence) -> xr.DataArray:
    """C9: minus the correlation over k of the response changes there and back, mean of the layers."""
    return -_correlation(evidence.need("change")["response"], evidence.need("way_back")["response"])


@door
def change_is_uneven(evidence: Evidence) -> xr.DataArray:
    """C10: Gini coefficient of the change over a layer's kernels minus that of the null, mean of layers."""
    change, null = xr.align(evidence.need("change")["gini"], evidence.need("continued")["gini"], join="inner")
    return (change - null).mean("layer")


@door
def few_kernels_carry_it(evidence: Evidence) -> xr.DataArray:
    """C10: skill lost with the most changed `PUT_BACK` of the kernels put back, minus that with random ones.

    As a part of what is lost with all of them put back, mean of the layers where that is a loss.
    """
    curve = evidence.need("putback").sel(share=PUT_BACK)
    whole = curve["everything"].where(curve["everything"] > 0)
    return ((curve["most"] - curve["random"]) / whole).mean("layer")


@door
def base_underestimates(evidence: Evidence) -> xr.DataArray:
    """C11: minus log10 of the base network's output spectrum on the target over the true one, mean over k."""
    return -_output(evidence)["base"]


@door
def one_layer_repairs_it(evidence: Evidence) -> xr.DataArray:
    """C11: how much nearer one re-trained layer brings the output spectrum, ``|base| - |transferred|``."""
    output = _output(evidence)
    return abs(output["base"]) - abs(output["transferred"])


@door
def more_than_a_gain(evidence: Evidence) -> xr.DataArray:
    """C12: error of the output gain minus that of the single layer that validation chooses."""
    return _shared(evidence.rmse("gain")[0] - chosen(evidence, singles(evidence)))


@door
def mask_spreads(evidence: Evidence) -> xr.DataArray:
    """C13: share of the change of a layer's spectrum that its mask makes, minus one half."""
    return evidence.need("mask")["share"] - 0.5


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


def _placed(evidence: Evidence, model: str) -> str:
    """Return the name of a layer that is called by its place, any other name as it is."""
    if model not in (BEST, LAST, SECOND_LAST):
        return model
    names = singles(evidence)
    if model == BEST:
        return str(evidence.validation["rmse"].sel(model=names).mean("seed").idxmin("model").item())
    return names[-1] if model == LAST else names[-2]


def _typed(census: xr.Dataset) -> xr.Dataset:
    """Add the shares of the four types; what is left over has none."""
    return census.sel(type=["low-pass", "band-pass", "high-pass", "gabor"]).sum("type")


def _correlation(one: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Return the correlation over k where both have layers, seeds and k in common, mean of the layers."""
    return xr.corr(*xr.align(one, other, join="inner"), "k").mean("layer")


def _output(evidence: Evidence) -> xr.Dataset:
    """Return the rows of the last layer: what the network gives."""
    return evidence.need("activations").isel(layer=-1, drop=True)


def _shared(effect: xr.DataArray) -> xr.DataArray:
    """Return an effect over the seeds that both of its sides have; Missing if there is none."""
    there = effect.dropna("seed")
    if not there.sizes["seed"]:
        raise Missing("no seed has both of what is compared")
    return there
