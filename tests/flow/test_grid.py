import math

import pytest
import torch

from tlfourier.flow.grid import Grid, resize


def band_limited(grid: Grid, seed: int = 0) -> torch.Tensor:
    """Return the half spectrum of a random field without Nyquist modes."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(grid.size, grid.size, generator=generator, dtype=torch.float64)
    return resize(grid.to_spectral(noise), grid.size, grid.size)


@pytest.mark.parametrize("size", [8, 12, 34, 64])
def test_wavenumbers_differentiate_a_plane_wave(size: int) -> None:
    grid = Grid(size, length=3.0, dtype=torch.float64)
    k_1 = 2 * math.pi / 3.0
    wave = torch.sin(2 * k_1 * grid.x + k_1 * grid.y)
    slope = torch.cos(2 * k_1 * grid.x + k_1 * grid.y)
    wave_hat = grid.to_spectral(wave)
    torch.testing.assert_close(grid.to_physical(1j * grid.k_x * wave_hat), 2 * k_1 * slope)
    torch.testing.assert_close(grid.to_physical(1j * grid.k_y * wave_hat), k_1 * slope)
    torch.testing.assert_close(grid.to_physical(grid.k_squared * wave_hat), 5 * k_1**2 * wave)


def test_inverse_laplacian_has_no_mean() -> None:
    grid = Grid(16, dtype=torch.float64)
    product = grid.k_squared * grid.inverse_k_squared
    assert product[0, 0] == 0
    assert grid.inverse_k_squared[0, 0] == 0
    torch.testing.assert_close(product.flatten()[1:], torch.ones(16 * 9 - 1, dtype=torch.float64))


@pytest.mark.parametrize("size", [8, 24, 32, 64, 96, 128])
def test_mask_is_symmetric_and_keeps_two_thirds(size: int) -> None:
    mask = Grid(size).mask
    full = torch.cat((mask, mask[:, 1:-1].flip(-1).flip(0).roll(1, 0)), dim=-1)
    assert torch.equal(mask[1:], mask[1:].flip(0)), "the mask differs between k_y and -k_y"
    assert torch.equal(full, full.T), "the mask differs between k_x and k_y"
    kept = 2 * (math.ceil(size / 3) - 1) + 1
    assert int(full.sum()) == kept**2


def test_products_of_masked_fields_alias_to_no_kept_mode() -> None:
    grid, fine = Grid(24, dtype=torch.float64), Grid(96, dtype=torch.float64)
    one, two = band_limited(grid, 1) * grid.mask, band_limited(grid, 2) * grid.mask
    product_hat = grid.to_spectral(grid.to_physical(one) * grid.to_physical(two))
    one_fine, two_fine = (fine.to_physical(resize(a, 24, 96)) for a in (one, two))
    exact_hat = resize(fine.to_spectral(one_fine * two_fine), 96, 24)
    torch.testing.assert_close(product_hat * grid.mask, exact_hat * grid.mask)


@pytest.mark.parametrize("sizes", [(16, 48), (16, 20), (10, 16), (34, 64)])
def test_resize_interpolates_and_comes_back(sizes: tuple[int, int]) -> None:
    coarse, fine = Grid(sizes[0], dtype=torch.float64), Grid(sizes[1], dtype=torch.float64)
    wave, wave_fine = (torch.cos(3 * g.x - 2 * g.y) + torch.sin(3 * g.y) for g in (coarse, fine))
    up = resize(coarse.to_spectral(wave), *sizes)
    torch.testing.assert_close(fine.to_physical(up), wave_fine)
    omega_hat = band_limited(coarse)
    torch.testing.assert_close(resize(resize(omega_hat, *sizes), *reversed(sizes)), omega_hat)


def test_resize_drops_nyquist_and_commutes_with_rotation() -> None:
    grid = Grid(32, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    field = torch.randn(32, 32, generator=generator, dtype=torch.float64)

    def rotate(values: torch.Tensor) -> torch.Tensor:
        # About the origin, which is a point of the grid.
        return torch.rot90(values, 1, (-2, -1)).roll(1, -2)

    def coarsen(values: torch.Tensor) -> torch.Tensor:
        return Grid(16, dtype=torch.float64).to_physical(resize(grid.to_spectral(values), 32, 16))

    torch.testing.assert_close(coarsen(rotate(field)), rotate(coarsen(field)))
    coarse_hat = resize(grid.to_spectral(field), 32, 16)
    assert coarse_hat[8].abs().max() == 0
    assert coarse_hat[:, 8].abs().max() == 0


def test_float32_grid_is_the_float64_grid_rounded_once() -> None:
    single, double = Grid(64), Grid(64, dtype=torch.float64)
    for name in ("x", "k_x", "k_y", "k_squared", "k_radial", "inverse_k_squared", "mask"):
        assert torch.equal(getattr(single, name), getattr(double, name).float()), name


@pytest.mark.parametrize("size", [7, 33, 6, 0, -8])
def test_odd_and_tiny_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"size={size}: a grid needs an even number of points, at least 8"):
        Grid(size)


@pytest.mark.parametrize("length", [0.0, -1.0, math.inf, math.nan])
def test_length_must_be_positive(length: float) -> None:
    with pytest.raises(ValueError, match="length=.*must be a positive number"):
        Grid(16, length=length)


def test_other_precisions_are_refused() -> None:
    with pytest.raises(ValueError, match=r"dtype=torch.float16: a grid is torch.float32 or torch.float64"):
        Grid(16, dtype=torch.float16)


def test_wrong_spectra_are_refused() -> None:
    grid = Grid(16)
    good = torch.zeros(16, 9, dtype=torch.complex64)
    grid.check_spectrum(good)
    with pytest.raises(ValueError, match=r"omega_hat has shape \(16, 16\): this grid needs \(..., 16, 9\)"):
        grid.check_spectrum(torch.zeros(16, 16, dtype=torch.complex64))
    with pytest.raises(ValueError, match=r"dtype torch.complex128: this grid needs torch.complex64"):
        grid.check_spectrum(good.to(torch.complex128))
    with pytest.raises(ValueError, match="values that are not finite"):
        grid.check_spectrum(good * math.nan)
    with pytest.raises(ValueError, match=r"spectrum has shape \(16, 9\): size_from=18 needs \(..., 18, 10\)"):
        resize(good, 18, 8)
