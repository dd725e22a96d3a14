"""Programs written for SciPy's two functions, run with the import changed."""

import inspect
import warnings
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import trustfit
from scipy import optimize
from scipy.sparse import csc_matrix, csr_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from .cases import DECAY, decay

T, Y = DECAY
SIGMA = np.linspace(0.02, 0.2, T.size)
RNG = np.random.default_rng(11)
COVARIANCE = np.diag(SIGMA**2) + 0.01 * np.exp(-np.abs(T[:, None] - T))
numpy_model = pytest.mark.filterwarnings("ignore::trustfit.UnacceleratedWarning")


def decay_np(x: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * x) + c


def decay_jac(x: Any, a: Any, b: Any, c: Any) -> Any:
    e = np.exp(-b * x)
    return np.stack([e, -a * x * e, np.ones_like(x)], 1)


def both(function: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    return tuple(getattr(module, function)(*args, **options) for module in (trustfit, optimize))  # pyright: ignore[reportReturnType]


def assert_same_fit(found: Any, expected: Any, rtol: float = 1e-6) -> None:
    np.testing.assert_allclose(found[0], expected[0], rtol=rtol)
    np.testing.assert_allclose(found[1], expected[1], rtol=100 * rtol)


# Signatures.


@pytest.mark.parametrize(
    ("name", "ours_only", "deviations"),
    [
        ("curve_fit", ["polish", "dtype", "driver"], set[str]()),
        ("least_squares", ["polish", "dtype", "driver"], {"jac"}),
        ("Bounds", [], set[str]()),
    ],
)
def test_signatures_are_scipys(name: str, ours_only: Any, deviations: set[str]):
    """Same names, order, kinds and defaults; what is ours alone is keyword-only and comes last."""
    ours = dict(inspect.signature(getattr(trustfit, name)).parameters)
    scipys = inspect.signature(getattr(optimize, name)).parameters
    extra = [name for name in ours if name not in scipys]
    assert extra == ours_only
    names = [name for name in ours if ours[name].kind is not inspect.Parameter.VAR_KEYWORD]
    assert names[-len(extra) :] == extra or not extra
    for name in extra:
        assert ours.pop(name).kind is inspect.Parameter.KEYWORD_ONLY
    assert list(ours) == list(scipys)
    for name, parameter in scipys.items():
        assert ours[name].kind == parameter.kind
        if name not in deviations:
            assert ours[name].default == parameter.default or parameter.default is None
            assert (ours[name].default is None) == (parameter.default is None)


def test_the_one_deviation_is_documented():
    assert inspect.signature(trustfit.least_squares).parameters["jac"].default is None
    assert inspect.signature(optimize.least_squares).parameters["jac"].default == "2-point"
    assert "(SciPy's default is '2-point')" in (trustfit.least_squares.__doc__ or "")


def test_names_that_programs_import_from_scipy():
    for name in ("Bounds", "OptimizeResult", "OptimizeWarning", "curve_fit", "least_squares"):
        assert hasattr(optimize, name)
        assert name in trustfit.__all__


# least_squares.


def rosenbrock_np(x: Any) -> Any:
    return np.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def rosenbrock_jac(x: Any) -> Any:
    return np.array([[-20 * x[0], 10], [-1, 0]])


@numpy_model
@pytest.mark.parametrize("jac", ["2-point", "3-point", "cs", rosenbrock_jac, None])
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), ([-3, 0.5], [0.4, 4])], ids=["free", "box"])
def test_every_kind_of_jacobian_takes_scipys_path(jac: Any, bounds: Any):
    options: dict[str, Any] = {"bounds": bounds, "polish": False}
    ours = trustfit.least_squares(rosenbrock_np, [-2, 1], jac, **options)
    scipys = optimize.least_squares(rosenbrock_np, [-2, 1], jac or "2-point", bounds)
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-7)
    np.testing.assert_allclose(ours.cost, scipys.cost, rtol=1e-6, atol=1e-16)
    assert (ours.nfev, ours.njev, ours.status) == (scipys.nfev, scipys.njev, scipys.status)
    assert ours.jac.shape == scipys.jac.shape


