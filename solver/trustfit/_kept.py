"""Jitted functions whose programs are kept on disk, and found there by later processes.

A program is looked for before anything of it is traced: by the text of what it computes, of what
it is called with, and of all else that it depends on. If there is none it is compiled, and written
by a thread of its own, for which no call waits. A program that was found runs as fast as one that
was compiled, and computes the same, being the same.
"""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import jax.monitoring
import numpy as np

from trustfit import _cache_folder as folders
from trustfit._background import NotThere
from trustfit._result import UnacceleratedWarning
from trustfit._stable_text import NoText, stable_text
from trustfit._surroundings import surroundings
from trustfit._untraceable import Attempt
from trustfit._warnings import warn

LOADING = "/trustfit/load_program_duration"
"""The event of `jax.monitoring` that a program is loaded."""


class Slot(NamedTuple):
    """Where a program is kept, or would be."""

    folder: Path
    key: str


@contextlib.contextmanager
def _told_to_listeners() -> Generator[None]:
    """Tell those who listen to JAX's steps when this one begins and ends, as JAX tells of them."""
    begin_s = time.time()
    jax.monitoring.record_scalar(LOADING, begin_s, fun_name="solve")
    try:
        yield
    finally:
        took_s = time.time() - begin_s
        jax.monitoring.record_event_duration_secs(LOADING, took_s, fun_name="solve")


