"""See what a convolutional network computes, in Fourier space: kernels, layers, activations of any module."""

from tlfourier.flow.summary import log_ratio
from tlfourier.fourier.activations import activation_spectra
from tlfourier.fourier.borrowed import gain_lost, predict_with_masks
from tlfourier.fourier.change import (
    gini,
    kernel_change,
    layer_changes,
    most_changed,
    network_change,
    put_back,
    strongest_changes,
)
from tlfourier.fourier.clusters import cluster, types_of_clusters
from tlfourier.fourier.dictionary import (
    explained_share,
    explained_with_nulls,
    family_atoms,
    held_out_share,
)
from tlfourier.fourier.filter_types import (
    LABELS,
    Rule,
    class_fractions,
    classify,
    features,
    threshold_sensitivity,
)
from tlfourier.fourier.identities import convolve_spectra, layer_identity, layer_spectrum, relu_spectrum
from tlfourier.fourier.importance import importance_fractions, kernel_importance
from tlfourier.fourier.kernels import (
    conv_layers,
    independent_power,
    kernel_amplitude,
    kernel_power,
    kernel_spectrum,
    network_kernels,
    power_wavenumbers,
    strongest,
)
from tlfourier.fourier.learned import learned_fractions
from tlfourier.fourier.masks import mask_share, mask_swap
from tlfourier.fourier.propagation import network_identities, one_product, rectified_wave
from tlfourier.fourier.response import (
    agreement,
    entering_changes,
    layer_response,
    mean_amplitude,
    relation,
    response_changes,
    spectral_gaps,
)
from tlfourier.fourier.reversion import put_back_curve
from tlfourier.fourier.surrogates import gaussian_like, phase_randomised
from tlfourier.fourier.synthetic import confusion_matrix, synthetic_kernels
from tlfourier.fourier.type_fractions import (
    against_nulls,
    false_positive_rate,
    fractions_with_nulls,
    kernel_types,
    network_fractions,
    noise_fractions,
    types_that_are,
)

# fmt: off
__all__ = [
    "LABELS", "Rule", "activation_spectra", "against_nulls", "agreement", "class_fractions", "classify",
    "cluster", "confusion_matrix", "conv_layers", "convolve_spectra", "entering_changes", "explained_share",
    "explained_with_nulls", "false_positive_rate", "family_atoms", "features", "fractions_with_nulls",
    "gain_lost", "gaussian_like", "gini", "held_out_share", "importance_fractions", "independent_power",
    "kernel_amplitude", "kernel_change", "kernel_importance", "kernel_power", "kernel_spectrum",
    "kernel_types", "layer_changes", "layer_identity", "layer_response", "layer_spectrum",
    "learned_fractions", "log_ratio", "mask_share", "mask_swap", "mean_amplitude", "most_changed",
    "network_change", "network_fractions", "network_identities", "network_kernels", "noise_fractions",
    "one_product", "phase_randomised", "power_wavenumbers", "predict_with_masks", "put_back",
    "put_back_curve", "rectified_wave", "relation", "relu_spectrum", "response_changes", "spectral_gaps",
    "strongest", "strongest_changes", "synthetic_kernels", "threshold_sensitivity", "types_of_clusters",
    "types_that_are",
]
