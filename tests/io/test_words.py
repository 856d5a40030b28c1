"""Whatever somebody else says becomes a part of one sentence."""

import pytest

from tlfourier.io.words import one_line, said_as


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("two\nlines  and\ttabs", "two lines and tabs"),
        (ValueError("is wrong"), "is wrong"),
        (ValueError(""), "ValueError"),
        (KeyError("size"), "KeyError: 'size'"),
        (MemoryError(), "MemoryError"),
        ("\x1b[2J", "?[2J"),
        ("x" * 500, "x" * 160 + "…"),
    ],
)
def test_one_printable_line(words: object, line: str) -> None:
    assert one_line(words) == line


def test_only_the_given_kinds_are_said_as_a_sentence() -> None:
    sentence = r"^a\.nc is damaged \(KeyError: 'x'\): remove it$"
    with pytest.raises(ValueError, match=sentence), said_as("a.nc is damaged", ": remove it"):
        raise KeyError("x")
    with pytest.raises(ZeroDivisionError), said_as("a.nc is damaged", kinds=KeyError):
        raise ZeroDivisionError
