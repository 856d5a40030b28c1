"""Tables of a run: every page and artifact once, seconds added up."""

from typing import Any

from tlfourier.book.tables import artifacts_table, pages_table, stages_table, versions_table


def record() -> dict[str, Any]:
    shared = {"artifact": "train/aa", "seconds": 5.0}
    one = {"seconds": 2.5, "artifacts": [shared, {"artifact": "score/bb", "seconds": 0.5}], "stderr": []}
    two = {"seconds": 1.0, "artifacts": [shared], "stderr": []}
    return {
        "pages": {
            "book/intro.ipynb": one,
            "book/1-flow/flows.ipynb": two,
            "book/a.ipynb": {**two, "artifacts": []},
        },
        "python": "3.12.1",
        "system": "Linux x86_64",
        "threads": 2,
        "versions": {"torch": "2.0"},
    }


def test_pages_carry_their_seconds_and_the_cost_of_what_they_read() -> None:
    table = pages_table(record())
    assert table.index.tolist() == list(record()["pages"])
    assert table["seconds"].tolist() == [2.5, 1.0, 1.0]
    assert table["artifacts"].tolist() == [2, 1, 0]
    assert table["seconds_to_make"].tolist() == [5.5, 5.0, 0.0]


def test_each_artifact_is_listed_once_with_its_readers() -> None:
    table = artifacts_table(record())
    assert table.index.tolist() == ["score/bb", "train/aa"]
    assert table.loc["train/aa", "pages"] == "intro, flows"
    stages = stages_table(record())
    assert stages.loc["train", "seconds"] == 5.0
    assert stages["artifacts"].tolist() == [1, 1]


def test_versions_hold_python_packages_and_the_system() -> None:
    table = versions_table(record())
    assert table.index.tolist() == ["python", "torch", "system", "threads"]
    assert table.loc["threads", "version"] == "2"


def test_a_run_that_read_nothing_gives_empty_tables() -> None:
    empty = {**record(), "pages": {}}
    assert [len(table(empty)) for table in (pages_table, artifacts_table, stages_table)] == [0, 0, 0]
