"""Counters of a run that do not depend on the machine's load: what was traced and compiled.

They may fail a build where times may not.
"""

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from jitscope._jax_private import Compiled


@dataclass(frozen=True)
class ModuleCounters:
    """One module that was compiled, or loaded from the persistent cache.

    Attributes
    ----------
    name : str
        Name of the jitted function (of the primitive, for an operation outside jit).
    jaxpr_equations : int or None
        Equations of its jaxpr, those of nested jaxprs included; None if it was lowered before
        the recording.
    hlo_instructions : int or None
        Instructions of the optimised module, in all its computations, parameters and
        constants included; None if the backend does not show it.
    temp_bytes : int or None
        Temporary memory of one execution; None if the backend does not tell.
    cache_hit : bool
        Whether it was loaded, not compiled.
    """

    name: str
    jaxpr_equations: int | None
    hlo_instructions: int | None
    temp_bytes: int | None
    cache_hit: bool


@dataclass(frozen=True)
class Counters:
    """What a recording counted. A total is None as soon as one of its parts is unknown.

    Attributes
    ----------
    modules : tuple of ModuleCounters
        In the order in which their compilation ended.
    traces : int
        How often JAX traced a function, those inside another traced function not counted.
    """

    modules: tuple[ModuleCounters, ...]
    traces: int

    @property
    def compiled(self) -> int:
        """Number of modules compiled."""
        return sum(not module.cache_hit for module in self.modules)

    @property
    def loaded(self) -> int:
        """Number of modules loaded from the persistent cache."""
        return sum(module.cache_hit for module in self.modules)

    @property
    def jaxpr_equations(self) -> int | None:
        """Jaxpr equations of all modules."""
        return _total(module.jaxpr_equations for module in self.modules)

    @property
    def hlo_instructions(self) -> int | None:
        """HLO instructions of all modules."""
        return _total(module.hlo_instructions for module in self.modules)

    @property
    def temp_bytes(self) -> int | None:
        """Temporary memory of one execution of each module, summed."""
        return _total(module.temp_bytes for module in self.modules)


class CounterRecorder:
    """Context manager that counts what runs inside it, in one thread.

    Only what is traced or compiled during the recording is counted: a warm function counts
    nothing. Its use of time is small, but it is no timing pass.

    Raises
    ------
    RuntimeError
        Another recorder is active, or this JAX is not supported.

    Examples
    --------
    >>> import jax
    >>> with CounterRecorder() as recorder:
    ...     y = jax.jit(lambda x: x + 1)(2.0)
    >>> recorder.counters.compiled, recorder.counters.jaxpr_equations
    (1, 1)
    """

    def __init__(self) -> None:  # noqa: D107  (the class's docstring says it)
        self._hooks = ExitStack()
        self._modules: list[ModuleCounters] = []
        self._traces = 0
        self._hit = False
        self._compiled: Compiled | None = None
        self._counters: Counters | None = None

    @property
    def counters(self) -> Counters:
        """What was counted.

        Raises
        ------
        RuntimeError
            The recording has not ended.
        """
        if self._counters is None:
            raise RuntimeError("`counters` exists once the `with` block of the recorder has ended.")
        return self._counters

    def __enter__(self) -> Self:
        """Install the hooks."""
        from jitscope import _jax_private as hooks

        with ExitStack() as installed:
            installed.enter_context(hooks.claimed())
            installed.enter_context(hooks.compile_steps(self))
            installed.enter_context(hooks.compilations(self._report))
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
        self._counters = Counters(tuple(self._modules), self._traces)

    def begin(self, step: str, name: str) -> None:
        """Called by the hooks."""
        self._traces += step == "trace"
        self._hit = False

    def end(self, step: str, name: str) -> None:
        """Called by the hooks."""
        if step == "compile" and self._compiled is not None:
            self._modules.append(ModuleCounters(name, *self._compiled, self._hit))
            self._compiled = None

    def cache_hit(self) -> None:
        """Called by the hooks."""
        self._hit = True

    def _report(self, compiled: "Compiled") -> None:
        self._compiled = compiled


def _total(counts: Iterable[int | None]) -> int | None:
    total = 0
    for count in counts:
        if count is None:
            return None
        total += count
    return total
