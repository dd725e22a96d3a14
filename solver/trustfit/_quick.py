"""The second plain call of `curve_fit`, and every one after it.

A call without options for a model that was fitted before repeats what is known: that the function
is still what it was is told by its fingerprint, that the arrays are of the same kinds by their
types. What is left is to fill one vector, run the program, and open what it returns. Whatever is
out of the ordinary, in the arguments or in how the solve ends, is left to the long way, which
answers or explains; both give the same numbers.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from types import FunctionType
from typing import Any, NamedTuple

import jax
import numpy as np

from trustfit._chunks import MOST_AT_ONCE, Bucket
from trustfit._compiled import compiled_solve
from trustfit._gram import COVARIANCE_PIVOT
from trustfit._identity import fingerprint
from trustfit._model import BUFFERS, CurveData, curve_model
from trustfit._program import Start, blank_state, program_for, unpack
from trustfit._settings import Options
from trustfit._state import problem_of
from trustfit._traced import numbers_of
from trustfit._types import FloatArray
from trustfit._validation import LARGEST
from trustfit._workers import processors

_MOST_KEPT = 256
_FEW = 1024  # numbers that BLAS sums on the caller's thread
_ORDINARY = ("standard", "allow")
_LARGEST_SQUARE = LARGEST**2
_LOOKS = 1000  # about 0.1 ms


class _Places(NamedTuple):
    """Where the result of a solve has what a fit returns; x is at its beginning."""

    cost: int
    status: int
    inverse: slice
    pivot: int


class _Plan(NamedTuple):
    """How to answer a call: the program, the vector it takes, and where its results are.

    `looks` is how often to look for the result before waiting for it.
    """

    run: Callable[..., tuple[Any, Any]]
    bucket: Bucket
    head: FloatArray
    places: _Places
    looks: int


class Plans:
    """Plans by what was fitted, the last few hundred of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, _Plan] = OrderedDict()

    def get(self, key: Hashable) -> _Plan | None:
        """Return the plan for a function, a number of points and one of parameters."""
        return self._known.get(key)

    def put(self, key: Hashable, plan: _Plan) -> None:
        """Keep a plan, and let go of the oldest if there are too many."""
        self._known[key] = plan
        while len(self._known) > _MOST_KEPT:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Let go of all plans."""
        self._known.clear()


_PLANS = Plans()


def forget() -> None:
    """Forget all plans: in a forked process their programs hang."""
    _PLANS.clear()


def _is_ordinary(data: Any) -> bool:
    return type(data) is np.ndarray and data.dtype == np.float64 and data.ndim == 1


def _settings_are_ordinary() -> bool:
    """Return whether JAX's settings are those in which programs are compiled, precision apart."""
    config: Any = jax.config
    return (config.jax_numpy_dtype_promotion, config.jax_numpy_rank_promotion) == _ORDINARY


def _start_values(f: Any, p0: Any) -> FloatArray | None:
    if p0 is None:
        # What wraps another function may name fewer arguments than that, or none.
        named = f.__code__.co_argcount - 1 if type(f) is FunctionType else 0
        return np.ones(named) if named > 0 else None
    if type(p0) is np.ndarray and p0.dtype == np.float64 and p0.ndim == 1:
        return p0
    if type(p0) in (list, tuple) and all(isinstance(one, float | int) for one in p0):
        return np.array(p0, np.float64)
    return None


def fit(
    f: Any, xdata: Any, ydata: Any, p0: Any, absolute_sigma: bool
) -> tuple[FloatArray, FloatArray] | None:
    """Return parameters and covariance of a plain call like an earlier one; None for others."""
    if not (_is_ordinary(xdata) and _is_ordinary(ydata) and xdata.size == ydata.size):
        return None
    start, m = _start_values(f, p0), ydata.size
    if start is None:
        return None
    found = fingerprint(f)
    if found is None or found.arrays:
        return None
    n = start.size
    plan = _PLANS.get((found.key, m, n))
    if plan is None or m <= n or not _settings_are_ordinary():
        return None
    # What else is not finite shows in the result.
    if not _are_sound(xdata, ydata, start):
        return None
    with jax.enable_x64(True):
        packed = np.asarray(_run(plan, start, xdata, ydata))
    places = plan.places
    if not (0 < packed[places.status] <= 4 and packed[places.pivot] > COVARIANCE_PIVOT):
        return None
    factor = 1.0 if absolute_sigma else 2 * packed[places.cost] / (m - n)
    return packed[:n].copy(), packed[places.inverse].reshape(n, n) * factor


