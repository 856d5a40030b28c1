"""Carry computed numbers into a page's prose."""

from __future__ import annotations

import base64
import math
from typing import Any

import xarray as xr
from IPython.core.formatters import format_display_data
from IPython.display import HTML, display


def say(**values: Any) -> None:
    """Glue values under their names, for ``{glue:text}`` in the page's text; nothing is displayed.

    ``say(error=0.41234)`` and then ``{glue:text}`error:.2f``` writes 0.41. Scalars of numpy, torch and xarray
    become plain numbers, so that a format applies to them.

    Parameters
    ----------
    **values
        Numbers, words, or scalar arrays.

    Raises
    ------
    ValueError
        If an array holds more than one number.
    """
    for name, value in values.items():
        glue(name, _plain(name, value))


def _plain(name: str, value: Any) -> Any:
    """Return a scalar array's number, anything else as it is."""
    if not hasattr(value, "item"):
        return value
    if math.prod(value.shape) != 1:
        raise ValueError(f"{name} has shape {tuple(value.shape)}: prose takes one number at a time")
    return value.item()


def download(table: xr.Dataset, name: str) -> HTML:
    """Return a link to a table as CSV, held in the page itself: it needs neither network nor kernel.

    Parameters
    ----------
    table : xr.Dataset
        One row for each combination of its coordinates.
    name : str
        File name without its ending.
    """
    text = table.to_dataframe().to_csv()
    coded = base64.b64encode(text.encode()).decode()
    return HTML(f'<a download="{name}.csv" href="data:text/csv;base64,{coded}">{name}.csv</a>')


def glue(name: str, value: Any) -> None:
    """Do what ``myst_nb.glue(name, value, display=False)`` does, without its two seconds of imports."""
    bundle, metadata = format_display_data(value)
    hidden = "application/papermill.record/"
    metadata["scrapbook"] = {"name": name, "mime_prefix": hidden}
    display({hidden + kind: data for kind, data in bundle.items()}, raw=True, metadata=metadata)
