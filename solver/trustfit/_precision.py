"""Double precision for one function, whatever JAX is set to, under every transformation.

With JAX set to single precision, ``with jax.enable_x64(True)`` lets a function be *traced* in
double. But batching and transposing happen later, outside that block, when a caller's `vmap` or
`grad` gets hold of the traced program, and some rules for it cut what they make down to float32.
So such a function is a sealed one: a batched version is traced afresh, inside the block, and what
has to be transposed stays outside of it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np


def precision(dtype: Any) -> AbstractContextManager[Any]:
    """Return the context in which arrays of this dtype can be made."""
    return jax.enable_x64(True) if np.dtype(dtype) == np.float64 else nullcontext()


def sealed(function: Callable[..., Any], dtype: Any) -> Callable[..., Any]:
    """Return a compiled function that is traced and batched where arrays of `dtype` can be made.

    Its arguments and results have to be of dtypes that the caller's setting knows. Where that
    setting knows `dtype` itself, nothing needs sealing; otherwise the function can be batched,
    and differentiated forward only.

    Parameters
    ----------
    function : callable
        Of arrays, or of trees of them. It closes over no tracers.
    dtype : dtype
        What it computes in.
    """
    if jax.dtypes.canonicalize_dtype(dtype) == np.dtype(dtype):
        return jax.jit(function)
    return _seal(jax.jit(function))


def _seal(function: Callable[..., Any]) -> Callable[..., Any]:
    @jax.custom_batching.custom_vmap
    def in_double(*args: Any) -> Any:
        with jax.enable_x64(True):
            return function(*args)

    @in_double.def_vmap
    def _(axis_size: int, in_batched: Any, *args: Any) -> tuple[Any, Any]:
        axes = jax.tree.map(lambda batched: 0 if batched else None, tuple(in_batched))
        many = _seal(jax.vmap(function, in_axes=axes, axis_size=axis_size))(*args)
        return many, jax.tree.map(lambda _: True, many)

    return in_double
