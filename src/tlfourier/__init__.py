"""Transfer learning of turbulence closures, explained by Fourier analysis."""
