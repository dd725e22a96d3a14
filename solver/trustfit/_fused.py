"""The fused driver: the whole solve is one compiled program, entered once and left once.

A second program, which reduces the rows by QR, takes over where the Gram matrix's condition does
not allow normal equations.
"""

# SciPy's letters for matrices are capitals.
# pyright: reportConstantRedefinition=false

from typing import Any

import jax
import numpy as np

from trustfit import _state as states
from trustfit._algebra import triangle
from trustfit._bounds import Bounds
from trustfit._losses import row_scales
from trustfit._model import Model
from trustfit._program import Program, Start, unpack
from trustfit._settings import Options, Solution
from trustfit._solution import square_root, to_solution
from trustfit._state import Evaluation, State, problem_of, setup_of
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
    if callable(options.loss):
        raise TypeError("The fused driver takes a loss by name; got a function.")
    problem = problem_of(options, bounds, x0)
    program = Program(setup_of(options), options.loss, "gram", rows, as_one_kernel=True)
    state, kept, packed = _run(model, program, Start(x0, None), problem)
    if state.status == states.ILL_CONDITIONED:
        program = program._replace(local="triangle")
        state, kept, _ = _run(model, program, Start(x0, packed), problem)
    M = state.at_x.M
    R = M[:-1, :-1] if program.local == "triangle" else square_root(M)
    if R is None:
        J = kept[1] if rows else _scaled_jacobian(model, state.x, options)
        R = triangle(np, J)
    return to_solution(state, kept, R, bounds, options)


def _scaled_jacobian(model: Model, x: FloatArray, options: Options) -> FloatArray:
    f, J = jax.device_get(model.rows(x))
    if options.loss == "linear":
        return J
    return J * row_scales(np, f, options.f_scale, options.loss)[0][:, None]


def _run(
    model: Model, program: Program, start: Start, problem: states.Problem
) -> tuple[State, tuple[FloatArray, ...], FloatArray]:
    """Return the final state, the rows if the program keeps them, and the state packed."""
    packed_jnp, rows_jnp = model.solve(program, start, problem)
    # Copies, as what leaves the device is read-only.
    packed, *rows = (np.array(array) for array in jax.device_get((packed_jnp, *rows_jnp)))
    n = len(start.x0)
    nothing: Any = Evaluation(np.zeros(()), np.zeros((n + 1, n + 1)), ())
    state = unpack(packed, states.initial_state(np, start.x0, nothing))
    return state, tuple(rows), packed
