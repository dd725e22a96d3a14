"""The functions of JAX's libraries, each as a model."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy import special

from .case import Case, Model, case_of


def _linear(function: Model) -> Case:
    """Return the case of a*function(x) + b."""
    return Case(lambda x, a, b: a * function(x) + b)


def _step(function: Model) -> Case:
    """Return the case of a*function(x) + b: for functions whose derivative is zero."""
    return Case(lambda x, a, b: a * function(4 * x) + b * x)


_SMOOTH = {
    "jnp": (
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "cbrt", "square"),
        *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh"),
        *("arctanh", "sinc", "abs", "reciprocal", "i0", "deg2rad", "rad2deg", "fabs", "negative"),
        *("positive", "real", "nan_to_num", "angle_free"),
    ),
    "special": (
        *("erf", "erfc", "gammaln", "digamma", "expit", "logit", "entr", "i0", "i0e", "i1", "i1e"),
        *("ndtr", "log_ndtr", "ndtri", "erfinv", "xlog1p_free", "spence", "expi", "exp1", "gamma"),
        *("log_softmax_free", "bessel_free", "factorial", "sici_free"),
    ),
    "nn": (
        *(
            "relu",
            "relu6",
            "sigmoid",
            "softplus",
            "sparse_plus",
            "soft_sign",
            "silu",
            "log_sigmoid",
        ),
        *("leaky_relu", "hard_sigmoid", "hard_silu", "hard_tanh", "elu", "celu", "selu", "gelu"),
        *("squareplus", "mish", "sparse_sigmoid", "identity", "tanh"),
    ),
}
_STEPS = ("sign", "floor", "ceil", "round", "trunc", "rint", "isfinite")


# Linear in b, or flat: their scale cannot be told from the argument's.
_DEGENERATE = {
    *("log", "log2", "log10", "sqrt", "cbrt", "square", "abs", "fabs", "negative", "positive"),
    *("reciprocal", "deg2rad", "rad2deg", "real", "nan_to_num", "relu", "relu6", "leaky_relu"),
    *("identity", "hard_tanh", "hard_sigmoid", "selu", "elu", "celu", "sparse_plus"),
    *("sparse_sigmoid", "hard_silu", "soft_sign_free"),
}


def _library(kind: str, namespace: Any, part: int, parts: int) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for name in [one for one in _SMOOTH[kind] if hasattr(namespace, one)][part::parts]:
        function = getattr(namespace, name)
        if name in _DEGENERATE:
            found[name] = _linear(function)
        else:
            found[name] = case_of(function)
    return found


FUNCTIONS: dict[str, dict[str, Case]] = {
    "jnp 0": _library("jnp", jnp, 0, 2),
    "jnp 1": _library("jnp", jnp, 1, 2),
    "special": _library("special", special, 0, 1),
    "nn": _library("nn", jax.nn, 0, 1),
    "steps": {name: _step(getattr(jnp, name)) for name in _STEPS if hasattr(jnp, name)},
}
