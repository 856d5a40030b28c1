"""The small disturbances of a sheared mean flow: which grow, how fast, and how they look.

Without the nonlinear term the amplitudes of one wavenumber obey ``d(q_hat)/dt = M q_hat``, where the matrix
``M = -i k_x U + (i k_x Q - drag k**2) A``, ``A = (k**2 + S)**-1``, has a row for each layer; the drag is in
the lowest one only. For two layers without drag it is the problem of Phillips, Tellus 6 (1954), 273.
"""

import numpy as np

from tlfourier.doors import door
from tlfourier.flow.layers import Layers
from tlfourier.shapes import Finite


@door
def normal_modes(layers: Layers, k_x: Finite, k_y: Finite) -> tuple[np.ndarray, np.ndarray]:
    """Return how the modes of one wavenumber change in time, and the streamfunctions that keep their shape.

    ``rates``, shape (modes,), are complex, per time, the fastest growing first: the amplitude is
    ``exp(rate t)``, so the real part is the growth and minus the imaginary part over ``k_x`` the phase
    velocity. ``shapes``, shape (layers, modes), are psi_hat by layer, each of unit norm and real in the upper
    layer. There are as many modes as layers. Raises ValueError for the wavenumber zero, which has no
    streamfunction.

    Parameters
    ----------
    layers : Layers
    k_x, k_y : float
        Angular wavenumbers, in the units of length of the layers.

    Examples
    --------
    >>> from tlfourier.flow.layers import two_layers
    >>> eddies = two_layers(15e3, 0.25, beta=1.5e-11)
    >>> rates, _ = normal_modes(eddies, k_x=1 / 22e3, k_y=0.0)
    >>> round(1 / rates[0].real / 86400)  # days in which the wave grows by e
    71
    """
    k_squared = k_x**2 + k_y**2
    if k_squared == 0:
        raise ValueError("k_x=0, k_y=0: the mean has no streamfunction, another wavenumber is needed")
    matrix, inversion = _matrix(layers, k_x, k_squared)
    rates, potential_vorticity = np.linalg.eig(matrix)
    order = np.argsort(-rates.real, kind="stable")
    shapes = inversion @ potential_vorticity[:, order]
    shapes = shapes * np.exp(-1j * np.angle(shapes[0])) / np.linalg.norm(shapes, axis=0)
    return rates[order], shapes


@door
def growth_rates(layers: Layers, k_x: np.ndarray, k_y: np.ndarray) -> np.ndarray:
    """Return the largest growth rate at each wavenumber, per time; zero for the mean.

    The wavenumbers are broadcast against each other, as ``grid.k_x`` and ``grid.k_y`` are; a negative rate is
    that of a wave which the drag damps.
    """
    wide_x, wide_y = np.broadcast_arrays(np.asarray(k_x, float), np.asarray(k_y, float))
    rates = np.zeros(wide_x.shape)
    for place in np.ndindex(wide_x.shape):
        k_squared = float(wide_x[place] ** 2 + wide_y[place] ** 2)
        if k_squared > 0:
            rates[place] = np.linalg.eigvals(_matrix(layers, float(wide_x[place]), k_squared)[0]).real.max()
    return rates


def _matrix(layers: Layers, k_x: float, k_squared: float) -> tuple[np.ndarray, np.ndarray]:
    """Return M and the inversion A of one wavenumber."""
    inversion = np.linalg.inv(k_squared * np.eye(layers.count) + layers.stretching())
    on_psi = 1j * k_x * layers.vorticity_gradient()
    on_psi[-1] -= layers.drag * k_squared
    return on_psi[:, None] * inversion - 1j * k_x * np.diag(layers.velocity), inversion
