"""What the scorecard judges: the artifacts of one case, as arrays whose unit is the training seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import xarray as xr

from tlfourier.closure.models import of_size
from tlfourier.doors import door


class Missing(LookupError):
    """A claim needs evidence that was not gathered: it is not judged, and the scorecard says why."""


@door
@dataclass(frozen=True)
class Evidence:
    """Everything that was measured in one case; what was not is None, and its claims are not judged.

    * ``test``, ``validation``: `tlfourier.scorecard.statistics.per_seed` scores on the target over (model,
      seed), models named as in `tlfourier.closure.models`: every rung of the ladder of repairs, and sets
      ``"2+5"``. Choices are made on validation and scored on test.
    * ``home``: The same of the base network on its own flow, over seed.
    * ``learning``: Test scores over (samples, model, seed): learning curves.
    * ``census``: ``trained``, ``initial``, ``randomised`` over (type, seed): shares of the kernels of a whole
      network. For the fairer readings also ``by_norm``, ``noise``, ``learned``, ``learned_gaussian``,
      ``learned_randomised`` over (type, seed), and ``explained`` over (dictionary, origin, seed).
    * ``jets``: The same of networks that were trained on an anisotropic flow.
    * ``importance``: ``by_importance`` over (type, seed): shares of the kernels, each counted with the skill
      that is lost without it.
    * ``change``, ``continued``: Over (layer, seed): ``gini`` of the change of a re-trained layer's kernels;
      of the null, the same steps on the base flow. Both also have ``response`` over (layer, seed, k).
    * ``way_back``: ``response`` of the transfers from target to base, over (layer, seed, k).
    * ``shift``: ``shift``, log10 of target over base spectra that enter each layer of the base network, over
      (layer, seed, k).
    * ``putback``: ``most``, ``random`` (mean of the draws) over (layer, share, seed); ``everything`` over
      (layer, seed).
    * ``activations``: ``base``, ``transferred`` and ``target``: log10 over the truth of the output's
      spectrum, and over the target-trained network of the hidden layers', (layer, seed), mean over k.
    * ``mask``: ``share`` of the change of a layer's spectrum that its mask makes, over seed; ``lost``, the
      share of a transfer's gain that is lost with the masks of the base network.
    * ``identity``: Name of a part, such as ``"census"``, to a text that two cases share exactly when the part
      comes from the same networks, such as the keys of its artifacts. A claim that rests on such parts alone
      is then judged once for both. Parts that are not named are taken to differ.
    * ``scaling``: In which units the networks were given the target, see `tlfourier.closure.scalings`.
    * ``family``: Cases of one family are corrected together for how many they are.
    """

    test: xr.Dataset
    validation: xr.Dataset
    home: xr.Dataset | None = None
    learning: xr.Dataset | None = None
    census: xr.Dataset | None = None
    jets: xr.Dataset | None = None
    change: xr.Dataset | None = None
    continued: xr.Dataset | None = None
    way_back: xr.Dataset | None = None
    shift: xr.Dataset | None = None
    putback: xr.Dataset | None = None
    activations: xr.Dataset | None = None
    mask: xr.Dataset | None = None
    importance: xr.Dataset | None = None
    identity: Mapping[str, str] = field(default_factory=dict)
    scaling: str = "own"
    family: str = ""

    def need(self, name: str) -> xr.Dataset:
        """Return a part, or raise Missing with the reason."""
        part: xr.Dataset | None = getattr(self, name)
        if part is None:
            raise Missing(f"{name.replace('_', ' ')} was not gathered in this case")
        return part

    def rmse(self, *models: str) -> list[xr.DataArray]:
        """Return the test errors of models over the seeds that all have; Missing if there are none."""
        known = self.test["model"].values.tolist()
        for model in models:
            if model not in known:
                raise Missing(f"model {model} was not scored in this case")
        rows = self.test["rmse"].sel(model=list(models)).dropna("seed")
        if not rows.sizes["seed"]:
            raise Missing(f"no seed has all of {', '.join(models)}")
        return [rows.sel(model=model, drop=True) for model in models]


@door
def chosen(evidence: Evidence, models: list[str]) -> xr.DataArray:
    """Return the test error, seed by seed, of the model that the seed's validation block chooses.

    A model that some seeds lack is left out for those seeds only; a seed without any of them is left out.
    """
    there = [model for model in models if model in evidence.validation["model"].values]
    if not there:
        raise Missing(f"none of {len(models)} models was scored in this case")
    found = pick(evidence.validation["rmse"].sel(model=there), evidence.test["rmse"].sel(model=there))
    if not found.sizes["seed"]:
        raise Missing(f"no seed has any of {len(there)} models")
    return found


@door
def pick(validation: xr.DataArray, test: xr.DataArray) -> xr.DataArray:
    """Return the test values of the model with the lowest validation error among those that a seed has.

    ``validation`` is over (model, seed), NaN where a seed lacks a model; other dimensions of ``test`` remain.
    """
    complete = test.notnull().all([dim for dim in test.dims if dim not in validation.dims])
    known = validation.where(complete).dropna("seed", how="all")
    return test.sel(seed=known["seed"]).isel(model=known.argmin("model")).drop_vars("model")


@door
def singles(evidence: Evidence) -> list[str]:
    """Return the names of the models that re-train one layer, from the input on."""
    names = of_size(evidence.test["model"].values, 1)
    if len(names) < 3:
        raise Missing(f"{len(names)} single layers were scored: at least 3 are needed")
    return names


@door
def pairs(evidence: Evidence) -> list[str]:
    """Return the names of the models that re-train two layers."""
    return of_size(evidence.test["model"].values, 2)
