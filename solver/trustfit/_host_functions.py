"""The user's functions, called from Python: NumPy arrays in and out, nothing compiled.

What is here serves functions that JAX cannot trace, and finite differences. Each is an object that
can be pickled if the user's function can, so that a process pool may evaluate it. JAX's double
precision is switched on around every call, for functions that use `jax.numpy` all the same.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from trustfit._types import FloatArray, NDArray


def real_array(value: Any, name: str, *, complex_too: bool = False) -> NDArray[Any]:
    """Return what a function returned as an array of floating-point numbers, of its own precision.

    Parameters
    ----------
    value : array_like
        What the function returned.
    name : str
        Its name in an error.
    complex_too : bool
        Whether complex numbers may pass, as the complex-step method needs them.
    """
    array = np.asarray(value)
    if value is None:
        raise ValueError(f"`{name}` must return an array of numbers; got None. Return its values.")
    if array.dtype.kind == "c" and not complex_too:
        raise ValueError(
            f"`{name}` must return real numbers; got {array.dtype}. "
            "Return real and imaginary parts as two residuals."
        )
    if array.dtype.kind in "fc":
        return array
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"`{name}` must return real numbers in an array; got {type(value).__name__} of "
            f"{array.dtype}. Return `np.asarray(..., dtype=float)`."
        ) from error


def is_operator(J: Any) -> bool:
    """Return whether J is a sparse matrix or a LinearOperator of SciPy's, not an array."""
    return hasattr(J, "tocsr") or (hasattr(J, "matvec") and hasattr(J, "rmatvec"))


def jacobian_value(value: Any) -> Any:
    """Return a Jacobian as a float64 array, a csr array, or a LinearOperator."""
    if not is_operator(value):
        return np.atleast_2d(real_array(value, "jac").astype(np.float64))
    if hasattr(value, "tocsr"):
        from scipy.sparse import csr_array  # whoever returns a sparse matrix has SciPy

        return csr_array(value).astype(np.float64)
    return value


def weigh(weights: Any, values: Any) -> Any:
    """Return residuals, shape (m,), or their Jacobian, shape (m, n), with variances of 1.

    `weights` holds their factors, shape (m,), or the matrix to multiply by, shape (m, m); None
    where all count alike. Arrays of NumPy or of JAX.
    """
    if weights is None:
        return values
    return weights @ values if weights.ndim == 2 else (values.T * weights).T


class Residual(NamedTuple):
    """x, shape (n,), -> ``fun(x, *args, **kwargs)``, shape (m,), in the type that `fun` returns."""

    fun: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """Call the function with a copy of x."""
        with jax.enable_x64(True):
            value = self.fun(x.copy(), *self.args, **self.kwargs)
            f = np.atleast_1d(real_array(value, "fun", complex_too=x.dtype.kind == "c"))
        if f.ndim != 1:
            raise ValueError(
                f"`fun` must return an array of shape (m,); got {f.shape}. Return its `.ravel()`."
            )
        return f


class Jacobian(NamedTuple):
    """(x, f) -> ``jac(x, *args, **kwargs)``, shape (m, n): array, sparse, or LinearOperator."""

    jac: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def __call__(self, x: FloatArray, _f: FloatArray) -> Any:
        """Call the function with a copy of x."""
        with jax.enable_x64(True):
            return jacobian_value(self.jac(x.copy(), *self.args, **self.kwargs))


class CurveResidual(NamedTuple):
    """x, shape (n,), -> ``f(xdata, *x) - ydata``, weighted, shape (m,)."""

    f: Callable[..., Any]
    xdata: Any
    ydata: FloatArray
    weights: FloatArray | None

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """Call the model with the parameters one by one."""
        with jax.enable_x64(True):
            value = real_array(self.f(self.xdata, *x.copy()), "f", complex_too=x.dtype.kind == "c")
        if value.shape not in ((), (1,), self.ydata.shape):
            raise ValueError(
                f"`f` must return an array of the shape of `ydata`, {self.ydata.shape}; got "
                f"{value.shape}. Return one number for each point."
            )
        # In the precision of the model, by which finite differences choose their steps.
        return weigh(self.weights, value - self.ydata).astype(value.dtype)


class CurveJacobian(NamedTuple):
    """(x, f) -> ``jac(xdata, *x)``, weighted, shape (m, n)."""

    jac: Callable[..., Any]
    xdata: Any
    weights: FloatArray | None

    def __call__(self, x: FloatArray, _f: FloatArray) -> Any:
        """Call the Jacobian with the parameters one by one."""
        with jax.enable_x64(True):
            J = jacobian_value(self.jac(self.xdata, *x.copy()))
        if self.weights is None or isinstance(J, np.ndarray):
            return weigh(self.weights, J)
        raise ValueError(
            f"`jac` must return an array where `sigma` is given; got {type(J).__name__}. "
            "Return `J.toarray()`."
        )
