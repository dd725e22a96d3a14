"""Polishing: a few Gauss-Newton steps after the stopping test, for the digits it leaves behind.

The test on the cost compares numbers that agree in half their digits when x is still wrong in the
other half. Near the solution the Gauss-Newton step itself is a better judge, and a better step
than the trust region allows. So after a tolerance is satisfied, at most `MOST_STEPS` of them are
taken, sped up by Anderson's acceleration of depth 1: with p(x) the Gauss-Newton step at x, the
next point is

    x + p - (dx + dp) gamma,    gamma = argmin ||diag(s) (p - dp gamma)||,

where dx and dp are the differences to the point before and to its step, and s the norms of J's
columns. Polishing ends when max |p / x| is below `SETTLED`, when a step is long
(||s p|| > `LONG` ||s x||: not near a solution) or would leave the bounds, and when the cost rises
(by more than `_SLACK`) or is not finite. If that happens at the first step, the stopping test had
fired too early: the trust-region iteration resumes with tolerances a hundred times smaller, at most
`MOST_RESUMPTIONS` times. Without full rank there is no Gauss-Newton step, and no polishing.

A small step proves nothing if the region was as small: from a short x0 the first region is of its
length, and SciPy's test on the cost may be satisfied at once; close to several bounds, steps are
as small. So where region or bounds held the last step back, although the model was right about it
(or the step was too short for rounding to tell), and the first Gauss-Newton step is long and,
brought inside the bounds, promises to lower the cost by more than `PROMISING` of it, that step is a
*probe*: it is tried, once, and the iteration resumes from wherever the cost is lower.

All evaluations count in `nfev`, these ones and those of resumed iterations in `npolish` too, and
`max_nfev` limits them as well.

References
----------
D. G. Anderson, "Iterative Procedures for Nonlinear Integral Equations", J. ACM 12 (4), 1965.
H. F. Walker and P. Ni, "Anderson Acceleration for Fixed-Point Iterations", SIAM J. Numer. Anal.
49 (4), 2011.
"""

from types import ModuleType
from typing import Any, NamedTuple

from trustfit._algebra import norm

MOST_STEPS = 3
MOST_RESUMPTIONS = 3
TIGHTENING = 0.01
SETTLED = 1e-9
LONG = 1e-2
PROMISING = 1e-7
_WILD = 20.0  # an accelerated step so many times longer than the plain one is not trusted
_SLACK = 1e-9  # rounding may raise the cost by that much, relatively, on the way to the minimum


class Polish(NamedTuple):
    """Where polishing stands.

    `active`: whether the next point is a polishing step's; `probing`: whether it may be, and then
    whether it is, a probe;
    `found`: the status that the stopping test gave first, 0 before; `taken`: steps since the last
    resumption; `tightening`: what the tolerances are multiplied by, a hundred times less at each
    resumption; x1, p1: the point before and its step,
    shape (n,).
    """

    active: Any
    probing: Any
    found: Any
    taken: Any
    tightening: Any
    x1: Any
    p1: Any


def not_yet(xp: ModuleType, x: Any) -> Polish:
    """Return the state before polishing."""
    none, zero = xp.zeros((), bool), xp.zeros((), "int32")
    one = xp.ones((), x.dtype)
    return Polish(none, none, zero, zero, one, x, xp.zeros_like(x))


def bearable_cost(xp: ModuleType, cost: Any) -> Any:
    """Return the cost below which a polishing step from `cost`, shape (), is still accepted."""
    return cost * (1 + max(_SLACK, 10 * float(xp.finfo(cost.dtype).eps)))


def mix(xp: ModuleType, polish: Polish, x: Any, p: Any, s: Any) -> Any:
    """Return Anderson's step from x, shape (n,), given the Gauss-Newton step p there.

    Before the first one it is p itself.
    """
    dp = p - polish.p1
    u, target = s * dp, s * p
    square = xp.sum(u * u)
    usable = (polish.taken > 0) & (square > 0)
    gamma = xp.where(usable, xp.sum(u * target) / xp.where(usable, square, 1.0), 0.0)
    step = p - gamma * (x - polish.x1 + dp)
    tame = norm(xp, s * step) <= _WILD * norm(xp, target)
    return xp.where(tame, step, p)


def is_settled(xp: ModuleType, x: Any, p: Any) -> Any:
    """Return whether the Gauss-Newton step p would change no digit that counts (or is NaN)."""
    size = xp.maximum(xp.abs(x), xp.finfo(x.dtype).tiny)
    settled = max(SETTLED, 10 * float(xp.finfo(x.dtype).eps))
    return ~(xp.max(xp.abs(p) / size) >= settled)


def is_long(xp: ModuleType, x: Any, p: Any, s: Any) -> Any:
    """Return whether the Gauss-Newton step p is too long for x to be near a solution."""
    return norm(xp, s * p) > LONG * norm(xp, s * x)


def may_resume(polish: Polish) -> Any:
    """Return whether there were fewer resumptions than there may be."""
    return polish.tightening > TIGHTENING ** (MOST_RESUMPTIONS - 0.5)


def remember(polish: Polish, x: Any, p: Any) -> Polish:
    """Return the state with x and its step in front of the earlier ones."""
    return polish._replace(x1=x, p1=p)
