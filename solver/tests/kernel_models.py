"""Models of many kinds, each fitted at three lengths and compared with SciPy's answer.

Run as a program of its own, with the names of groups, by `test_kernels.py`: XLA ends the whole
process if a kernel has an operation that it cannot emit.
"""

import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.optimize
import trustfit
from jax.scipy import special

Model = Callable[..., Any]
LENGTHS = (20, 200, 2000)


class Case(NamedTuple):
    """A model, its true parameters, and how to call `curve_fit` beside that."""

    f: Model
    truth: tuple[float, ...] = (1.3, 0.7)
    kwargs: dict[str, Any] = {}  # noqa: RUF012
    x: Callable[[int], Any] | None = None
    frozen: bool = False
    """Whether parameters have no effect, so that nothing but the curve can be compared."""


def _of(function: Model) -> Case:
    """Return the case of a*function(b*x) + 0.1 x, x between 0.1 and 0.9."""
    return Case(lambda x, a, b: a * function(b * x) + 0.1 * x)


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
            found[name] = _of(function)
    return found


def _peaks(x: Any, *p: Any) -> Any:
    centres = jnp.array([0.2, 0.5, 0.8])
    heights = jnp.stack(p[:3])
    return jnp.sum(heights * jnp.exp(-(((x[:, None] - centres) / p[3]) ** 2)), axis=1)


def _three(x: Any, a: Any, b: Any, c: Any, w: Any) -> Any:
    heights, centres = (a, b, c), np.array([0.2, 0.5, 0.8])
    return sum(h * jnp.exp(-(((x - k) / w) ** 2)) for h, k in zip(heights, centres, strict=True))


def _voigt(x: Any, a: Any, c: Any, w: Any) -> Any:
    u = (x - c) / w
    eta = 0.4
    return a * (eta / (1 + u * u) + (1 - eta) * jnp.exp(-jnp.log(2.0) * u * u))


@jax.custom_jvp
def _own_rule(x: Any) -> Any:
    return jnp.exp(-x)


@_own_rule.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    steps = jax.lax.fori_loop(0, 3, lambda i, c: c + 1.0, 0.0 * x)
    return jnp.exp(-x), -t * jnp.exp(-x) * steps / 3


@jax.custom_jvp
def _sorted_rule(x: Any) -> Any:
    return jnp.exp(-x)


@_sorted_rule.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x,), (t,) = primals, tangents
    both = jnp.cumsum(jnp.sort(jnp.stack([x, x + 1]), 0), 0)
    return jnp.exp(-x), -t * jnp.exp(-x) * (both[0] / x)


@jax.custom_jvp
def _ignores_second(x: Any, y: Any) -> Any:
    return jnp.exp(-x)


@_ignores_second.defjvp
def _(primals: Any, tangents: Any) -> Any:
    (x, _), (t, _) = primals, tangents
    return jnp.exp(-x), -t * jnp.exp(-x)


@jax.custom_vjp
def _reverse_rule(x: Any) -> Any:
    return jnp.exp(-x)


_reverse_rule.defvjp(lambda x: (jnp.exp(-x), x), lambda x, g: (-g * jnp.exp(-x),))


def _two_rows(m: int) -> Any:
    x = np.linspace(0.1, 0.9, m)
    return np.stack([x, np.cos(5 * x)])


def _many_rows(m: int) -> Any:
    return np.stack([np.cos(k * np.linspace(0.1, 0.9, m)) for k in range(70)])


def _dead(x: Any, a: Any, b: Any) -> Any:
    jnp.sin(x)
    return a * b + jnp.zeros(x.shape)


def _looped(x: Any, a: Any, b: Any) -> Any:
    return jax.lax.fori_loop(0, 3, lambda i, y: y * jnp.exp(-b * x), a + 0 * x)


def _conditional(x: Any, a: Any, b: Any) -> Any:
    return jax.lax.cond(a > 0, lambda: a * jnp.exp(-b * x), lambda: a * x)


_TABLE = np.linspace(1.0, 2.0, 5)

