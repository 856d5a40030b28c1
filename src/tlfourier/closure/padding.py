"""Periodic padding as a linear operator with its adjoint, cheaper than the general circular pad.

The wrap copies the field once and then its four edges; its derivative folds the edges back. Both are linear
and each is the adjoint of the other, so derivatives of every order exist (Hessian-vector products need the
second).
"""

from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tlfourier.doors import door
from tlfourier.limits import Range
from tlfourier.shapes import Count
from tlfourier.takes import described


class _Wrap(torch.autograd.Function):
    """Pad by wrapping; the gradient is `_Fold`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(field: Tensor, width: int) -> Tensor:
        rows, columns = field.shape[-2:]
        shape = (*field.shape[:-2], rows + 2 * width, columns + 2 * width)
        padded = torch.empty(shape, dtype=field.dtype, device=field.device, memory_format=_layout(field))
        middle = padded[..., width:-width, :]
        middle[..., width:-width] = field
        middle[..., :width] = field[..., -width:]
        middle[..., -width:] = field[..., :width]
        padded[..., :width, :] = padded[..., rows : rows + width, :]
        padded[..., -width:, :] = padded[..., width : 2 * width, :]
        return padded

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.width = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Fold.apply(gradients[0], ctx.width), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return _Wrap.apply(tangents[0], ctx.width)


class _Fold(torch.autograd.Function):
    """Add the edges of a padded field to the points they were copied from; the gradient is `_Wrap`."""

    generate_vmap_rule = True

    @staticmethod
    def forward(padded: Tensor, width: int) -> Tensor:
        centre = padded[..., width:-width, :]
        field = centre[..., width:-width].contiguous(memory_format=_layout(padded))
        field[..., -width:] += centre[..., :width]
        field[..., :width] += centre[..., -width:]
        for rows, edge in (
            (slice(-width, None), padded[..., :width, :]),
            (slice(None, width), padded[..., -width:, :]),
        ):
            field[..., rows, :] += edge[..., width:-width]
            field[..., rows, -width:] += edge[..., :width]
            field[..., rows, :width] += edge[..., -width:]
        return field

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.width = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Wrap.apply(gradients[0], ctx.width), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Any) -> Tensor:
        return _Fold.apply(tangents[0], ctx.width)


def _layout(field: Tensor) -> torch.memory_format:
    if field.dim() == 4 and field.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format


@door
def wrap(field: Tensor, width: Annotated[int, Range(most=10**4)]) -> Tensor:
    """Continue a periodic field by ``width`` points on every side, ``padded[i] = field[(i - width) mod N]``.

    Of shape (..., N + 2 width, N + 2 width), for ``field`` of shape (..., N, N); ValueError unless ``width``
    is 0 to N.
    """
    if field.ndim < 2 or field.is_complex():
        raise ValueError(f"{described('field', field)}: accepted are real numbers of shape (..., N, N)")
    if not 0 <= width <= min(field.shape[-2:]):
        raise ValueError(f"padding width {width} on a field of {tuple(field.shape[-2:])}: accepted is 0 to N")
    padded: Tensor = field if width == 0 else _Wrap.apply(field, width)
    return padded


@door
class PeriodicConv2d(nn.Conv2d):
    """Convolve on the periodic grid: ``nn.Conv2d(padding=(k-1)/2, padding_mode="circular")``, only faster."""

    def __init__(
        self, in_channels: Count, out_channels: Count, kernel_size: Annotated[int, Range(1, 101)]
    ) -> None:
        half = (kernel_size - 1) // 2
        super().__init__(in_channels, out_channels, kernel_size, padding=half, padding_mode="circular")

    def forward(self, input: Tensor) -> Tensor:
        """Return ``h = sum_a W_a ⋆ g_a + b`` for ``input`` g of shape (n, in_channels, N, N).

        Raises ValueError for another number of dimensions or channels, or complex numbers.
        """
        if input.ndim not in (3, 4) or input.shape[-3] != self.in_channels or input.is_complex():
            wanted = f"real numbers of shape (n, {self.in_channels}, N, N)"
            raise ValueError(f"{described('input', input)}: accepted are {wanted}")
        if input.dtype != self.weight.dtype and not torch.is_autocast_enabled(input.device.type):
            input = input.to(self.weight.dtype)
        return functional.conv2d(wrap(input, int(self.padding[0])), self.weight, self.bias)
