"""Private JAX: how jitted calls find their way to the device, and the hooks on it."""

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

from jitscope._jax_members import attribute, member, module
from jitscope._jax_private import Hook, replaced

_pjit, _pxla = module("pjit"), module("interpreters.pxla")
_array_class = member(module("array"), "ArrayImpl")
_compiled_class = member(module("stages"), "Compiled")

_CPP_CACHES = ("_cpp_pjit_cache_fun_only", "_cpp_pjit_cache_explicit_attributes")
_PROGRAMS = 4096

FastCall = Callable[[Any, Any], tuple[Any, bool]]


def _unwatched(name: str, run: FastCall, args: Any, params: Any) -> Any:
    return run(args, params)[0]


@contextmanager
def watched_dispatch(around: Callable[[str, FastCall, Any, Any], Any] = _unwatched) -> Hook:
    """Keep jitted calls off JAX's C++ fast path, which converts and executes unseen.

    Where all arguments are arrays there is nothing to convert. JAX's Python then takes several
    times as long as the call that nobody watches, so such a program has a fast path of its own,
    from the middle of JAX's Python on.

    Parameters
    ----------
    around : callable, optional
        ``around(name, run, *args)`` is called for these calls and returns the outputs.
        ``run(*args)`` returns them, and whether the fast path had the program; otherwise
        `executions` saw it.
        The name is in the form ``jit(f)``.
    """
    call = attribute(_compiled_class, "call")
    fast = _FastPath(around)

    def call_compiled(self: Any, *args: Any, **kwargs: Any) -> Any:
        return call(attribute(self, "_params"), *args, **kwargs)[0]

    with (
        replaced(_pjit, "_get_fastpath_data", fast.data),
        replaced(_pjit, "_pjit_call_impl_python", fast.call),
        replaced(_pjit, "_get_cpp_global_cache", fast.cache),
        replaced(_compiled_class, "__call__", call_compiled),
    ):
        _forget_fastpaths()
        try:
            yield
        finally:
            _forget_fastpaths()


def _forget_fastpaths() -> None:
    for name in _CPP_CACHES:
        member(_pjit, name).clear()


class _FastPath:
    """A fast path for programs all of whose arguments are arrays.

    JAX has a second way into its C++, for jitted functions in code that it evaluates itself. That
    way is taken, with a cache of its own: programs in JAX's are executed unseen by others.
    """

    def __init__(self, around: Callable[[str, FastCall, Any, Any], Any]) -> None:
        self._around = around
        self._thread = threading.get_ident()
        self._data = member(_pjit, "_get_fastpath_data")
        self._python = member(_pjit, "_pjit_call_impl_python")
        self._jaxs_cache = member(_pjit, "_get_cpp_global_cache")
        self._enter = member(_pjit, "_pjit_call_impl")
        self._cache = member(_pjit, "make_jit_cpp_cache")(_PROGRAMS)
        self._entered: Any = None
        self._asking = False
        self._missed: Any = None

    def call(self, *args: Any, **params: Any) -> Any:
        """Stand in for the function of JAX's that finds or compiles a program and executes it."""
        if threading.get_ident() != self._thread:
            return self._python(*args, **params)
        # C++ may also call others meanwhile: what places arguments, or the program's callbacks.
        if self._entered is params["jaxpr"]:
            self._entered = None
            found = self._python(*args, **params)
            self._missed = found[1]
            return found
        for value in args:
            if type(value) is not _array_class:
                return self._python(*args, **params)
        outputs = self._around(f"jit({params['name']})", self._run, args, params)
        return outputs, None, None, ()

    def _run(self, args: Any, params: Any) -> tuple[Any, bool]:
        jaxpr, around = params["jaxpr"], self._entered
        try:
            self._entered, self._asking = jaxpr, True
            outputs = self._enter(*args, **params)
            return outputs, self._entered is jaxpr
        finally:
            self._entered, self._asking = around, False

    def data(self, executable: Any, *args: Any) -> Any:
        """Give C++ what it needs to execute a program: one that the own cache did not have."""
        if executable is None or executable is not self._missed:
            return None
        if threading.get_ident() != self._thread:
            return None
        self._missed = None
        return self._data(executable, *args)

    def cache(self, *args: Any) -> Any:
        """Return the cache in which a jitted function that is made now looks for programs."""
        if self._asking and threading.get_ident() == self._thread:
            self._asking = False
            return self._cache
        return self._jaxs_cache(*args)


@contextmanager
def executions(around: Callable[..., Any]) -> Hook:
    """Call ``around(name, execute, *args)`` for each execution by JAX's Python.

    `watched_dispatch` sees to it that there is no other, its own fast path apart. The name is in
    the form ``jit(f)``.
    """
    execute_class = member(_pxla, "ExecuteReplicated")
    original = member(execute_class, "__call__")
    thread = threading.get_ident()

    def execute(self: Any, *args: Any) -> Any:
        if threading.get_ident() != thread:
            return original(self, *args)
        return around(attribute(self, "name"), original, self, *args)

    with replaced(execute_class, "__call__", execute):
        yield


@contextmanager
def argument_handling(around: Callable[..., Any]) -> Hook:
    """Call ``around(handle, *args)`` while the arguments of an execution are put on the device."""
    handler_class = member(_pxla, "InputsHandler")
    original = member(handler_class, "__call__")
    thread = threading.get_ident()

    def handle(self: Any, buffers: Any) -> Any:
        if threading.get_ident() != thread:
            return original(self, buffers)
        return around(original, self, buffers)

    with replaced(handler_class, "__call__", handle):
        yield
