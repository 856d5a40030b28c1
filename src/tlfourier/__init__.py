"""Transfer learning in Fourier space: which layers to re-train, and why."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tlfourier.advisor.advise import advise
    from tlfourier.study.study import begin

__version__ = "0.1.0"
__all__ = ["advise", "begin"]


def __getattr__(name: str) -> Any:
    """Import the study layer only when it is asked for: the solver alone needs none of it."""
    if name == "begin":
        from tlfourier.study.study import begin

        return begin
    if name == "advise":
        from tlfourier.advisor.advise import advise

        return advise
    raise AttributeError(f"module 'tlfourier' has no attribute {name!r}; it has {', '.join(__all__)}")
