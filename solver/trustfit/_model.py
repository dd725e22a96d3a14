"""The user's functions as compiled kernels, reused where that cannot give a stale answer."""

# SciPy's letters for matrices and radii are capitals.
# pyright: reportConstantRedefinition=false

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Literal, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from trustfit._host_functions import weigh
from trustfit._identity import function_key, value_key
from trustfit._inspection import MOST_COMPILED, MOST_FUSED, ManyEquations, inspected
from trustfit._one_kernel import COMPILER_OPTIONS, UNFUSED
from trustfit._program import Program, Start
from trustfit._program import solve as fused_solve
from trustfit._settings import HostFunctions
from trustfit._state import Problem
from trustfit._types import FloatArray, Vector
from trustfit._untraceable import is_data

Data: TypeAlias = Any
"""Arrays that the kernels take as arguments, so that new ones of the same shape compile nothing."""


@dataclass(frozen=True)
class UserFunctions:
    """Residuals and Jacobian as functions of (x, data), compared by what they compute.

    It is a static argument of the kernels, which therefore trace the functions of the very call
    that needs a new program, never those of an earlier call with an equal key.
    """

    key: Hashable
    residual: Callable[[jax.Array, Data], jax.Array] = field(compare=False)
    jacobian: Callable[[jax.Array, Data], jax.Array] | None = field(compare=False)


def rows(
    residual: Callable[[jax.Array], jax.Array],
    jacobian: Callable[[jax.Array, Data], jax.Array] | None,
    x: jax.Array,
    data: Data,
) -> tuple[jax.Array, jax.Array]:
    """Return f and J at x, shapes (m,) and (m, n); traceable."""
    if jacobian is not None:
        f, J = residual(x), jacobian(x, data)
        if J.shape != (f.size, x.size):
            raise ValueError(
                f"`jac` must return an array of shape (m, n) = {(f.size, x.size)}; got "
                f"{J.shape}. Put a row for each residual, a column for each parameter."
            )
        return f, J

    def value_twice(x: jax.Array) -> tuple[jax.Array, jax.Array]:
        f = residual(x)
        return f, f

    J, f = jax.jacfwd(value_twice, has_aux=True)(x)
    return f, J


class Programs(NamedTuple):
    """Compiled (functions, x, data) -> f, (functions, x, data) -> (f, J), and the whole solve."""

    residual: Callable[..., jax.Array]
    rows: Callable[..., tuple[jax.Array, jax.Array]]
    solve: Callable[..., Any]


class Kernels:
    """Programs of one function, compiled as its size allows.

    Attributes
    ----------
    traces : int
        How often the function has been traced: more than before a call if that compiled something.
    """

    def __init__(self) -> None:
        self.traces = 0
        self._programs = self._new(MOST_FUSED, COMPILER_OPTIONS)

    def run(self, name: Literal["residual", "rows", "solve"], *args: Any) -> Any:
        """Call a program; from the first time that it is too long, without fusing its parts."""
        try:
            return getattr(self._programs, name)(*args)
        except ManyEquations:
            self._programs = self._new(MOST_COMPILED, UNFUSED)
        return getattr(self._programs, name)(*args)

    def _new(self, most: int, compiler_options: Mapping[str, Any]) -> Programs:
        def trace(functions: UserFunctions, x: jax.Array, data: Data) -> Any:
            self.traces += 1
            return inspected(functions.residual, x, data, most)

        def residual(functions: UserFunctions, x: jax.Array, data: Data) -> jax.Array:
            return trace(functions, x, data)(x)

        def residual_and_jacobian(
            functions: UserFunctions, x: jax.Array, data: Data
        ) -> tuple[jax.Array, jax.Array]:
            return rows(trace(functions, x, data), functions.jacobian, x, data)

        def solve(
            functions: UserFunctions, program: Program, start: Start, data: Data, problem: Problem
        ) -> tuple[jax.Array, tuple[jax.Array, ...]]:
            residual = trace(functions, start.x0, data)
            return fused_solve(
                lambda x: rows(residual, functions.jacobian, x, data), program, start, problem
            )

        compiled = partial(jax.jit, compiler_options=dict(compiler_options))
        return Programs(
            compiled(residual, static_argnums=0),
            compiled(residual_and_jacobian, static_argnums=0),
            compiled(solve, static_argnums=(0, 1)),
        )


@lru_cache(maxsize=128)
def kernels_for(_functions: UserFunctions) -> Kernels:
    """Return the kernels made for functions with this key, new ones where there are none."""
    return Kernels()


