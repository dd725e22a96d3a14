"""What is told of a solve while it runs: the table of `verbose`, the user's callback.

A solver knows only one `Monitor`. It calls that with the state at the start and after every outer
iteration, one that lowered the cost or one that gave up, and stops with status -2 if it says so.
"""

from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from trustfit._result import OptimizeResult
from trustfit._types import FloatArray


class Iteration(NamedTuple):
    """The state of a solve at its start, where `iteration` is 0, and after each outer iteration.

    Attributes
    ----------
    iteration, nfev : int
        Outer iterations and evaluations of the residuals so far.
    x : ndarray, shape (n,)
        The last accepted point.
    cost : float
        The cost at x.
    fun : ndarray, shape (m,)
        Residuals at x, not scaled by the loss.
    cost_reduction, step_norm : float or None
        What the iteration took off the cost, and the norm of its step; 0 if no step was accepted,
        None at the start.
    optimality : float
        Largest component of the (scaled) gradient at x.
    """

    iteration: int
    nfev: int
    x: FloatArray
    cost: float
    fun: FloatArray
    cost_reduction: float | None
    step_norm: float | None
    optimality: float


Monitor: TypeAlias = Callable[[Iteration], bool]
"""Called with each state; True stops the solve."""

_HEADINGS = ("Iteration", "Total nfev", "Cost", "Cost reduction", "Step norm", "Optimality")
_WIDTH = 15


def _row(cells: Iterable[str]) -> str:
    return "".join(f"{cell:^{_WIDTH}}" for cell in cells)


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.2e}"


def table_header() -> str:
    """Return the headings of the table that ``verbose=2`` prints, SciPy's columns."""
    return _row(_HEADINGS)


def table_row(state: Iteration) -> str:
    """Return the state as a row of that table."""
    return _row(
        (
            f"{state.iteration}",
            f"{state.nfev}",
            f"{state.cost:.4e}",
            _short(state.cost_reduction),
            _short(state.step_norm),
            _short(state.optimality),
        )
    )


def closing_lines(
    message: str, nfev: int, cost: float, optimality: float, initial_cost: float | None = None
) -> str:
    """Return what ``verbose=1`` and ``verbose=2`` print at the end, two lines.

    Parameters
    ----------
    message : str
        Why the solve ended.
    nfev : int
        Evaluations of the residuals.
    cost, optimality : float
        At the solution.
    initial_cost : float or None, optional
        The cost at the start, if it is known.
    """
    came_from = "" if initial_cost is None else f"{initial_cost:.4e} at the start, "
    return (
        f"{message}\n"
        f"Cost: {came_from}{cost:.4e} at the end; optimality: {optimality:.2e}; "
        f"function evaluations: {nfev}."
    )


def printer(verbose: int) -> Monitor | None:
    """Return the monitor that prints a row for each state, or None where `verbose` is below 2."""
    if verbose < 2:
        return None

    def print_row(state: Iteration) -> bool:
        if state.iteration == 0:
            print(table_header())
        print(table_row(state))
        return False

    return print_row


def _takes_result(callback: Callable[..., Any]) -> bool:
    try:
        parameters = signature(callback).parameters
    except (TypeError, ValueError):  # some functions written in C do not tell
        return False
    return set(parameters) == {"intermediate_result"}


def callback_monitor(callback: Callable[..., Any] | None) -> Monitor | None:
    """Return the monitor that calls the user's callback after each outer iteration.

    Parameters
    ----------
    callback : callable or None
        Called as ``callback(intermediate_result=OptimizeResult)`` if that is the name of its only
        parameter, else as ``callback(x)``. The result holds x, fun, nit, nfev and cost. Arrays
        are copies, for the callback to keep or to change. The solve stops if it raises
        StopIteration or returns True (SciPy 1.17 promises the latter, and overlooks it).

    Returns
    -------
    monitor : Monitor or None
        None without a callback.
    """
    if callback is None:
        return None
    takes_result = _takes_result(callback)

    def call(state: Iteration) -> bool:
        if state.iteration == 0:
            return False
        x = np.array(state.x)
        try:
            if takes_result:
                answer = callback(
                    intermediate_result=OptimizeResult(
                        x=x,
                        fun=np.array(state.fun),
                        nit=state.iteration,
                        nfev=state.nfev,
                        cost=state.cost,
                    )
                )
            else:
                answer = callback(x)
        except StopIteration:
            return True
        return isinstance(answer, (bool, np.bool_)) and bool(answer)

    return call


def compose(monitors: Iterable[Monitor | None]) -> Monitor | None:
    """Return one monitor that calls all of them in order; None if there is none.

    All are called even if one wants to stop, so that a table shows the last state as well.
    """
    present = tuple(monitor for monitor in monitors if monitor is not None)
    if len(present) < 2:
        return present[0] if present else None

    def call_all(state: Iteration) -> bool:
        return any([monitor(state) for monitor in present])

    return call_all
