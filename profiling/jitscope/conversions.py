"""Every conversion between host values and JAX arrays, by the line that caused it.

Implicit ones too: ``bool(x)`` in an ``if``, a NumPy function given a JAX array, a NumPy array or
Python number given to a jitted function.
"""

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any, Literal, Self

from jitscope._activations import Activations, function_frame
from jitscope._callers import Callers, real_path

# Function of JAX that was called -> how the caller wrote it.
_KINDS = {
    "__bool__": "bool()",
    "__complex__": "complex()",
    "__deepcopy__": "copy",
    "__float__": "float()",
    "__format__": "format()",
    "__index__": "index",
    "__int__": "int()",
    "__reduce__": "pickle",
    "__repr__": "repr()",
    "__str__": "str()",
    "array": "jnp.array",
    "asarray": "jnp.asarray",
    "cache_miss": "jit argument",
    "call_compiled": "jit argument",
    "device_get": "device_get",
    "device_put": "device_put",
    "_item": "item()",
    "tobytes": "tobytes()",
    "tolist": "tolist()",
}


@dataclass(frozen=True)
class ConversionSite:
    """The conversions of one kind that one line caused.

    Attributes
    ----------
    file, line, function : str, int, str
        The nearest frame outside JAX, NumPy, jitscope (its adapters apart) and the standard
        library; `file` is a real path.
    direction : {"to_host", "to_device"}
        From a JAX array to a host value, or from a host value to a JAX array.
    kind : str
        How the caller wrote it, e.g. "float()", "jit argument"; "numpy" is ``np.asarray`` or
        any other NumPy function.
    count : int
        Number of arrays or scalars.
    bytes : int
        Their size as JAX arrays.
    wait_ns : int
        Nanoseconds until the arrays were computed; 0 to the device.
    copy_ns : int
        Nanoseconds of the conversion itself.
    calls : int or None
        Calls of `function` that made them; None where they were not counted: in recordings from
        before that, and under a debugger or another tracer.
    """

    file: str
    line: int
    function: str
    direction: Literal["to_host", "to_device"]
    kind: str
    count: int
    bytes: int
    wait_ns: int
    copy_ns: int
    calls: int | None = None

    @property
    def per_call(self) -> float | None:
        """Conversions in one of those calls, on average; None where they were not counted."""
        return self.count / self.calls if self.calls else None


_Key = tuple[str, int, str, Literal["to_host", "to_device"], str]


def place_of(callers: Callers, frame: FrameType, kind: str) -> tuple[FrameType, int, str]:
    """Return the function's frame and the line outside, and how that wrote the conversion.

    Parameters
    ----------
    callers : Callers
    frame : frame
        Where to begin.
    kind : str
        What it is if no function of JAX's tells.
    """
    is_outside = callers.is_outside
    while not is_outside(frame):
        kind = _KINDS.get(frame.f_code.co_name, kind)
        outer = frame.f_back
        if outer is None:
            break
        frame = outer
    return function_frame(frame), frame.f_lineno, kind


class ConversionRecorder:
    """Context manager that records the conversions of what runs inside it, in one thread.

    Parameters
    ----------
    skip : sequence of str, optional
        Paths of files or folders whose frames are passed over, besides JAX's, NumPy's and
        jitscope's, in search of the line that caused a conversion.
    clock : callable, optional
        Returns integer nanoseconds.

    Raises
    ------
    RuntimeError
        Another recorder is active, or this JAX or Python is not supported.

    Notes
    -----
    Jitted calls are kept off JAX's C++ fast path, which converts arguments unseen, and are
    slower for it; `jitscope.overhead` says by how much. On Python 3.11 ``memoryview(array)``
    raises TypeError meanwhile.
    """

    def __init__(  # noqa: D107  (the class's docstring has the parameters)
        self,
        *,
        skip: Sequence[str] = (),
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._skip = tuple(skip)
        self._clock = clock
        self._hooks = ExitStack()
        self._totals: dict[_Key, list[int]] = {}
        self._activations = Activations()
        self._converting = False
        self._sites: tuple[ConversionSite, ...] | None = None
        self._wait: Callable[[Any], None]
        self._wait_for: Callable[[Any], None]
        self._callers: Callers

    @property
    def sites(self) -> tuple[ConversionSite, ...]:
        """What was recorded, in order of file and line.

        Raises
        ------
        RuntimeError
            The recording has not ended.
        """
        if self._sites is None:
            raise RuntimeError("`sites` exists once the `with` block of the recorder has ended.")
        return self._sites

    def __enter__(self) -> Self:
        """Install the hooks."""
        # Late: what a recorded program imports itself must not be there before it.
        import numpy as np

        from jitscope import _jax_private as hooks
        from jitscope._jax_dispatch import watched_dispatch

        self._wait, self._wait_for = hooks.wait, hooks.wait_for
        self._callers = Callers([*hooks.packages(), np], self._skip)
        with ExitStack() as installed:
            installed.enter_context(hooks.claimed())
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
        self._activations.forget(sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        sites = [
            ConversionSite(
                *(real_path(key[0]), *key[1:]),
                *(count, size, wait_ns, copy_ns),
                self._activations.calls(key),
            )
            for key, (count, size, wait_ns, copy_ns) in self._totals.items()
        ]
        self._sites = tuple(sorted(sites, key=lambda site: (site.file, site.line, site.kind)))

    def _to_host(
        self, door: str, convert: Callable[..., Any], array: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if self._converting:
            return convert(array, *args, **kwargs)
        clock = self._clock
        self._converting = True
        try:
            start_ns = clock()
            self._wait_for(array)
            ready_ns = clock()
            value = convert(array, *args, **kwargs)
            end_ns = clock()
        finally:
            self._converting = False
        kind = "dlpack" if door == "__dlpack__" else "numpy"
        self._add("to_host", kind, 1, array.nbytes, ready_ns - start_ns, end_ns - ready_ns)
        return value

    def _to_device(self, transfer: Callable[..., Any], values: Sequence[Any], *where: Any) -> Any:
        if self._converting:
            return transfer(values, *where)
        self._converting = True
        try:
            start_ns = self._clock()
            arrays = transfer(values, *where)
            self._wait(arrays)
            end_ns = self._clock()
        finally:
            self._converting = False
        size = sum(array.nbytes for array in arrays)
        self._add("to_device", "other", len(values), size, 0, end_ns - start_ns)
        return arrays

    def _add(
        self,
        direction: Literal["to_host", "to_device"],
        kind: str,
        count: int,
        size: int,
        wait_ns: int,
        copy_ns: int,
    ) -> None:
        # A frame kept in a name of its own function would be left to the garbage collector.
        caller = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
        frame, line, kind = place_of(self._callers, caller, kind)
        code = frame.f_code
        key = (code.co_filename, line, code.co_qualname, direction, kind)
        self._activations.note(frame, key)
        totals = self._totals.get(key)
        if totals is None:
            totals = self._totals[key] = [0, 0, 0, 0]
        totals[0] += count
        totals[1] += size
        totals[2] += wait_ns
        totals[3] += copy_ns
