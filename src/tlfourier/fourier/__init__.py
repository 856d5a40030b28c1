"""See what a convolutional network computes, in Fourier space: kernels, layers, activations of any module."""

from tlfourier.fourier.activations import activation_spectra
from tlfourier.fourier.census import fractions_with_nulls, kernel_types, network_fractions
from tlfourier.fourier.change import gini, kernel_change, most_changed, network_change, put_back
from tlfourier.fourier.clusters import cluster
from tlfourier.fourier.families import (
    LABELS,
    Rule,
    class_fractions,
    classify,
    features,
    threshold_sensitivity,
)
from tlfourier.fourier.identities import convolve_spectra, layer_identity, layer_spectrum, relu_spectrum
from tlfourier.fourier.kernels import (
    conv_layers,
    independent_power,
    kernel_amplitude,
    kernel_power,
    kernel_spectrum,
    power_wavenumbers,
)
from tlfourier.fourier.nulls import phase_randomised
from tlfourier.fourier.truth import confusion_matrix, synthetic_kernels

__all__ = [
    "LABELS",
    "Rule",
    "activation_spectra",
    "class_fractions",
    "classify",
    "cluster",
    "confusion_matrix",
    "conv_layers",
    "convolve_spectra",
    "features",
    "fractions_with_nulls",
    "gini",
    "independent_power",
    "kernel_amplitude",
    "kernel_change",
    "kernel_power",
    "kernel_spectrum",
    "kernel_types",
    "layer_identity",
    "layer_spectrum",
    "most_changed",
    "network_change",
    "network_fractions",
    "phase_randomised",
    "power_wavenumbers",
    "put_back",
    "relu_spectrum",
    "synthetic_kernels",
    "threshold_sensitivity",
]
