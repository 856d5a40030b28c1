"""The cheapest transfer there is: one factor per output channel, fitted on the same few samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tlfourier.closure.network import predict
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
