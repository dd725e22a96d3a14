"""Requests for compiled programs: how each was met, and why it could not be met from memory.

JAX keeps a program for a function object, the types of its arguments, the values of its static
arguments, and a few settings. What differs from the request before is the cause.
"""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jitscope._callers import real_path
from jitscope.recorded import Cause, CompileRequest, Outcome


@dataclass(frozen=True)
class Argument:
    """Type of one argument, as ``float64[100]``: `dtype` with a mark if it is weak."""

    dtype: str
    shape: str

    def __str__(self) -> str:
        """Return it as JAX writes it."""
        return f"{self.dtype}{self.shape}"


@dataclass(frozen=True)
class Signature:
    """What a compiled program is kept for.

    Attributes
    ----------
    function : object
        A weak reference to the function object, whose number another one may get after it; a tuple
        of what else it is known by.
    code : object
        What its code is; functions written once and made anew share it.
    arguments : mapping of str to Argument
        By name, in order.
    static : mapping of str to str
        Static arguments by name, as they show themselves.
    settings : mapping of str to str
        Of JAX, as far as traces depend on them.
    placed : mapping of str to str
        Where each argument lies, by name, as far as known.
    """

    function: object
    code: object
    arguments: Mapping[str, Argument]
    static: Mapping[str, str]
    settings: Mapping[str, str]
    placed: Mapping[str, str] = field(default_factory=dict[str, str])


def reference(function: Any) -> object:
    """Return what stands for a function object and keeps it from nothing."""
    try:
        return weakref.ref(function)
    except TypeError:
        return id(function)


def cause_of(new: Signature, before: Sequence[Signature]) -> tuple[Cause, str | None]:
    """Return why a request could not be met by what was compiled before.

    Parameters
    ----------
    new : Signature
    before : sequence of Signature
        Of earlier requests that compiled, the latest last.

    Returns
    -------
    cause : str
    changed : str or None
        What differs from the earlier request that is most alike.
    """
    same = [one for one in before if _is_same(one.function, new.function)]
    if not same:
        again = [one for one in before if one.code is not None and one.code == new.code]
        if again:
            return "new function object", "the same code as a function before"
        return "first call", None
    found = [_differences(new, one) for one in reversed(same)]
    return min(found, key=lambda differences: differences.number).first


def _is_same(old: object, new: object) -> bool:
    # Equal references would ask the functions whether they are equal, and run code of theirs.
    return old is new or (isinstance(old, int | tuple) and old == new)


@dataclass(frozen=True)
class _Differences:
    number: int
    first: tuple[Cause, str | None]


def _differences(new: Signature, old: Signature) -> _Differences:
    settings = _changed(old.settings, new.settings)
    static = _changed(old.static, new.static)
    if settings:
        return _Differences(len(settings), ("new settings", "; ".join(settings)))
    if list(old.arguments) != list(new.arguments):
        names = [f"({', '.join(one.arguments)})" for one in (old, new)]
        return _Differences(99, ("new number of arguments", " -> ".join(names)))
    if static:
        return _Differences(len(static), ("new static argument", "; ".join(static)))
    pairs = [(name, old.arguments[name], one) for name, one in new.arguments.items()]
    dtypes = [f"{name}: {a} -> {b}" for name, a, b in pairs if a.dtype != b.dtype]
    shapes = [f"{name}: {a} -> {b}" for name, a, b in pairs if a.shape != b.shape]
    number = len(dtypes) + len(shapes)
    if dtypes:
        return _Differences(number, ("new dtype", "; ".join(dtypes)))
    if shapes:
        return _Differences(number, ("new shape", "; ".join(shapes)))
    known = [name for name in new.placed if name in old.placed]
    placed = _changed({n: old.placed[n] for n in known}, {n: new.placed[n] for n in known})
    if placed:
        return _Differences(len(placed), ("other", "; ".join(placed)))
    return _Differences(100, ("other", None))


def _changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    names = dict.fromkeys((*old, *new))
    return [
        f"{name}: {old.get(name, 'none')} -> {new.get(name, 'none')}"
        for name in names
        if old.get(name) != new.get(name)
    ]


_Key = tuple[str, str, int, Outcome, Cause | None, str | None]


class Requests:
    """Counts requests by function, line, outcome and cause."""

    def __init__(self) -> None:  # noqa: D107
        self._before: list[Signature] = []
        self._counts: dict[_Key, int] = {}
        self._compile_ns: dict[_Key, int] = {}

    def add(
        self,
        function: str,
        place: tuple[str, int],
        outcome: Outcome,
        signature: Signature | None,
        compile_ns: int,
    ) -> None:
        """Count a request for which something was compiled or loaded.

        Parameters
        ----------
        function : str
            In the form ``jit(f)``.
        place : tuple of str and int
            File and number of the line that asked.
        outcome : {"cold", "disk hit"}
        signature : Signature or None
            None where it is not known.
        compile_ns : int
            What it took to trace, lower and compile.
        """
        cause: Cause = "other"
        changed = None
        if signature is not None:
            cause, changed = cause_of(signature, self._before)
            self._before.append(signature)
        key = (function, *place, outcome, cause, changed)
        self._counts[key] = self._counts.get(key, 0) + 1
        self._compile_ns[key] = self._compile_ns.get(key, 0) + compile_ns

    def add_hit(self, function: str, place: tuple[str, int]) -> None:
        """Count a request that was met from memory."""
        key: _Key = (function, *place, "memory hit", None, None)
        self._counts[key] = self._counts.get(key, 0) + 1

    def found(self) -> tuple[CompileRequest, ...]:
        """Return what was counted, in order of first occurrence."""
        return tuple(
            CompileRequest(
                *(function, real_path(file), line, outcome, count, cause, changed),
                compile_ns=self._compile_ns.get(key),
            )
            for key, count in self._counts.items()
            for function, file, line, outcome, cause, changed in (key,)
        )
