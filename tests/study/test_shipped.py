"""What the repository ships is what its code makes of it."""

from pathlib import Path

import pytest
import xarray as xr

from tlfourier.io.paths import shipped_folder
from tlfourier.scorecard import scorecard
from tlfourier.scorecard.catalogue import CLAIMS, STATEMENTS
from tlfourier.store.store import Store
from tlfourier.study.design import Design
from tlfourier.study.evidence import evidence
from tlfourier.study.study import Study
from tlfourier.study.systems import SYSTEMS, load_system
from tlfourier.study.targets import JUDGED
from tlfourier.study.verdicts import STAGES, column, verdicts_node


@pytest.fixture(scope="module", params=list(SYSTEMS))
def study(request: pytest.FixtureRequest) -> Study:
    """Return a published study, read from the shipped archives alone, with no patience at all."""
    spec = load_system(request.param, "laptop")
    return Study(Design(spec), Store(Path("/nowhere"), STAGES, shipped_folder()), patience=-1.0)


def test_everything_that_the_book_reads_is_shipped(study: Study) -> None:
    assert [node.name for node in study.leaves() if study.store.local(node) is None] == []


def test_the_shipped_scorecard_is_that_of_the_shipped_evidence(study: Study) -> None:
    """A change of a claim or of its evidence needs a new version of the stage, and a new scorecard."""
    varied = {scaling: study.vary({"transfer.scaling": scaling}) for scaling in JUDGED}
    cases = {
        column(case, scaling): evidence(one, case) for scaling, one in varied.items() for case in one.ladders
    }
    found = scorecard(cases, (*CLAIMS, *STATEMENTS))
    shipped, found = study.read(verdicts_node(study.spec)), found.drop_attrs()
    numbers = [name for name, column in found.items() if column.dtype.kind == "f"]
    xr.testing.assert_identical(shipped.drop_vars(numbers), found.drop_vars(numbers))
    # other processors round otherwise
    xr.testing.assert_allclose(shipped[numbers], found[numbers], rtol=1e-9)
