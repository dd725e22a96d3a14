"""The fused driver: the whole solve is one compiled program, entered once and left once.

A second program, which reduces the rows by QR, takes over where the Gram matrix's condition does
not allow normal equations.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from typing import Any

import numpy as np

from trustfit import _state as states
from trustfit import _streamed as streamed
from trustfit._algebra import triangle
from trustfit._bounds import Bounds
from trustfit._gram import COVARIANCE_PIVOT
from trustfit._losses import row_scales
from trustfit._model import Model
from trustfit._program import Program, Start, blank_state, program_for, unpack
from trustfit._settings import Options, Solution
from trustfit._solution import square_root, to_solution
from trustfit._state import State, problem_of
from trustfit._types import FloatArray


def minimize(
    model: Model, x0: FloatArray, bounds: Bounds | None, options: Options, *, rows: bool
) -> Solution:
    """Minimize the cost from x0, which must lie strictly inside the bounds.

    Parameters
    ----------
    model : Model
        The user's functions and data.
    x0 : ndarray, shape (n,)
        Start values.
    bounds : Bounds or None
        The bounds, if there are any.
    options : Options
        With a loss by name and `tr_solver` 'exact'.
    rows : bool
        Whether the solution holds `fun` and `jac`.

    Raises
    ------
    ValueError
        If the residuals or the Jacobian are not finite at x0.
    """
    problem = problem_of(options, bounds, x0)
    keep_rows = rows and not model.traced.by_points
    program = program_for(options, keep_rows=keep_rows)
    if streamed.is_for(model):
        state, program = streamed.solve(model, program, x0, problem)
        kept: tuple[Any, ...] = ()
    else:
        state, kept, packed = _run(model, program, Start(x0, None), problem)
        if state.status == states.ILL_CONDITIONED:
            program = program._replace(local="triangle")
            state, kept, _ = _run(model, program, Start(x0, packed), problem)
    if rows and not keep_rows:
        kept = _scaled_rows(model, state.x, options)
    inverse = _inverse(state, problem) if program.local == "gram" else None
    if inverse is not None:
        return to_solution(state, kept, None, bounds, options, inverse)._replace(driver="compiled")
    M = state.at_x.M
    R = M[:-1, :-1] if program.local == "triangle" else square_root(M)
    if R is None and model.traced.by_points:
        by_qr = program._replace(local="triangle")
        stream = streamed.stream_of(model, by_qr, problem.f_scale)
        R = stream.evaluate(state.x).M[:-1, :-1]
    elif R is None:
        R = triangle(np, kept[1] if rows else _scaled_rows(model, state.x, options)[1])
    return to_solution(state, kept, R, bounds, options)._replace(driver="compiled")


def _inverse(state: State, problem: states.Problem) -> FloatArray | None:
    """Return (J.T @ J)^-1 as the last step left it, if it is exact enough; without bounds only."""
    inverse, pivot = state.inverse
    if problem.bounds is not None or not pivot > COVARIANCE_PIVOT:
        return None
    d = state.scale  # that of the variables where there are no bounds
    return inverse * (d[:, None] * d)


def _scaled_rows(model: Model, x: FloatArray, options: Options) -> tuple[FloatArray, FloatArray]:
    f, J = model.rows(x)
    if options.loss == "linear":
        return f, J
    return f, J * row_scales(np, f, options.f_scale, options.loss)[0][:, None]


def _run(
    model: Model, program: Program, start: Start, problem: states.Problem
) -> tuple[State, tuple[FloatArray, ...], FloatArray]:
    """Return the final state, the rows if the program keeps them, and the state packed."""
    packed, rows = model.solve(program, start, problem)
    return unpack(packed, blank_state(len(start.x0))), rows, packed
