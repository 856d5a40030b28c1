"""Files: atomic writes, JSON, tensors, NetCDF, trajectories. The only room that writes to disk."""
