"""The study of the published book, for tests that need real fields and networks."""

from __future__ import annotations

import pytest

from tlfourier.study.study import NotMade, Study, begin


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Read the shipped artifacts; where the code has moved on from them, a test is skipped by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("shipped")))
        patch.delenv("TLFOURIER_REFERENCE")
        study = begin("laptop")
    try:
        study.tensors(study.case("forcing").base)
        study.transferred("forcing", [2])
    except NotMade as missing:
        pytest.skip(f"the shipped artifacts are of an older study: {missing}")
    return study
