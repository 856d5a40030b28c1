"""Somebody else's words within one sentence of ours."""

import contextlib
from collections.abc import Iterable, Iterator

LONGEST = 160  # characters: what is quoted may come from a damaged file


def one_line(words: object, longest: int = LONGEST) -> str:
    """Return words, or those of an exception, on one line, printable and not too long.

    Exceptions whose words alone say little (a KeyError has its key) are called by the name of their type.
    """
    text = " ".join(str(words).split())
    if isinstance(words, BaseException) and not (text and isinstance(words, ValueError | RuntimeError)):
        text = f"{type(words).__name__}: {text}".removesuffix(": ")
    text = "".join(sign if sign.isprintable() else "?" for sign in text)
    return text if len(text) <= longest else text[:longest] + "…"


@contextlib.contextmanager
def said_as(
    before: str, after: str = "", kinds: type[Exception] | tuple[type[Exception], ...] = Exception
) -> Iterator[None]:
    """Turn an exception of the given kinds into a ValueError that says ``before (its words)after``."""
    try:
        yield
    except kinds as error:
        raise ValueError(f"{before} ({one_line(error)}){after}") from None


def listed(words: Iterable[object], none: str = "none") -> str:
    """Write words or numbers as a sentence lists them: "2", "2 and 3", "1, 2 and 3".

    ``none``: what to write of nothing.
    """
    *most, last = [str(word).replace("_", " ") for word in words] or [none]
    return f"{', '.join(most)} and {last}" if most else last
