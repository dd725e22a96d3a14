"""The proof that a function takes its points one by one, and the function at one point."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from trustfit._rowwise import NotRowWise, per_point

from .coupled_models import COUPLED
from .rowwise_checks import (
    PEAKS,
    SQUARE,
    WEIGHTS,
    M,
    Model,
    X,
    check,
    mapped_over_points,
    peaks,
    take,
)
from .rowwise_models import ROW_WISE

pytestmark = pytest.mark.usefixtures("double_precision")


SHUFFLED = np.random.default_rng(1).permutation(X)


@pytest.mark.parametrize("model", ROW_WISE.values(), ids=ROW_WISE)
def test_a_row_wise_model_is_the_map_of_itself_at_one_point(model: Model):
    at_point = check(model)
    assert not at_point.jaxpr.consts
    assert [variable.aval.shape for variable in at_point.jaxpr.jaxpr.outvars] == [()]


@pytest.mark.parametrize(("model", "reason"), COUPLED.values(), ids=COUPLED)
def test_a_model_that_couples_points_is_refused(model: Model, reason: str):
    with pytest.raises(NotRowWise, match=reason) as refusal:
        take(model)
    assert str(refusal.value).endswith(".")


def test_several_arrays_carry_points():
    xdata = np.stack([X, SHUFFLED, X**2])
    model = lambda t, y, w, a, b: (a * t[0] + b * t[1] * t[2] - y) * w  # noqa: E731
    check(model, (xdata, X, WEIGHTS), (1, 0, 0))
    check(lambda t, a, b: t @ jnp.stack([a, b, a * b]), (xdata.T,), (0,))
    check(lambda t, a, b: jnp.stack([a, b, a * b]) @ t, (xdata,), (1,))
    with pytest.raises(NotRowWise, match="not known to go with"):
        take(model, (xdata, X, WEIGHTS), (1, 0, None))
    with pytest.raises(NotRowWise):
        take(lambda t, u, a, b: (a * t + b * u).sum(1), (np.ones((M, M)), SQUARE), (0, 1))


def test_all_outputs_carry_points():
    at_point = check(lambda x, a, b: (a * x, {"peaks": b * peaks(x), "on": x > a}))
    assert [v.aval.shape for v in at_point.jaxpr.jaxpr.outvars] == [(), (), (3,)]
    with pytest.raises(NotRowWise, match="in front"):
        take(lambda x, a, b: (a * x, a + b))


def test_integers_and_truth_values_carry_points():
    group, on = np.arange(M) % 3, X > 2
    check(lambda k, x, a, b: (a * PEAKS + b)[k] * x, (group, X), (0, 0))
    check(lambda on, x, a, b: jnp.where(on, a * x, b) + on * a + (~on & (x < 1)), (on, X), (0, 0))
    check(lambda k, x, a, b: jax.nn.one_hot(k, 3) @ (a * PEAKS + b) + x, (group, X), (0, 0))
    check(lambda k, x, a, b: a * x ** (k % 2) + b * (k << 1) + (k == 1), (group, X), (0, 0))


@pytest.mark.parametrize("m", [1, 3, 6])
def test_lengths_that_coincide_do_not_matter(m: int):
    x, p = X[:m], np.linspace(0.5, 1.5, m)
    check(lambda x, p: jnp.exp(-((x[:, None] - p) ** 2)).sum(1), (x,), (0,), (p,), m)
    check(lambda x, p: jnp.exp(-((x - p[:, None]) ** 2)).sum(0), (x,), (0,), (p,), m)
    check(lambda x, p: jnp.cumsum(x[:, None] * p, axis=1) @ p, (x,), (0,), (p,), m)
    check(lambda x, p: (x[:, None] * p)[:, ::-1].sum(1), (x,), (0,), (p,), m)
    check(lambda x, p: jnp.polyval(p, x), (x,), (0,), (p,), m)
    check(lambda x, p: x * p[0] + p.sum(), (x,), (0,), (p,), m)
    for coupled in (
        lambda x, p: x * p,
        lambda x, p: p + 0 * x.sum(),
        lambda x, p: jnp.outer(x, p).sum(0),
        lambda x, p: jnp.cumsum(x[:, None] * p, axis=0)[:, 0],
        lambda x, p: (x[:, None] * p).T,
        lambda x, p: (x[:, None] * p).T[:, 0] * x,
    ):
        with pytest.raises(NotRowWise):
            take(coupled, (x,), (0,), (p,), m)


def test_one_point_is_not_repeated():
    with pytest.raises(NotRowWise, match="repeats a point"):
        take(lambda x, a: (x + a * jnp.zeros(5)).sum() + 0 * x, (X[:1],), (0,), (1.0,), 1)
    with pytest.raises(NotRowWise):
        take(lambda x, a: jnp.squeeze(x) + a * x, (X[:1],), (0,), (1.0,), 1)
    with pytest.raises(NotRowWise):
        take(lambda x, a: a * x.reshape(1, 1)[0], (X[:1],), (0,), (1.0,), 1)


def test_a_matrix_of_points_only_in_front_is_no_pair():
    square = np.random.default_rng(0).normal(size=(M, M))
    check(lambda t, a, b: (a * t + b).sum(1), (square,), (0,))
    check(lambda t, a, b: (a * t + b).sum(0), (square,), (1,))
    for axis in (0, 1):
        with pytest.raises(NotRowWise):
            take(lambda t, a, b, axis=axis: (a * t + b).sum(axis), (square,), (axis,))
        with pytest.raises(NotRowWise):
            take(lambda t, a, b: (t + a * t.T).sum(1) + b, (square,), (axis,))
        with pytest.raises(NotRowWise):
            take(lambda t, a, b: jnp.diagonal(a * t) + b, (square,), (axis,))


def test_a_slice_of_all_points_at_an_index_is_refused():
    numbers = lax.GatherDimensionNumbers((0,), (), (0,))

    def model(x: Any, k: Any) -> Any:  # NaN unless k is 0
        return lax.gather(x, k[None], numbers, (M,), mode="fill")

    assert np.isnan(model(X, jnp.array(1))).all()
    with pytest.raises(NotRowWise, match="gather"):
        take(model, parameters=(1,))


def test_promises_about_indices_end_with_the_points_they_are_about():
    k = np.array([0, 1, 2])

    def model(k: Any, a: Any) -> Any:
        return (a * jnp.asarray(PEAKS)).at[k].get(indices_are_sorted=True, unique_indices=True)

    at_point, arguments = take(model, (k,), (0,), (2.0,), 3)
    repeated = np.array([2, 0, 0, 2])
    (found,) = mapped_over_points(at_point, *arguments[:-2], repeated, 2.0)
    np.testing.assert_array_equal(found, 2 * PEAKS[repeated])
    (gather,) = (e for e in at_point.jaxpr.jaxpr.eqns if e.primitive.name == "gather")
    assert not gather.params["unique_indices"]
    assert not gather.params["indices_are_sorted"]


def test_the_length_is_that_of_all_points():
    at_point, arguments = take(lambda x, a, b: a * x / x.size + b * jnp.ones_like(x).sum())
    *_, a, b = arguments
    (found,) = mapped_over_points(at_point, X[:5], a, b)
    np.testing.assert_allclose(found, a * X[:5] / M + b * M, rtol=1e-15)


def test_types_stay_what_they_are():
    x = np.float32(X)
    at_point, _ = take(lambda x, a, b: a * x + b, (x,), (0,), (np.float32(1), 2.0))
    inputs = [variable.aval for variable in at_point.jaxpr.jaxpr.invars]
    assert [(one.shape, one.dtype, one.weak_type) for one in inputs] == [
        ((), np.float32, False),
        ((), np.float32, False),
        ((), np.float64, True),
    ]
    assert at_point.jaxpr.out_avals[0].dtype == np.float32
    assert at_point.axes == (0, None, None)


def test_points_are_declared_as_they_are():
    jaxpr = jax.make_jaxpr(lambda x, a: a * x)(X, 1.0).jaxpr
    for axis, m in ((1, M), (-1, M), (0, M + 1)):
        with pytest.raises(ValueError, match="points"):
            per_point(jaxpr, [axis, None], m)
    with pytest.raises(ValueError, match="points"):
        per_point(jaxpr, [0, 0], M)
    with pytest.raises(ValueError, match="constants"):
        per_point(jax.make_jaxpr(lambda x: x * WEIGHTS)(X).jaxpr, [0], M)
