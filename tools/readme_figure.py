"""Draw the README's figure from the laptop study and print the numbers that the README states.

Usage: ``.venv/bin/python tools/readme_figure.py`` (reads shipped or local artifacts, writes the file below).
"""

from pathlib import Path

import tlfourier as tl
from tlfourier.figures import layers
from tlfourier.scorecard import ranking

TARGET = Path(__file__).parents[1] / "book" / "_static" / "which-layer.png"

if __name__ == "__main__":
    study = tl.begin("laptop")
    figure = layers.layer_scores(
        study.table("forcing", models=study.design.singles), panels=("rmse", "spectrum_error")
    )
    figure.savefig(TARGET, dpi=150)
    print(f"{TARGET.relative_to(TARGET.parents[2])}: {TARGET.stat().st_size / 1e3:.0f} kB")
    for case in study.cases:
        numbers = ranking.headline(study.table(case), study.table(case, "validation"))
        print(case, {str(name): round(float(value), 2) for name, value in numbers.items()})
