"""JSON from disk, read strictly: whatever the bytes are, a value with one meaning or one sentence."""

import json
import math
from typing import Any

from tlfourier.io.paths import Readable
from tlfourier.io.words import one_line


def parse_json(content: bytes | str, name: object, not_a_number: bool = False) -> Any:
    """Return the value of a JSON text.

    Bytes are UTF-8; ``name`` says what the text is, for the sentence. With ``not_a_number`` NaN is accepted,
    as ``json.dumps`` writes it; infinities never are. Raises ValueError for what is not UTF-8, not JSON,
    nested too deeply, has a key twice in one object, or a number that is not finite.
    """

    def constant(word: str) -> float:
        if word == "NaN" and not_a_number:
            return math.nan
        raise ValueError(f"{word} is not a finite number")

    try:
        text = content if isinstance(content, str) else content.decode()
        return json.loads(text, parse_constant=constant, parse_float=_finite, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError(f"{name} is not JSON that can be read (it is nested too deeply)") from None
    except ValueError as error:
        raise ValueError(f"{name} is not JSON that can be read ({one_line(error)})") from None


def read_json(path: Readable) -> Any:
    """Return the value of a JSON file, as `parse_json`; FileNotFoundError if there is none."""
    if not path.is_file():
        raise FileNotFoundError(f"no JSON at {path}: the file does not exist")
    return parse_json(path.read_bytes(), path)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:20]} is not a finite number")
    return number


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key appears twice in one object")
    return found
