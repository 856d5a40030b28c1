"""What a sweep asks SLURM for: a TOML table, of which a site has a copy of its own."""

import tomllib
from pathlib import Path
from typing import Any

from tlfourier.io.paths import PROFILES

TEMPLATE = PROFILES / "clusters" / "slurm.toml"


def read_template(path: Path) -> dict[str, Any]:
    """Read what SLURM is asked for; ValueError if it is no TOML, or not all is there."""
    try:
        settings = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"the SLURM template {path} cannot be read: {error}") from None
    lacking = [name for name in ("jobs", "cores", "memory", "walltime") if name not in settings]
    if lacking:
        raise ValueError(f"the SLURM template {path} lacks {', '.join(lacking)}: see {TEMPLATE.name}")
    return settings
