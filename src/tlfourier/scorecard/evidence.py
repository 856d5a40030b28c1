"""What the scorecard judges: the artifacts of one case, as arrays whose unit is the training seed."""

from __future__ import annotations

from dataclasses import dataclass

import xarray as xr


class Missing(LookupError):
    """A claim needs evidence that was not gathered: it is not judged, and the scorecard says why."""


@dataclass(frozen=True)
class Evidence:
    """Everything that was measured in one case; what was not is None, and its claims are not judged.

    Parameters
    ----------
    test, validation : xr.Dataset
        `tlfourier.scorecard.statistics.per_seed` scores on the target over (model, seed): every baseline
        (``none``, ``gain``, ``all``, ``scratch_few``, ``scratch_all``), single layers ``"2"``, sets
        ``"2+5"``, and ``matched``, layer 2 with no more parameters than the last layer. Choices are made on
        validation and scored on test.
    home : xr.Dataset
        The same of the base network on its own flow, over seed.
    learning : xr.Dataset
        Test scores over (samples, model, seed): learning curves.
    census : xr.Dataset
        ``trained``, ``initial``, ``randomised`` over (type, seed): shares of the kernels of a whole network.
    jets : xr.Dataset
        The same of networks that were trained on an anisotropic flow.
    change, continued : xr.Dataset
        Over (layer, seed): ``gini`` of the change of a re-trained layer's kernels; of the null, the same
        steps on the base flow. ``change`` also has ``response`` over (layer, seed, k).
    way_back : xr.Dataset
        ``response`` of the transfers from target to base, over (layer, seed, k).
    shift : xr.Dataset
        ``shift``, log10 of target over base spectra that enter each layer of the base network, over (layer,
        seed, k).
    putback : xr.Dataset
        ``most``, ``random`` (mean of the draws) over (layer, share, seed); ``everything`` over (layer, seed).
    activations : xr.Dataset
        ``base``, ``transferred`` and ``target``: log10 over the truth of the output's spectrum, and over the
        target-trained network of the hidden layers', (layer, seed), mean over k.
    mask : xr.Dataset
        ``share`` of the change of a layer's spectrum that its mask makes, over seed.
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

    def need(self, name: str) -> xr.Dataset:
        """Return a part, or raise Missing with the reason."""
        part: xr.Dataset | None = getattr(self, name)
        if part is None:
            raise Missing(f"{name.replace('_', ' ')} was not gathered in this case")
        return part

    def rmse(self, *models: str) -> list[xr.DataArray]:
        """Return the test errors of models over the seeds that all have; Missing if there are none."""
        return _errors(self.test, models)


def _errors(scores: xr.Dataset, models: tuple[str, ...]) -> list[xr.DataArray]:
    known = scores["model"].values.tolist()
    for model in models:
        if model not in known:
            raise Missing(f"model {model} was not scored in this case")
    rows = scores["rmse"].sel(model=list(models)).dropna("seed")
    if not rows.sizes["seed"]:
        raise Missing(f"no seed has all of {', '.join(models)}")
    return [rows.sel(model=model, drop=True) for model in models]


def chosen(evidence: Evidence, models: list[str]) -> xr.DataArray:
    """Return the test error, seed by seed, of the model that the seed's validation block chooses.

    Models without a seed are left out for it; a seed without any of them is left out.
    """
    there = [model for model in models if model in evidence.validation["model"].values]
    if not there:
        raise Missing(f"none of {len(models)} models was scored in this case")
    validation = evidence.validation["rmse"].sel(model=there).dropna("seed")
    test = evidence.test["rmse"].sel(model=there, seed=validation["seed"])
    if not validation.sizes["seed"]:
        raise Missing(f"no seed has all of {len(there)} models")
    best = validation.argmin("model")
    return test.isel(model=best).drop_vars("model")


def singles(evidence: Evidence) -> list[str]:
    """Return the names of the models that re-train one layer, from the input on."""
    names = [str(name) for name in evidence.test["model"].values if str(name).isdigit()]
    if len(names) < 3:
        raise Missing(f"{len(names)} single layers were scored: at least 3 are needed")
    return sorted(names, key=int)


def pairs(evidence: Evidence) -> list[str]:
    """Return the names of the models that re-train two layers."""
    return [str(name) for name in evidence.test["model"].values if str(name).count("+") == 1]
