"""What the page says of the benchmarks is what their report holds, and no more."""

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks import growth as benchmark
from benchmarks import precision as precision_benchmark
from benchmarks.report import Goal, Section, machine
from tlfourier.book import findings, performance
from tlfourier.book.performance import NOWHERE, Performance, read

SIZES = (64, 128, 256)


def rows_of(contestants: dict[str, float], grid: int) -> list[Any]:
    return [
        {
            "contestant": name,
            "grid": grid,
            "precision": kind,
            "fastest_ms": ms * share,
            "median_ms": 1.1 * ms * share,
            "over_four_transforms": ms / 5,
        }
        for name, ms in contestants.items()
        for kind, share in (("float64", 1.0), ("float32", 0.5))
    ]


def solver() -> Section:
    times = {"tlfourier": 6.0, "four real transforms": 5.0, "slow": 30.0, "fluidsim": 8.0}
    goals = [Goal("time over fluidsim", 0.75, 0.7), Goal("rate", 0.75, 0.7, "at least")]
    rows = [*rows_of(times, 512), *rows_of({name: 4 * ms for name, ms in times.items()}, 1024)]
    return Section("solver", "a title", rows, goals, ["torch-cfd (extra 'peers')"], {"threads": 2})


def growing() -> Section:
    """Return a stage whose time grows with the power 2 and whose memory is below what can be told."""
    rows: list[Any] = [
        {
            "stage": "filter",
            "varies": "snapshots",
            "size": size,
            "seconds": 1e-4 * size**2,
            "peak_mib": 1e6,
            "anonymous_mib": 0.01 * size,
        }
        for size in SIZES
    ]
    goals = [Goal("filter against snapshots: exponent of memory", 0.0, 0.2)]
    return Section("growth", "a title", rows, goals)


def write(path: Path, *sections: Section) -> Path:
    data = {"machine": machine(), "sections": {one.name: one.as_data() for one in sections}}
    path.write_text(json.dumps(data))
    return path


def test_a_report_is_read_as_the_benchmarks_write_it(tmp_path: Path) -> None:
    bench = read(write(tmp_path / "report.json", solver(), growing()))
    assert len(bench.table("solver")) == 16
    assert bench.goals()["verdict"].tolist() == ["missed", "met", "met"]
    assert bench.goals("growth")["promised"].tolist() == ["at most 0.2"]
    assert bench.skipped == "torch-cfd (extra 'peers')"
    assert bench.threads == "solver 2"
    assert bench.missing == "precision, training, skill, recipe, sweep, scale"
    assert bench.machine.endswith(f"torch {machine()['versions']['torch']}")
    assert findings.promises(bench) == {"goal_count": "3", "met_count": "2", "missed": "time over fluidsim"}


def test_a_verdict_is_not_believed_but_judged_again(tmp_path: Path) -> None:
    path = write(tmp_path / "report.json", solver())
    report = json.loads(path.read_text())
    report["sections"]["solver"]["goals"] = [
        {"what": "lies", "value": 2.0, "limit": 1.0, "sense": "at most", "met": True},
        {"what": "nothing", "value": None, "limit": 1.0, "sense": "at most", "met": True},
    ]
    path.write_text(json.dumps(report))
    assert read(path).goals()["verdict"].tolist() == ["missed", "missed"]


def test_where_nothing_was_measured_every_number_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Path("no", "such", "file")
    monkeypatch.setattr(performance, "MEASURED", nowhere)
    monkeypatch.setattr(performance, "SHIPPED", nowhere)
    bench = read()
    assert bench == Performance()
    assert findings.solver(bench)["own_ms"] == findings.precision(bench)["own_cost"] == NOWHERE
    assert findings.training(bench)["shares"] == findings.scale(bench)["limited_by"] == NOWHERE
    assert set(findings.recipe_and_skill(bench).values()) == {NOWHERE}
    assert len(findings.growth(bench)) == len(bench.goals()) == 0
    assert findings.promises(bench)["missed"] == "none"


def test_what_was_measured_here_goes_before_what_is_shipped_once_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performance, "MEASURED", tmp_path / "measured.json")
    monkeypatch.setattr(performance, "SHIPPED", write(tmp_path / "shipped.json", growing()))
    assert list(read().sections) == ["growth"]
    write(tmp_path / "measured.json", solver())
    assert list(read().sections) == ["growth"]
    write(tmp_path / "measured.json", solver(), growing())
    assert list(read().sections) == ["solver", "growth"]


def test_a_section_of_another_version_counts_as_not_measured(tmp_path: Path) -> None:
    old = Section("recipe", "a title", [{"work": "base training", "recipe": 2.0}], [Goal("old", 1.0, 2.0)])
    bench = read(write(tmp_path / "report.json", solver(), old))
    assert "recipe" in bench.missing.split(", ")
    assert "old" not in bench.goals().index


