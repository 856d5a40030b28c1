import math

import pytest
import torch

from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid


@pytest.mark.parametrize("k_f", [1, 4, 12, 31])
def test_forcing_is_the_sum_of_two_cosines(k_f: int) -> None:
    grid = Grid(64, dtype=torch.float64)
    forcing = grid.to_physical(two_way_cosine(grid, k_f))
    torch.testing.assert_close(forcing, k_f * (torch.cos(k_f * grid.x) + torch.cos(k_f * grid.y)))
    assert int((two_way_cosine(grid, k_f) != 0).sum()) == 3


def test_velocity_forcing_has_unit_amplitude_on_any_square() -> None:
    grid = Grid(32, length=5.0, dtype=torch.float64)
    k = 2 * math.pi * 3 / 5.0
    curl_free_of_k = grid.to_physical(two_way_cosine(grid, 3)) / k
    torch.testing.assert_close(curl_free_of_k, torch.cos(k * grid.x) + torch.cos(k * grid.y))


@pytest.mark.parametrize("k_f", [0, -4, 32])
def test_unresolved_wavenumbers_are_refused(k_f: int) -> None:
    with pytest.raises(
        ValueError, match=f"k_f={k_f}: a grid of 64 points carries whole numbers from 1 to 31"
    ):
        two_way_cosine(Grid(64), k_f)
