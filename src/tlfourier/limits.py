"""Limits as parts of an annotation: the range of a number, the variables of a Dataset."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Range:
    """Say which numbers an annotation takes: ``Annotated[int, Range(1, 10)]``; never NaN.

    ``least`` itself is accepted unless ``above``; ``most`` is.
    """

    least: int | float = -math.inf
    most: int | float = math.inf
    above: bool = False

    def holds(self, value: int | float) -> bool:
        """Say whether a number lies within."""
        return (value > self.least if self.above else value >= self.least) and value <= self.most

    def __str__(self) -> str:
        low = f"above {self.least:g}" if self.above else f"from {self.least:g} on"
        if self.least == -math.inf:
            return "that is not NaN" if self.most == math.inf else f"up to {self.most:g}"
        return low if self.most == math.inf else f"{low}, at most {self.most:g}"


@dataclass(frozen=True, init=False)
class Holds:
    """Name the variables that a Dataset needs, or the dimensions of a DataArray."""

    names: tuple[str, ...]

    def __init__(self, *names: str) -> None:
        object.__setattr__(self, "names", names)

    def holds(self, value: Any) -> bool:
        """Say whether all of them are there, and none of their dimensions is empty."""
        there = set(value.dims) | set(value.coords) | set(getattr(value, "data_vars", ()))
        return there.issuperset(self.names) and all(size > 0 for size in value.sizes.values())

    def __str__(self) -> str:
        return f"with {', '.join(self.names)}, none of them empty"
