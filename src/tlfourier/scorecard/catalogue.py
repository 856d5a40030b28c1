"""The one list of what the book judges: effect, bound, words, and the page that shows it."""

from dataclasses import dataclass

import numpy as np

from tlfourier.doors import door
from tlfourier.scorecard import effects, inside, readings
from tlfourier.scorecard.effects import BEST, EQUAL, LAST, SECOND_LAST, Effect
from tlfourier.scorecard.evidence import Evidence, Missing


@door
@dataclass(frozen=True)
class Claim:
    """One claim in ``words``: how its effect is computed, what is claimed of it, and the page that shows it.

    The ``id``, such as ``"C4.deepest"``, never changes. ``effect`` goes from the evidence of a case to one
    number per seed, which is the ``quantity``. Without a ``margin`` the claim is "effect > 0"; else it is
    "effect < margin": no worse by more than that. ``rests_on`` are the parts of the evidence that alone
    decide it, if these may be the same networks in several cases.
    """

    id: str
    page: str
    effect: Effect
    words: str
    quantity: str
    margin: float | None = None
    rests_on: tuple[str, ...] = ()

    @property
    def number(self) -> str:
        """``"C4"``, the id up to its dot: what the papers' claim is called."""
        return self.id.partition(".")[0]

    @property
    def bound(self) -> float:
        """What the mean effect is tested against."""
        return 0.0 if self.margin is None else self.margin

    @property
    def side(self) -> int:
        """The side of the bound on which the claim holds: 1 above, -1 below."""
        return 1 if self.margin is None else -1

    @property
    def bound_in_words(self) -> str:
        """``"> 0"`` or ``"< 0.05"``."""
        return f"{'>' if self.side > 0 else '<'} {self.bound:g}"

    def effects(self, evidence: Evidence) -> np.ndarray:
        """Return the effect of every seed that has one, or raise Missing with the reason."""
        values = np.asarray(self.effect(evidence), dtype=float)
        if not np.isfinite(values).any():
            raise Missing("no seed has a finite effect")
        return values[np.isfinite(values)]

    def networks(self, evidence: Evidence) -> tuple[str, ...] | None:
        """Return what tells the networks apart that the claim rests on; None if it is not known."""
        names = tuple(evidence.identity.get(part, "") for part in self.rests_on)
        return names if names and all(names) else None


