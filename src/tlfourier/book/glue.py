"""Carry computed numbers into a page's prose."""

import base64
import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import xarray as xr
from IPython.core.formatters import format_display_data
from IPython.display import HTML, display

from tlfourier.io.words import listed as listed


def glue_values(**values: Any) -> None:
    """Glue values under their names, for ``{glue:text}`` in the page's text; nothing is displayed.

    ``glue_values(error=0.41234)`` and then ``{glue:text}`error:.2f``` writes 0.41. What has parts is a
    namespace: of ``glue_values(forcing=summary)`` the text reads ``forcing.best`` and so on. Parts are the
    items of a mapping or a pandas series, the variables of a dataset, the fields of a dataclass; parts that
    have parts themselves are named ``forcing.layers.best``. Scalars of numpy, torch and xarray become plain
    numbers, so that a format applies to them.

    ``**values``: numbers, words, scalar arrays, or namespaces of these. Raises ValueError if an array holds
    more than one number.
    """
    for name, value in values.items():
        for key, one in _named(name, value):
            glue(key, one)


def _named(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parts of a value under their full names, a scalar as it is."""
    if isinstance(value, xr.Dataset):
        value = value.data_vars
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping | pd.Series):
        for part, one in value.items():
            yield from _named(f"{name}.{part}", one)
    else:
        yield name, _plain(name, value)


def _plain(name: str, value: Any) -> Any:
    """Return a scalar array's number, anything else as it is."""
    if not hasattr(value, "item"):
        return value
    if math.prod(value.shape) != 1:
        raise ValueError(f"{name} has shape {tuple(value.shape)}: prose takes one number at a time")
    return value.item()


def in_words(count: int) -> str:
    """Write a small whole number as prose does, "three" for 3, a larger one in digits."""
    words = "no one two three four five six seven eight nine ten eleven twelve"
    return dict(enumerate(words.split())).get(count, str(count))


def download(table: xr.Dataset | pd.DataFrame, name: str) -> HTML:
    """Return a link to a table as CSV, held in the page itself: it needs neither network nor kernel.

    A dataset makes one row for each combination of its coordinates. ``name``: file name, no ending.

    Examples
    --------
    >>> table = xr.Dataset({"rmse": ("layer", [0.3, 0.2])}, {"layer": [1, 2]})
    >>> download(table, "errors").data[:45]
    '<a download="errors.csv" href="data:text/csv;'
    """
    text = (table.to_dataframe() if isinstance(table, xr.Dataset) else table).to_csv()
    coded = base64.b64encode(text.encode()).decode()
    return HTML(f'<a download="{name}.csv" href="data:text/csv;base64,{coded}">{name}.csv</a>')


def glue(name: str, value: Any) -> None:
    """Do what ``myst_nb.glue(name, value, display=False)`` does, without its two seconds of imports."""
    bundle, metadata = format_display_data(value)
    hidden = "application/papermill.record/"
    metadata["scrapbook"] = {"name": name, "mime_prefix": hidden}
    display({hidden + kind: data for kind, data in bundle.items()}, raw=True, metadata=metadata)