@dataclass(frozen=True)
class Model:
    """The user's residuals at given data: f(x), shape (m,), and J(x), shape (m, n)."""

    functions: UserFunctions
    kernels: Kernels
    data: Data

    def residual(self, x: Vector) -> jax.Array:
        """Return f at x, shape (m,), float64, on the device."""
        return self.kernels.run("residual", self.functions, x, self.data)

    def rows(self, x: Vector) -> tuple[jax.Array, jax.Array]:
        """Return f and J at x, shapes (m,) and (m, n), float64, on the device."""
        return self.kernels.run("rows", self.functions, x, self.data)

    def host_functions(self) -> HostFunctions:
        """Return f and J for a host loop; a call of the first computes both."""
        latest: list[FloatArray] = []

        def residual(x: FloatArray) -> FloatArray:
            f, J = jax.device_get(self.rows(x))
            latest[:] = [np.array(J)]  # what leaves the device is read-only
            return f

        return HostFunctions(residual, lambda x, f: latest[0])

    def solve(self, program: Program, start: Start, problem: Problem) -> Any:
        """Return what `trustfit._program.solve` returns, compiled."""
        return self.kernels.run("solve", self.functions, program, start, self.data, problem)


def _model(
    keys: Sequence[Hashable | None],
    residual: Callable[[jax.Array, Data], jax.Array],
    jacobian: Callable[[jax.Array, Data], jax.Array] | None,
    data: Data,
) -> Model:
    if any(key is None for key in keys):
        return Model(UserFunctions(object(), residual, jacobian), Kernels(), data)
    functions = UserFunctions(tuple(keys), residual, jacobian)
    return Model(functions, kernels_for(functions), data)


def _real(value: Any, name: str) -> jax.Array:
    array = jnp.asarray(value)
    if jnp.iscomplexobj(array):
        raise ValueError(
            f"`{name}` must return real numbers; got {array.dtype}. "
            "Return real and imaginary parts as two residuals."
        )
    return array.astype(np.float64)


class Arguments(NamedTuple):
    """Further arguments of a residual function, positional and by name."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def select(self, keep: Callable[[Any], bool]) -> "Arguments":
        """Return the arguments with None in place of those that are not kept."""
        return Arguments(
            tuple(value if keep(value) else None for value in self.args),
            {name: value if keep(value) else None for name, value in self.kwargs.items()},
        )

    def merge(self, other: "Arguments") -> "Arguments":
        """Return the arguments with the values of `other` wherever it has one."""
        return Arguments(
            tuple(a if b is None else b for a, b in zip(self.args, other.args, strict=True)),
            {name: self.kwargs[name] if b is None else b for name, b in other.kwargs.items()},
        )


def _residual(
    fun: Callable[..., Any], fixed: Arguments, x: jax.Array, data: Arguments
) -> jax.Array:
    args, kwargs = fixed.merge(data)
    f = jnp.atleast_1d(_real(fun(x, *args, **kwargs), "fun"))
    if f.ndim != 1:
        raise ValueError(
            f"`fun` must return an array of shape (m,); got {f.shape}. Return its `.ravel()`."
        )
    return f


def _jacobian(
    jac: Callable[..., Any], fixed: Arguments, x: jax.Array, data: Arguments
) -> jax.Array:
    args, kwargs = fixed.merge(data)
    return jnp.atleast_2d(_real(jac(x, *args, **kwargs), "jac"))


def residual_model(
    fun: Callable[..., Any],
    jac: Callable[..., Any] | None,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
) -> Model:
    """Return the model of ``fun(x, *args, **kwargs)``.

    Arrays among `args` and the values of `kwargs` are data; everything else is part of what the
    function is. `jac` is called like `fun`; without it the Jacobian is `fun`'s own derivative.
    """
    everything = Arguments(args, kwargs)
    data = everything.select(is_data)
    fixed = everything.select(lambda value: not is_data(value))
    keys = (
        "least_squares",
        function_key(fun),
        "jacfwd" if jac is None else function_key(jac),
        value_key(fixed.args),
        value_key(tuple(fixed.kwargs.items())),
    )
    own = None if jac is None else partial(_jacobian, jac, fixed)
    return _model(keys, partial(_residual, fun, fixed), own, data)


class CurveData(NamedTuple):
    """Abscissae, ordinates, and the weights of the residuals (None where all count alike).

    `transform` holds a factor for each, shape (m,), or the matrix to multiply by, shape (m, m).
    """

    x: FloatArray
    y: FloatArray
    transform: FloatArray | None


def _curve_residual(f: Callable[..., Any], params: jax.Array, data: CurveData) -> jax.Array:
    value, shape = _real(f(data.x, *params), "f"), data.y.shape
    if value.shape not in ((), (1,), shape):
        raise ValueError(
            f"`f` must return an array of the shape of `ydata`, {shape}; got {value.shape}. "
            "Return one number for each point."
        )
    return weigh(data.transform, value - data.y)


def _curve_jacobian(jac: Callable[..., Any], params: jax.Array, data: CurveData) -> jax.Array:
    return weigh(data.transform, jnp.atleast_2d(_real(jac(data.x, *params), "jac")))


def curve_model(f: Callable[..., Any], jac: Callable[..., Any] | None, data: CurveData) -> Model:
    """Return the model of ``(f(x, *params) - y) * transform``; `jac` is called like `f`."""
    keys = ("curve_fit", function_key(f), "jacfwd" if jac is None else function_key(jac))
    own = None if jac is None else partial(_curve_jacobian, jac)
    return _model(keys, partial(_curve_residual, f), own, data)