# fmt: off
CLAIMS: tuple[Claim, ...] = (
    Claim("C1", "out-of-distribution", effects.fails_without_transfer,
          "without transfer the base network fails on the target",
          "relative excess of the error over the worse of home and target-trained, minus 0.1"),
    Claim("C2", "out-of-distribution", effects.correlation_hides_it,
          "the correlation alone hides it",
          "growth of the spectrum error minus loss of CC"),
    Claim("C2.fair", "out-of-distribution", effects.correlation_hides_it_fairly,
          "the part that the correlation leaves unexplained hides it too",
          "growth of the spectrum error minus growth of √(1 - CC²)"),
    Claim("C3", "one-layer", effects.shallow_is_best,
          "the shallower the re-trained layer, the better",
          "Spearman's ρ of error and depth"),
    Claim("C4.deepest", "one-layer", effects.deepest_are_worse,
          "the deepest layers are worse than layer 2",
          "error of the best of the last two and their pair, minus layer 2"),
    Claim("C4.parameters", "pairs", effects.beats_random_weights,
          "the last layer is worse than as many random weights of layer 2",
          "error of the last layer, by least squares, minus that of the random weights"),
    Claim("C5.all", "pairs", effects.best_few_against("all"),
          "one or two layers match or beat re-training all",
          "difference of errors over the gap", EQUAL),
    Claim("C5.scratch", "pairs", effects.best_few_against("scratch_all"),
          "one or two layers match or beat a network trained on all target data",
          "difference of errors over the gap", EQUAL),
    Claim("C5.all.error", "pairs", effects.best_few_against("all", "error"),
          "one or two layers match re-training all, within 5 % of the target-trained error",
          "difference of errors over the error of a network trained on all target data", EQUAL),
    Claim("C5.scratch.error", "pairs", effects.best_few_against("scratch_all", "error"),
          "one or two layers match a network trained on all target data, within 5 % of its error",
          "difference of errors over the error of a network trained on all target data", EQUAL),
    Claim("C6", "pairs", effects.pairs_add_little,
          "pairs add little over the best single layer",
          "0.05 of the gap minus what the best pair gains"),
    Claim("C7.chance", "kernels", inside.more_types_than_chance,
          "kernels are low-, band-, high-pass or Gabor filters more often than chance",
          "share of these types minus the larger null's", rests_on=("census",)),
    Claim("C7.most", "kernels", inside.most_kernels_have_a_type,
          "most kernels are low-, band-, high-pass or Gabor filters",
          "share of these types minus 0.5", rests_on=("census",)),
    Claim("C7.dictionary", "kernels", readings.dictionary_explains_them,
          "a small dictionary of filters of the four types describes kernels better than chance",
          "share of power explained minus the larger null's, minus 0.05", rests_on=("census",)),
    Claim("C7.norm", "kernels", readings.most_norm_has_a_type,
          "most of the kernels' norm is in filters of the four types",
          "share of these types by norm, minus 0.5", rests_on=("census",)),
    Claim("C7.importance", "kernels", readings.most_skill_has_a_type,
          "most of the skill is in filters of the four types",
          "share of these types by the skill lost without a kernel, minus 0.5", rests_on=("importance",)),
    Claim("C7.learned", "kernels", readings.learned_types_beyond_chance,
          "what training adds to kernels is a filter of the four types more often than chance",
          "share of these types in W − W₀ minus the larger null's", rests_on=("census",)),
    Claim("C8", "kernels", inside.mix_ignores_isotropy,
          "the mix of types does not depend on the isotropy of the training data",
          "0.1 minus the distance of the class fractions", rests_on=("census", "jets")),
    Claim("C9.match", "change", inside.filters_match_the_shift,
          "transfer learns filters that match the spectral difference of the systems",
          "correlation over k of both changes"),
    Claim("C9.layer 2", "change", inside.filters_match_in(2),
          "layer 2 learns filters that match the spectral difference",
          "correlation over k of both changes in layer 2, minus that of more training on the base flow"),
    Claim("C9.deep", "change", inside.filters_match_in(-7, -1),
          "the seven deepest layers learn filters that match the spectral difference",
          "correlation over k minus that of more training on the base flow, mean of those that have both"),
    Claim("C9.reversal", "change", inside.sign_flips_on_the_way_back,
          "in the reverse transfer the change of the filters has the other sign",
          "minus the correlation over k of both changes"),
    Claim("C10.gini", "change", inside.change_is_uneven,
          "the change sits in few kernels, more than steps on the base flow would put there",
          "Gini coefficient minus that of the null"),
    Claim("C10.reversion", "activations", inside.few_kernels_carry_it,
          "the most changed tenth of the kernels carries more of the skill than a random tenth",
          "skill lost by putting them back, over all that is lost"),
    Claim("C11.fails", "activations", inside.base_underestimates,
          "the base network underestimates the output spectrum on the target",
          "minus log10 of predicted over true amplitude"),
    Claim("C11.repair", "activations", inside.one_layer_repairs_it,
          "one re-trained layer brings the output spectrum nearer to the truth",
          "what the distance in log10 shrinks by"),
    Claim("C12", "one-layer", effects.layer_beats("gain"),
          "the best layer is more than an output gain",
          "error of the output gain minus the best layer's"),
    Claim("C12.units", "units", effects.layer_beats("dimensional"),
          "the best layer is more than consistent units",
          "error of the untouched network in consistent units minus the best layer's"),
    Claim("C13", "activations", inside.mask_spreads,
          "the ReLU mask is what changes the spectra",
          "share of the mask minus 0.5"),
    Claim("C13.masks", "activations", readings.new_masks_carry_it,
          "without new masks most of what transfer gains is lost",
          "share of the gain lost with the base network's masks, minus 0.5"),
    Claim("C18", "pairs", effects.few_samples_suffice,
          "2 % of the data is nearly as good as 10 %",
          "0.05 of the gap minus what 10 % gain"),
    Claim("C19", "units", effects.layer_beats("scratch_few"),
          "the best layer beats a network trained from scratch on the same few samples",
          "error of that network, trained with steps of its own, minus the best layer's"),
    Claim("C20", "units", effects.units_explain_it("gap"),
          "in consistent units the untouched network is as good as the best re-trained layer",
          "difference of errors over the gap", EQUAL),
    Claim("C20.error", "units", effects.units_explain_it("error"),
          "consistent units alone are as good as the best layer, within 5 % of the target-trained error",
          "difference of errors over the error of a network trained on all target data", EQUAL),
    Claim("C21", "units", effects.layer_beats("gains"),
          "one layer learns more than a gain for each input and output",
          "error with three gains minus the best layer's"),
    Claim("C22", "units", effects.learns_new_filters,
          "one layer does more than new weights of its old filters can",
          "error with a layer's kernels scaled and shifted minus that with the layer re-trained"),
    Claim("C23", "units", effects.shallow_is_best_in_units,
          "the shallower, the better, also in consistent units",
          "Spearman's ρ of error and depth"),
)
"""The claims of the papers, in their order, and from C19 on those of this book."""
# fmt: on


def _statement(name: str, words: str, better: str, worse: str) -> Claim:
    quantity = "error of what is beaten minus that of what beats it"
    return Claim(name, "one-layer", effects.beats(better, worse), words, quantity)


STATEMENTS: tuple[Claim, ...] = (
    _statement("L1.none", "the best layer beats no transfer", BEST, "none"),
    _statement("L2.gain", "the best layer beats the output gain", BEST, "gain"),
    _statement("L3.few", "the best layer beats scratch on the same few samples", BEST, "scratch_few"),
    _statement("L4.second_last", "layer 2 beats the last layer but one", "2", SECOND_LAST),
    _statement("L4.last", "layer 2 beats the last layer", "2", LAST),
    _statement("L5.all", "all layers beat the best layer", "all", BEST),
    _statement("L6.scratch", "scratch on all samples beats the best layer", "scratch_all", BEST),
)
"""What the page on single layers states beside the papers' claims, with numbers of its own.

The best layer is that of the lowest mean validation error over seeds, one for each case.
"""
