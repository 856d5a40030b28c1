"""A study of which nothing is made yet, in a folder of its own, and without a limit to its patience."""

import math
from pathlib import Path

from tlfourier.store.store import Store
from tlfourier.study.design import Design
from tlfourier.study.settings import StudySpec
from tlfourier.study.study import Study
from tlfourier.study.verdicts import STAGES


def empty_study(spec: StudySpec, root: Path) -> Study:
    """Return a study whose store is ``root``; nothing that is shipped is used."""
    return Study(Design(spec), Store(root, STAGES), patience=math.inf)
