"""Elementwise operations by NumPy, with JAX's semantics where NumPy's are others.

Each function broadcasts its operands: so the same one evaluates an operation on numbers at many
points at once.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from trustfit._interpreter_values import Function, Rule, dtype_of, first_of, real_only, refuse, same


def _divided(x: Any, y: Any) -> Any:
    """Divide integers towards zero; by zero: all bits set."""
    by_zero = y == 0
    divisor = np.where(by_zero, np.ones_like(y), y)
    quotient = np.floor_divide(x, divisor)
    inexact = quotient * divisor != x
    towards_zero = quotient + (inexact & ((x < 0) != (divisor < 0))).astype(quotient.dtype)
    return np.where(by_zero, np.invert(np.zeros_like(quotient)), towards_zero)


def _div(equation: Any) -> Function:
    return np.true_divide if dtype_of(equation.invars[0]).kind in "fc" else _divided


def _integer_rem(x: Any, y: Any) -> Any:
    by_zero = y == 0
    return np.where(by_zero, x, np.fmod(x, np.where(by_zero, np.ones_like(y), y)))


def _rem(equation: Any) -> Function:
    return np.fmod if dtype_of(equation.invars[0]).kind == "f" else _integer_rem


def _sign(equation: Any) -> Function:
    if dtype_of(equation.invars[0]).kind != "f":
        return np.sign
    return lambda x: np.where(x == 0, x, np.sign(x))  # a zero keeps its sign


def _away_from_zero(x: Any) -> Any:
    whole = np.trunc(x)
    return np.where(np.abs(x - whole) >= 0.5, whole + np.copysign(np.ones_like(x), x), whole)


def _round(equation: Any) -> Function:
    return (
        _away_from_zero if equation.params["rounding_method"].name == "AWAY_FROM_ZERO" else np.rint
    )


def _pow(equation: Any) -> Function:
    base, exponent = map(dtype_of, equation.invars)
    if base.kind in "iu":
        refuse(equation, "of integers")
    if exponent == base:
        return np.power
    return lambda x, y: np.power(x, np.asarray(y).astype(base))


def _integer_pow(equation: Any) -> Function:
    exponent, dtype = equation.params["y"], dtype_of(equation.invars[0])
    one = dtype.type(1)

    def power(x: Any) -> Any:
        """Multiply as JAX does, so that the digits are the same."""
        if exponent == 0:
            return np.ones_like(x)
        left, result = abs(exponent), None
        while left:
            if left & 1:
                result = x if result is None else result * x
            left >>= 1
            if left:
                x = x * x
        return one / result if exponent < 0 else result

    return power


def _mul(equation: Any) -> Function:
    if equation.params.get("out_dtype") is not None:
        refuse(equation, "with another type of results")
    return np.multiply


def _clamp(least: Any, x: Any, most: Any) -> Any:
    return np.minimum(np.maximum(x, least), most)


def _select_n(equation: Any) -> Function:
    if dtype_of(equation.invars[0]).kind == "b":
        return lambda which, no, yes: np.where(which, yes, no)

    def select(which: Any, *cases: Any) -> Any:
        result = cases[0]
        for number, case in enumerate(cases[1:], 1):
            result = np.where(which >= number, case, result)
        return result

    return select


def _saturated(dtype: np.dtype[Any]) -> Function:
    """Convert floats to integers: towards zero, to the nearest that there is, NaN to zero."""
    limits = np.iinfo(dtype)

    def convert(x: Any) -> Any:
        x = np.asarray(x)
        whole = np.trunc(np.where(np.isnan(x), x.dtype.type(0), x))
        # The largest integer may be no float: what rounds up to it would overflow.
        too_large, too_small = whole >= float(limits.max), whole <= float(limits.min)
        inside = np.where(too_large | too_small, x.dtype.type(0), whole).astype(dtype)
        inside = np.where(too_large, dtype.type(limits.max), inside)
        return np.where(too_small, dtype.type(limits.min), inside)

    return convert


def _convert(equation: Any) -> Function:
    before, after = dtype_of(equation.invars[0]), np.dtype(equation.params["new_dtype"])
    if before == after:
        return first_of
    if before.kind == "c" and after.kind != "c":
        refuse(equation, "from complex numbers")
    if before.kind == "f" and after.kind in "iu":
        return _saturated(after)
    return lambda x: np.asarray(x).astype(after)


def _bits(x: Any) -> Any:
    """Return the bits of floats as integers in the order of their values; -0 is before 0."""
    x = np.asarray(x)
    if x.dtype.kind != "f":
        return x
    bits = x.view(np.dtype(f"i{x.dtype.itemsize}"))
    return np.where(bits < 0, np.iinfo(bits.dtype).max ^ bits, bits)


def _in_total_order(compare: Function) -> Rule:
    return real_only(lambda x, y: compare(_bits(x), _bits(y)))


def _shift_left(x: Any, count: Any) -> Any:
    width = np.asarray(x).dtype.itemsize * 8
    outside = (count < 0) | (count >= width)
    return np.where(outside, np.zeros_like(x), np.left_shift(x, np.where(outside, 0, count)))


def _shift_right_arithmetic(x: Any, count: Any) -> Any:
    x = np.asarray(x)
    width, signed = x.dtype.itemsize * 8, np.dtype(f"i{x.dtype.itemsize}")
    outside = (count < 0) | (count >= width)
    shift = np.where(outside, width - 1, count).astype(signed)
    return np.asarray(np.right_shift(x.view(signed), shift)).view(x.dtype)


def _shift_right_logical(x: Any, count: Any) -> Any:
    x = np.asarray(x)
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    outside = (count < 0) | (count >= x.dtype.itemsize * 8)
    shift = np.where(outside, 0, count).astype(unsigned)
    shifted = np.right_shift(x.view(unsigned), shift)
    return np.where(outside, unsigned.type(0), shifted).astype(unsigned).view(x.dtype)


def _population_count(x: Any) -> Any:
    x = np.asarray(x)
    return np.bitwise_count(x.view(np.dtype(f"u{x.dtype.itemsize}"))).astype(x.dtype)


def _bitcast(equation: Any) -> Function:
    before, after = dtype_of(equation.invars[0]), np.dtype(equation.params["new_dtype"])
    if before.itemsize != after.itemsize:
        refuse(equation, "to another size")
    return lambda x: np.asarray(x).view(after)


def _complex(real: Any, imaginary: Any) -> Any:
    real, imaginary = np.broadcast_arrays(real, imaginary)
    result = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
    result.real, result.imag = real, imaginary
    return result


def _unchanged_precision(equation: Any) -> Function:
    information = np.finfo(dtype_of(equation.invars[0]))
    wanted = (equation.params["exponent_bits"], equation.params["mantissa_bits"])
    if wanted != (information.nexp, information.nmant):
        refuse(equation, "to less than the type has")
    return first_of


def _polynomial(x: Any, *coefficients: Any) -> Any:
    result = coefficients[-1]
    for one in reversed(coefficients[:-1]):
        result = result * x + one
    return result


def _logistic(x: Any) -> Any:
    one = np.asarray(x).dtype.type(1)
    return one / (one + np.exp(-x))


def _cbrt(equation: Any) -> Function:
    if dtype_of(equation.invars[0]).kind == "c":
        refuse(equation, "of complex numbers")
    return np.cbrt


ELEMENTWISE: Mapping[str, Rule] = MappingProxyType(
    {
        **{
            name: same(function)
            for name, function in {
                "abs": np.abs,
                "acos": np.arccos,
                "acosh": np.arccosh,
                "add": np.add,
                "add_any": np.add,
                "and": np.bitwise_and,
                "asin": np.arcsin,
                "asinh": np.arcsinh,
                "atan": np.arctan,
                "atan2": np.arctan2,
                "atanh": np.arctanh,
                "ceil": np.ceil,
                "complex": _complex,
                "conj": np.conj,
                "copy": first_of,
                "copy_p": first_of,
                "cos": np.cos,
                "cosh": np.cosh,
                "eq": np.equal,
                "exp": np.exp,
                "exp2": np.exp2,
                "expm1": np.expm1,
                "floor": np.floor,
                "imag": np.imag,
                "is_finite": np.isfinite,
                "log": np.log,
                "log1p": np.log1p,
                "log2": np.log2,
                "logistic": _logistic,
                "name": first_of,
                "ne": np.not_equal,
                "neg": np.negative,
                "nextafter": np.nextafter,
                "not": np.invert,
                "one_minus_square": lambda x: 1 - x * x,
                "or": np.bitwise_or,
                "polynomial": _polynomial,
                "population_count": _population_count,
                "real": np.real,
                "rsqrt": lambda x: np.asarray(x).dtype.type(1) / np.sqrt(x),
                "shift_left": _shift_left,
                "shift_right_arithmetic": _shift_right_arithmetic,
                "shift_right_logical": _shift_right_logical,
                "sin": np.sin,
                "sinh": np.sinh,
                "sqrt": np.sqrt,
                "square": lambda x: x * x,
                "stop_gradient": first_of,
                "sub": np.subtract,
                "tan": np.tan,
                "tanh": np.tanh,
                "xor": np.bitwise_xor,
            }.items()
        },
        **{
            name: real_only(function)
            for name, function in {
                "clamp": _clamp,
                "ge": np.greater_equal,
                "gt": np.greater,
                "le": np.less_equal,
                "lt": np.less,
                "max": np.maximum,
                "min": np.minimum,
            }.items()
        },
        "bitcast_convert_type": _bitcast,
        "cbrt": _cbrt,
        "convert_element_type": _convert,
        "div": _div,
        "eq_to": _in_total_order(np.equal),
        "integer_pow": _integer_pow,
        "le_to": _in_total_order(np.less_equal),
        "lt_to": _in_total_order(np.less),
        "mul": _mul,
        "pow": _pow,
        "reduce_precision": _unchanged_precision,
        "rem": _rem,
        "round": _round,
        "select_n": _select_n,
        "sign": _sign,
    }
)
"""Rules of operations that take their operands element by element."""
