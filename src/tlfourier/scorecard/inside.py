"""The claims on kernels, activations and masks as effects, one number for each replicate.

They are made as those of `tlfourier.scorecard.effects`.
"""

import xarray as xr

from tlfourier.doors import door
from tlfourier.scorecard.effects import Effect
from tlfourier.scorecard.evidence import Evidence, Missing

MIX = 0.1
"""C8: class fractions of two kinds of training data are alike below this total variation distance."""
PUT_BACK = 0.1
"""C10: the share of the kernels that is "few"."""


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
def filters_match_in(first: int, last: int | None = None) -> Effect:
    """Return C9's correlation over k minus the null's, mean of the layers from ``first`` to ``last``.

    By default one layer; a negative number counts from the output. The null is as many steps on the base
    flow, and layers without one are left out. Layers of opposite sign are not to be averaged.
    """

    def effect(evidence: Evidence) -> xr.DataArray:
        shift = evidence.need("shift")["shift"]
        change, null = (evidence.need(name)["response"] for name in ("change", "continued"))
        end = int(change["layer"].max())
        low, high = (end + 1 + one if one < 0 else one for one in (first, first if last is None else last))
        there = [one for one in null["layer"].values if low <= one <= high and one in change["layer"].values]
        if not there:
            raise Missing(f"no layer from {low} to {high} has a null")
        return _correlation(change.sel(layer=there), shift) - _correlation(null.sel(layer=there), shift)

    return effect


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
def mask_spreads(evidence: Evidence) -> xr.DataArray:
    """C13: share of the change of a layer's spectrum that its mask makes, minus one half."""
    return evidence.need("mask")["share"] - 0.5


def _typed(census: xr.Dataset) -> xr.Dataset:
    """Add the shares of the four types; what is left over has none."""
    return census.sel(type=["low-pass", "band-pass", "high-pass", "gabor"]).sum("type")


def _correlation(one: xr.DataArray, other: xr.DataArray) -> xr.DataArray:
    """Return the correlation over k where both have layers, seeds and k in common, mean of the layers."""
    return xr.corr(*xr.align(one, other, join="inner"), "k").mean("layer")


def _output(evidence: Evidence) -> xr.Dataset:
    """Return the rows of the last layer: what the network gives."""
    return evidence.need("activations").isel(layer=-1, drop=True)
