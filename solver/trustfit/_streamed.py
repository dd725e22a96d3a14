"""The streamed driver: more points than a program of the whole solve is for.

A loop on the host takes the steps, `trustfit._trf.step` by NumPy. Each evaluation goes through the
points in segments: a thread for each processor copies a segment into memory that XLA reads where
it lies, and has it reduced to a matrix of n + 1 rows there. So all processors are busy, the memory
is that of a segment for each of them however many points there are, and no length compiles anew.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from trustfit import _state as states
from trustfit import _trf as trf
from trustfit._algebra import triangle
from trustfit._chunks import MOST_AT_ONCE, SEGMENT, segment_for
from trustfit._compiled import compiled_evaluation
from trustfit._model import Model
from trustfit._program import Program, local_model
from trustfit._state import Evaluation, Problem, State
from trustfit._traced import Argument, numbers_of
from trustfit._types import FloatArray, NDArray
from trustfit._workers import processors, settings


def is_for(model: Model) -> bool:
    """Return whether a model's data are to be streamed."""
    return model.traced.by_points and model.m > MOST_AT_ONCE


def solve(
    model: Model, program: Program, x0: FloatArray, problem: Problem
) -> tuple[State, Program]:
    """Return the final state, and the program that it ended in.

    Parameters
    ----------
    model : Model
        Of functions that take the points one by one.
    program : Program
        To start with, by Gram matrices.
    x0 : ndarray, shape (n,)
        Start values, strictly inside the bounds.
    problem : Problem
        Bounds, tolerances, and limit.
    """
    from concurrent.futures import ThreadPoolExecutor  # not by all who import this module

    unknown = Evaluation(np.array(np.inf), np.zeros((len(x0) + 1,) * 2), ())
    state = states.initial_state(np, x0, unknown)
    with ThreadPoolExecutor(processors()) as pool, np.errstate(all="ignore"):
        stream = stream_of(model, program, problem.f_scale, pool.map)
        state = _iterate(stream, state, problem)
        if state.status == states.ILL_CONDITIONED:
            program = program._replace(local="triangle")
            stream = stream._replace(program=program)
            state = _iterate(stream, states.again(np, state), problem)
    return state, program


def _iterate(stream: "Stream", state: State, problem: Problem) -> State:
    local = local_model(np, stream.program, stream.model.m)
    while state.status == states.RUNNING:
        new = stream.evaluate(state.trial.x)
        state = trf.step(np, local, stream.program.setup, problem, state, new)
    return state


class Stream(NamedTuple):
    """Evaluations of a model, a segment of its points at a time.

    `points` are the model's; `map_` applies a function to many arguments, perhaps in several
    threads.
    """

    model: Model
    program: Program
    f_scale: Any
    points: Sequence[tuple[NDArray[Any], Argument]]
    map_: Callable[..., Any]

    def evaluate(self, x: FloatArray) -> Evaluation:
        """Return the cost at x, and the rows reduced as the program says."""
        traced, n = self.model.traced, len(x)
        bucket = segment_for(traced, n, self.program.local)
        numbers = numbers_of(traced, self.model.values)
        run = compiled_evaluation(traced, self.program, bucket, n, len(numbers))
        shared = self.model.arguments("shared")

        def reduce(first: int) -> FloatArray:
            last = min(first + SEGMENT, self.model.m)
            arrays = self.model.padded(self.points, bucket, first, last)
            head = np.concatenate([x, [self.f_scale], numbers, [last - first]])
            with settings():
                return np.array(run(head, tuple(arrays), shared))

        # In the order of the segments, whichever thread had which: sums do not differ by chance.
        parts = np.stack(list(self.map_(reduce, range(0, self.model.m, SEGMENT))))
        M = parts[:, 1:].reshape(-1, n + 1, n + 1)
        if self.program.local == "gram":
            return Evaluation(np.sum(parts[:, 0]), np.sum(M, axis=0), ())
        return Evaluation(np.sum(parts[:, 0]), triangle(np, M.reshape(-1, n + 1)), ())


def stream_of(
    model: Model, program: Program, f_scale: Any, map_: Callable[..., Any] = map
) -> Stream:
    """Return what evaluates a model; its points are brought into order once, here."""
    return Stream(model, program, f_scale, model.points(), map_)
