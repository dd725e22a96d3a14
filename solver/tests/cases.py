"""Problems that several test modules fit, with the same functions in forms for JAX and SciPy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import trustfit
from numpy.typing import NDArray
from scipy import optimize

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A least-squares problem: fun(x, *args), start values, and options for both solvers."""

    fun: Callable[..., Any]
    x0: tuple[float, ...]
    args: tuple[Array, ...] = ()
    options: dict[str, Any] = field(default_factory=dict[str, Any])

    def ours(self, **options: Any) -> trustfit.OptimizeResult:
        return trustfit.least_squares(self.fun, self.x0, args=self.args, **self.options, **options)

    def cost(self, x: Any) -> float:
        """Return half the sum of squares at x."""
        with jax.enable_x64(True):
            return 0.5 * float(np.sum(np.asarray(self.fun(np.asarray(x), *self.args)) ** 2))

    def scipys(self, **options: Any) -> Any:
        """Return SciPy's TRF result, given the exact Jacobian."""

        def in_float64(function: Callable[..., Any]) -> Callable[..., Array]:
            compiled = jax.jit(function)

            def evaluate(x: Array, *args: Array) -> Array:
                with jax.enable_x64(True):
                    return np.array(compiled(x, *args))

            return evaluate

        return optimize.least_squares(
            in_float64(lambda x, *args: self.fun(x, *args)),
            self.x0,
            jac=in_float64(jax.jacfwd(lambda x, *args: self.fun(x, *args))),  # pyright: ignore[reportArgumentType]
            method="trf",
            args=self.args,
            **self.options,
            **options,
        )


def assert_same_solution(
    first: trustfit.OptimizeResult, second: trustfit.OptimizeResult, rtol: float = 1e-12
) -> None:
    """Hold two ways to solve a problem to the same cost, the same point and the same Jacobian."""
    np.testing.assert_allclose(first.cost, second.cost, rtol=rtol, atol=1e-28)
    moved = np.linalg.norm(first.jac @ (first.x - second.x))
    assert moved <= 1e-8 * np.linalg.norm(first.fun) + 1e-13
    np.testing.assert_allclose(first.jac, second.jac, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(first.active_mask, second.active_mask)


def gaussian(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a * jnp.exp(-0.5 * ((x - b) / c) ** 2)


def decay(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a * jnp.exp(-b * x) + c


def gaussian_residual(p: Any, t: Any, y: Any) -> Any:
    return gaussian(t, *p) - y


def decay_residual(p: Any, t: Any, y: Any) -> Any:
    return decay(t, *p) - y


def rosenbrock(x: Any) -> Any:
    return jnp.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def powell(x: Any) -> Any:
    return jnp.array([x[0] - 1, 10 * x[0] / (x[0] + 0.1) + 2 * x[1] ** 2 + x[1]])


def square_root(x: Any) -> Any:
    return jnp.array([(x[0] - 1) ** 0.5 - 0.1, x[1] - 2 * x[0]])


def data(model: Callable[..., Any], params: tuple[float, ...], low: float, high: float) -> Any:
    rng = np.random.default_rng(7)
    t = np.linspace(low, high, 150)
    with jax.enable_x64(True):
        y = np.asarray(model(t, *params)) + 0.05 * rng.normal(size=t.size)
    return t, y


GAUSSIAN = data(gaussian, (2.0, 0.5, 0.7), -3, 3)
DECAY = data(decay, (2.5, 1.3, 0.5), 0, 4)
