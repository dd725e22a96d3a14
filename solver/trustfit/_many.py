"""Many fits of one model: chunks of them by one program, the rest one by one.

The fits wait in a queue, from which threads, one a processor, take chunks; the program
(`trustfit._many_program`) runs without Python's lock. Once few fits of a chunk still go on, they go
back into the queue as they stand, and end in chunks of their own kind: a fit that takes hundreds of
iterations holds no others. Memory is that of the results and of a chunk for each thread, as data
are brought into the order of the program chunk by chunk.

Solved again one by one, as single fits, are those of which the normal equations are too
ill-conditioned, for steps or for the covariance, and those that need finite differences. Where a
program of many cannot do at all what is asked for (callbacks, finite differences, functions that
JAX cannot trace, more than `OWN_LIMIT` parameters or `MOST_EQUATIONS` operations), or would gain
nothing (tens of thousands of points), all are.
"""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

from trustfit import _state as states
from trustfit._algebra import OWN_LIMIT
from trustfit._driver import choose
from trustfit._inspection import Mismatch, is_doubtful
from trustfit._many_chunk import Part, chunk_of, store
from trustfit._many_data import Fits, Task
from trustfit._many_program import Chunk, ManyProgram, ended, solve
from trustfit._many_singles import data_of, fit_one_by_one, problem_of
from trustfit._model import curve_model
from trustfit._solve import check_against_call
from trustfit._traced import Remembered, Traced
from trustfit._types import FloatArray, NDArray
from trustfit._untraceable import Attempt
from trustfit._workers import processors, settings

_MOST_LANES = 256
_LEAST_LANES = 8
_VALUES = 2**18
"""Values that an array of residuals with lanes may have: for many points there are fewer lanes, and
where these would be less than a processor's vectors hold, a fit at a time is as fast."""

MOST_EQUATIONS = 600
"""Equations up to which a model is compiled for many fits."""

_LEFT_OVER = 0.2
"""The part of a chunk that may go back into the queue."""


def fit_all(task: Task) -> Fits:
    """Fit the model to each of the data."""
    fits = Fits.of(task)
    (k, m), n = task.stack.y.shape, task.stack.start.shape[1]
    again: Iterable[int] = range(k)
    distrust: Mismatch | None = None
    small = n <= OWN_LIMIT and m * _LEAST_LANES <= _VALUES
    if small and not task.omit_nan and choose(task.request.needs(True)) == "fused":
        trace = _trace(task)
        try:
            if trace is not None:
                again = _in_chunks(task, trace, fits)
        except Mismatch as error:
            distrust = error
    fit_one_by_one(task, fits, again, distrust)
    return fits


def _trace(task: Task) -> Remembered | None:
    """Return the user's functions traced; None if that fails, or they are too long."""
    data, _ = data_of(task, 0)
    with Attempt(), settings():  # one by one, they are traced again, or called from Python
        trace = curve_model(task.f, task.jac, data, task.stack.start.shape[1]).trace
        if trace.traced.equations <= MOST_EQUATIONS:
            return trace
    return None


class Queue:
    """Fits that wait: new ones come first, until those left over fill a chunk."""

    def __init__(self, k: int, lanes: int) -> None:
        self._lock = threading.Lock()
        self._k, self._lanes, self._next = k, lanes, 0
        self._left: list[Part] = []

    def take(self) -> Part | None:
        """Return what to do next; None if there is nothing."""
        with self._lock:
            left = sum(len(part.fits) for part in self._left)
            if self._next < self._k and left < self._lanes:
                first, self._next = self._next, min(self._next + self._lanes, self._k)
                return self._with_patience(np.arange(first, self._next), None)
            if not left:
                return None
            fits = np.concatenate([part.fits for part in self._left])
            packed = np.concatenate(
                [part.packed for part in self._left if part.packed is not None], 1
            )
            rest = Part(fits[self._lanes :], packed[:, self._lanes :], 0)
            self._left = [rest] if len(rest.fits) else []
            return self._with_patience(fits[: self._lanes], packed[:, : self._lanes])

    def put_back(self, part: Part) -> None:
        """Leave fits over, as they stand."""
        if len(part.fits):
            with self._lock:
                self._left.append(part)

    def close(self) -> None:
        """Hand out nothing more."""
        with self._lock:
            self._next, self._left = self._k, []

    def _with_patience(self, fits: NDArray[np.int64], packed: FloatArray | None) -> Part:
        full = len(fits) == self._lanes
        return Part(fits, packed, int(_LEFT_OVER * self._lanes) if full else 0)


