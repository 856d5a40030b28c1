"""The wrap is the periodic continuation, and its derivative is its adjoint."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tlfourier.closure.padding import PeriodicConv2d, wrap


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("width", [0, 1, 2, 8])
def test_wrap_is_the_periodic_continuation(width: int, layout: torch.memory_format) -> None:
    field = torch.randn(2, 3, 8, 8).contiguous(memory_format=layout)
    index = torch.arange(-width, 8 + width) % 8
    assert torch.equal(wrap(field, width), field[..., index, :][..., index])


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # inside PyTorch itself
def test_derivatives_of_every_kind_are_exact() -> None:
    field = torch.randn(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: wrap(x, 2), field, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(lambda x: wrap(x, 2) ** 3, field)


@pytest.mark.parametrize("width", [-1, 9])
def test_a_width_beyond_the_field_is_refused(width: int) -> None:
    with pytest.raises(ValueError, match=f"padding width {width} .* accepted is 0 to N"):
        wrap(torch.zeros(1, 1, 8, 8), width)


def test_convolution_equals_pytorchs_circular_one_with_its_gradients() -> None:
    ours = PeriodicConv2d(2, 3, 5).double()
    theirs = nn.Conv2d(2, 3, 5, padding=2, padding_mode="circular").double()
    theirs.load_state_dict(ours.state_dict())
    field = torch.randn(2, 2, 8, 8, dtype=torch.float64)
    results = []
    for layer in (ours, theirs):
        given = field.clone().requires_grad_()
        output = layer(given)
        output.pow(3).sum().backward()
        assert given.grad is not None and layer.weight.grad is not None
        results.append((output, given.grad, layer.weight.grad))
    for mine, other in zip(*results, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)


def test_convolution_commutes_with_translation() -> None:
    layer = PeriodicConv2d(1, 2, 5).double()
    field = torch.randn(1, 1, 9, 9, dtype=torch.float64)
    moved = layer(field.roll((3, -2), (-2, -1)))
    torch.testing.assert_close(moved, layer(field).roll((3, -2), (-2, -1)), rtol=1e-13, atol=1e-13)
    zeros = functional.conv2d(field, layer.weight, layer.bias, padding=2)
    assert not torch.allclose(zeros, layer(field))
