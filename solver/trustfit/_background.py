"""Programs compiled in the background, while calls are served by NumPy.

A program is traced and lowered on the thread of the call that starts it, as that needs Python's
lock, and compiled on a thread of its own, as that does not. There is one such thread, while there
is work; it is no daemon, which could be stopped in the middle of XLA's work when the interpreter
ends: the end of the process waits for the program that is being made, and for no other.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Literal, TypeAlias

from trustfit._untraceable import Attempt

Progress: TypeAlias = Literal["none", "made", "ready", "failed"]

_MOST_KEPT = 512
_FIRST_GUESS_S = 0.3
"""How long a program takes to be made, until one was."""


class NotThere(Exception):
    """What was to be made ready is not where it was: the next use has to start anew."""


class _Entry:
    def __init__(self) -> None:
        self.progress: Progress = "none"
        self.error: Exception | None = None


class Compilations:
    """What has been used, what is being compiled, and what is ready, by keys of any kind.

    Attributes
    ----------
    expected_s : float
        How long it takes to make a program: the mean of what the last ones took.
    """

    def __init__(self) -> None:
        self.expected_s = _FIRST_GUESS_S
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._used: OrderedDict[Hashable, int] = OrderedDict()
        self._queue: deque[Callable[[], None]] = deque()
        self._worker: threading.Thread | None = None
        self._lock = threading.Condition()

    def use(self, model: Hashable) -> int:
        """Note that a model is used, and return how often it was before."""
        with self._lock:
            before = self._used.get(model, 0)
            self._used[model] = before + 1
            while len(self._used) > _MOST_KEPT:
                self._used.popitem(last=False)
        return before

    def progress(self, key: Hashable) -> Progress:
        """Return how far a program is."""
        entry = self._entries.get(key)
        return "none" if entry is None else entry.progress

    def finish(self, key: Hashable) -> None:
        """Note that a program is ready, having been compiled by a call that waited for it."""
        with self._lock:
            self._entry(key).progress = "ready"

    def failure(self, key: Hashable) -> Exception | None:
        """Return why a program could not be made, once."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            error, entry.error = entry.error, None
            return error

    def start(self, key: Hashable, lower: Callable[[], Sequence[Any]]) -> None:
        """Make a program, unless that has been started before.

        Parameters
        ----------
        key : hashable
            Of the program.
        lower : callable
            Returns what is to be compiled; called at once, in this thread. What is only to be
            loaded returns False when that is done, and may raise `NotThere`.
        """
        with self._lock:
            entry = self._entry(key)
            if entry.progress != "none":
                return
            entry.progress = "made"
        begin = time.perf_counter()
        with Attempt() as attempt:
            lowered = lower()
            lowering_s = time.perf_counter() - begin
            self._enqueue(lambda: self._compile(entry, lowered, lowering_s))
        if attempt.error is not None:
            self._fail(entry, attempt.error)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until nothing is being compiled any more; return whether that is so."""
        with self._lock:
            return self._lock.wait_for(lambda: self._worker is None, timeout_s)

    def forget(self) -> None:
        """Begin anew: in a forked process no thread goes on, and locks stay as they were."""
        self._lock = threading.Condition()
        self._worker = None
        for kept in (self._entries, self._used, self._queue):
            kept.clear()

    def _entry(self, key: Hashable) -> _Entry:
        entry = self._entries.setdefault(key, _Entry())
        while len(self._entries) > _MOST_KEPT:
            self._entries.popitem(last=False)
        return entry

    def _enqueue(self, job: Callable[[], None]) -> None:
        with self._lock:
            if self._worker is None:
                worker = threading.Thread(target=self._work, name="trustfit", daemon=False)
                worker.start()  # which fails while the interpreter ends
                self._worker = worker
            self._queue.append(job)

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue or not threading.main_thread().is_alive():
                    self._worker = None
                    self._lock.notify_all()
                    return
                job = self._queue.popleft()
            job()

    def _compile(self, entry: _Entry, lowered: Sequence[Any], lowering_s: float) -> None:
        begin = time.perf_counter()
        found: list[bool] = []
        with Attempt() as attempt:
            found = [one.compile() is False for one in lowered]
        if isinstance(attempt.error, NotThere):
            with self._lock:
                entry.progress = "none"
            return
        if attempt.error is not None:
            self._fail(entry, attempt.error)
            return
        took_s = lowering_s + time.perf_counter() - begin
        with self._lock:
            if not all(found):
                self.expected_s += 0.25 * (took_s - self.expected_s)
            entry.progress = "ready"

    def _fail(self, entry: _Entry, error: Exception) -> None:
        with self._lock:
            entry.progress, entry.error = "failed", error
