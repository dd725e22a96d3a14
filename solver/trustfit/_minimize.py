"""`minimize`: the fused solve as a pure function, for use inside other JAX programs."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import core

from trustfit._bounds import Bounds
from trustfit._implicit import Task, differentiable
from trustfit._layout import Layout, layout_of
from trustfit._losses import LOSSES
from trustfit._options import check_dtype
from trustfit._precision import precision
from trustfit._program import Program
from trustfit._settings import Tolerances
from trustfit._state import Problem, Setup
from trustfit._types import Loss
from trustfit._validation import check_callable


class Fit(NamedTuple):
    """What `minimize` returns, a tree of arrays.

    Attributes
    ----------
    params : tree
        The solution, with the structure, shapes and dtypes of the start values (integers become
        floating).
    cost : array, shape ()
        0.5 * f_scale**2 * sum(rho((f / f_scale)**2)) there; infinite for a start without a cost.
    status : array of int, shape ()
        How the fit ended; `trustfit.MESSAGES` has the words. 1, 2, 3, 4: converged (`gtol`,
        `ftol`, `xtol`, both of the latter); 0: `max_nfev` was reached; -3: not finite where the
        next steps lead; -4: steps became too small to change the parameters; -5, -6: residuals,
        Jacobian not finite at the start; -7: bounds that contradict each other, or a scale that
        is not positive. After the last three `params` is the start.
    nfev : array of int, shape ()
        Points at which residuals and Jacobian were evaluated.
    optimality : array, shape ()
        Largest component of the gradient; with bounds, of the gradient scaled by the distances to
        them. NaN for a start that is refused.
    jtj : array, shape (n, n)
        J.T @ J at the solution, of the Jacobian with respect to all numbers in `params`, in the
        order of `jax.flatten_util.ravel_pytree`; scaled by the loss. Times a variance of the
        residuals, its inverse is the covariance of the parameters. Counts as constant in
        derivatives.
    """

    params: Any
    cost: jax.Array
    status: jax.Array
    nfev: jax.Array
    optimality: jax.Array
    jtj: jax.Array

    @property
    def success(self) -> jax.Array:
        """Whether the fit converged, ``status > 0``."""
        return self.status > 0


class _Inputs(NamedTuple):
    """All values that a solve depends on, as they were given. `x_scale` None means 'jac'."""

    consts: Sequence[Any]
    lower: Sequence[Any] | None
    upper: Sequence[Any] | None
    f_scale: Any
    start: Sequence[Any]
    x_scale: Sequence[Any] | None
    tol: Sequence[Any]
    max_nfev: Any


_INFLUENTIAL = ("consts", "lower", "upper", "f_scale")
"""What the solution depends on. Start values and tolerances only decide how it is found."""


def _in_dtype(args: Any, dtype: Any) -> Any:
    def convert(leaf: Any) -> Any:
        is_array = isinstance(leaf, np.ndarray | jax.Array)
        return jnp.asarray(leaf, dtype) if is_array and _is_floating(leaf) else leaf

    return jax.tree.map(convert, args)


def _is_floating(array: Any) -> bool:
    return jnp.issubdtype(array.dtype, jnp.floating)


def _traced(
    residual: Callable[..., Any], layout: Layout, args: Any, dtype: Any
) -> tuple[Any, Sequence[Any]]:
    """Return the jaxpr of (*consts, x) -> f, shape (m,), and the values `residual` closes over."""

    def flat(x: jax.Array) -> jax.Array:
        leaves = jax.tree.leaves(residual(layout.unravel(x), *_in_dtype(args, dtype)))
        arrays = [jnp.ravel(jnp.asarray(leaf)) for leaf in leaves]
        for array in arrays:
            if jnp.iscomplexobj(array):
                raise ValueError(
                    f"`residual` must return real numbers; got {array.dtype}. "
                    "Return real and imaginary parts as two arrays."
                )
        if sum(array.size for array in arrays) == 0:
            raise ValueError(
                "`residual` must return at least one number; got none. Check the data's shape."
            )
        return jnp.concatenate([array.astype(dtype) for array in arrays])

    x = jax.ShapeDtypeStruct((layout.size,), dtype)
    with precision(dtype):
        traced = jax.make_jaxpr(flat)(x)

        def unbound(consts: Sequence[Any], x: jax.Array) -> Any:
            return core.eval_jaxpr(traced.jaxpr, consts, x)

        # JAX keeps what closes over the jaxpr for longer than the tracers among its values live.
        return jax.make_jaxpr(unbound)(traced.consts, x).jaxpr, traced.consts


def _hoist(inputs: _Inputs) -> tuple[list[Any], list[bool], Callable[[Sequence[Any]], _Inputs]]:
    """Return the tracers among the inputs, their influence, and how to put values in their place.

    Everything else is known now, and stays in double precision as it is.
    """
    leaves, tree = jax.tree.flatten(inputs)
    marks = [
        name in _INFLUENTIAL
        for name, part in inputs._asdict().items()
        for _ in jax.tree.leaves(part)
    ]
    positions = [i for i, leaf in enumerate(leaves) if isinstance(leaf, core.Tracer)]
    # JAX keeps what closes over this list for longer than tracers live.
    known = [None if isinstance(leaf, core.Tracer) else leaf for leaf in leaves]

    def put_back(values: Sequence[Any]) -> _Inputs:
        merged = list(known)
        for position, value in zip(positions, values, strict=True):
            merged[position] = value
        return jax.tree.unflatten(tree, merged)

    return [leaves[i] for i in positions], [marks[i] for i in positions], put_back


def _problem(inputs: _Inputs, layout: Layout, dtype: Any) -> tuple[jax.Array, Problem]:
    """Return the start, shape (n,), and the problem, in `dtype`."""
    bounds: Any = None
    if inputs.lower is not None and inputs.upper is not None:
        lb, ub = (layout.ravel(leaves, dtype) for leaves in (inputs.lower, inputs.upper))
        bounds = Bounds(lb, ub)  # pyright: ignore[reportArgumentType]
    ftol, xtol, gtol = (jnp.asarray(value, dtype) for value in inputs.tol)
    x_scale = None if inputs.x_scale is None else layout.ravel(inputs.x_scale, dtype)
    return layout.ravel(inputs.start, dtype), Problem(
        bounds=bounds,
        x_scale=x_scale,
        f_scale=jnp.asarray(inputs.f_scale, dtype),
        tol=Tolerances(ftol, xtol, gtol),  # pyright: ignore[reportArgumentType]
        max_nfev=jnp.asarray(inputs.max_nfev, dtype),
    )


def _task(
    jaxpr: Any,
    put_back: Callable[[Sequence[Any]], _Inputs],
    influential: Sequence[bool],
    layout: Layout,
    program: Program,
    dtype: Any,
) -> Task:
    def residual(x: jax.Array, values: Sequence[Any]) -> jax.Array:
        (f,) = core.eval_jaxpr(jaxpr, (), *put_back(values).consts, x)
        return f

    return Task(
        residual=residual,
        problem=lambda values: _problem(put_back(values), layout, dtype),
        influential=influential,
        program=program,
        dtype=dtype,
    )


def _check(residual: Any, loss: Any) -> None:
    check_callable(residual, "residual")
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(f"`loss` must be one of {', '.join(LOSSES)}; got {loss!r}. Pass its name.")


def _check_positive(values: Sequence[Any] | None, name: str) -> None:
    """Refuse what is known not to be positive; of traced values the solve itself will tell."""
    for value in values or ():
        if not isinstance(value, core.Tracer) and not np.all(np.asarray(value) > 0):
            raise ValueError(f"`{name}` must be positive; got {value}. Pass typical sizes.")


def _bounds(bounds: Any, layout: Layout) -> tuple[Any, Any]:
    if bounds is None:
        return None, None
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        # Such an object makes an array of a single number.
        sides = (np.asarray(bounds.lb), np.asarray(bounds.ub))
        bounds = tuple(side.reshape(()) if side.size == 1 else side for side in sides)
    if not (isinstance(bounds, tuple | list) and len(bounds) == 2):
        raise ValueError(
            f"`bounds` must be a pair (lower, upper); got {type(bounds).__name__}. "
            "Pass two numbers, or two trees with the structure of `params`."
        )
    lower, upper = bounds
    return layout.leaves_of(lower, "bounds"), layout.leaves_of(upper, "bounds")


def minimize(
    residual: Callable[..., Any],
    params: Any,
    *args: Any,
    bounds: Any = None,
    ftol: Any = 1e-8,
    xtol: Any = 1e-8,
    gtol: Any = 1e-8,
    max_nfev: Any = None,
    x_scale: Any = 1.0,
    loss: Loss = "linear",
    f_scale: Any = 1.0,
    polish: bool = True,
    dtype: Literal["float64", "float32"] | Any = np.float64,
) -> Fit:
    """Fit parameters by nonlinear least squares, as a pure function of JAX arrays.

    The algorithm of `least_squares`, for use inside other programs: under `jax.jit`, `jax.vmap`
    (each lane ends by itself) and automatic differentiation of first order, forward and in
    reverse. Nothing leaves the device and no value raises: how the fit ended is in its `status`.
    Call it inside a jitted function; outside of one, each call compiles anew.

    Parameters
    ----------
    residual : callable
        ``residual(params, *args)``: residuals, an array or a tree of arrays, m numbers in all.
        JAX must be able to trace it and, for derivatives of the fit, to differentiate it in
        reverse. It may close over traced values.
    params : tree of arrays
        Start values, n numbers in all. Those outside the bounds are moved inside.
    *args : tree
        Handed to `residual`; floating arrays in `dtype`, everything else as it is.
    bounds : pair of trees, or Bounds, optional
        Lower and upper bounds: numbers, or trees with the structure of `params` whose leaves are
        numbers or have its shapes. Equal ones fix a parameter.
    ftol, xtol, gtol : float or None, optional
        Tolerances on the relative change of the cost, of the parameters, and on the gradient;
        None for off.
    max_nfev : int, optional
        Limit on the evaluations; 100 n by default.
    x_scale : 'jac', float or tree, optional
        Typical sizes of the parameters, positive, in the form of a bound; 'jac' takes the inverse
        norms of the Jacobian's columns.
    loss : {'linear', 'soft_l1', 'huber', 'cauchy', 'arctan'}, optional
        The loss rho.
    f_scale : float, optional
        Size of an inlier's residual, for the loss.
    polish : bool, optional
        Whether up to three Gauss-Newton steps follow once a tolerance is satisfied.
    dtype : {float64, float32}, optional
        What the solve computes in, whatever JAX is set to. In float32 a tolerance of 1e-8 lies
        below the rounding error: the fit goes on until the cost no longer changes, and the
        shrinking steps satisfy `xtol` (status 3) or vanish (-4). Set 1e-5 or so to end earlier,
        and choose units in which no square of a residual or derivative leaves 1e-38 to 1e38.

    Returns
    -------
    Fit
        In the dtypes of `params`, after a solve in `dtype`.

    Raises
    ------
    ValueError
        If structures, shapes or dtypes do not fit together.

    Notes
    -----
    Derivatives of `params` and `cost` with respect to `args`, to values `residual` closes over,
    to bounds and to `f_scale` are those of the minimum (implicit differentiation with the full
    Hessian). A parameter on its bound moves with the bound only. They are NaN where the Hessian
    is not positive definite, that is where the minimum is not isolated; approximate where the fit
    did not converge; and zero where it was refused at the start (status -5 to -7). Start values
    have no influence, and `status`, `nfev`, `optimality` and `jtj` count as constant. Derivatives
    of higher order need JAX set to double precision (``jax_enable_x64``).

    Examples
    --------
    >>> import jax
    >>> import jax.numpy as jnp
    >>> import trustfit
    >>> t = jnp.linspace(0.0, 1.0, 20)
    >>> def residual(params, y):
    ...     return params["a"] * jnp.exp(-params["k"] * t) - y
    >>> @jax.jit
    ... def rate(y):
    ...     return trustfit.minimize(residual, {"a": 1.0, "k": 1.0}, y).params["k"]
    >>> y = 2.0 * jnp.exp(-3.0 * t)
    >>> print(f"{rate(y):.4f}")
    3.0000
    >>> jax.grad(rate)(y).shape  # how much each point moves the rate
    (20,)
    """
    dtype = np.dtype(check_dtype(dtype))
    _check(residual, loss)
    layout, start = layout_of(params)
    lower, upper = _bounds(bounds, layout)
    jaxpr, consts = _traced(residual, layout, args, dtype)
    by_jacobian = isinstance(x_scale, str) and x_scale == "jac"
    inputs = _Inputs(
        consts=consts,
        lower=lower,
        upper=upper,
        f_scale=f_scale,
        start=start,
        x_scale=None if by_jacobian else layout.leaves_of(x_scale, "x_scale"),
        tol=[0.0 if value is None else value for value in (ftol, xtol, gtol)],
        max_nfev=100 * layout.size if max_nfev is None else max_nfev,
    )
    _check_positive(inputs.x_scale, "x_scale")
    _check_positive([f_scale], "f_scale")
    values, influential, put_back = _hoist(inputs)
    program = Program(Setup(by_jacobian, polish), loss, "gram", keep_rows=False)
    task = _task(jaxpr, put_back, influential, layout, program, dtype)
    outcome = differentiable(task, jnp.result_type(*layout.dtypes))(values)
    return Fit(
        params=layout.unravel(outcome.x, layout.dtypes),
        cost=outcome.cost,
        status=outcome.status,
        nfev=outcome.nfev,
        optimality=outcome.optimality,
        jtj=outcome.jtj,
    )
