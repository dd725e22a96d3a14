"""Between two steps of a solve: what it asks for, where it stands, and how it may end.

Letters as in `trustfit._trf`, whose `step` maps one state to the next.
"""

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from trustfit import _polish as polishing
from trustfit._algebra import Inverse
from trustfit._bounds import Bounds
from trustfit._polish import Polish
from trustfit._settings import Options, Tolerances
from trustfit._step import TrialStep
from trustfit._types import FloatArray

RUNNING = 100
"""Status of a solve that goes on."""

ILL_CONDITIONED = 101
"""Status of a solve that has to go on by QR."""

RESIDUALS_NOT_FINITE_AT_START = -5
"""Status of a solve whose residuals are not finite at x0."""

JACOBIAN_NOT_FINITE_AT_START = -6
"""Status of a solve whose Jacobian is not finite at x0."""

NOT_FINITE = -3
"""Status of a solve that NaN or infinity kept from going on where the cost falls."""

EXHAUSTED = -4
"""Status of a solve whose trust region has become too small to change x."""


class Setup(NamedTuple):
    """What a call asks for, and a program is specialised to. Hashable."""

    jac_scale: bool
    polish: bool


class Problem(NamedTuple):
    """What a call brings along: bounds, scales of variables (n,) and residuals, and limits.

    There may be no bounds, and no scales of variables if they are 1.
    """

    bounds: Bounds | None
    x_scale: Any
    f_scale: Any
    tol: Tolerances
    max_nfev: Any


def problem_of(options: Options, bounds: Bounds | None, x0: FloatArray) -> Problem:
    """Return what the options and bounds bring along, in the precision of x0."""
    number = x0.dtype.type
    x_scale = None if isinstance(options.x_scale, str) else options.x_scale
    if x_scale is not None and np.all(x_scale == 1):
        x_scale = None
    box = None if bounds is None else Bounds(*(bound.astype(x0.dtype) for bound in bounds))
    return Problem(
        bounds=box,
        x_scale=None if x_scale is None else x_scale.astype(x0.dtype),
        f_scale=number(options.f_scale),
        tol=Tolerances(*map(number, options.tol)),
        max_nfev=number(options.max_nfev),
    )


def setup_of(options: Options) -> Setup:
    """Return what the options ask for."""
    return Setup(isinstance(options.x_scale, str), options.polish)


class Evaluation(NamedTuple):
    """The cost at a point, and M, what is kept of its rows; `rows` is () or (fun, J)."""

    cost: Any
    M: Any
    rows: tuple[Any, ...]


class State(NamedTuple):
    """Between two steps: the accepted point, the region around it, and the point to try next.

    `fresh` says that the rows at x itself are asked for, not yet those of a trial; `hemmed` that
    the region is small because of points with NaN or infinity, and has bounded each step since.
    `inverse`, once a solve has ended, is that of J_h.T J_h + diag(diag_h), if M is a Gram matrix.
    """

    x: Any
    at_x: Evaluation
    scale: Any
    Delta: Any
    alpha: Any
    g: Any
    g_norm: Any
    trial: TrialStep
    nfev: Any
    njev: Any
    npolish: Any
    status: Any
    fresh: Any
    hemmed: Any
    polish: Polish
    inverse: Inverse


def initial_state(xp: ModuleType, x0: Any, unknown: Evaluation) -> State:
    """Return the state before the first evaluation; `unknown` gives its shapes."""
    zero, count = xp.zeros((), x0.dtype), xp.zeros((), "int32")
    return State(
        x=x0,
        at_x=unknown,
        scale=xp.ones_like(x0),
        Delta=zero,
        alpha=zero,
        g=xp.zeros_like(x0),
        g_norm=zero,
        trial=TrialStep(x0, zero, zero, zero, xp.zeros((), bool)),
        nfev=count,
        njev=count,
        npolish=count,
        status=xp.full((), RUNNING, "int32"),
        fresh=xp.ones((), bool),
        hemmed=xp.zeros((), bool),
        polish=polishing.not_yet(xp, x0),
        inverse=Inverse(xp.zeros((len(x0), len(x0)), x0.dtype), zero),
    )


def again(xp: ModuleType, state: State) -> State:
    """Return the state in which the rows at x are to be evaluated and reduced afresh."""
    return state._replace(
        trial=state.trial._replace(x=state.x),
        status=xp.full_like(state.status, RUNNING),
        fresh=xp.ones((), bool),
    )
