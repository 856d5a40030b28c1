"""Turn the record of a run of the book, from `record.read_run`, into the tables of its last page."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import pandas as pd


def pages_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """List the pages: the ``seconds`` of each, the ``artifacts`` that it read, and what these had cost."""
    rows = [
        (name, page["seconds"], len(page["artifacts"]), sum(item["seconds"] for item in page["artifacts"]))
        for name, page in record["pages"].items()
    ]
    columns = ["page", "seconds", "artifacts", "seconds_to_make"]
    return pd.DataFrame(rows, columns=columns).set_index("page")


def artifacts_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """List every artifact that was read: the ``seconds`` that it took, the ``pages`` that read it."""
    rows = [
        (item["artifact"], item["seconds"], PurePosixPath(name).stem)
        for name, page in record["pages"].items()
        for item in page["artifacts"]
    ]
    reads = pd.DataFrame(rows, columns=["artifact", "seconds", "pages"])
    return reads.groupby("artifact").agg({"seconds": "last", "pages": ", ".join})


def stages_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """Add the artifacts up by stage: how many ``artifacts``, and the ``seconds`` that they took together."""
    listed = artifacts_table(record).reset_index()
    stage = listed["artifact"].str.partition("/", expand=False).str[0].rename("stage")
    return listed.groupby(stage)["seconds"].agg(artifacts="size", seconds="sum")


def versions_table(record: Mapping[str, Any]) -> pd.DataFrame:
    """List the ``version`` of Python and of each package, the kind of system, the threads of each kernel."""
    versions = {"python": record["python"], **record["versions"], "system": record["system"]}
    versions["threads"] = str(record["threads"])
    return pd.Series(versions, name="version").rename_axis("name").to_frame()
