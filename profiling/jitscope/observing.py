"""One recording pass around code: what `jitscope run` and `jitscope.record` share."""

from __future__ import annotations

import cProfile
import os
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Literal

from jitscope.environment import describe_environment
from jitscope.errors import UserError
from jitscope.following import Follower
from jitscope.phases import PhaseRecorder
from jitscope.recording import PASSES, SCHEMA_VERSION, PhasesPass, Recording

Mode = Literal["full", "light"]


@dataclass
class Observation:
    """What a pass hands over when it has ended: fields of `Recording`."""

    fields: dict[str, Any] = field(default_factory=dict[str, Any])


def empty_recording(command: Sequence[str]) -> Recording:
    """Return a recording without any pass."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    environment = describe_environment(Path.cwd())
    return Recording(SCHEMA_VERSION, created, environment, None, tuple(command))


def observe(
    name: str, *, mode: Mode = "full", follower: Follower | None = None, dump: Path | None = None
) -> AbstractContextManager[Observation]:
    """Return a context manager that records one pass.

    Parameters
    ----------
    name : str
        One of `jitscope.recording.PASSES`.
    mode : {"full", "light"}
        Of the phases.
    follower : Follower, optional
        What the lines pass follows.
    dump : Path, optional
        Where the cprofile pass, or line_profiler, writes its own file.

    Raises
    ------
    UserError
        There is no such pass.
    """
    if name not in PASSES:
        raise UserError(f"a pass is one of {', '.join(PASSES)}; got {name!r}.")
    if name == "phases":
        return _phases(mode)
    if name == "lines":
        return _lines(follower or Follower(), dump)
    if name == "cprofile":
        return _cprofile(dump)
    return _recorder(name)


@contextmanager
def _phases(mode: Mode) -> Generator[Observation, None, None]:
    observation = Observation()
    recorder = PhaseRecorder(mode=mode)
    try:
        with recorder, ExitStack() as hooks:
            if "jax" in sys.modules:
                hooks.enter_context(_backend_start(recorder))
            else:
                hooks.enter_context(_import_of_jax(recorder, hooks))
            yield observation
    finally:
        if getattr(recorder, "_record", None) is not None:
            observation.fields["phases"] = (_phases_pass(recorder),)


def _phases_pass(recorder: PhaseRecorder) -> PhasesPass:
    finished: PhasesPass | None = getattr(recorder, "phases_pass", None)
    if finished is not None:
        return finished
    return PhasesPass(recorder.record.wall_ns, None, recorder.record.phases_ns)


def _backend_start(recorder: PhaseRecorder) -> AbstractContextManager[None]:
    from jitscope._jax_backend import backend_starts

    return backend_starts(partial(_in_span, recorder, "backend", threading.get_ident()))


def _in_span(recorder: PhaseRecorder, phase: str, thread: int, run: Callable[[], Any]) -> Any:
    if threading.get_ident() != thread:
        return run()
    with recorder.span(phase):
        return run()


@contextmanager
def _import_of_jax(recorder: PhaseRecorder, hooks: ExitStack) -> Generator[None, None, None]:
    """Charge the first import of JAX to the phase ``import``, whoever imports it."""
    finder = _JaxFinder(recorder, hooks)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _JaxFinder:
    def __init__(self, recorder: PhaseRecorder, hooks: ExitStack) -> None:
        self._recorder = recorder
        self._hooks = hooks
        self._thread = threading.get_ident()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "jax" or threading.get_ident() != self._thread:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        found = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            loader: Any = spec.loader
            loader.exec_module = partial(self._execute, loader.exec_module)
        return spec

    def _execute(self, execute: Callable[[Any], None], module: Any) -> None:
        module.__spec__.loader.__dict__.pop("exec_module", None)
        with self._recorder.span("import"):
            execute(module)
        self._hooks.enter_context(_backend_start(self._recorder))


@contextmanager
def _lines(follower: Follower, dump: Path | None) -> Generator[Observation, None, None]:
    observation = Observation()
    try:
        with follower.following():
            yield observation
    finally:
        observation.fields["lines"] = follower.lines()
        if dump is not None:
            follower.dump(dump)
            observation.fields["lprof"] = str(dump)


@contextmanager
def _cprofile(dump: Path | None) -> Generator[Observation, None, None]:
    observation = Observation()
    path = dump or Path(f"jitscope-{os.getpid()}.prof").absolute()
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield observation
    finally:
        profile.disable()
        profile.dump_stats(path)
        observation.fields["cprofile"] = str(path)


@contextmanager
def _recorder(name: str) -> Generator[Observation, None, None]:
    observation = Observation()
    recorder, result = _make(name)
    entered = False
    try:
        with recorder:
            entered = True
            yield observation
    finally:
        if entered:
            observation.fields[name] = getattr(recorder, result)


def _make(name: str) -> tuple[Any, str]:
    # Imported late: each of them needs JAX's import sooner or later.
    if name == "conversions":
        from jitscope.conversions import ConversionRecorder

        return ConversionRecorder(), "sites"
    if name == "counters":
        from jitscope.counters import CounterRecorder

        return CounterRecorder(), "counters"
    import importlib

    return importlib.import_module("jitscope.device").DeviceRecorder(), "device"
