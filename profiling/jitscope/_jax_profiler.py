"""The part of JAX's private interfaces that profiling the device needs; see `_jax_private`."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache
from jax.extend import backend

from jitscope._jax_members import attribute, member, module

_profiler = module("profiler")
_session_class = attribute(member(module("lib"), "_profiler"), "ProfilerSession")


def start() -> Any:
    """Begin a profile in memory, without Python's own events; `stop` ends it.

    Raises
    ------
    RuntimeError
        Another profiler is active in this process.
    """
    backend.get_backend()  # a backend that starts later is not profiled
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    options.host_tracer_level = 2
    options.enable_hlo_proto = True
    # JAX 0.10 calls it `profile_session`, 0.12 `session`.
    active = vars(member(_profiler, "_profile_state"))
    if active.get("session", active.get("profile_session")) is not None:
        raise _occupied()
    return _session_class(options)


def stop(session: Any) -> bytes:
    """End the profile; returns it as a serialised ``XSpace``.

    Raises
    ------
    RuntimeError
        Another profiler was active when it began. Of one that was not started through JAX, as
        by a profiler server, this is the first that is heard.
    """
    try:
        return session.stop()
    except jax.errors.JaxRuntimeError as error:
        raise _occupied() from error


def _occupied() -> RuntimeError:
    return RuntimeError(
        "the device cannot be profiled, as another profiler is active in this process; "
        "end it first, as with `jax.profiler.stop_trace()`."
    )


@contextmanager
def without_disk_cache() -> Generator[None]:
    """Compile everything anew: cached programs carry the scope names of whoever wrote them."""
    if not disk_cache_is_on():
        yield
        return
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()  # JAX remembers whether it uses one
    try:
        yield
    finally:
        jax.config.update("jax_enable_compilation_cache", True)
        compilation_cache.reset_cache()


def disk_cache_is_on() -> bool:
    """Whether programs may come from JAX's persistent cache."""
    config: Any = jax.config
    return bool(config.jax_enable_compilation_cache and config.jax_compilation_cache_dir)


def module_names() -> frozenset[str]:
    """Return the names of all modules that are alive."""
    return frozenset(
        module.name
        for executable in backend.get_backend().live_executables()
        for module in executable.hlo_modules()
    )


def wait_for_all() -> None:
    """Block until every live array is computed; who uses a failed one meets its error."""
    from jitscope._jax_private import wait

    wait(jax.live_arrays())