@numpy_model
def test_result_has_scipys_fields_of_scipys_types():
    ours, scipys = both("least_squares", rosenbrock_np, [-2.0, 1.0])
    assert set(scipys) <= set(ours)
    assert set(ours) - set(scipys) == {"npolish", "driver"}
    for name, value in scipys.items():
        assert ours[name] is getattr(ours, name)
        if name not in ("message", "active_mask"):  # SciPy's mask is of floats without bounds
            assert np.asarray(ours[name]).dtype == np.asarray(value).dtype, name
            assert np.shape(ours[name]) == np.shape(value), name
    assert ours.success is True or ours.success is np.True_


@pytest.mark.parametrize("value", [lambda x: [x[0] - 1, 2.0 * x[1]], lambda x: (x[0], x[1])])
def test_residuals_may_be_anything_like_an_array(value: Any):
    ours, scipys = both("least_squares", value, [0.5, 0.3])
    np.testing.assert_allclose(ours.x, scipys.x, atol=1e-8)


def test_residuals_may_be_one_number():
    ours, scipys = both("least_squares", lambda x: (x[0] - 3) ** 2, 1.0)
    assert ours.fun.shape == scipys.fun.shape == (1,)
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-3)
    for fun in (lambda x: pd.Series(np.sin(x) - 0.3), lambda x: [float(x[0]) - 1]):
        with pytest.warns(trustfit.UnacceleratedWarning):
            assert trustfit.least_squares(fun, 0.5).success


@numpy_model
def test_arguments_reach_function_and_jacobian():
    def fun(p: Any, t: Any, y: Any, *, offset: Any) -> Any:
        return p[0] * np.exp(-p[1] * t) + offset - y

    def jac(p: Any, t: Any, y: Any, *, offset: Any) -> Any:
        e = np.exp(-p[1] * t)
        return np.stack([e, -p[0] * t * e], 1)

    options: dict[str, Any] = {"args": (T, Y), "kwargs": {"offset": 0.5}}
    for jacobian in ("2-point", jac):
        ours, scipys = both("least_squares", fun, [1.0, 1.0], jacobian, **options)
        np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-6)


def test_bounds_objects_of_scipy_and_our_own():
    kinds: list[Any] = [optimize.Bounds, trustfit.Bounds]
    for kind in kinds:
        bounds = kind([0, 1.5, -np.inf], [2.0, 3.0, np.inf])
        ours = trustfit.curve_fit(decay, T, Y, bounds=bounds, p0=[1, 2, 0])
        expected = optimize.curve_fit(
            decay_np, T, Y, bounds=([0, 1.5, -np.inf], [2, 3, np.inf]), p0=[1, 2, 0]
        )
        np.testing.assert_allclose(ours[0], expected[0], rtol=1e-4)
    ours, scipys = (module.Bounds([0, 1], [2, 3], True) for module in (trustfit, optimize))
    np.testing.assert_array_equal(ours.residual([1, 4]), scipys.residual([1, 4]))
    assert repr(ours) == "Bounds(array([0., 1.]), array([2., 3.]))"
    np.testing.assert_array_equal(ours.keep_feasible, scipys.keep_feasible)


@pytest.mark.parametrize(
    "bounds", [(-np.inf, np.inf), ([0, 1.5, 0], [2, 3, 4])], ids=["free", "box"]
)
def test_dogbox_is_answered_by_trf_with_a_warning(bounds: Any):
    with pytest.warns(trustfit.OptimizeWarning, match="'dogbox' is answered by 'trf'") as caught:
        found = trustfit.curve_fit(decay, T, Y, bounds=bounds, method="dogbox")
    assert caught[0].filename == __file__
    assert_same_fit(found, optimize.curve_fit(decay_np, T, Y, bounds=bounds, method="dogbox"), 1e-4)


def test_lm_is_answered_by_trf_with_a_warning():
    def fun(p: Any) -> Any:
        return p[0] * jnp.exp(-p[1] * T) + p[2] - Y

    def fun_np(p: Any) -> Any:
        return p[0] * np.exp(-p[1] * T) + p[2] - Y

    with pytest.warns(trustfit.OptimizeWarning, match="'lm' is answered by 'trf'"):
        ours = trustfit.least_squares(fun, [1, 1, 1], method="lm")
    scipys = optimize.least_squares(fun_np, [1, 1, 1], method="lm")
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-6)
    assert ours.success


