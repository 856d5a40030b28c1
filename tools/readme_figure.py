"""Draw the README's figure from the laptop study and print the numbers that the README states.

Usage: ``.venv/bin/python tools/readme_figure.py`` (reads shipped or local artifacts, writes the file below).
"""

from pathlib import Path

import tlfourier as tl
from tlfourier.figures import ladder
from tlfourier.scorecard import ranking
from tlfourier.study import ladders, online

TARGET = Path(__file__).parents[1] / "book" / "_static" / "ladder.png"

if __name__ == "__main__":
    study = tl.begin("laptop")
    forward = list(study.design.forward)
    climbed, best = ladders.errors(study, forward), ladders.best_layers(study, forward)
    ladder.repairs(climbed, best).savefig(TARGET, dpi=150)
    print(f"{TARGET.relative_to(TARGET.parents[2])}: {TARGET.stat().st_size / 1e3:.0f} kB")
    for scaling, tables in climbed.items():
        for case, rmse in tables.items():
            rungs = ladder.rungs(rmse, best[scaling][case]).mean("seed")
            numbers = {str(name): round(float(rungs.sel(rung=name)), 2) for name in rungs["rung"].values}
            numbers["gradient"] = round(float(rmse.sel(model="gradient").mean()), 2)
            print(scaling, case, f"best layer {best[scaling][case]}", numbers)
    for case in forward:
        headline = ranking.headline(study.table(case), study.table(case, "validation"))
        print(case, {str(name): round(float(value), 2) for name, value in headline.items()})
    for case in study.cases:
        errors = online.told(online.summary(study, case, ["none", "dimensional", "gains", "2", "11"]))
        print("online", case, errors.to_dict())
    alone = online.told(online.summary(study, study.cases[0], [online.BARE, *online.CLOSURES]))
    halves = float(online.sampling(study, study.cases[0])["spectrum_error"])
    print("online", alone.to_dict(), f"half of the data {halves:.3f}")