class Disk:
    """The programs that are kept, as far as this process is concerned with them."""

    def __init__(self) -> None:
        self._useless: set[Slot] = set()
        self._distrusted: set[Path] = set()
        self._pruned: set[Path] = set()
        self._complaint = ""
        self._has_complained = False
        self._writers: list[threading.Thread] = []

    def slot(self, what: Any, arguments: Any) -> Slot | None:
        """Return where the program of something called with arguments belongs, if it has a place.

        Parameters
        ----------
        what : Any
            What it computes.
        arguments : tree of arrays
            Only shapes and types count.
        """
        folder = folders.own_folder_for(os.environ)
        if folder is None or folder in self._distrusted:
            return None
        types = [(np.shape(one), np.result_type(one)) for one in jax.tree.leaves(arguments)]
        try:
            text = stable_text((what, types, surroundings()))
        except NoText:
            return None
        return Slot(folder, hashlib.sha256(text.encode()).hexdigest())

    def holds(self, slot: Slot) -> bool:
        """Return whether there may be a program."""
        return slot not in self._useless and folders.holds(*slot)

    def load(self, slot: Slot) -> Callable[..., Any] | None:
        """Return the program that is kept there, if there is one that is of use."""
        if not self.holds(slot):
            return None
        from trustfit import _executables as executables  # once there is something to be read
        from trustfit._program_file import DamagedFile, decode

        try:
            with _told_to_listeners():
                content = folders.read(*slot)
                found = None if content is None else executables.read(decode(slot.key, content))
            if content is None:  # removed meanwhile, or no file that can be read
                self._useless.add(slot)
                return None
        except DamagedFile as error:
            self._complain(f"{slot.key}.program in {slot.folder} is damaged: {error}")
            found = None
        except folders.Distrusted as error:
            self._distrust(slot.folder, error)
            return None
        if found is None:
            self.reject(slot)
        return found

    def compile(self, slot: Slot | None, lowered: Any) -> None:
        """Compile a program, and have another thread keep it, if it is one that can be kept."""
        from trustfit._executables import compile_here

        compiled, is_new = compile_here(lowered)
        if slot is None or not is_new:
            return
        # No daemon, which could be stopped in the middle of XLA's work.
        writer = threading.Thread(
            target=self._write, args=(slot, compiled), name="trustfit-disk", daemon=False
        )
        with contextlib.suppress(RuntimeError):  # while the interpreter ends none can be started
            writer.start()
            self._writers = [one for one in self._writers if one.is_alive()] + [writer]

    def reject(self, slot: Slot) -> None:
        """Let go of a program that is of no use."""
        self._useless.add(slot)
        folders.remove(*slot)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until what was to be kept has been written; return whether that is so."""
        for writer in self._writers:
            writer.join(timeout_s)
        return not any(writer.is_alive() for writer in self._writers)

    def tell(self) -> None:
        """Warn of what was wrong with a file or folder: once, by the thread of a call."""
        if self._complaint and not self._has_complained:
            self._has_complained = True
            warn(
                f"A program that was kept on disk is not used: {self._complaint}. It is compiled "
                f"anew; the environment variable {folders.VARIABLE} names another folder, or says "
                "'off'.",
                UnacceleratedWarning,
            )

    def _write(self, slot: Slot, compiled: Any) -> None:
        from trustfit import _executables as executables
        from trustfit._program_file import encode

        executable = executables.written(compiled)
        if executable is None:
            return
        try:
            folders.write(*slot, encode(slot.key, executable))
        except folders.Distrusted as error:
            self._distrust(slot.folder, error)
            return
        if slot.folder not in self._pruned:  # as often as processes that write begin
            self._pruned.add(slot.folder)
            folders.prune(slot.folder)

    def _distrust(self, folder: Path, error: Exception) -> None:
        self._distrusted.add(folder)
        self._complain(str(error))

    def _complain(self, what: str) -> None:
        self._complaint = self._complaint or what


DISK = Disk()


class Pending(Protocol):
    """A program that is to be made ready, by whichever thread."""

    def compile(self) -> object:
        """Make it ready; return False if it was found on disk."""
        ...


class Kept:
    """A jitted function whose program is looked for on disk before it is compiled.

    Parameters
    ----------
    jitted : callable
        Of (..., shared), arrays in tuples, of which the last alone may be other ones than NumPy's.
        It is always called with the same shapes and types.
    what : hashable
        All that it computes: equal values in another process mean the same.
    """

    def __init__(self, jitted: Any, what: Any) -> None:
        self._jitted = jitted
        self._what = what
        self._run: Callable[..., Any] | None = None
        self._loaded_from: Slot | None = None
        self._is_proven = False

    def __call__(self, *arguments: Any) -> Any:
        """Run the program; the first time, once it is there."""
        run = self._run
        if run is None:
            run = self._made(arguments)
        if self._loaded_from is None:
            return run(*arguments)
        # Of what was loaded JAX does not look at the results, nor at where arrays of its own are.
        if _is_watched() or not _are_of_numpy(arguments[-1]):
            return self._jitted(*arguments)
        return run(*arguments) if self._is_proven else self._first(run, arguments)

    def is_kept(self, *arguments: Any) -> bool:
        """Return whether there may be a program of it on disk."""
        slot = self._slot(arguments)
        return slot is not None and DISK.holds(slot)

    def prepare(self, *arguments: Any) -> Pending:
        """Return what is left to be done before the program can run, for another thread.

        What needs Python's lock for long is done at once.
        """
        if self._run is not None:
            return _Ready()
        slot = self._slot(arguments)
        if slot is not None and DISK.holds(slot):
            return _ToLoad(self, slot)
        return _ToCompile(self, slot, self._jitted.lower(*arguments))

    def use_jitted(self) -> Callable[..., Any]:
        """Have calls run what is jitted; return that."""
        self._loaded_from = None
        self._run = self._jitted
        return self._jitted

    def use_loaded(self, loaded: Callable[..., Any], slot: Slot) -> Callable[..., Any]:
        """Have calls run what was loaded, if it proves to be of use; return that."""
        self._loaded_from = slot
        self._run = loaded
        return loaded

    def _made(self, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        slot = self._slot(arguments)
        if slot is None:
            return self._jitted if _is_watched() else self.use_jitted()
        loaded = DISK.load(slot)
        if loaded is not None:
            return self.use_loaded(loaded, slot)
        DISK.compile(slot, self._jitted.lower(*arguments))
        return self.use_jitted()

    def _first(self, run: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        with Attempt():
            results = jax.block_until_ready(run(*arguments))
            self._is_proven = True
            return results
        if self._loaded_from is not None:
            DISK.reject(self._loaded_from)
        return self.use_jitted()(*arguments)

    def _slot(self, arguments: tuple[Any, ...]) -> Slot | None:
        if _is_watched() or not _are_of_numpy(arguments[-1]):
            return None
        return DISK.slot(self._what, arguments)


class _Ready:
    def compile(self) -> object:
        return False


class _ToLoad(NamedTuple):
    kept: Kept
    slot: Slot

    def compile(self) -> object:
        loaded = DISK.load(self.slot)
        if loaded is None:
            raise NotThere
        self.kept.use_loaded(loaded, self.slot)
        return False


class _ToCompile(NamedTuple):
    kept: Kept
    slot: Slot | None
    lowered: Any

    def compile(self) -> object:
        DISK.compile(self.slot, self.lowered)
        return self.kept.use_jitted()


def _is_watched() -> bool:
    """Return whether JAX is to look at results, or to compile nothing."""
    config: Any = jax.config
    return bool(config.jax_debug_nans or config.jax_debug_infs or config.jax_disable_jit)


def _are_of_numpy(arrays: Any) -> bool:
    return all(type(one) is np.ndarray for one in arrays)
