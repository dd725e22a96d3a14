"""Whether JAX can trace a user's function, told by tracing it on shapes alone."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from trustfit._inspection import inspect
from trustfit._types import DTypeLike


class Attempt(AbstractContextManager["Attempt"]):
    """A block of code that runs a user's function, and may fail in any way.

    Handed JAX's tracers, a function written for NumPy raises whatever it likes, or what Numba, a
    foreign library or a program that it starts does. Nothing is lost: `error` holds what ended the
    block, None if nothing did, and whoever attempts something else instead has to look at it.
    """

    error: Exception | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: object
    ) -> bool:
        """Keep an exception, but none that ends a program."""
        self.error = error if isinstance(error, Exception) else None
        return self.error is not None


class Trace(NamedTuple):
    """The type of what a function returns, or why it could not be traced."""

    dtype: DTypeLike
    error: Exception | None

    def hint(self, name: str) -> str:
        """Return a sentence about the function, `name`, that could not be traced."""
        return (
            f"JAX could not trace `{name}` either: it stopped at {type(self.error).__name__}. "
            "Write it with `jax.numpy`, without `if` on its values, and with `jnp.where` instead "
            "of boolean masks."
        )


def is_data(value: Any) -> bool:
    """Return whether an argument is an array of numbers, which compiled functions trace."""
    return isinstance(value, (np.ndarray, jax.Array)) and value.dtype.kind in "biufc"


def trace_call(
    function: Callable[..., Any],
    x: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    *,
    constant: bool = False,
) -> Trace:
    """Trace ``function(x, *args, **kwargs)`` in double precision; arrays are traced, too.

    Nothing is compiled. The function runs once, in Python, on stand-ins for the arrays. `constant`
    says that its values need not depend on x.
    """
    values = (*args, *kwargs.values())

    def call(x: Any, data: list[Any]) -> Any:
        arrays = iter(data)
        merged = [next(arrays) if is_data(value) else value for value in values]
        names = dict(zip(kwargs, merged[len(args) :], strict=True))
        return jnp.asarray(function(x, *merged[: len(args)], **names))

    data = [value for value in values if is_data(value)]
    with jax.enable_x64(True), Attempt() as attempt:
        traced = jax.make_jaxpr(call)(x, data)
        inspect(traced, constant=constant)
        dtype = traced.out_avals[0].dtype
        return Trace(dtype if dtype.kind == "f" else np.float64, None)
    return Trace(np.float64, attempt.error)
