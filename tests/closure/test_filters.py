import math
import re

import pytest
import torch
from torch import Tensor

from tlfourier.closure.filters import COMPARED, KINDS, Filter, factors, filtered_equation, subgrid_term
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid, resize

ALL_KINDS = sorted(KINDS)


def random_field_hat(grid: Grid, seed: int = 0) -> Tensor:
    """Return a spectrum with every mode filled, the Nyquist modes included."""
    noise = torch.randn(grid.size, grid.size, generator=torch.Generator().manual_seed(seed), dtype=grid.dtype)
    return grid.to_spectral(noise)


def rotate(field: Tensor) -> Tensor:
    """Rotate by 90 degrees about the origin of the periodic grid: new[y, x] = old[x, -y]."""
    return torch.rot90(field, dims=(-2, -1)).roll(1, dims=-2)


def mirror(field: Tensor) -> Tensor:
    """Reflect y about the origin of the periodic grid: new[y, x] = old[-y, x]."""
    return field.flip(-2).roll(1, dims=-2)


@pytest.fixture(scope="module")
def grids() -> tuple[Grid, Grid]:
    return Grid(48, dtype=torch.float64), Grid(16, dtype=torch.float64)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_the_mean_passes_and_nothing_is_amplified(grids: tuple[Grid, Grid], kind: str) -> None:
    fine, coarse = grids
    filter = Filter(fine, coarse, kind)
    assert filter.response[0, 0] == 1
    assert filter.response.abs().max() == 1
    omega_hat = random_field_hat(fine)
    before, after = fine.to_physical(omega_hat).mean(), coarse.to_physical(filter(omega_hat)).mean()
    assert after == pytest.approx(before.item(), rel=1e-13)


@pytest.mark.parametrize("width", [0.3, 0.9])
def test_gaussian_and_box_have_the_second_moment_of_a_square_of_side_width(width: float) -> None:
    # G = 1 - k^2 width^2 / 24 + O(k^4) for both.
    k = torch.tensor([1e-2], dtype=torch.float64)
    for kind in ("gaussian", "box"):
        response = KINDS[kind](k, 0 * k, width)
        assert (1 - response).item() == pytest.approx(k.item() ** 2 * width**2 / 24, rel=1e-4)


def test_box_is_the_mean_over_a_square() -> None:
    k_x, k_y, width = 3.0, 5.0, 0.7
    offsets = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000 * width - width / 2
    mean = torch.cos(k_x * offsets).mean() * torch.cos(k_y * offsets).mean()
    response = KINDS["box"](torch.tensor(k_x), torch.tensor(k_y), width)
    assert response.item() == pytest.approx(mean.item(), rel=1e-6)


def test_gaussian_is_the_convolution_with_a_gaussian_of_variance_width_squared_over_12() -> None:
    k, width = 4.0, 0.5
    r = torch.linspace(-3, 3, 6001, dtype=torch.float64)
    weight = torch.exp(-6 * r**2 / width**2)
    mean = (weight * torch.cos(k * r)).sum() / weight.sum()
    response = KINDS["gaussian"](torch.tensor(k), torch.tensor(0.0), width)
    assert response.item() == pytest.approx(mean.item(), rel=1e-6)


def test_cut_offs_pass_waves_longer_than_the_width_only(grids: tuple[Grid, Grid]) -> None:
    fine, coarse = grids
    width = 2 * math.pi / 6  # the wave k = 6 has exactly this length
    k_x, k_y = fine.k_x.expand_as(fine.k_squared), fine.k_y.expand_as(fine.k_squared)
    circular, square = Filter(fine, coarse, "circular", width), Filter(fine, coarse, "square", width)
    assert torch.equal(circular.response == 1, k_x**2 + k_y**2 < 36)
    assert torch.equal(square.response == 1, (k_x.abs() < 6) & (k_y.abs() < 6))
    assert set(circular.response.unique().tolist()) == {0.0, 1.0}


def test_square_cut_off_is_idempotent_and_by_default_only_truncates(grids: tuple[Grid, Grid]) -> None:
    fine, coarse = grids
    omega_hat = random_field_hat(fine)
    once = Filter(fine, coarse, "square")(omega_hat)
    assert torch.equal(once, resize(omega_hat, 48, 16))
    assert torch.equal(Filter(coarse, coarse, "square")(once), once)
    torch.testing.assert_close(Filter(fine, coarse, "square")(resize(once, 16, 48)), once, rtol=1e-15, atol=0)