@lru_cache(maxsize=128)
def _compiled(traced: Traced, program: ManyProgram) -> Callable[[Chunk], tuple[Any, ...]]:
    """Return the program of functions that compute the same."""
    return jax.jit(partial(solve, traced, program))


@dataclass(frozen=True)
class _Run:
    """What the threads share."""

    task: Task
    trace: Remembered
    program: ManyProgram
    lanes: int
    queue: Queue
    fits: Fits
    again: list[NDArray[np.int64]]

    def until_empty(self) -> None:
        """Work on chunks until there are none."""
        with settings():
            while self.next():
                pass

    def next(self) -> bool:
        """Work on the next chunk; return whether there was one."""
        part = self.queue.take()
        if part is None:
            return False
        chunk = chunk_of(self.task, part, self.lanes, self.trace.constants)
        results = _compiled(self.trace.traced, self.program)(chunk)
        left = store(self.task, self.fits, part, ended(results, self.program.n))
        self.queue.put_back(left.running)
        self.again.append(left.again)
        return True


def _program_of(task: Task, trace: Remembered) -> ManyProgram:
    options, stack = task.request.options, task.stack
    if callable(options.loss):
        raise TypeError("A program of many fits takes a loss by name; got a function.")
    weights = () if stack.sigma is None else (stack.own_sigma,)
    return ManyProgram(
        n=stack.start.shape[1],
        m=stack.y.shape[1],
        setup=states.setup_of(options),
        loss=options.loss,
        laned=(*[False] * len(trace.constants), stack.x.separate, True, *weights),
        fvec=task.request.rows,
    )


def _lanes_for(m: int) -> int:
    """Return how many fits of m points a chunk has: a power of two."""
    return min(_MOST_LANES, 1 << int(np.log2(_VALUES // m)))


def _in_chunks(task: Task, trace: Remembered, fits: Fits) -> Iterable[int]:
    """Fill in the results by programs of many fits; return those that are to be solved again.

    Raises
    ------
    Mismatch
        If the trace is not to be trusted.
    """
    k, m = task.stack.y.shape
    lanes = _lanes_for(m)
    run = _Run(task, trace, _program_of(task, trace), lanes, Queue(k, lanes), fits, [])
    with settings():
        run.next()  # compiles, which is one thread's work
    _check_against_call(task, fits)
    threads = min(processors(), -(-k // lanes) - 1)
    with ThreadPoolExecutor(processors()) as pool:
        workers = [pool.submit(run.until_empty) for _ in range(threads)]
        try:
            for worker in workers:
                worker.result()
        except BaseException:  # one failed, or Ctrl-C: the others end with their chunk
            run.queue.close()
            raise
    run.until_empty()
    return sorted(np.concatenate(run.again).tolist())


def _check_against_call(task: Task, fits: Fits) -> None:
    """Compare a fit with a plain call of a function whose trace may mean something else.

    Raises
    ------
    Mismatch
        If it does.
    """
    solved = np.flatnonzero(fits.status > 0)
    if len(solved) and is_doubtful(task.f):
        fit = int(solved[0])
        problem = problem_of(task, data_of(task, fit)[0])
        start = task.stack.start[fit]
        check_against_call(problem, start, fits.x[fit], float(fits.cost[fit]), task.request)