@pytest.mark.filterwarnings("ignore::trustfit.OptimizeWarning")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bounds": (0, 1)}, "'lm' takes no bounds"),
        ({"loss": "huber"}, "'lm' takes only `loss` 'linear'"),
        ({"jac_sparsity": [[1, 1]]}, "'lm' takes no `jac_sparsity`"),
        ({}, "'lm' needs at least as many residuals as variables; got 1 for 2"),
    ],
)
def test_what_lm_cannot_do_is_refused_as_in_scipy(options: dict[str, Any], sentence: str):
    def fun(x: Any) -> Any:
        return x[:1] - 0.5 * x[1:]

    with pytest.raises(ValueError, match="'lm'"):
        optimize.least_squares(fun, [0.4, 0.5], method="lm", **options)
    with pytest.raises(ValueError, match=sentence):
        trustfit.least_squares(fun, [0.4, 0.5], method="lm", **options)


def test_lm_scales_by_the_jacobian_unless_told_otherwise():
    def fun(x: Any) -> Any:
        return jnp.array([1e3 * (x[0] - 1) ** 3, x[1] - 2, x[0] * x[1]])

    def path(**options: Any) -> list[Any]:
        return [
            trustfit.least_squares(fun, [4.0, 7.0], **options)[name] for name in ("nfev", "cost")
        ]

    with pytest.warns(trustfit.OptimizeWarning):
        as_lm = path(method="lm")
    assert as_lm == path(x_scale="jac")
    assert as_lm != path()


@pytest.mark.parametrize(
    "make", [csr_array, csc_matrix, aslinearoperator], ids=lambda f: f.__name__
)
@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (0, 1.5)], ids=["free", "box"])
def test_sparse_jacobians_and_operators_take_lsmr(make: Any, bounds: Any):
    def fun(x: Any) -> Any:
        return x**2 - jnp.arange(1.0, 4.0)

    options: dict[str, Any] = {"jac": lambda x: make(np.diag(2 * x)), "bounds": bounds}
    tight = {"atol": 1e-14, "btol": 1e-14}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a sparse matrix is not a reason to warn
        ours = trustfit.least_squares(fun, [1.0, 1.0, 1.2], tr_options=tight, **options)
    scipys = optimize.least_squares(
        lambda x: x**2 - np.arange(1.0, 4.0), [1.0, 1.0, 1.2], tr_options=tight, **options
    )
    np.testing.assert_allclose(ours.x, scipys.x, rtol=1e-6)
    assert type(ours.jac) is type(scipys.jac) or isinstance(ours.jac, LinearOperator)


@pytest.mark.parametrize(
    ("jac", "options", "sentence"),
    [
        (csr_array, {"tr_solver": "exact"}, "'exact' needs a Jacobian that is an array; got csr"),
        (aslinearoperator, {"x_scale": "jac"}, "`x_scale` 'jac' needs the Jacobian's columns"),
    ],
)
def test_what_sparse_jacobians_cannot_do_is_refused_as_in_scipy(
    jac: Any, options: dict[str, Any], sentence: str
):
    for module, match in ((optimize, "exact|jac"), (trustfit, sentence)):
        with pytest.raises(ValueError, match=match):
            module.least_squares(lambda x: x - 1, [0.5, 0.5], lambda x: jac(np.eye(2)), **options)


def test_jac_sparsity():
    n = 12

    def chain(x: Any) -> Any:
        return x**2 + 0.5 * np.roll(x, 1) * np.arange(n) - np.arange(1, n + 1)

    pattern = np.eye(n) + np.roll(np.eye(n), -1, axis=1)
    calls: list[int] = []

    def counted(x: Any) -> Any:
        calls.append(1)
        return chain(x)

    with pytest.warns(trustfit.UnacceleratedWarning):
        ours = trustfit.least_squares(counted, np.ones(n), jac_sparsity=pattern)
    scipys = optimize.least_squares(chain, np.ones(n), jac_sparsity=pattern)
    np.testing.assert_allclose(ours.cost, scipys.cost, atol=1e-12)
    assert len(calls) < ours.nfev + 5 * ours.njev
    assert ours.jac.shape == (n, n)
    assert hasattr(ours.jac, "tocsr")


