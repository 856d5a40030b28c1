"""The style: colours by role, symmetric limits, and no trace left in the caller's session."""

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from tlfourier.figures import style


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of the WCAG contrast rule."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_roles_have_colours_of_their_own_and_truth_is_the_target() -> None:
    colours = {role: style.role_colour(role) for role in style.ROLE_COLOURS}
    assert colours.pop("truth") == colours["target"]
    assert len(set(colours.values())) == len(colours)
    assert set(style.ROLE_LABELS) == set(style.ROLE_COLOURS)


def test_every_role_is_visible_on_white() -> None:
    for role, colour in style.ROLE_COLOURS.items():
        assert 1.05 / (relative_luminance(colour) + 0.05) > 2, role


def test_unknown_role_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"role='teacher'.*base, transferred, scratch"):
        style.role_colour("teacher")


def test_line_without_role_keeps_its_name_and_takes_the_next_colour() -> None:
    assert style.line_style("ifrk4") == {"label": "ifrk4"}
    assert style.line_style("base")["color"] == style.ROLE_COLOURS["base"]


def test_symmetric_limit_is_the_percentile_of_the_magnitude() -> None:
    field = np.linspace(-4.0, 1.0, 101)
    assert style.symmetric_limit(field, percentile=100.0) == 4.0
    assert style.symmetric_limit(field, 10 * field, percentile=100.0) == 40.0
    assert style.symmetric_limit(np.zeros(3)) > 0


def test_symmetric_limit_refuses_nan() -> None:
    with pytest.raises(ValueError, match="NaN"):
        style.symmetric_limit(np.array([1.0, np.nan]))


def test_signed_field_is_white_at_zero_and_upright() -> None:
    figure, axes = style.new_figure()
    field = np.zeros((8, 8))
    field[-1, 0] = -3.0
    image = style.draw_signed(axes[0, 0], field, limit=3.0)
    assert image.get_clim() == (-3.0, 3.0)
    assert np.allclose(to_rgb(image.cmap(0.5)), 1.0, atol=0.04)
    assert image.origin == "lower"
    assert [label.get_text() for label in axes[0, 0].get_xticklabels()] == ["0", r"$\pi$", r"$2\pi$"]
    assert figure.get_figwidth() == style.WIDTH


def test_signed_field_needs_two_dimensions() -> None:
    _, axes = style.new_figure()
    with pytest.raises(ValueError, match=r"shape \(2, 8, 8\)"):
        style.draw_signed(axes[0, 0], np.zeros((2, 8, 8)))


def test_box_of_another_length_has_plain_ticks() -> None:
    _, axes = style.new_figure()
    style.box_ticks(axes[0, 0], length=10.0)
    assert [label.get_text() for label in axes[0, 0].get_yticklabels()] == ["0", "5", "10"]


def test_marked_wavenumber_stands_at_k() -> None:
    _, axes = style.new_figure()
    style.mark_wavenumber(axes[0, 0], 4.0, "$k_f$")
    assert list(axes[0, 0].lines[0].get_xdata()) == [4.0, 4.0]
    assert axes[0, 0].texts[0].get_text() == "$k_f$"


def test_styled_leaves_the_callers_settings_alone_and_use_sets_them() -> None:
    @style.styled
    def size() -> float:
        return matplotlib.rcParams["font.size"]

    with matplotlib.rc_context({"font.size": 3.0}):
        assert size() == 9.5
        assert matplotlib.rcParams["font.size"] == 3.0
        style.use()
        assert matplotlib.rcParams["font.size"] == 9.5


def test_figure_shows_itself_as_png_and_pyplot_does_not_own_it() -> None:
    from matplotlib import pyplot

    figure, axes = style.new_figure(1, 2)
    style.panel_letters(axes.flat)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert [ax.get_title(loc="left") for ax in axes.flat] == ["(a)", "(b)"]
    assert pyplot.get_fignums() == []


def test_own_axes_passes_given_axes_through() -> None:
    figure, axes = style.new_figure()
    assert style.own_axes(axes[0, 0]) is axes[0, 0]
    assert style.figure_of(style.own_axes(axes[0, 0])) is figure
    assert style.figure_of(style.own_axes(None)).get_figwidth() == style.WIDTH


def test_axes_without_figure_are_refused() -> None:
    _, axes = style.new_figure()
    axes[0, 0].remove()
    with pytest.raises(ValueError, match="removed"):
        style.figure_of(axes[0, 0])