_STRUCTURE = {
    "where": Case(lambda x, a, b: jnp.where(x < 0.5, a * x, b * x**2)),
    "where constant": Case(lambda x, a, b: jnp.where(True, a + b**2, x), frozen=True),
    "piecewise": Case(
        lambda x, a, b: jnp.piecewise(x, [x < 0.3, x > 0.6], [lambda x: a * x, lambda x: b, 0.5])
    ),
    "select": Case(lambda x, a, b: jnp.select([x < 0.3, x > 0.6], [a * x, b * x], 0.5)),
    "polyval": Case(
        lambda x, a, b, c: jnp.polyval(jnp.stack([a, b, c]), x), (1.0, 2.0, 3.0), x=None
    ),
    "horner": Case(lambda x, a, b, c: (a * x + b) * x + c, (1.0, 2.0, 3.0)),
    "clip": Case(lambda x, a, b: jnp.clip(a * x, 0.3, 0.8) + b * x),
    "maximum": Case(lambda x, a, b: jnp.maximum(a * x, b * (1 - x))),
    "minimum": Case(lambda x, a, b: jnp.minimum(a * x, b * (1 - x))),
    "power": Case(lambda x, a, b: a * x**b),
    "power of parameter": Case(lambda x, a, b: a * b**x),
    "float_power": Case(lambda x, a, b: a * jnp.float_power(x, b)),
    "cube": Case(lambda x, a, b: a * x**3 + b**3 * x),
    "negative power": Case(lambda x, a, b: a * x**-3 + b * x**-1),
    "high power": Case(lambda x, a, b: a * (b * x) ** 11 + b * x),
    "zeroth power": Case(lambda x, a, b: a * (b + x**0), frozen=True),
    "logaddexp": Case(lambda x, a, b: jnp.logaddexp(a * x, b)),
    "hypot": Case(lambda x, a, b: jnp.hypot(a * x, b)),
    "arctan2": Case(lambda x, a, b: a * jnp.arctan2(x, b)),
    "arccosh": Case(lambda x, a, b: a * jnp.arccosh(1.5 + b * x)),
    "heaviside": Case(lambda x, a, b: a * jnp.heaviside(x - 0.5, 0.5) + b * x),
    "mod": Case(lambda x, a, b: a * jnp.mod(7 * x, 2.0) + b),
    "fmod": Case(lambda x, a, b: a * jnp.fmod(7 * x, 2.0) + b),
    "remainder": Case(lambda x, a, b: a * (7 * x % 2.0) + b),
    "floor_divide": Case(lambda x, a, b: a * (7 * x // 2.0) + b),
    "divmod": Case(lambda x, a, b: a * jnp.divmod(7 * x, 2.0)[0] + b),
    "copysign": Case(lambda x, a, b: a * jnp.copysign(x, x - 0.5) + b),
    "nextafter": Case(lambda x, a, b: a * jnp.nextafter(x, 1.0) + b),
    "ldexp": Case(lambda x, a, b: a * jnp.ldexp(x, 2) + b),
    "frexp": Case(lambda x, a, b: a * jnp.frexp(x)[0] + b),
    "modf": Case(lambda x, a, b: a * jnp.modf(4 * x)[0] + b),
    "unwrapped": Case(lambda x, a, b: a * jnp.cos(2 * jnp.pi * b * x + jnp.pi / 4)),
    "betaln": Case(lambda x, a, b: a * special.betaln(x, 1 + b)),
    "xlogy": Case(lambda x, a, b: a * special.xlogy(x, x + b)),
    "gammainc": Case(lambda x, a, b: a * special.gammainc(2.0, 3 * b * x)),
    "betainc": Case(lambda x, a, b: a * special.betainc(2.0, 3.0, b * x)),
    "zeta": Case(lambda x, a, b: a * special.zeta(1.5 + x, 1.0) + b),
    "polygamma": Case(lambda x, a, b: a * special.polygamma(1, 1.0 + x) + b),
    "logsumexp": Case(lambda x, a, b: special.logsumexp(jnp.stack([a * x, b + 0 * x]), axis=0)),
    "softmax": Case(lambda x, a, b: jax.nn.softmax(jnp.stack([a * x, b + 0 * x]), axis=0)[0] * 2),
    "voigt": Case(_voigt, (1.3, 0.5, 0.2)),
    "peaks": Case(_peaks, (1.0, 1.5, 0.7, 0.15)),
    "three peaks": Case(_three, (1.0, 1.5, 0.7, 0.15)),
    "own rule": _of(_own_rule),
    "sorted rule": _of(_sorted_rule),
    "ignores second": Case(lambda x, a, b: a * _ignores_second(b * 0.3 + a, x), frozen=True),
    "jitted": _of(jax.jit(jnp.exp)),
    "checkpointed": _of(jax.checkpoint(lambda x: jnp.exp(-x))),
    "stop_gradient": Case(lambda x, a, b: a * jax.lax.stop_gradient(jnp.exp(x)) + b),
    "loop": Case(_looped),
    "conditional": Case(_conditional),
}

_SHAPES = {
    "two rows": Case(lambda x, a, b: a * x[0] + b * x[1], x=_two_rows),
    "two rows unpacked": Case(lambda xy, a, b: a * jnp.exp(b * xy[0]) + xy[1], x=_two_rows),
    "second row only": Case(lambda x, a, b: a * jnp.exp(-b * x[1]), x=_two_rows),
    "seventy rows": Case(lambda x, a, b: a * x[3] + b * x[50], x=_many_rows),
    "sum of rows": Case(lambda x, a, b: a * jnp.sum(x, 0) + b, x=_two_rows),
    "max of rows": Case(lambda x, a, b: a * jnp.max(x, 0) + b, x=_two_rows),
    "product of rows": Case(lambda x, a, b: a * jnp.prod(x, 0) + b, x=_two_rows),
    "vector times rows": Case(lambda x, *p: jnp.stack(p) @ x, x=_two_rows, kwargs={"p0": [1, 1]}),
    "transposed": Case(lambda x, a, b: x.T @ jnp.array([a, b]), x=_two_rows),
    "no x": Case(lambda x, a, b: a + b**2 + jnp.zeros(x.shape), frozen=True),
    "scalar": Case(lambda x, a, b: a + b**2, frozen=True),
    "no b": Case(lambda x, a, b: a * x, frozen=True),
    "constant": Case(lambda x, a, b: jnp.ones(x.shape), frozen=True),
    "constant of x": Case(lambda x, a, b: x, frozen=True),
    "dead": Case(_dead, frozen=True),
    "zero times x": Case(lambda x, a, b: a * jnp.exp(b) + 0 * x, frozen=True),
    "x minus x": Case(lambda x, a, b: a * jnp.exp(b) + (x - x), frozen=True),
    "max with infinity": Case(
        lambda x, a, b: a * b + jnp.exp(-jnp.maximum(x, jnp.inf)), frozen=True
    ),
    "comparison only": Case(lambda x, a, b: a * b + (x != x), frozen=True),
    "empty clip": Case(lambda x, a, b: a * b + jnp.clip(x, 1.0, 1.0), frozen=True),
    "sign of square": Case(lambda x, a, b: a * b * jnp.sign(x * x + 1), frozen=True),
    "and false": Case(lambda x, a, b: a * b + ((x > 2) & False), frozen=True),
    "to bits": Case(lambda x, a, b: a * b + (x * 0.1).astype(bool), frozen=True),
    "select same": Case(lambda x, a, b: jnp.where(x > 2, a * b, a * b), frozen=True),
    "multiplied by false": Case(lambda x, a, b: a * b + x.astype(int) * 0, frozen=True),
    "one": Case(lambda x, a: jnp.exp(-a * x), (1.3,)),
    "one linear": Case(lambda x, a: a * x, (1.3,)),
    "one squared": Case(lambda x, a: a**2 * x, (1.3,)),
    "five": Case(
        lambda x, a, b, c, d, e: a + b * x + c * jnp.exp(d * x) + e * jnp.sin(9 * x),
        (1.0, 0.5, 0.7, 2.0, 0.3),
    ),
    "six": Case(
        lambda x, a, b, c, d, e, g: a + b * x + c * jnp.sin(9 * x + g) + d * x**2 + e * x**3,
        (1.0, 0.5, 0.7, 2.0, 0.3, 0.2),
    ),
    "stacked": Case(
        lambda x, *p: jnp.sum(jnp.stack(p)[:, None] * jnp.stack([x, x**2, x**3]), 0),
        (1.0, 2.0, 3.0),
    ),
    "as array": Case(lambda x, *p: jnp.array(p)[0] * jnp.exp(-jnp.array(p)[1] * x)),
    "dot": Case(lambda x, *p: jnp.dot(jnp.stack(p), jnp.array([1.0, 2.0])) * x + p[0], (1.0, 2.0)),
    "table": Case(lambda x, a, b: a * jnp.sum(jnp.array(_TABLE)) * x + b),
    "table per point": Case(lambda x, a, b: a * jnp.sum(jnp.exp(-x[:, None] * _TABLE), 1) + b),
    "long table": Case(
        lambda x, a, b: a * jnp.sum(jnp.exp(-x[:, None] * np.linspace(1, 2, 100)), 1) + b
    ),
    "gathered": Case(lambda x, a, b: a * jnp.array(_TABLE)[(x * 5).astype(int)] + b),
    "interpolated": Case(lambda x, a, b: a * jnp.interp(x, np.linspace(0, 1, 5), _TABLE**2) + b),
    "outer": Case(lambda x, a, b: jnp.outer(x, jnp.stack([a, b])).sum(1) + b * x**2),
    "vander": Case(lambda x, a, b: jnp.vander(x, 2) @ jnp.stack([a, b])),
    "flipped parameters": Case(lambda x, *p: jnp.flip(jnp.stack(p))[0] * x + p[0] * x**2),
    "cumulated parameters": Case(lambda x, *p: jnp.cumsum(jnp.stack(p))[1] * x + p[0]),
}

_TYPES = {
    "float32 inside": Case(lambda x, a, b: a * jnp.exp(x.astype(jnp.float32)).astype(float) + b),
    "float16 inside": Case(lambda x, a, b: a * jnp.exp(x.astype(jnp.float16)).astype(float) + b),
    "bfloat16 inside": Case(lambda x, a, b: a * jnp.exp(x.astype(jnp.bfloat16)).astype(float) + b),
    "float16 erf": Case(
        lambda x, a, b: a * jax.scipy.special.erf(x.astype(jnp.float16)).astype(float) + b
    ),
    "int8 inside": Case(lambda x, a, b: a * (9 * x).astype(jnp.int8) + b),
    "uint8 inside": Case(lambda x, a, b: a * (9 * x).astype(jnp.uint8) + b),
    "int division": Case(lambda x, a, b: a * ((9 * x).astype(int) // 2) + b),
    "int remainder": Case(lambda x, a, b: a * ((9 * x).astype(int) % 2) + b),
    "int power": Case(lambda x, a, b: a * (9 * x).astype(int) ** 2 + b),
    "int bits": Case(lambda x, a, b: a * ((9 * x).astype(int) & 3) + b),
    "int xor": Case(lambda x, a, b: a * ((9 * x).astype(int) ^ 3) + b),
    "bool not": Case(lambda x, a, b: a * (~(x > 0.5)) + b),
    "bool xor": Case(lambda x, a, b: a * ((x > 0.5) ^ (x < 0.2)) + b),
    "bool any": Case(lambda x, a, b: a * jnp.any(jnp.stack([x > 0.7, x < 0.2]), 0) + b),
    "complex abs": Case(lambda x, a, b: jnp.abs(a / (1 + 1j * b * x))),
    "complex real": Case(lambda x, a, b: jnp.real(a * jnp.exp(1j * b * x))),
    "complex imag": Case(lambda x, a, b: (a * jnp.exp(1j * b * x)).imag),
    "complex square": Case(lambda x, a, b: jnp.abs(a + 1j * b * x) ** 2),
    "complex angle": Case(lambda x, a, b: a * jnp.angle(1 + 1j * b * x)),
    "complex tanh": Case(lambda x, a, b: jnp.abs(a * jnp.tanh(b * x + 0.3j))),
    "complex constant": Case(lambda x, a, b: a * jnp.abs(x + 2j) + b),
    "complex sqrt": Case(lambda x, a, b: a * jnp.abs(jnp.sqrt(x + 2j)) + b),
    "complex log": Case(lambda x, a, b: a * jnp.abs(jnp.log(x + 2j)) + b),
    "complex power": Case(lambda x, a, b: a * jnp.abs((x + 2j) ** 1.5) + b),
    "complex sin": Case(lambda x, a, b: a * jnp.abs(jnp.sin(x + 2j)) + b),
    "complex64": Case(lambda x, a, b: a * jnp.abs((x + 2j).astype(jnp.complex64)) + b),
    "integer x": Case(lambda x, a, b: a * jnp.exp(-b * 0.01 * x), x=lambda m: np.arange(1, m + 1)),
    "float32 x": Case(
        lambda x, a, b: a * jnp.exp(-b * x),
        x=lambda m: np.linspace(0.1, 0.9, m, dtype=np.float32),
    ),
}


def _decay(x: Any, a: Any, b: Any) -> Any:
    return a * jnp.exp(-b * x)


def _decay_jac(x: Any, a: Any, b: Any) -> Any:
    e = jnp.exp(-b * x)
    return jnp.stack([e, -a * x * e], axis=1)


def _of_weights(m: int) -> Any:
    return 1 + 0.5 * np.sin(np.arange(m))


_OPTIONS = {
    "jac": Case(_decay, kwargs={"jac": _decay_jac}),
    "constant jac": Case(
        lambda x, a, b: a + b * x, kwargs={"jac": lambda x, a, b: jnp.stack([0 * x + 1, x], 1)}
    ),
    "jac without x": Case(
        lambda x, a, b: a + b + 0 * x,
        kwargs={"jac": lambda x, a, b: jnp.ones((len(x), 2))},
        frozen=True,
    ),
    "sigma": Case(_decay, kwargs={"sigma": _of_weights}),
    "sigma, jac": Case(_decay, kwargs={"sigma": _of_weights, "jac": _decay_jac}),
    "absolute sigma": Case(_decay, kwargs={"sigma": _of_weights, "absolute_sigma": True}),
    "bounds": Case(_decay, kwargs={"bounds": ([0, 0], [9, 9])}),
    "one side": Case(_decay, kwargs={"bounds": ([0, -np.inf], np.inf)}),
    "at bound": Case(_decay, kwargs={"bounds": ([0, 0.72], [9, 9])}),
    "bounds, sigma, jac": Case(
        _decay, kwargs={"bounds": ([0, 0], [9, 9]), "sigma": _of_weights, "jac": _decay_jac}
    ),
    **{
        f"loss {loss}": Case(_decay, kwargs={"loss": loss, "method": "trf", "f_scale": 0.01})
        for loss in ("linear", "huber", "soft_l1", "cauchy", "arctan")
    },
    **{
        f"loss {loss}, bounds, jac": Case(
            _decay,
            kwargs={"loss": loss, "bounds": ([0, 0], [9, 9]), "jac": _decay_jac, "f_scale": 0.01},
        )
        for loss in ("huber", "soft_l1", "cauchy", "arctan")
    },
    "x_scale jac": Case(_decay, kwargs={"x_scale": "jac", "method": "trf"}),
    "x_scale": Case(_decay, kwargs={"x_scale": [1.0, 2.0], "method": "trf"}),
}

GROUPS: dict[str, dict[str, Case]] = {
    "jnp 0": _library("jnp", jnp, 0, 2),
    "jnp 1": _library("jnp", jnp, 1, 2),
    "special": _library("special", special, 0, 1),
    "nn": _library("nn", jax.nn, 0, 1),
    "steps": {name: _step(getattr(jnp, name)) for name in _STEPS if hasattr(jnp, name)},
    "structure": _STRUCTURE,
    "shapes": _SHAPES,
    "types": _TYPES,
    "options": _OPTIONS,
}


def check(case: Case, m: int) -> None:
    """Raise an AssertionError if a fit is not as SciPy's."""
    x = np.linspace(0.1, 0.9, m) if case.x is None else case.x(m)
    f, truth = case.f, np.array(case.truth)
    kwargs = {k: v(m) if v is _of_weights else v for k, v in case.kwargs.items()}
    given = np.asarray(x, float)

    def model(x: Any, *p: Any) -> Any:
        with jax.enable_x64(True):
            value = np.asarray(compiled(np.array(p)), float)
        return np.full(m, value) if value.ndim == 0 else value

    compiled = jax.jit(lambda p: f(given, *p))
    noise = 0.01 * np.cos(37.0 * np.arange(m))
    y = model(x, *truth) + noise
    p0 = kwargs.pop("p0", None) or truth * 1.05
    with warnings.catch_warnings():
        if case.frozen:
            warnings.simplefilter("ignore")
        fits = [trustfit.curve_fit(f, x, y, p0, **kwargs) for _ in range(3)]
        if callable(kwargs.get("jac")):
            del kwargs["jac"]
        if kwargs.get("method") == "trf" or "bounds" in kwargs:
            kwargs |= {"xtol": 1e-13, "ftol": 1e-13, "gtol": 1e-13, "jac": "3-point"}
        expected = scipy.optimize.curve_fit(model, x, y, p0, **kwargs)
    for popt, pcov in fits:
        if case.frozen:
            np.testing.assert_allclose(model(x, *popt), model(x, *expected[0]), 1e-6)
        else:
            np.testing.assert_allclose(popt, expected[0], 2e-5, err_msg="popt")
            np.testing.assert_allclose(
                pcov, expected[1], 1e-2, 1e-3 * abs(expected[1]).max(), err_msg="pcov"
            )
        np.testing.assert_array_equal(popt, fits[1][0])


def main(groups: list[str]) -> int:
    """Check the cases of some groups; return how many of them fail."""
    warnings.simplefilter("error")
    failed = 0
    for group in groups:
        name, _, one = group.partition(":")
        for label, case in GROUPS[name].items():
            if one and label != one:
                continue
            for m in LENGTHS:
                print(f"{name}:{label}, m = {m}", flush=True)
                try:
                    check(case, m)
                except Exception as error:  # noqa: BLE001 - all of them are told
                    failed += 1
                    text = " ".join(str(error).split())[:600]
                    print(f"FAILED {name}:{label}, m = {m}: {type(error).__name__}: {text}")
                    if "-v" in sys.argv:
                        traceback.print_exc()
    return failed


if __name__ == "__main__":
    sys.exit(main([one for one in sys.argv[1:] if one != "-v"]) > 0)
