"""The trust-region subproblem and the radius. Letters as in `trustfit._trf`.

Functions that take `xp` run on the host with `numpy`, or inside a program with
`trustfit._lax_numpy`.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from trustfit._algebra import Inverse, norm
from trustfit._loops import while_loop

_STEPS = 10
"""Newton steps that the search for alpha may take, as in SciPy."""


class Damped(NamedTuple):
    """The minimum of the model with alpha on its diagonal.

    p_h, shape (n,); slope = p_h.T (J_h.T J_h + diag_h + alpha)**-1 p_h, so that
    d||p_h|| / d alpha = -slope / ||p_h||; whether the matrix at alpha = 0 is fit for this; and the
    inverse and the pivot by which it was found, or zeros.
    """

    p_h: Any
    slope: Any
    regular: Any
    inverse: Inverse


class Answer(NamedTuple):
    """The step p_h, shape (n,), its alpha, and what `Damped` says of the matrix at alpha = 0.

    `inverse` is that of the matrix at `alpha`.
    """

    p_h: Any
    alpha: Any
    regular: Any
    inverse: Inverse


class _Search(NamedTuple):
    """Newton's search for alpha between `lower` and `upper`; `trial` 0 is the Gauss-Newton step."""

    alpha: Any
    lower: Any
    upper: Any
    p_h: Any
    regular: Any
    trial: Any
    last: Any
    done: Any
    inverse: Inverse


def solve_trust_region(
    xp: ModuleType, solve: Callable[[Any], Damped], g_h: Any, Delta: Any, alpha: Any
) -> Answer:
    """Minimize the model within ||p_h|| <= Delta.

    The Gauss-Newton step is the answer where it fits. Otherwise Newton's method looks for the
    Levenberg-Marquardt parameter alpha with ||p_h(alpha)|| = Delta to 1%, in at most ten steps.

    Parameters
    ----------
    xp : module
        `numpy` or `trustfit._lax_numpy`.
    solve : callable
        alpha -> `Damped`. It stands once in a program, inside the loop.
    g_h : array, shape (n,)
        The scaled gradient.
    Delta : float
        Radius of the trust region; infinite for the Gauss-Newton step as it is.
    alpha : float
        Where the search starts: the parameter found last, 0 where there is none.

    Returns
    -------
    Answer
        Its `alpha` is 0 for the Gauss-Newton step.

    References
    ----------
    J. J. Moré, "The Levenberg-Marquardt Algorithm: Implementation and Theory", Lecture Notes in
    Mathematics 630, 1977, section 5.
    """
    zero = xp.zeros_like(Delta)
    tie = 100 * float(xp.finfo(g_h.dtype).eps) * Delta
    steepest = norm(xp, g_h) / Delta

    def restart(lower: Any, upper: Any) -> Any:
        return xp.maximum(0.001 * upper, xp.sqrt(lower * upper))

    def improve(search: _Search) -> _Search:
        p_h, slope, regular, inverse = solve(search.alpha)
        length = norm(xp, p_h)
        phi, ratio = length - Delta, -(length - Delta) * length / slope
        first = search.trial == 0
        regular = xp.where(first, regular, search.regular)
        # A step exactly as long as the region (from x = 0 often of norm 1) fits, however rounded.
        fits = first & regular & (phi <= tie)

        next_alpha = search.alpha - (phi + Delta) * ratio / Delta
        lower = xp.maximum(search.lower, search.alpha - ratio)
        upper = xp.where(phi < 0, search.alpha, search.upper)
        last = (xp.abs(phi) < 0.01 * Delta) | (search.trial == _STEPS)

        # The first trial only sets the limits of the search.
        lower = xp.where(first, xp.where(regular, -ratio, zero), lower)
        upper = xp.where(first, steepest, upper)
        next_alpha = xp.where(first, alpha, next_alpha)
        last = last & ~first
        outside = (next_alpha < lower) | (next_alpha > upper)
        outside = outside | (first & ~regular & (next_alpha == 0))
        next_alpha = xp.where(outside & ~last, restart(lower, upper), next_alpha)
        # Where the length hardly depends on alpha, the last correction may overshoot below 0.
        # Without full rank that makes the next search start anew, which it should.
        overshot = last & regular & (next_alpha < lower)
        next_alpha = xp.where(overshot, search.alpha, next_alpha)
        return _Search(
            xp.where(search.last | fits, search.alpha, next_alpha),
            lower,
            upper,
            p_h,
            regular,
            search.trial + 1,
            last,
            search.last | fits,
            inverse,
        )

    no = xp.zeros((), bool)
    none = Inverse(xp.zeros((len(g_h), len(g_h)), g_h.dtype), xp.zeros_like(zero))
    start = _Search(zero, zero, zero, xp.zeros_like(g_h), no, xp.zeros((), "int32"), no, no, none)
    found = while_loop(xp, lambda search: ~search.done, improve, start)
    # The remaining 1% would let the step leave the trust region.
    length = norm(xp, found.p_h)
    stretched = (found.trial > 1) & (length > 0)
    onto_boundary = xp.where(stretched, Delta / xp.where(stretched, length, 1.0), 1.0)
    return Answer(found.p_h * onto_boundary, found.alpha, found.regular, found.inverse)


def update_radius(
    xp: ModuleType, Delta: Any, actual: Any, predicted: Any, step_h_norm: Any
) -> tuple[Any, Any]:
    """Return the next radius and the ratio of the actual to the predicted reduction."""
    ratio = xp.where(
        predicted > 0,
        actual / xp.where(predicted > 0, predicted, 1.0),
        xp.where((predicted == 0) & (actual == 0), 1.0, 0.0),
    )
    grown = xp.where((ratio > 0.75) & (step_h_norm > 0.95 * Delta), 2.0 * Delta, Delta)
    return xp.where(ratio < 0.25, 0.25 * step_h_norm, grown), ratio
