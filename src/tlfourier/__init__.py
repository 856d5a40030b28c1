"""Transfer learning in Fourier space: which layers to re-train, and why."""

__version__ = "0.1.0"
