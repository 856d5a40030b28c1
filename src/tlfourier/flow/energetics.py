"""Energy of layers, kinetic and available, and what changes it: shear, drag, dissipation, filter, closure.

All are means over area and depth, per unit mass, in length**2 / time**2 and length**2 / time**3.
"""

import torch

from tlfourier.doors import door
from tlfourier.flow import spectra
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.shapes import Multiplier, Positive, Scalars, Spectrum

_GONE = 1e-12  # what a filter leaves of a mode's energy when all that it brought in one step is lost


@door
def kinetic_energy(equation: QuasiGeostrophicEquation, omega_hat: Spectrum) -> Scalars:
    """Return ``1/2 <u**2 + v**2>`` of each layer, shape (..., layers), not weighted by its thickness.

    ``omega_hat`` is the potential vorticity, shape (..., layers, N, N // 2 + 1). The mean flow is no part of
    it.
    """
    return spectra.energy(equation.grid, equation.vorticity(omega_hat))


@door
def available_energy(equation: QuasiGeostrophicEquation, omega_hat: Spectrum) -> Scalars:
    """Return the available potential energy of each interface, shape (..., layers - 1).

    ``1/2 coupling / sum(H) <(psi_above - psi_below)**2>``. Parameters as for `kinetic_energy`.
    """
    psi_hat = equation.streamfunction(omega_hat) * equation.grid.below_nyquist
    if equation.layers.count == 1:
        return psi_hat.real.new_zeros((*psi_hat.shape[:-3], 0))
    difference = psi_hat[..., :-1, :, :] - psi_hat[..., 1:, :, :]
    weight = psi_hat.real.new_tensor(equation.layers.coupling) / sum(equation.layers.thickness)
    return 0.5 * weight * spectra.mean_product(equation.grid, difference, difference)


@door
def energy(equation: QuasiGeostrophicEquation, omega_hat: Spectrum) -> Scalars:
    """Return the energy of the eddies, kinetic of all layers and available of all interfaces, shape (...).

    ``E = sum_i H_i / sum(H) 1/2 <psi_i q_i>``: what the equation conserves without shear, drag and
    dissipation. Parameters as for `kinetic_energy`.

    Examples
    --------
    >>> from tlfourier.flow.grid import Grid
    >>> from tlfourier.flow.initial import taylor_green
    >>> from tlfourier.flow.layers import two_layers
    >>> grid = Grid(16)
    >>> equation = QuasiGeostrophicEquation(grid, two_layers(0.5, 0.25))
    >>> psi_hat = equation.grid.inverse_k_squared * taylor_green(grid)
    >>> barotropic = equation.potential_vorticity(torch.stack((psi_hat, psi_hat)))
    >>> round(float(energy(equation, barotropic)), 4)  # that of one layer
    0.25
    """
    kinetic = kinetic_energy(equation, omega_hat)
    shares = kinetic.new_tensor(equation.layers.shares())
    return (shares * kinetic).sum(-1) + available_energy(equation, omega_hat).sum(-1)


@door
def budget(
    equation: QuasiGeostrophicEquation,
    omega_hat: Spectrum,
    dt: Positive | None = None,
    sgs_hat: Spectrum | None = None,
) -> dict[str, Scalars]:
    """Return what changes the energy per unit time, term by term, each of shape (...).

    ``dE/dt = conversion + drag + dissipation + filter + closure`` with, weighted by ``H_i / sum(H)``,

    * ``conversion``, ``-sum <psi_i U_i (q_i)_x>``: from the mean flow's available energy, through the eddies'
      flux of buoyancy; for two layers ``-(U_1 - U_2) coupling / sum(H) <psi_1 v_2>``;
    * ``drag``, ``-drag <u**2 + v**2>`` of the lowest layer;
    * ``dissipation``, ``-hyperviscosity sum <psi_i (-laplacian)**power q_i>``;
    * ``filter``, what the equation's filter took in the step of ``dt`` that led to this state, which is the
      state's energy times ``1 - 1 / step_filter**2``; zero without a filter;
    * ``closure``, ``-sum <psi_i sgs_i>``, for an LES carries -Π: negative when energy goes forward; zero
      without ``sgs_hat``.

    Advection changes no energy, beta neither. Raises ValueError if there is a filter and no ``dt``.

    Parameters
    ----------
    equation : QuasiGeostrophicEquation
    omega_hat : Spectrum, shape (..., layers, N, N // 2 + 1)
        The potential vorticity.
    dt : float, optional
        The step of the run.
    sgs_hat : Spectrum, of the shape of ``omega_hat``, optional
        The subgrid term Π.
    """
    grid, layers = equation.grid, equation.layers
    psi_hat = equation.streamfunction(omega_hat) * grid.below_nyquist
    kinetic = kinetic_energy(equation, omega_hat)
    shares = kinetic.new_tensor(layers.shares())
    carried = equation.mean_flow * 1j * grid.k_x * omega_hat
    density = (shares[:, None, None] * spectra.cross_density(grid, psi_hat, omega_hat)).sum(-3)
    damping = -equation.hyperviscosity * grid.k_squared**equation.power
    terms = {
        "conversion": -(shares * spectra.mean_product(grid, psi_hat, carried)).sum(-1),
        "drag": -2 * layers.drag * shares[-1] * kinetic[..., -1],
        "dissipation": (damping * density).sum((-2, -1)),
        "filter": torch.zeros_like(kinetic[..., 0]),
        "closure": torch.zeros_like(kinetic[..., 0]),
    }
    if sgs_hat is not None:
        terms["closure"] = -(shares * spectra.mean_product(grid, psi_hat, sgs_hat)).sum(-1)
    if equation.step_filter is not None:
        if dt is None:
            raise ValueError(
                "dt=None: what a filter takes away per time depends on the step, which is needed"
            )
        terms["filter"] = 0.5 * (density * _taken(equation.step_filter)).sum((-2, -1)) / dt
    return terms


def _taken(factor: Multiplier) -> Multiplier:
    """Return the energy that a filter took over the energy that it left, negative.

    Where nearly nothing is left, it held only what one step had brought there, and is not counted.
    """
    left = factor.double() ** 2
    return torch.where(left > _GONE, 1 - 1 / left.clamp(min=_GONE), 0.0).to(factor.dtype)