def _are_sound(x: FloatArray, y: FloatArray, start: FloatArray) -> bool:
    """Return whether x and the start are finite, and y is not too large for its squares.

    What passes would pass the checks of the long way. Of few numbers squares are summed, which is
    fastest; for many BLAS would wake threads, which stay awake for a while, in the program's way.
    """
    if not math.isfinite(np.vdot(start, start)):
        return False
    if x.size <= _FEW:  # `vdot` never warns, as `dot` does
        return bool(math.isfinite(np.vdot(x, x)) and np.vdot(y, y) <= _LARGEST_SQUARE)
    with np.errstate(all="ignore"):
        return bool(math.isfinite(x.sum()) and y.min() >= -LARGEST and y.max() <= LARGEST)


def _run(plan: _Plan, start: FloatArray, x: FloatArray, y: FloatArray) -> Any:
    bucket, head, m, n = plan.bucket, plan.head, x.size, start.size
    if bucket.packed:
        length, capacity = head.size, bucket.capacity
        (vector,) = BUFFERS.get([((length + 2 * capacity,), np.float64)])
        vector[:length] = head
        vector[:n] = start
        vector[length : length + m] = x
        vector[length + capacity : length + capacity + m] = y
        result = plan.run(vector, (), ())[0]
        return soon(result, plan.looks) if plan.looks else result
    head = head.copy()
    head[:n] = start
    used = -(-m // bucket.width) * bucket.width
    arrays = BUFFERS.get([((1, bucket.capacity), np.dtype(np.float64))] * 2)
    for array, data in zip(arrays, (x, y), strict=True):
        array[0, :m] = data
        array[0, m:used] = data[-1]
    # Copied, as the buffers must not be read any more.
    return np.array(plan.run(head, tuple(arrays), ())[0])


def soon(result: Any, looks: int) -> Any:
    """Return a result that is looked for, for a moment, before anyone waits for it.

    A program of some 0.05 ms that ran on another thread is done before this one would have fallen
    asleep and been woken again.
    """
    is_ready = result.is_ready
    for _ in range(looks):
        if is_ready():
            break
    return result


def looks_for(bucket: Bucket) -> int:
    """Return how often to look: not for what XLA runs on this thread, nor for what takes long."""
    return _LOOKS if bucket.packed and bucket.block > 1 and processors() > 1 else 0


def learn(f: Any, x: Any, y: Any, start: FloatArray, options: Options) -> None:
    """Prepare for more plain calls like this one; x and y as they were given."""
    if not (_is_ordinary(x) and _is_ordinary(y) and start.size < x.size == y.size <= MOST_AT_ONCE):
        return
    found = fingerprint(f)
    if found is None or found.arrays or not _settings_are_ordinary():
        return
    n, m = start.size, y.size
    with jax.enable_x64(True):
        model = curve_model(f, None, CurveData(x, y, None), n)
    traced = model.traced
    points = [argument for argument in traced.arguments if argument.kind != "number"]
    if not traced.by_points or [one.kind for one in points] != ["points", "points"]:
        return
    problem, begin = problem_of(options, None, start), Start(start, None)
    recipe = model.recipe(program_for(options, keep_rows=False), begin, problem)
    assert recipe.bucket is not None
    parts = recipe.head.fill(begin, problem, numbers_of(traced, model.values), m)
    bucket, head = recipe.bucket, np.concatenate(parts)
    plan = _Plan(compiled_solve(recipe), bucket, head, _places(n), looks_for(bucket))
    _PLANS.put((found.key, m, n), plan)


def _places(n: int) -> _Places:
    like = blank_state(n)
    size = sum(np.size(leaf) for leaf in jax.tree.leaves(like))
    index = unpack(np.arange(size, dtype=float), like)
    first = int(index.inverse.matrix[0, 0])
    return _Places(
        cost=int(index.at_x.cost),
        status=int(index.status),
        inverse=slice(first, first + n * n),
        pivot=int(index.inverse.pivot),
    )
