"""Read training samples: into memory up to a limit, beyond it mapped from disk."""

from pathlib import Path

from torch import Tensor

from tlfourier.io.netcdf import blocks, open_dataset
from tlfourier.io.paths import Readable
from tlfourier.io.scratch import mapped
from tlfourier.study.stages.artifacts import AnyScales, as_tensors, read_tensors

SAMPLE_BYTES = 2**30


def read_samples(
    folder: Readable, scales: AnyScales, scratch: Path, limit: int | None = None
) -> tuple[Tensor, Tensor]:
    """Read one block of pairs in ``folder`` as the network's inputs and outputs.

    Beyond ``limit`` bytes, `SAMPLE_BYTES` by default, they are mapped from a file in the folder ``scratch``,
    which needs as much room as the pairs have bytes.
    """
    with open_dataset(folder / "pairs.nc") as data:
        if data.nbytes > (SAMPLE_BYTES if limit is None else limit):
            return mapped((as_tensors(part, scales) for part in blocks(data)), scratch)
    return read_tensors(folder, scales)