@pytest.mark.parametrize(
    "damage",
    [
        lambda report: report.pop("machine"),
        lambda report: report["machine"].update(made="yesterday"),
        lambda report: report["sections"].update(solver=[]),
        lambda report: report["sections"]["solver"]["rows"][0].update(fastest_ms="fast"),
        lambda report: report["sections"]["solver"]["rows"][0].update(fastest_ms=10**400),
        lambda report: report["sections"]["solver"]["goals"][0].update(limit=10**400),
        lambda report: report["sections"]["growth"]["rows"][0].update(size=0),
        lambda report: report["sections"]["growth"]["rows"][0].update(size=None),
        lambda report: report["sections"]["solver"]["rows"].append(1),
        lambda report: report["sections"]["solver"]["goals"][0].update(sense="about"),
        lambda report: report["sections"]["solver"]["goals"][0].update(limit=None),
        lambda report: report["sections"]["solver"].update(skipped=[1]),
        lambda report: report["sections"]["solver"].update(settings=3),
    ],
)
def test_a_damaged_report_is_refused_in_one_sentence(tmp_path: Path, damage: Any) -> None:
    path = write(tmp_path / "report.json", solver(), growing())
    report = json.loads(path.read_text())
    damage(report)
    path.write_text(json.dumps(report))
    with pytest.raises(ValueError, match=r"report\.json is not a report of these benchmarks: remove it"):
        read(path)


def test_what_is_no_json_or_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"absent\.json: the file does not exist"):
        read(tmp_path / "absent.json")
    (tmp_path / "half.json").write_text('{"machine": ')
    with pytest.raises(ValueError, match=r"half\.json is not JSON that can be read"):
        read(tmp_path / "half.json")
    with pytest.raises(ValueError, match="unknown section 'speed': accepted are solver, precision"):
        Performance().table("speed")


def test_the_solver_is_held_against_the_fastest_peer_on_the_largest_grid(tmp_path: Path) -> None:
    words = findings.solver(read(write(tmp_path / "report.json", solver())))
    assert (words["grids"], words["grid"], words["own_ms"]) == ("512² and 1024²", "1024²", "24.0")
    assert (words["peer"], words["over_peer"], words["over_transforms"]) == ("fluidsim", "0.75", "1.20")
    assert words["single_ratio"] == "0.50"


def precise(name: str, factor: float) -> list[Any]:
    """Return the runs of a fourth-order scheme: error 1 / n^4 at a cost of factor times n."""
    return [
        {
            "contestant": name,
            "precision": "float64",
            "steps": n,
            "dt": 1 / n,
            "error": float(n) ** -4,
            "ms_per_time_unit": factor * n,
        }
        for n in (50, 20, 100)
    ]


def test_costs_at_equal_error_lie_on_the_power_law(tmp_path: Path) -> None:
    rows = [*precise("tlfourier ifrk4", 3.0), *precise("fluidsim RK4", 6.0)]
    bench = read(write(tmp_path / "report.json", Section("precision", "a title", rows)))
    own = findings.pick(bench.table("precision"), contestant="tlfourier ifrk4")
    assert findings.cost_at(own, 1e-6) == pytest.approx(3 * 1e-6**-0.25, rel=1e-12)
    assert math.isnan(findings.cost_at(own, 1e-9))
    words = findings.precision(bench)
    assert (words["own_cost"], words["peer_stepper"], words["cost_ratio"]) == ("95", "fluidsim RK4", "0.50")


def test_costs_are_compared_where_the_goal_compares_them() -> None:
    assert findings.ERROR == precision_benchmark.ERROR
    assert findings.FLOOR_MIB == benchmark.FLOOR_MIB


def test_exponents_of_growth_are_those_of_the_power_law(tmp_path: Path) -> None:
    (fit,) = findings.growth(read(write(tmp_path / "report.json", growing()))).to_dict("records")
    assert fit["time"] == pytest.approx(2.0, abs=1e-12)
    assert fit["memory"] == pytest.approx(0.0, abs=1e-12)
    assert (fit["largest"], fit["mib"]) == (256, pytest.approx(2.56))
    assert fit["memory_limit"] == 0.2 and math.isnan(fit["time_limit"])
    assert math.isnan(findings.exponent(pd.Series([8.0]), pd.Series([1.0])))


def test_training_and_many_workers_become_words(tmp_path: Path) -> None:
    common = {"channels": 16, "precision": "bfloat16", "gflop_per_s": None}
    times = {"transfer of layer 1": 9e3, "transfer of layer 11": 2e3, findings.SWEEP: 5e4, findings.FULL: 1e5}
    rows: list[Any] = [{"contestant": "training step", **common, "median": 9.0, "share": 0.625}]
    rows += [{"contestant": name, **common, "median": ms, "share": None} for name, ms in times.items()]
    ways: list[Any] = [{"way": f"{n} workers", "seconds": 9.0, "over_one_worker": 1 / n} for n in (1, 2)]
    hours: list[Any] = [
        {"workers": n, "hours": 60 / n, "speed_up": n, "limited_by": "the work"} for n in (1.0, 1000.0)
    ]
    sections = [Section("training", "", rows), Section("sweep", "", ways), Section("scale", "", hours)]
    bench = read(write(tmp_path / "report.json", *sections))
    words = findings.training(bench) | findings.scale(bench)
    assert words["shares"] == "62% with 16" and words["sweep_ratio"] == words["crew_ratio"] == "0.50"
    assert (words["first_layer"], words["last_layer"], words["crew"]) == ("9.0", "2.0", "2 workers")
    assert (words["alone_hours"], words["most_workers"], words["most_hours"]) == ("60.0", "1,000", "0.06")
