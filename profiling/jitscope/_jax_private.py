"""Hooks in the private interfaces of JAX; `_jax_members` finds these.

Every hook is a context manager: it is in place inside the ``with`` block, sees only the thread
that entered it, and is gone afterwards, also when the block raises. Those that stand around
something call ``around(..., run, *args, **kwargs)``, and ``run(*args, **kwargs)`` does it.
"""

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import ModuleType
from typing import Any, Protocol

import jax
import jaxlib

from jitscope._buffer_slot import without_buffer_protocol
from jitscope._jax_members import member, module

_monitoring, _pxla = module("monitoring"), module("interpreters.pxla")
_xla_client = member(module("lib"), "xla_client")
_array_class = member(module("array"), "ArrayImpl")

_STEPS = {
    "/jax/core/compile/jaxpr_trace_duration": "trace",
    "/jax/core/compile/jaxpr_to_mlir_module_duration": "lower",
    "/jax/core/compile/backend_compile_duration": "compile",
    "/trustfit/load_program_duration": "cache_load",  # told in the same way
}
_CACHE_HIT = "/jax/compilation_cache/cache_hits"

# Functions that add a listener, take it away, and list those that are there.
_LISTENING = {
    "event": ("register_event_listener", "unregister_event_listener", "get_event_listeners"),
    "scalar": ("register_scalar_listener", "unregister_scalar_listener", "get_scalar_listeners"),
    "duration": (
        "register_event_duration_secs_listener",
        "unregister_event_duration_listener",
        "get_event_duration_listeners",
    ),
}
_HOST_HANDLERS = ("_shard_np_array", "_shard_typed_scalar")

Hook = Generator[None, None, None]


