"""What the lines pass follows: a program's own code, marked functions and named modules."""

from __future__ import annotations

import importlib
import inspect
import linecache
import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from types import CellType, CodeType, FunctionType
from typing import Any

from jitscope.lines import LineTime


class Follower:
    """A line_profiler and the functions given to it.

    Parameters
    ----------
    modules : iterable of str
        Names of modules whose Python functions are followed.
    """

    def __init__(self, modules: Iterable[str] = ()) -> None:  # noqa: D107
        from line_profiler import LineProfiler

        self._profiler = LineProfiler()
        for name in modules:
            module = importlib.import_module(name)
            for value in vars(module).values():
                if getattr(value, "__module__", None) == name and hasattr(value, "__code__"):
                    self._profiler.add_function(value)

    def add(self, function: Callable[..., Any]) -> None:
        """Follow a function; of a compiled one the Python that it was made from, if any is known.

        That runs while it is traced, and in no call after it.
        """
        inner = inspect.unwrap(function, stop=_has_own_lines)
        if not hasattr(inner, "__code__"):
            warnings.warn(
                f"the lines of {function!r} cannot be followed: it is no Python function; "
                "put the decorator on one that is.",
                stacklevel=3,
            )
            return
        self._profiler.add_function(inner)

    def followed(self, code: CodeType) -> CodeType:
        """Return code that does the same, with every function inside it followed too."""
        constants = tuple(
            self.followed(value) if isinstance(value, CodeType) else value
            for value in code.co_consts
        )
        code = code.replace(co_consts=constants)
        closure = tuple(CellType() for _ in code.co_freevars)
        carrier = FunctionType(code, {}, closure=closure)
        self._profiler.add_function(carrier)
        return carrier.__code__

    @contextmanager
    def following(self) -> Generator[None, None, None]:
        """Record inside a ``with`` block."""
        self._profiler.enable_by_count()
        try:
            yield
        finally:
            self._profiler.disable_by_count()

    def lines(self) -> tuple[LineTime, ...]:
        """Return the lines that ran, in order of file and line."""
        stats = self._profiler.get_stats()
        unit_ns = stats.unit * 1e9
        return tuple(
            LineTime(
                os.path.realpath(file),
                line,
                function.rsplit(".", 1)[-1],
                hits,
                round(ticks * unit_ns),
                linecache.getline(file, line).strip(),
            )
            for (file, _, function), timings in sorted(stats.timings.items())
            for line, hits, ticks in timings
        )

    def dump(self, path: Path) -> None:
        """Write line_profiler's own file."""
        self._profiler.dump_stats(str(path))


def _has_own_lines(function: Any) -> bool:
    """Return whether a function is Python, and not JAX's own around another."""
    folders = getattr(sys.modules.get("jax"), "__path__", ())
    code = getattr(function, "__code__", None)
    return code is not None and not code.co_filename.startswith(
        tuple(os.path.join(folder, "") for folder in folders)
    )
