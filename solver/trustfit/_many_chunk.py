"""From the data of some fits to what their program takes, and from what it returns to results."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from trustfit import _state as states
from trustfit._bounds import Bounds, strictly_feasible
from trustfit._gram import COVARIANCE_PIVOT
from trustfit._many_data import Fits, Task, as_float, weights_of
from trustfit._many_program import Chunk, Ended, start_of
from trustfit._types import FloatArray, NDArray


class Part(NamedTuple):
    """Fits that a program takes at once: their indices, and their state if they have begun.

    `patience`: how many may be left over.
    """

    fits: NDArray[np.int64]
    packed: FloatArray | None
    patience: int


def _behind(array: NDArray[Any], lanes: int) -> FloatArray:
    """Return the fits as lanes, behind; the last of them fills those that are left."""
    behind = np.empty((*array.shape[1:], lanes))
    behind[..., : len(array)] = np.moveaxis(array, 0, -1)
    behind[..., len(array) :] = behind[..., len(array) - 1 : len(array)]
    return behind


def chunk_of(task: Task, part: Part, lanes: int, constants: Sequence[Any]) -> Chunk:
    """Return what the program takes; lanes without a fit have ended.

    `constants` is what the functions close over.
    """
    count = len(part.fits)
    first, last = int(part.fits[0]), int(part.fits[-1])
    in_row = last - first + 1 == count
    stack = task.stack.select(slice(first, last + 1) if in_row else part.fits)
    x = _behind(stack.x.array, lanes) if stack.x.separate else as_float(stack.x.array)
    y = _behind(stack.y, lanes)
    weights = None
    if stack.sigma is not None:
        weights = weights_of(_behind(stack.sigma, lanes) if stack.own_sigma else stack.sigma)
    bounds = None
    if stack.bounds is not None:
        bounds = Bounds(*(_behind(bound, lanes) for bound in stack.bounds))
    x0 = _behind(stack.start, lanes)
    if bounds is not None:
        x0 = strictly_feasible(np, x0, bounds, rstep=1e-10)
    status = np.zeros(lanes)
    status[:count] = np.where(
        _is_sound(task, x0, x if stack.x.separate else None)[:count],
        states.RUNNING,
        states.RESIDUALS_NOT_FINITE_AT_START,
    )
    packed = start_of(x0, status)
    if part.packed is not None:
        packed[:, :count] = part.packed
    problem = states.problem_of(task.request.options, None, x0[:, 0])
    data = (x, y) if weights is None else (x, y, weights)
    return Chunk(packed, bounds, (*constants, *data), problem, np.int32(part.patience))


def _is_sound(task: Task, x0: FloatArray, x: FloatArray | None) -> Any:
    """Return of each lane whether a single call would not refuse its start or its abscissae.

    Ordinates that are not finite show in the residuals.
    """
    sound = np.isfinite(x0).all(axis=0)
    if task.finite_only and x is not None:
        sound &= np.isfinite(x).all(axis=tuple(range(x.ndim - 1)))
    return sound


class Left(NamedTuple):
    """Fits without a result: those that go on, as they stand, and those to be solved again."""

    running: Part
    again: NDArray[np.int64]


def store(task: Task, fits: Fits, part: Part, ended: Ended) -> Left:
    """Write the results of the fits of a chunk to their places; return those without one."""
    count = len(part.fits)
    status = ended.status[:count]
    running = status == states.RUNNING
    again = (status == states.ILL_CONDITIONED) | (
        (status > 0) & ~running & ~(ended.pivot[:count] > COVARIANCE_PIVOT)
    )
    if task.jac is None:  # finite differences take the place of a derivative that is not finite
        again |= status == states.JACOBIAN_NOT_FINITE_AT_START
    (done,) = np.nonzero(~running & ~again)
    where = part.fits[done]
    fits.x[where], fits.cost[where] = ended.x[done], ended.cost[done]
    fits.nfev[where], fits.status[where] = ended.nfev[done], status[done]
    if fits.fvec is not None and ended.fvec is not None:
        fits.fvec[where] = ended.fvec[done]
    good = done[status[done] > 0]
    fits.pcov[part.fits[good]] = _covariances(task, part.fits[good], ended, good)
    (left,) = np.nonzero(running)
    return Left(Part(part.fits[left], ended.packed[:, left], 0), part.fits[again])


def _covariances(
    task: Task, fits: NDArray[np.int64], ended: Ended, lanes: NDArray[np.int64]
) -> FloatArray:
    inverse = ended.inverse[lanes]
    if task.absolute_sigma:
        return inverse
    (_, m), n = task.stack.y.shape, task.stack.start.shape[1]
    bounds, fixed = task.stack.bounds, np.zeros((1, n), bool)
    if bounds is not None:
        fixed = bounds.lb[fits] == bounds.ub[fits]
    freedom = m - np.count_nonzero(~fixed, axis=1)
    variance = 2 * ended.cost[lanes] / np.maximum(freedom, 1)
    free = ~(fixed[:, :, None] | fixed[:, None, :])
    unknown = free & (freedom <= 0)[:, None, None]
    return np.where(unknown, np.inf, inverse * variance[:, None, None])