def test_the_values_of_a_resolved_field_are_kept_at_the_coarse_points(grids: tuple[Grid, Grid]) -> None:
    fine, coarse = grids
    omega = torch.sin(3 * fine.x) * torch.cos(5 * fine.y) + torch.cos(7 * fine.x + 2 * fine.y)
    omega_bar = coarse.to_physical(Filter(fine, coarse, "square")(fine.to_spectral(omega)))
    torch.testing.assert_close(omega_bar, omega[::3, ::3], rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_filters_commute_with_derivatives_and_drop_the_nyquist_modes(
    grids: tuple[Grid, Grid], kind: str
) -> None:
    fine, coarse = grids
    filter, omega_hat = Filter(fine, coarse, kind), random_field_hat(fine)
    filtered = filter(omega_hat)
    for fine_k, coarse_k in ((fine.k_x, coarse.k_x), (fine.k_y, coarse.k_y)):
        torch.testing.assert_close(filter(1j * fine_k * omega_hat), 1j * coarse_k * filtered)
    assert not filtered[..., 8, :].any()
    assert not filtered[..., 8].any()


@pytest.mark.parametrize("kind", ALL_KINDS)
@pytest.mark.parametrize("size", [24, 32])
def test_pi_on_the_les_grid_equals_pi_computed_wholly_on_the_dns_grid(
    fine_equation: VorticityEquation, developed: Tensor, kind: str, size: int
) -> None:
    fine = fine_equation.grid
    coarse = Grid(size, dtype=torch.float64)
    filter = Filter(fine, coarse, kind)
    sgs_hat = subgrid_term(developed, fine_equation, filtered_equation(fine_equation, coarse, filter), filter)
    # All on the DNS grid, coarsened at the very end; the products of waves below 16 stay below 32 = 96 / 3.
    omega_bar_hat = resize(filter(developed), size, fine.size)
    advection_bar_hat = fine_equation.advection(developed) * filter.response
    whole = resize(advection_bar_hat - fine_equation.advection(omega_bar_hat), fine.size, size)
    assert torch.linalg.vector_norm(sgs_hat - whole) < 1e-12 * torch.linalg.vector_norm(whole)


def test_pi_agrees_with_advection_by_gradients_in_physical_space(
    fine_equation: VorticityEquation, developed: Tensor
) -> None:
    fine, coarse = fine_equation.grid, Grid(32, dtype=torch.float64)
    filter = Filter(fine, coarse)
    wide = Grid(192, dtype=torch.float64)

    def by_gradients(omega_hat: Tensor, size: int) -> Tensor:
        # psi_y omega_x - psi_x omega_y on a grid with room for every product.
        omega_hat = resize(omega_hat, size, wide.size)
        psi_hat = omega_hat * wide.inverse_k_squared
        psi_x, psi_y = wide.to_physical(1j * wide.k_x * psi_hat), wide.to_physical(1j * wide.k_y * psi_hat)
        omega_x = wide.to_physical(1j * wide.k_x * omega_hat)
        omega_y = wide.to_physical(1j * wide.k_y * omega_hat)
        return resize(wide.to_spectral(psi_y * omega_x - psi_x * omega_y), wide.size, size)

    expected = filter(by_gradients(developed, fine.size)) - by_gradients(filter(developed), coarse.size)
    sgs_hat = subgrid_term(developed, fine_equation, filtered_equation(fine_equation, coarse, filter), filter)
    torch.testing.assert_close(sgs_hat, expected, rtol=0, atol=1e-10 * float(expected.abs().max()))


@pytest.mark.parametrize("size", [24, 32])
@pytest.mark.parametrize("kind", ["gaussian", "box"])
def test_enstrophy_goes_forward_in_a_developed_flow(
    fine_equation: VorticityEquation, developed: Tensor, kind: str, size: int
) -> None:
    coarse = Grid(size, dtype=torch.float64)
    filter = Filter(fine_equation.grid, coarse, kind)
    sgs_hat = subgrid_term(developed, fine_equation, filtered_equation(fine_equation, coarse, filter), filter)
    omega_bar, sgs = coarse.to_physical(filter(developed)), coarse.to_physical(sgs_hat)
    assert (omega_bar * sgs).mean() > 0


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_pi_turns_with_the_flow_and_changes_sign_in_a_mirror(
    fine_equation: VorticityEquation, developed: Tensor, kind: str
) -> None:
    fine, coarse = fine_equation.grid, Grid(24, dtype=torch.float64)
    filter = Filter(fine, coarse, kind)
    les = filtered_equation(fine_equation, coarse, filter)

    def pi(omega: Tensor) -> Tensor:
        return coarse.to_physical(subgrid_term(fine.to_spectral(omega), fine_equation, les, filter))

    omega = fine.to_physical(developed)
    sgs = pi(omega)
    tolerance = 1e-12 * float(sgs.abs().max())
    torch.testing.assert_close(pi(rotate(omega)), rotate(sgs), rtol=0, atol=tolerance)
    # Vorticity is a pseudoscalar: the mirror image of a flow has the vorticity -omega(-y, x).
    torch.testing.assert_close(pi(-mirror(omega)), -mirror(sgs), rtol=0, atol=tolerance)


def test_a_batch_gives_what_its_members_give(fine_equation: VorticityEquation, developed: Tensor) -> None:
    coarse = Grid(24, dtype=torch.float64)
    filter = Filter(fine_equation.grid, coarse)
    les = filtered_equation(fine_equation, coarse, filter)
    batch = torch.stack((developed, 2 * developed))
    together = subgrid_term(batch, fine_equation, les, filter)
    for omega_hat, sgs_hat in zip(batch, together, strict=True):
        torch.testing.assert_close(subgrid_term(omega_hat, fine_equation, les, filter), sgs_hat)


def test_filtered_equation_keeps_the_physics_and_filters_the_forcing(
    fine_equation: VorticityEquation,
) -> None:
    coarse = Grid(24, dtype=torch.float64)
    filter = Filter(fine_equation.grid, coarse)
    les = filtered_equation(fine_equation, coarse, filter)
    assert (les.viscosity, les.drag, les.beta, les.dealias) == (2e-3, 0.1, 0.0, "pad")
    assert les.forcing_hat is not None
    amplitude = 4 * math.exp(-(16 * filter.width**2) / 24)
    expected = amplitude * (torch.cos(4 * coarse.x) + torch.cos(4 * coarse.y))
    torch.testing.assert_close(coarse.to_physical(les.forcing_hat), expected)
    decaying = VorticityEquation(fine_equation.grid, 1e-3)
    assert filtered_equation(decaying, coarse, filter).forcing_hat is None


@pytest.mark.parametrize(
    ("coarse", "options", "sentence"),
    [
        (Grid(16), {"kind": "sharp"}, "kind='sharp': choose one of gaussian, box, circular, square"),
        (Grid(16), {"width": 7.0}, "width=7: it must be above 0, at most 6.28319, the side of the square"),
        (Grid(16), {"width": 0.0}, "width=0: it must be above 0"),
        (Grid(16), {"width": math.nan}, "width=nan: it must be above 0"),
        (Grid(64), {}, "coarse grid of 64 points a side: at most the 32 of the fine grid"),
        (Grid(16, length=1.0), {}, "coarse length 1: it must be 6.28319, as of the fine grid"),
        (Grid(16, dtype=torch.float64), {}, "coarse grid of torch.float64: it must be torch.float32"),
    ],
)
def test_what_makes_no_filter_is_said_in_one_sentence(coarse: Grid, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Filter(Grid(32), coarse, **options)


def test_a_spectrum_of_another_grid_is_refused(grids: tuple[Grid, Grid]) -> None:
    with pytest.raises(ValueError, match=r"needs \(\.\.\., 48, 25\)"):
        Filter(*grids)(torch.zeros(32, 17, dtype=torch.complex128))


def test_factors_along_an_axis_are_one_at_zero_and_those_of_the_filter() -> None:
    fine, coarse = Grid(32, dtype=torch.float64), Grid(16, dtype=torch.float64)
    given = factors(k_max=16.0, width=2 * coarse.dx, points=17)
    assert list(given) == list(COMPARED)
    for kind, factor in given.items():
        assert factor[0] == 1.0
        torch.testing.assert_close(
            torch.as_tensor(factor.values), Filter(fine, coarse, str(kind)).response[0]
        )
