"""Compilations, traces and conversions of one run, counted by line: what a test may limit.

Nothing is timed and nothing waits, so one run can count all of them.
"""

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from jitscope import _jax_private as hooks
from jitscope._callers import Callers
from jitscope._jax_dispatch import watched_dispatch
from jitscope.conversions import place_of

What = Literal["compile", "trace", "to_host", "to_device"]
LIMITS: Mapping[str, tuple[What, ...]] = {
    "compiles": ("compile",),
    "traces": ("trace",),
    "conversions": ("to_host", "to_device"),
    "to_host": ("to_host",),
    "to_device": ("to_device",),
}
"""What each limit of a budget counts."""
_Key = tuple[str, int, str, What, str]
_CONVERSIONS: Mapping[What, str] = {
    "to_host": "conversion to the host",
    "to_device": "conversion to the device",
}


@dataclass(frozen=True, order=True)
class Site:
    """What one line caused, of one kind.

    Attributes
    ----------
    file, line, function : str, int, str
        The nearest frame outside JAX, NumPy and jitscope; `file` is a real path.
    what : {"compile", "trace", "to_host", "to_device"}
        A module compiled or loaded from the persistent cache; a function traced; a conversion.
    kind : str
        The function that was compiled or traced, as ``jit(f)``; of a conversion how the caller
        wrote it, as "float()".
    count : int
    """

    file: str
    line: int
    function: str
    what: What
    kind: str
    count: int

    def __str__(self) -> str:
        """Return one line: place, function, kind and count."""
        what = _CONVERSIONS.get(self.what, self.what)
        return f"{self.file}:{self.line} {self.function}: {self.kind}, {what}, {self.count}x"


@dataclass(frozen=True)
class Counts:
    """What a run did, by line.

    Attributes
    ----------
    sites : tuple of Site
        Compilations, traces and conversions, in order of file and line.
    """

    sites: tuple[Site, ...]

    @property
    def compiles(self) -> int:
        """Modules compiled, or loaded from the persistent cache."""
        return self.of("compiles")

    @property
    def traces(self) -> int:
        """Functions traced, those inside another traced function not counted."""
        return self.of("traces")

    @property
    def conversions(self) -> int:
        """Arrays and scalars converted, in both directions."""
        return self.of("conversions")

    @property
    def to_host(self) -> int:
        """JAX arrays converted to host values."""
        return self.of("to_host")

    @property
    def to_device(self) -> int:
        """Host values converted to JAX arrays."""
        return self.of("to_device")

    def of(self, limit: str) -> int:
        """Return the number that a limit of a budget is compared with."""
        return sum(site.count for site in self.sites_of(limit))

    def sites_of(self, limit: str) -> tuple[Site, ...]:
        """Return the lines behind that number."""
        return tuple(site for site in self.sites if site.what in LIMITS[limit])


class BudgetRecorder:
    """Context manager that counts what runs inside it, in one thread.

    Parameters
    ----------
    skip : sequence of str, optional
        Paths of files or folders whose frames are passed over in search of the line, besides
        JAX's, NumPy's and jitscope's.

    Raises
    ------
    RuntimeError
        Another recorder is active, or this JAX or Python is not supported.

    Examples
    --------
    >>> import jax
    >>> import numpy as np
    >>> with BudgetRecorder() as recorder:
    ...     y = float(jax.jit(lambda x: x + 1)(np.ones(())))
    >>> counts = recorder.counts()
    >>> counts.compiles, counts.to_device, counts.to_host
    (1, 1, 1)
    """

    def __init__(self, *, skip: Sequence[str] = ()) -> None:  # noqa: D107  (see the class)
        self._callers = Callers([*hooks.packages(), np], skip)
        self._hooks = ExitStack()
        self._totals: Counter[_Key] = Counter()
        self._converting = False

    def counts(self) -> Counts:
        """Return what was counted so far; also while the recording runs."""
        return counts_between(Counter(), self._totals)

    def totals(self) -> Counter[_Key]:
        """Return a copy of the raw counts, for `counts_between`."""
        return self._totals.copy()

    def __enter__(self) -> Self:
        """Install the hooks."""
        with ExitStack() as installed:
            installed.enter_context(hooks.claimed())
            installed.enter_context(hooks.compile_steps(self))
            installed.enter_context(hooks.transfers_to_host(self._to_host))
            installed.enter_context(hooks.transfers_to_device(self._to_device))
            installed.enter_context(watched_dispatch())
            self._hooks.push(installed.pop_all())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take the hooks away; exceptions pass through."""
        self._hooks.close()

    def begin(self, step: str, name: str) -> None:
        """Called by the hooks."""
        if step == "trace":
            self._add("trace", f"jit({name})", 1)

    def end(self, step: str, name: str) -> None:
        """Called by the hooks."""
        if step == "compile":
            self._add("compile", f"jit({name})", 1)

    def cache_hit(self) -> None:
        """Called by the hooks: loading counts as compiling, or a full cache would hide it."""

    def _to_host(self, door: str, convert: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        value = self._outermost(convert, *args, **kwargs)
        if not self._converting:
            self._add("to_host", "dlpack" if door == "__dlpack__" else "numpy", 1)
        return value

    def _to_device(self, transfer: Callable[..., Any], values: Sequence[Any], *where: Any) -> Any:
        arrays = self._outermost(transfer, values, *where)
        if not self._converting:
            self._add("to_device", "other", len(values))
        return arrays

    def _outermost(self, convert: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self._converting:
            return convert(*args, **kwargs)
        self._converting = True
        try:
            return convert(*args, **kwargs)
        finally:
            self._converting = False

    def _add(self, what: What, kind: str, count: int) -> None:
        # A frame kept in a name of its own function would be left to the garbage collector.
        caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        frame, line, written = place_of(self._callers, caller, kind)
        code = frame.f_code
        if what in _CONVERSIONS:
            kind = written
        self._totals[code.co_filename, line, code.co_qualname, what, kind] += count


def counts_between(before: Counter[_Key], after: Counter[_Key]) -> Counts:
    """Return what was counted between two results of `BudgetRecorder.totals`."""
    sites = [
        Site(
            file if file.startswith("<") else os.path.realpath(file),
            line,
            function,
            what,
            kind,
            count,
        )
        for (file, line, function, what, kind), count in (after - before).items()
    ]
    return Counts(tuple(sorted(sites)))
