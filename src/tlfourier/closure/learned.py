"""A network as a closure of an LES: in the units that it knows, between transform and transform."""

import torch
from torch import nn

from tlfourier.closure.pairs import Scales
from tlfourier.closure.precision import in_bfloat16
from tlfourier.doors import door
from tlfourier.flow.grid import Grid
from tlfourier.modules import for_module
from tlfourier.shapes import Spectrum


@door
class LearnedClosure(nn.Module):
    """Close with a network, ``omega_hat -> sgs_hat``, as everything else that closes an LES.

    ``Π = σΠ network(ψ̄ / σψ, ω̄ / σω)`` in the units of the ``scales``, which are those of any scaling of
    `tlfourier.closure.scalings.scaling`; with `tlfourier.closure.scalings.SampleScales` each member's own
    vorticity sets its time, so that nothing of the flow need be known beforehand. The mean of Π is removed,
    for an exact one has none and the mean of a vorticity must not drift.

    Parameters
    ----------
    network : torch.nn.Module
        Maps (n, 2, N, N) to (n, 1, N, N). Left as it is; gradients pass through it.
    scales : Scales
        Standard deviations of ψ̄, ω̄ and Π as the network knows them.
    grid : Grid
        The LES grid.
    precision : {"float32", "bfloat16"}
        Of the convolutions; bfloat16 only where the processor has it, else float32.

    Raises
    ------
    ValueError
        For another precision.
    """

    def __init__(self, network: nn.Module, scales: Scales, grid: Grid, precision: str = "float32") -> None:
        super().__init__()
        if precision not in ("float32", "bfloat16"):
            raise ValueError(f"precision={precision!r}: accepted are float32, bfloat16")
        self.network, self.scales, self.grid = network, scales, grid
        self.precision, self.field_sizes = precision, grid.field_sizes

    def forward(self, omega_hat: Spectrum) -> Spectrum:
        """Return Π, half spectrum of shape (..., N, N // 2 + 1), in units of 1 / time²."""
        grid, scales = self.grid, self.scales
        grid.check_spectrum(omega_hat)
        flat = omega_hat.reshape(-1, *omega_hat.shape[-2:])
        omega, psi = grid.to_physical(flat), grid.to_physical(flat * grid.inverse_k_squared)
        times = scales.times(omega)
        inputs = torch.stack([psi / scales.psi * times, omega / scales.omega * times], dim=1)
        kind = omega.device.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=in_bfloat16(self.precision, kind)):
            outputs = self.network(for_module(self.network, inputs))
        found = scales.physical(outputs[:, 0].to(omega.dtype), omega)
        sgs_hat = grid.to_spectral(found - found.mean((-2, -1), keepdim=True)) * grid.below_nyquist
        return sgs_hat.reshape(omega_hat.shape)
