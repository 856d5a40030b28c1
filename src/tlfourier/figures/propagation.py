"""Draw what each step of a network does to spectra: one product, the identities, ReLU, activations."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from tlfourier.doors import door
from tlfourier.figures.spectra import wavenumber_ticks
from tlfourier.figures.style import (
    DIVERGING,
    ROLE_COLOURS,
    draw_signed,
    line_style,
    new_figure,
    new_panel,
    panel_letters,
    styled,
    symmetric_limit,
)


@door
@styled
def product(step: xr.Dataset, decades: float = 5.0) -> Figure:
    """Show one kernel, what enters and what leaves it: as fields (top) and as amplitude spectra (bottom).

    The scale of the kernel's spectrum is linear, those of the activations are logarithmic.

    ``step`` is from `tlfourier.fourier.one_product`; ``decades`` is how far down from the largest value the
    spectra of the activations are shown.
    """
    figure, axes = new_figure(2, 3, 5.4, "compressed")
    top, bottom = axes
    limit = symmetric_limit(step.kernel, percentile=100.0)
    top[0].imshow(step.kernel, cmap=DIVERGING, vmin=-limit, vmax=limit, origin="lower")
    top[0].set(xticks=[], yticks=[])
    for ax, name in zip(top[1:], ("entering", "leaving"), strict=True):
        draw_signed(ax, step[name])
    for ax, name in zip(bottom, ("kernel", "entering", "leaving"), strict=True):
        values = step[f"{name}_amplitude"]
        peak = float(values.max())
        norm = Normalize(0, peak) if name == "kernel" else LogNorm(peak * 10**-decades, peak, clip=True)
        edge = float(-step.k_x.min())
        box = (-edge, edge, -edge, edge)
        image = ax.imshow(values, cmap="cividis", norm=norm, extent=box, origin="lower")
        figure.colorbar(image, ax=ax, location="bottom", shrink=0.85)
        ax.set(xlabel="$k_x$", xticks=[-edge, 0, edge], yticks=[-edge, 0, edge])
    bottom[0].set_ylabel("$k_y$", rotation=0)
    titles = [r"$W$", r"$\star\;\; g$", r"$=\;\; W\star g$"]
    titles += [r"$|F(W)|$", r"$\times\;\; |F(g)|$", r"$=\;\; |F(W\star g)|$"]
    for ax, title in zip(axes.flat, titles, strict=True):
        ax.set_title(title)
    return figure


@door
@styled
def identities(found: xr.Dataset) -> Figure:
    """Show layer by layer how far each identity is from holding, on a logarithmic scale.

    ``found`` is from `tlfourier.fourier.network_identities`.
    """
    figure, ax = new_panel(3.0)
    place = np.arange(1, found.sizes["layer"] + 1)
    lines = {
        "zeros": ("convolution, zero padding", ROLE_COLOURS["transferred"], "s"),
        "relu": (r"ReLU: $F(g)=F(H)*F(h)/N^2$", ROLE_COLOURS["null"], "^"),
        "periodic": ("convolution, as trained", ROLE_COLOURS["base"], "o"),
    }
    for name, (label, colour, marker) in lines.items():
        # A residual of exactly zero has no place on a logarithm: it is drawn at the spacing of doubles.
        ax.semilogy(place, found[name].clip(min=2e-16), marker, color=colour, label=label)
    ax.axhline(np.finfo(float).eps, color="#767676", linewidth=0.8, linestyle=":")
    ax.text(1, np.finfo(float).eps * 0.4, "spacing of doubles", color="#767676", va="top", fontsize=8)
    ax.set(xlabel="layer", ylabel="largest relative difference", xticks=place, ylim=(8e-18, 3))
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.6))
    return figure


@door
@styled
def rectified_wave(wave: xr.Dataset, largest: int = 8) -> Figure:
    """Show a pure wave before and after ReLU (a), and the amplitude at each wavenumber (b).

    ``wave`` is from `tlfourier.fourier.rectified_wave`; ``largest`` is the last harmonic to show, in
    multiples of the wave's own wavenumber.
    """
    figure, (panels,) = new_figure(1, 2, 2.6)
    shown = wave.sel(k=wave.k <= largest * wave.attrs["wavenumber"])
    for stage, shift, role in (("before", -0.2, "null"), ("after", 0.2, "base")):
        one = shown.sel(stage=stage)
        panels[0].plot(wave.x, one.field, color=ROLE_COLOURS[role], label=f"{stage} ReLU")
        panels[1].bar(shown.k + shift, one.amplitude, 0.4, color=ROLE_COLOURS[role])
    panels[0].set(xlabel="$x$", ylabel="field")
    panels[0].set_xticks([0, np.pi, 2 * np.pi], ["0", r"$\pi$", r"$2\pi$"])
    panels[0].legend(loc="lower center", ncols=2, bbox_to_anchor=(0.5, 1.0))
    panels[1].set(xlabel="$k$", ylabel="amplitude")
    panel_letters(panels)
    return figure


@door
@styled
def activations(
    networks: Mapping[str, xr.Dataset], layers: Sequence[str | int] | None = None, stage: str = "after"
) -> Figure:
    """Show the mean amplitude spectra of activations of several networks, one panel per layer.

    ``networks``: role or label, and `tlfourier.fourier.activation_spectra` on the same inputs. ``layers``:
    names of the layers to show, up to about six; all if not given. ``stage``: "before" or "after" the
    nonlinearity, else ValueError. The last layer has nothing after it and is shown before.
    """
    if stage not in ("before", "after"):
        raise ValueError(f"stage={stage!r}: it is 'before' or 'after'")
    first = next(iter(networks.values()))
    names = list(first.layer.values if layers is None else layers)
    columns = min(len(names), 4)
    rows = -(-len(names) // columns)
    figure, axes = new_figure(rows, columns, 0.6 + 2.0 * rows, sharex=True)
    for ax, name in zip(axes.flat, names, strict=False):
        for role, spectra in networks.items():
            one = spectra.amplitude.sel(layer=name)
            line = one.sel(stage=stage) if one.sel(stage=stage).notnull().any() else one.sel(stage="before")
            ax.loglog(spectra.k[1:], line[1:], **line_style(role))
        ax.set_title(name if isinstance(name, str) else f"layer {name}")
        wavenumber_ticks(ax)
        ax.yaxis.set_minor_formatter(NullFormatter())
    for ax in axes.flat[len(names) :]:
        ax.set_axis_off()
    for ax in axes[-1]:
        ax.set_xlabel("$k$")
    for ax in axes[:, 0]:
        ax.set_ylabel(r"mean $|F| / N^2$")
    axes.flat[0].legend(loc="lower left", fontsize=8)
    return figure


@door
@styled
def gaps(networks: Mapping[str, xr.DataArray]) -> Figure:
    """Show by how many powers of ten activations differ from a reference, before (a) and after ReLU (b).

    ``networks``: role or label, and `tlfourier.fourier.spectral_gaps` over (layer, stage) against one
    reference.
    """
    figure, (panels,) = new_figure(1, 2, 2.8, sharey=True)
    for ax, stage in zip(panels, ("before", "after"), strict=True):
        # Later lines are dashed: below the re-trained layer they cover the first one.
        for (name, gap), dash in zip(networks.items(), ("o-", "s--", "^:"), strict=False):
            place = np.arange(1, gap.sizes["layer"] + 1)
            ax.plot(place, gap.sel(stage=stage), dash, **line_style(name))
        ax.axhline(0.0, color="#767676", linewidth=0.8)
        ax.set(xlabel="layer", title=f"{stage} ReLU", xticks=place)
    panels[0].set_ylabel(r"mean of $\log_{10}$ ratio")
    panels[0].legend()
    panel_letters(panels)
    return figure
