"""The study of the published book, for tests that need real fields and networks."""

from __future__ import annotations

import pytest

from tlfourier.study.study import Study, begin


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Open the shipped artifacts; what is not among them is refused in a sentence, and not made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("shipped")))
        patch.delenv("TLFOURIER_REFERENCE")
        return begin("laptop")
