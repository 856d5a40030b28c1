"""The stage of the scorecard: everything that was measured in a study, judged once and kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from tlfourier.io.netcdf import write_dataset
from tlfourier.scorecard import Evidence, scorecard
from tlfourier.scorecard.catalogue import CLAIMS, STATEMENTS
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder, Stage, Stages
from tlfourier.study import targets
from tlfourier.study.design import Design
from tlfourier.study.evidence import evidence
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages import analyses, data, film, networks, online, repairs
from tlfourier.study.stages.data import Inputs, read_file
from tlfourier.study.systems import spec_from


@cache
def verdicts_node(spec: StudySpec) -> Node:
    """Return the node of a study's scorecard."""
    design = Design(spec)
    settings = {name: value for name, value in spec.as_data.items() if name != "online"}  # judged offline
    judged = {"study": settings, "claims": [claim.id for claim in (*CLAIMS, *STATEMENTS)]}
    return VERDICTS.of(judged, {node.name: node for node in targets.judged(design)})


def column(case: str, scaling: str) -> str:
    """Return what the scorecard calls a case under a scaling: its name alone under the papers' own."""
    return case if scaling == "own" else f"{case} ({scaling})"


@dataclass(frozen=True)
class Folders:
    """Results of a design that lie in known folders, by the names of their nodes."""

    design: Design
    folders: Mapping[str, Folder]
    stages: Stages

    def read(self, node: Node) -> Any:
        """Return what an artifact holds."""
        return self.stages[node.stage].read(node, lambda one: self.folders[one.name])


def make_verdicts(node: Node, inputs: Inputs, folder: Path) -> None:
    """Judge every claim in every case and its reverse transfer, under both scalings."""
    design = Design(spec_from(node.spec["study"]))
    cases: dict[str, Evidence] = {}
    for scaling in targets.JUDGED:
        study = Folders(design.vary({"transfer.scaling": scaling}), inputs, STAGES)
        cases |= {column(case, scaling): evidence(study, case) for case in design.ladders}
    write_dataset(folder / "verdicts.nc", scorecard(cases, (*CLAIMS, *STATEMENTS)))


def _describe(node: Node) -> str:
    return f"the scorecard, from {len(node.inputs)} results"


VERDICTS = Stage(
    "verdicts", 3, node=verdicts_node, make=make_verdicts, read=partial(read_file, "verdicts.nc"),
    work=analyses.input_count, rate=1.3e-2, describe=_describe
)  # fmt: skip

_ROOMS = (data, networks, repairs, analyses, online, film)
STAGES: Stages = {stage.name: stage for stage in (*(one for room in _ROOMS for one in room.STAGES), VERDICTS)}
"""Every stage of a study by its name."""
