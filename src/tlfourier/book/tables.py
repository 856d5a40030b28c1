"""Turn the record of a run of the book into the tables of its last page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr


def pages_table(record: Mapping[str, Any]) -> xr.Dataset:
    """List the executed pages: how long each ran, and what the artifacts it read had cost.

    Parameters
    ----------
    record : mapping
        From `tlfourier.book.record.read_run`.

    Returns
    -------
    xr.Dataset
        Over ``page``: ``seconds`` of the page itself, ``artifacts`` that it read, ``seconds_to_make`` them.
    """
    pages = record["pages"]
    columns: dict[str, list[Any]] = {
        "seconds": [page["seconds"] for page in pages.values()],
        "artifacts": [len(page["artifacts"]) for page in pages.values()],
        "seconds_to_make": [sum(item["seconds"] for item in page["artifacts"]) for page in pages.values()],
    }
    return _table("page", list(pages), columns)


def artifacts_table(record: Mapping[str, Any]) -> xr.Dataset:
    """List every artifact that a page read, by its stage and key.

    Parameters
    ----------
    record : mapping
        From `tlfourier.book.record.read_run`.

    Returns
    -------
    xr.Dataset
        Over ``artifact``, sorted: ``seconds`` that it took to make, ``pages`` that read it (their names).
    """
    seconds: dict[str, float] = {}
    readers: dict[str, list[str]] = {}
    for path, page in record["pages"].items():
        name = path.rsplit("/", 1)[-1].removesuffix(".ipynb")
        for item in page["artifacts"]:
            seconds[item["artifact"]] = item["seconds"]
            readers.setdefault(item["artifact"], []).append(name)
    names = sorted(seconds)
    columns: dict[str, list[Any]] = {
        "seconds": [seconds[name] for name in names],
        "pages": [", ".join(readers[name]) for name in names],
    }
    return _table("artifact", names, columns)


def stages_table(record: Mapping[str, Any]) -> xr.Dataset:
    """Add the artifacts up by stage.

    Parameters
    ----------
    record : mapping
        From `tlfourier.book.record.read_run`.

    Returns
    -------
    xr.Dataset
        Over ``stage``: ``artifacts`` and the ``seconds`` that they took together.
    """
    listed = artifacts_table(record)
    stage = np.array([name.partition("/")[0] for name in listed["artifact"].values.tolist()], dtype=object)
    names = sorted(set(stage))
    columns: dict[str, list[Any]] = {
        "artifacts": [int(np.sum(stage == name)) for name in names],
        "seconds": [float(listed["seconds"].values[stage == name].sum()) for name in names],
    }
    return _table("stage", names, columns)


def versions_table(record: Mapping[str, Any]) -> xr.Dataset:
    """List what the pages ran on.

    Parameters
    ----------
    record : mapping
        From `tlfourier.book.record.read_run`.

    Returns
    -------
    xr.Dataset
        Over ``name``: ``version`` of Python and of each package, the kind of system, the threads.
    """
    versions = {"python": record["python"], **record["versions"]}
    versions |= {"system": record["system"], "threads": str(record["threads"])}
    return _table("name", list(versions), {"version": list(versions.values())})


def _table(dimension: str, rows: list[str], columns: Mapping[str, list[Any]]) -> xr.Dataset:
    """Put columns of equal length on one named dimension."""
    variables = {name: (dimension, np.array(values)) for name, values in columns.items()}
    return xr.Dataset(variables, {dimension: np.array(rows, dtype=object)})
