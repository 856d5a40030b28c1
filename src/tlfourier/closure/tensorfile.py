"""Tensors and a JSON record in one file: networks and checkpoints of training, as in `tlfourier.flow`."""

from tlfourier.flow.tensorfile import read_tensors, write_bytes, write_tensors

__all__ = ["read_tensors", "write_bytes", "write_tensors"]
