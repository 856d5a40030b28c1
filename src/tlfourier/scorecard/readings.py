"""The fairer readings of C7 and C13, beside the strict ones of `tlfourier.scorecard.inside`, by replicate."""

import xarray as xr

from tlfourier.doors import door
from tlfourier.scorecard.evidence import Evidence, Missing

EXPLAINS = 0.05
"""C7: a dictionary that explains this much more of kernels' power than of both nulls' describes them."""
MOST = 0.5
"""C7, C13: more than half is most."""

FILTERS = ["low-pass", "band-pass", "high-pass", "gabor"]


@door
def dictionary_explains_them(evidence: Evidence) -> xr.DataArray:
    """C7: share of kernels' power that four families explain, minus the larger null's, minus `EXPLAINS`."""
    shares = evidence.need("census")["explained"].sel(dictionary="families", drop=True)
    nulls = shares.sel(origin=["initial", "randomised"]).max("origin")
    return shares.sel(origin="trained", drop=True) - nulls - EXPLAINS


@door
def most_norm_has_a_type(evidence: Evidence) -> xr.DataArray:
    """C7: share of kernels of the four types, each counted with its norm, minus `MOST`."""
    return _typed(evidence.need("census")["by_norm"]) - MOST


@door
def most_skill_has_a_type(evidence: Evidence) -> xr.DataArray:
    """C7: share of kernels of the four types, each counted with the skill lost without it, minus `MOST`."""
    return _typed(evidence.need("importance")["by_importance"]) - MOST


@door
def learned_types_beyond_chance(evidence: Evidence) -> xr.DataArray:
    """C7: share of ``W - W0`` of the four types minus the larger null's, Gaussian or phase-randomised."""
    census = evidence.need("census")
    shares = {name: _typed(census[name]) for name in ("learned", "learned_gaussian", "learned_randomised")}
    gaussian, randomised = shares["learned_gaussian"], shares["learned_randomised"]
    return shares["learned"] - xr.where(gaussian > randomised, gaussian, randomised)


@door
def new_masks_carry_it(evidence: Evidence) -> xr.DataArray:
    """C13: share of a transfer's gain that is lost with the masks of the base network, minus `MOST`."""
    lost = evidence.need("mask")["lost"].dropna("seed")
    if not lost.sizes["seed"]:
        raise Missing("no transfer gained anything that masks could lose: nothing to close")
    return lost - MOST


def _typed(shares: xr.DataArray) -> xr.DataArray:
    """Add the shares of the four types; NaN where nothing was counted."""
    return shares.sel(type=FILTERS).sum("type", skipna=False)