def test_loss_written_by_the_user():
    def soft(z: Any) -> Any:
        t = 1 + z
        return np.array([2 * (np.sqrt(t) - 1), t**-0.5, -0.5 * t**-1.5])

    def fun(p: Any, t: Any, y: Any) -> Any:
        return p[0] * jnp.exp(-p[1] * t) + p[2] - y

    options: dict[str, Any] = {"args": (T, Y), "f_scale": 0.05}
    by_hand = trustfit.least_squares(fun, [1, 1, 1.0], loss=soft, **options)
    by_name = trustfit.least_squares(fun, [1, 1, 1.0], loss="soft_l1", **options)
    np.testing.assert_allclose(by_hand.x, by_name.x, rtol=1e-8)
    np.testing.assert_allclose(by_hand.cost, by_name.cost, rtol=1e-10)


def fun_for_watchers(x: Any) -> Any:
    return jnp.array([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def test_callbacks_are_called_as_in_scipy():
    points: list[Any] = []
    results: list[Any] = []

    def collect(intermediate_result: Any) -> None:
        results.append(intermediate_result)

    ours = trustfit.least_squares(
        fun_for_watchers, [-2.0, 1.0], callback=lambda x: points.append(x), polish=False
    )
    expected: list[Any] = []
    scipys: Any = optimize.least_squares
    scipys(rosenbrock_np, [-2.0, 1.0], rosenbrock_jac, callback=lambda x: expected.append(x))
    np.testing.assert_allclose(points, expected, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(points[-1], ours.x)
    trustfit.least_squares(fun_for_watchers, [-2.0, 1.0], callback=collect, polish=False)
    assert [result.nit for result in results] == list(range(1, len(points) + 1))
    np.testing.assert_allclose([result.x for result in results], points)


def test_callbacks_end_the_solve():
    def stop(x: Any) -> None:
        raise StopIteration

    for callback in (stop, lambda x: True):
        ours = trustfit.least_squares(fun_for_watchers, [-2.0, 1.0], callback=callback)
        assert (ours.status, ours.success) == (-2, False)
        assert "`callback`" in ours.message
    with pytest.raises(RuntimeError, match="not found: `callback` ended"):
        trustfit.curve_fit(decay, T, Y, callback=stop)


@pytest.mark.parametrize(("verbose", "lines"), [(0, 0), (1, 2), (2, None)])
def test_verbose(verbose: Any, lines: int | None, capsys: pytest.CaptureFixture[str]):
    ours = trustfit.least_squares(fun_for_watchers, [-2.0, 1.0], verbose=verbose, polish=False)
    printed = capsys.readouterr().out
    if lines is not None:
        assert len(printed.splitlines()) == lines
        assert (ours.message in printed) == (verbose == 1)
    else:
        assert "Cost reduction" in printed
        assert len(printed.splitlines()) > ours.njev


@pytest.mark.parametrize("workers", [None, 1, 2, map], ids=str)
@numpy_model
def test_workers(workers: Any):
    ours = trustfit.least_squares(rosenbrock_np, [-2, 1], workers=workers)
    np.testing.assert_allclose(ours.x, [1, 1], rtol=1e-6)


def test_an_option_of_finite_differences_asks_for_them():
    """As in programs that rely on SciPy's default; a step so coarse that it shows in J."""

    def fun(x: Any) -> Any:
        return x**3 - 1

    for options in ({"diff_step": 0.1}, {"diff_step": 0.1, "jac": "2-point"}):
        coarse, scipys = both("least_squares", fun, [2.0], max_nfev=1, **options)
        np.testing.assert_allclose(coarse.jac, scipys.jac, rtol=1e-10)
    exact = trustfit.least_squares(fun, [2.0], max_nfev=1)
    np.testing.assert_allclose(exact.jac, 12.0, rtol=1e-14)


# curve_fit.
