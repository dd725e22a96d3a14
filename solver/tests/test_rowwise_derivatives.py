"""Derivatives of functions at one point: custom rules, reverse mode and second derivatives."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trustfit._rowwise import NotRowWise

from .rowwise_checks import PEAKS, M, Model, X, check, mapped_over_points, take
from .rowwise_models import ROW_WISE

pytestmark = pytest.mark.usefixtures("double_precision")


@jax.custom_jvp
def coupled_derivative(x: Any) -> Any:
    return 2 * x


coupled_derivative.defjvp(lambda primals, tangents: (2 * primals[0], 2 * tangents[0][::-1]))


@jax.custom_jvp
def coupled_hessian(x: Any) -> Any:
    return 2 * x


coupled_hessian.defjvp(
    lambda primals, tangents: (2 * primals[0], coupled_derivative(primals[0]) * tangents[0])
)


@jax.custom_jvp
def symbolic(x: Any) -> Any:
    return 2 * x


symbolic.defjvp(lambda primals, tangents: (2 * primals[0], tangents[0]), symbolic_zeros=True)


@jax.custom_vjp
def reverse_only(x: Any) -> Any:
    return 2 * x


reverse_only.defvjp(lambda x: (2 * x, None), lambda _, bar: (2 * bar,))


@jax.custom_jvp
def uniform_value(x: Any) -> Any:
    return jnp.zeros_like(x)


uniform_value.defjvp(lambda primals, tangents: (jnp.zeros_like(primals[0]), tangents[0]))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (coupled_derivative, "rev"),
        (coupled_hessian, "rev"),
        (symbolic, "symbolic_zeros"),
        (reverse_only, "custom_vjp_call"),
        (uniform_value, "derivative"),
    ],
)
def test_a_derivative_that_may_couple_points_is_refused(function: Model, reason: str):
    with pytest.raises(NotRowWise, match=reason):
        take(lambda x, a, b: a * x + function(b * x))
    # Of values that the points share it is nobody's business.
    take(lambda x, a, b: a * x + function(b * PEAKS).sum())


@jax.custom_jvp
def with_count(x: Any, k: Any) -> tuple[Any, Any]:
    return jnp.where(x > 0, x, 0) ** 2 * k, k + 1


@with_count.defjvp
def _(primals: Any, tangents: Any) -> Any:
    x, k = primals
    # Not the derivative that the value has: so it shows which one is used.
    return with_count(x, k), (3.0 * tangents[0] * k, np.zeros(k.shape, jax.dtypes.float0))


def test_own_derivatives_are_kept():
    group = np.arange(M) % 3

    def model(k: Any, x: Any, a: Any, b: Any) -> Any:
        value, count = with_count(a * x + b, k)
        return value + count

    check(model, (group, X), (0, 0))
    at_point, arguments = take(model, (group, X), (0, 0))
    slope = jax.jacfwd(lambda a: mapped_over_points(at_point, group, X, a, arguments[-1])[0])(1.3)
    np.testing.assert_allclose(slope, 3.0 * X * group, rtol=1e-14)


@pytest.mark.parametrize("name", ["relu", "softplus", "sinc", "activations", "xlogy", "scan"])
def test_derivatives_in_reverse_and_second_ones(name: str):
    model = ROW_WISE[name]
    at_point, arguments = take(model)
    consts = arguments[:-3]

    def cost(p: Any) -> Any:
        return jnp.sum(model(X, *p) ** 2)

    def cost_of_mapped(p: Any) -> Any:
        return jnp.sum(mapped_over_points(at_point, *consts, X, *p)[0] ** 2)

    p = jnp.array([1.3, 0.7])
    for derivative in (jax.grad, jax.hessian):
        found, expected = (jax.jit(derivative(one))(p) for one in (cost_of_mapped, cost))
        np.testing.assert_allclose(found, expected, rtol=1e-12)
