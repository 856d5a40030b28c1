"""Run the benchmarks: ``python -m benchmarks [--only SECTION ...] [--quick] [--ship]``.

Prints one table and writes it as data to ``build/bench/performance.json``; ``--ship`` also to
``src/tlfourier/performance.json``, from which the book's page is made when nothing was measured here.
What ``--quick`` measures is written to ``build/bench/quick.json``, which no page reads.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path

from benchmarks.report import Section, goals_text, machine

MEASURED = Path("build/bench/performance.json")
QUICK = MEASURED.with_name("quick.json")
SHIPPED = Path("src/tlfourier/performance.json")
SECTIONS = ("solver", "precision", "ocean", "training", "skill", "recipe", "growth", "sweep", "scale")


def main() -> int:
    """Run the chosen sections; sections that were measured before and are not run now are kept."""
    arguments = _arguments()
    measured = QUICK if arguments.quick else MEASURED
    report = json.loads(measured.read_text()) if measured.is_file() and arguments.only else {}
    data = {"machine": machine(), "sections": report.get("sections", {})}
    sections: list[Section] = []
    for name in arguments.only or SECTIONS:
        section: Section = importlib.import_module(f"benchmarks.{name}").measure(quick=arguments.quick)
        sections.append(section)
        data["sections"][name] = section.as_data()
        print(f"\n{section.as_text()}", flush=True)
        for path in (measured, SHIPPED) if arguments.ship else (measured,):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(data, indent=1) + "\n")
    print(f"\n{goals_text(sections)}\nwritten to {measured}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="default: all")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--ship", action="store_true", help=f"write {SHIPPED} as well")
    arguments = parser.parse_args()
    if arguments.quick and arguments.ship:
        parser.error("--ship: what --quick measures is not for the book")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
