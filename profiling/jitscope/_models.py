"""The model functions of the problems, each written once for NumPy and for jax.numpy.

A factory takes the array module and returns a new plain function of the data x, shape (m,), and
of scalar parameters; it gives an array of shape (m,).
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

ModelFactory = Callable[[ModuleType], Callable[..., Any]]


def linear(xp: ModuleType) -> Callable[..., Any]:
    """Return ``a * x + b``."""

    def linear(x: Any, a: Any, b: Any) -> Any:
        return a * x + b

    return linear


def exponential(xp: ModuleType) -> Callable[..., Any]:
    """Return ``a * exp(-b * x) + c``."""

    def exponential(x: Any, a: Any, b: Any, c: Any) -> Any:
        return a * xp.exp(-b * x) + c

    return exponential


def gaussian(xp: ModuleType) -> Callable[..., Any]:
    """Return ``height * exp(-((x - centre) / width)**2 / 2)``."""

    def gaussian(x: Any, height: Any, centre: Any, width: Any) -> Any:
        return height * xp.exp(-0.5 * ((x - centre) / width) ** 2)

    return gaussian


def cubic(xp: ModuleType) -> Callable[..., Any]:
    """Return ``a * x**3 + b * x**2 + c * x + d``."""

    def cubic(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return ((a * x + b) * x + c) * x + d

    return cubic


def double_exponential(xp: ModuleType) -> Callable[..., Any]:
    """Return ``a * exp(-b * x) + c * exp(-d * x)``: nearly singular where b is close to d."""

    def double_exponential(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return a * xp.exp(-b * x) + c * xp.exp(-d * x)

    return double_exponential


def polynomial(xp: ModuleType) -> Callable[..., Any]:
    """Return a polynomial in monomials: on [0, 1] its Gram matrix is Hilbert's."""

    def polynomial(x: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any, h: Any) -> Any:
        return ((((((h * x + g) * x + f) * x + e) * x + d) * x + c) * x + b) * x + a

    return polynomial


def redundant_product(xp: ModuleType) -> Callable[..., Any]:
    """Return ``a * b * exp(-c * x)``: only the product of a and b is determined."""

    def redundant_product(x: Any, a: Any, b: Any, c: Any) -> Any:
        return a * b * xp.exp(-c * x)

    return redundant_product
