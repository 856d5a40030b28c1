"""Repairs that are solved for and not descended to: an output factor, and the whole last layer."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlfourier.closure.network import Network, predict
from tlfourier.closure.padding import wrap
from tlfourier.closure.training import check_samples
from tlfourier.doors import door
from tlfourier.modules import as_tensor, check_finite, for_module
from tlfourier.shapes import Scalars


@door
class OutputGain(nn.Module):
    """Multiply every output channel of a network by one number, ``gain[c] * network(x)[:, c]``.

    A re-trained layer that does no better than this has learned an amplitude and nothing else. The network is
    left as it is; ``gain`` has the shape (outputs,), else ValueError.
    """

    gain: Tensor

    def __init__(self, network: nn.Module, gain: Scalars) -> None:
        super().__init__()
        if gain.ndim != 1:
            raise ValueError(f"gain of shape {tuple(gain.shape)}: accepted is one number for each output")
        self.network = network
        self.register_buffer("gain", gain)

    def forward(self, inputs: Scalars) -> Tensor:
        """Return the scaled prediction, shape (n, outputs, N, N)."""
        prediction: Tensor = self.network(for_module(self.network, inputs))
        return prediction * self.gain[:, None, None]

    @classmethod
    def fit(cls, network: nn.Module, inputs: Tensor, outputs: Tensor) -> OutputGain:
        """Fit the factors by least squares, ``gain[c] = sum(P[c] * T[c]) / sum(P[c]**2)``.

        ``network`` predicts P from the inputs, shape (n, 2, N, N); ``outputs``, shape (n, outputs, N, N), are
        the truth T: the target's few samples. Raises ValueError if truth and prediction differ in shape, a
        value is not finite, or a channel is predicted as zero.

        Examples
        --------
        >>> inputs = torch.randn(4, 1, 8, 8)
        >>> OutputGain.fit(nn.Identity(), inputs, outputs=3 * inputs).gain
        tensor([3.])
        """
        outputs = as_tensor(outputs, "outputs")
        check_finite("outputs", outputs)
        prediction = predict(network, inputs)
        if prediction.shape != outputs.shape:
            raise ValueError(
                f"outputs of shape {tuple(outputs.shape)}: accepted is {tuple(prediction.shape)}"
            )
        p, t = prediction.double(), outputs.cpu().double()
        power = p.square().sum((0, 2, 3))
        if not bool((power > 0).all()):
            raise ValueError("an output channel is predicted as zero everywhere: no factor can be fitted")
        gain = ((p * t).sum((0, 2, 3)) / power).float()
        device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
        return cls(network, gain.to(device))


@door
@torch.no_grad()
def solve_last_layer(
    network: Network, inputs: Tensor, outputs: Tensor, rotate: bool = True, batch_size: int = 8
) -> Network:
    """Return a copy of a network whose last layer is the best that there is on these samples.

    The network is linear in its last layer, so its weights and biases are those of least squares:
    ``(AᵀA) w = AᵀT`` in float64, A the patches that enter it at every point, and a one. Of equally good ones
    the smallest is taken. How far a descent stays from this is a matter of optimisation, not of the layer.

    Parameters
    ----------
    network : Network
        Left as it is.
    inputs, outputs : Tensor, shape (n, inputs, N, N) and (n, outputs, N, N)
        The target's few samples.
    rotate : bool
        With the three other rotations of every sample, as a transfer sees them.
    batch_size : int
        Samples in memory at once.

    Raises
    ------
    ValueError
        For samples that do not fit the network or are not finite.
    """
    check_samples(network, inputs, outputs)
    solved = copy.deepcopy(network)
    last, size = solved.layer(solved.spec.layers), solved.spec.kernel_size
    unknowns, width = last.weight[0].numel() + 1, size // 2

    def pad(field: Tensor) -> Tensor:
        around = solved.spec.padding == "circular"
        return wrap(field, width) if around else functional.pad(field, [width] * 4)

    squares = torch.zeros(unknowns, unknowns, dtype=torch.float64, device=last.weight.device)
    products = squares.new_zeros(unknowns, len(last.weight))
    for turn in range(4 if rotate else 1):
        turned = (torch.rot90(tensor.to(squares.device), turn, (-2, -1)) for tensor in (inputs, outputs))
        for x, y in zip(*(tensor.float().split(batch_size) for tensor in turned), strict=True):
            entering = solved.prefix(x, solved.spec.layers)
            padded = pad(entering)
            patches = functional.unfold(padded, size).movedim(1, -1).flatten(0, 1)
            rows = torch.cat([patches, torch.ones_like(patches[:, :1])], dim=1).double()
            squares += rows.T @ rows
            products += rows.T @ y.double().movedim(1, -1).flatten(0, 2)
    found = torch.linalg.pinv(squares, rtol=1e-12, hermitian=True) @ products
    last.weight.copy_(found[:-1].T.reshape(last.weight.shape))
    assert last.bias is not None
    last.bias.copy_(found[-1])
    return solved
