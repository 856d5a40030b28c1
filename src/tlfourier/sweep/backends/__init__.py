"""Where a sweep runs: in this process, on dask, or as SLURM jobs."""
