"""Lay a dictionary of settings on dataclasses, every key and type checked."""

import ast
import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from tlfourier.study.bounds import show

DEPTH = 8  # tables within tables: the deepest setting, flows.target.reynolds, lies three deep
_BEYOND = 10**300  # integers that no float holds


def from_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """Return the settings that a command line names as ``KEY=VALUE``; ValueError for one without a value."""
    overrides: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"--set {pair!r}: expected KEY=VALUE, as transfer.steps=100")
        try:
            overrides[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            overrides[key] = text
    return overrides


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``{"a.b": 1}`` into ``{"a": {"b": 1}}``; nested input passes through, and the two may be mixed.

    ValueError for a setting that is given twice or is both a value and a table, and for tables without end.
    """
    tree: dict[str, Any] = {}
    _plant(tree, settings, ())
    return tree


def _plant(tree: dict[str, Any], settings: Mapping[str, Any], above: tuple[str, ...]) -> None:
    for key, value in settings.items():
        path = (*above, *str(key).split("."))
        name = f"setting {show('.'.join(path))}"
        if len(path) > DEPTH:
            raise ValueError(f"{name} lies {len(path)} deep: at most {DEPTH} is accepted")
        branch = tree
        for parent in path[:-1]:
            branch = branch.setdefault(parent, {})
            if not isinstance(branch, dict):
                raise ValueError(f"{name} lies in one that is given a value: give one")
        if isinstance(value, Mapping):
            if not isinstance(branch.setdefault(path[-1], {}), dict):
                raise ValueError(f"{name} is given a value and a table: give one")
            _plant(tree, value, path)
        elif path[-1] in branch:
            raise ValueError(f"{name} is given twice: give it once")
        else:
            branch[path[-1]] = value


def apply(spec: Any, settings: Mapping[str, Any], where: str = "") -> Any:
    """Return ``spec`` with ``settings`` laid on it, recursively; ValueError for a wrong key or type."""
    known = (
        spec if isinstance(spec, dict) else {f.name: getattr(spec, f.name) for f in dataclasses.fields(spec)}
    )
    changed = {}
    for key, value in settings.items():
        if key not in known:
            raise ValueError(f"unknown setting {show(f'{where}{key}')}: {_nearest(str(key), known, where)}")
        changed[key] = _convert(known[key], value, f"{where}{key}", spec, key)
    return {**known, **changed} if isinstance(spec, dict) else dataclasses.replace(spec, **changed)


def _nearest(key: str, known: Mapping[str, Any], where: str) -> str:
    close = difflib.get_close_matches(key[:60], known, n=1)
    hint = f"did you mean {where + close[0]!r}? " if close else ""
    return f"{hint}known here are {', '.join(known)}"


def _convert(old: Any, value: Any, name: str, spec: Any, key: str) -> Any:
    if dataclasses.is_dataclass(old) or isinstance(old, dict):
        if not isinstance(value, Mapping):
            raise ValueError(f"setting {name!r} is a table, got {show(value)}: give {name}.<key>")
        return apply(old, value, f"{name}.")
    kinds = _accepted(spec, key, old)
    if isinstance(value, int) and not isinstance(value, bool) and float in kinds and int not in kinds:
        value = float(value) if abs(value) < _BEYOND else math.inf
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise ValueError(f"setting {name}={show(value)} is a {type(value).__name__}: {wanted} is accepted")
    return value


def _accepted(spec: Any, key: str, old: Any) -> tuple[type, ...]:
    """Return the classes that the annotation of a field accepts; literals count as their value's class."""
    if isinstance(spec, dict):
        return (type(old),)
    hint = typing.get_type_hints(type(spec))[key]
    parts = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    classes: list[type] = []
    for part in parts:
        origin = typing.get_origin(part)
        literal = origin is typing.Literal
        classes += map(type, typing.get_args(part)) if literal else [origin or part]
    return tuple(dict.fromkeys(classes))
