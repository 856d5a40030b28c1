"""Draw the book's figures: arrays in, figures out, no files; one style for all of them."""

from tlfourier.figures import closure, fields, flows, kernels, layers, spectra, style, subgrid, trials

__all__ = ["closure", "fields", "flows", "kernels", "layers", "spectra", "style", "subgrid", "trials"]