class CompileListener(Protocol):
    """What `compile_steps` reports to."""

    def begin(self, step: str, name: str) -> None:
        """A step ("trace", "lower", "compile" or "cache_load") of the function `name` begins."""
        ...

    def end(self, step: str, name: str) -> None:
        """The step ends, also when it failed."""
        ...

    def cache_hit(self) -> None:
        """The running compile step found its module in the persistent cache."""
        ...


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Hook:
    """Replace an attribute; the very same object is put back afterwards.

    Raises
    ------
    RuntimeError
        `owner` itself has no such attribute: this JAX is not supported.
    """
    original = member(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


class _Claim:
    def __call__(self, event: str, **metadata: str | int) -> None:
        pass


@contextmanager
def claimed() -> Hook:
    """Keep other recorders out of this process: passes never mix.

    The claim is a listener that JAX holds, so it needs no state of ours.

    Raises
    ------
    RuntimeError
        Another recorder is active.
    """
    listeners = member(_monitoring, "get_event_listeners")()
    if any(isinstance(listener, _Claim) for listener in listeners):
        raise RuntimeError(
            "a recorder is active already, and two would measure each other; "
            "leave it first, or run the second pass in a process of its own."
        )
    with _listening("event", _Claim()):
        yield


@contextmanager
def _listening(kind: str, listener: Callable[..., None]) -> Hook:
    register, unregister, registered = (member(_monitoring, name) for name in _LISTENING[kind])
    register(listener)
    try:
        yield
    finally:
        # The recorded code may have called `jax.monitoring.clear_event_listeners`.
        if listener in registered():
            unregister(listener)


def _function_name(fun_name: object) -> str:
    """Tracing reports ``f``, lowering and compiling ``jit(f)``."""
    name = str(fun_name)
    return name[4:-1] if name.startswith("jit(") and name.endswith(")") else name


@contextmanager
def compile_steps(listener: CompileListener, *, elsewhere: CompileListener | None = None) -> Hook:
    """Report the begin and end of each trace, lowering and compilation.

    Parameters
    ----------
    listener : CompileListener
        Told of those in this thread.
    elsewhere : CompileListener, optional
        Told, in their own thread, of those in all others.
    """
    thread = threading.get_ident()

    def listening() -> CompileListener | None:
        return listener if threading.get_ident() == thread else elsewhere

    def on_begin(event: str, value: float, **metadata: object) -> None:
        if event in _STEPS and (told := listening()) is not None:
            told.begin(_STEPS[event], _function_name(metadata.get("fun_name", "")))

    def on_end(event: str, duration: float, **metadata: object) -> None:
        if event in _STEPS and (told := listening()) is not None:
            told.end(_STEPS[event], _function_name(metadata.get("fun_name", "")))

    def on_event(event: str, **metadata: object) -> None:
        if event == _CACHE_HIT and (told := listening()) is not None:
            told.cache_hit()

    with (
        _listening("scalar", on_begin),
        _listening("duration", on_end),
        _listening("event", on_event),
    ):
        yield


@contextmanager
def waits(report: Callable[[], None]) -> Hook:
    """Call ``report()`` at each `block_until_ready`, of an array or of several at once."""
    thread = threading.get_ident()

    def hooked(original: Callable[..., Any]) -> Callable[..., Any]:
        def wait_for(*args: Any) -> Any:
            if threading.get_ident() == thread:
                report()
            return original(*args)

        return wait_for

    batched = member(_xla_client, "batched_block_until_ready")
    single = member(_array_class, "block_until_ready")
    with (
        replaced(_xla_client, "batched_block_until_ready", hooked(batched)),
        replaced(_array_class, "block_until_ready", hooked(single)),
    ):
        yield


@contextmanager
def transfers_to_device(
    around: Callable[..., Any],
) -> Hook:
    """Call ``around(transfer, values, *where)`` for each batch of host values put on a device.

    `jnp.asarray`, `jax.device_put` and arguments of jitted calls (`watched_dispatch`) all end
    here.
    """
    handlers = member(_pxla, "shard_arg_handlers")
    originals = dict(handlers)
    thread = threading.get_ident()

    def hooked(original: Callable[..., Any]) -> Callable[..., Any]:
        def transfer(values: Any, *where: Any) -> Any:
            if threading.get_ident() != thread:
                return original(values, *where)
            return around(original, values, *where)

        return transfer

    # One hook per handler, as JAX batches the arguments that share a handler.
    hooks = {
        id(handler): hooked(handler) for handler in map(partial(member, _pxla), _HOST_HANDLERS)
    }
    kinds = [kind for kind, original in originals.items() if id(original) in hooks]
    handlers.update({kind: hooks[id(originals[kind])] for kind in kinds})
    try:
        yield
    finally:
        handlers.update({kind: originals[kind] for kind in kinds})


class _Doors:
    """Ways by which arrays become host values, each with a hook around it, in one thread."""

    def __init__(self, around: Callable[..., Any]) -> None:
        self._around = around
        self._thread = threading.get_ident()
        self._interrupted: dict[int, BaseException] = {}

    def any(self, door: str, original: Callable[..., Any]) -> Callable[..., Any]:
        around, thread = self._around, self._thread

        def convert(array: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return original(array, *args, **kwargs)
            return around(door, original, array, *args, **kwargs)

        return convert

    # NumPy drops any error of the buffer protocol, Ctrl-C's too, and tries `__array__` next.
    def buffer(self, door: str, original: Callable[..., Any]) -> Callable[..., Any]:
        around, thread, interrupted = self._around, self._thread, self._interrupted

        def convert(array: Any, *args: Any) -> Any:
            # All of it, as Ctrl-C may come after any call.
            try:
                if threading.get_ident() != thread:
                    return original(array, *args)
                interrupted.clear()
                return around(door, original, array, *args)
            except BaseException as error:
                if not isinstance(error, Exception) and threading.get_ident() == thread:
                    interrupted[id(array)] = error
                raise

        return convert

    def array(self, door: str, original: Callable[..., Any]) -> Callable[..., Any]:
        around, thread, interrupted = self._around, self._thread, self._interrupted

        def convert(array: Any, *args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != thread:
                return original(array, *args, **kwargs)
            if interrupted and (error := interrupted.pop(id(array), None)) is not None:
                raise error
            return around(door, original, array, *args, **kwargs)

        return convert


@contextmanager
def transfers_to_host(around: Callable[..., Any]) -> Hook:
    """Call ``around(door, convert, array, *args)`` for each conversion of an array to a host value.

    An explicit or implicit conversion comes by one or two of these doors, one inside the
    other: the buffer protocol, ``__array__``, ``__dlpack__`` and the cached ``_value``.
    """
    to = _Doors(around)
    doors = {"__array__": to.array, "__dlpack__": to.any}
    if sys.version_info >= (3, 12):
        doors["__buffer__"] = to.buffer
    with ExitStack() as hooks:
        value = property(to.any("_value", member(_array_class, "_value").fget))
        hooks.enter_context(replaced(_array_class, "_value", value))
        for door, hooked in doors.items():
            hook = hooked(door, member(_array_class, door))
            hooks.enter_context(replaced(_array_class, door, hook))
        if sys.version_info < (3, 12):
            hooks.enter_context(without_buffer_protocol(_array_class))
        yield


def wait(values: Any) -> None:
    """Block until an array, or the arrays in a sequence, are ready.

    A failed computation is not reported here: whoever uses its result meets the error where
    it would have met it without a recorder.
    """
    for value in values if isinstance(values, list | tuple) else (values,):
        if isinstance(value, _array_class):
            wait_for(value)


def wait_for(array: Any) -> None:
    """Do the same for what is known to be one array."""
    if array.is_deleted():
        return
    try:  # noqa: SIM105  (`suppress` takes longer than waiting for an array that is ready)
        array.block_until_ready()
    except jax.errors.JaxRuntimeError:
        pass


def packages() -> tuple[ModuleType, ...]:
    """Return the packages whose frames are JAX's own."""
    return jax, jaxlib
