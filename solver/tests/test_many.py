"""Many fits at once: each as a fit of its own, whatever becomes of the others."""

import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit import (
    OptimizeWarning,
    UnacceleratedWarning,
    _many,
    _many_program,
    _many_singles,
    curve_fit,
)
from trustfit._many_chunk import Part


def gaussian(x: Any, a: Any, mu: Any, s: Any):
    return a * jnp.exp(-(((x - mu) / s) ** 2) / 2)


def decay(x: Any, a: Any, b: Any, c: Any):
    return a * jnp.exp(-b * x) + c


def plane(x: Any, a: Any, b: Any, c: Any):
    return a * x[0] + jnp.exp(b * x[1]) + c


def demeaned(x: Any, a: Any, b: Any):
    """Not a function of one point."""
    return a * (x - jnp.mean(x)) + jnp.exp(b * x)


def stacked(k: int = 5, m: int = 40, seed: int = 0, noise: float = 0.05):
    rng = np.random.default_rng(seed)
    x = np.linspace(0, 5, m)
    truth = np.array([3.0, 2.2, 0.6]) * (1 + 0.1 * rng.normal(size=(k, 3)))
    y = np.stack([gaussian(x, *p) for p in truth]) + noise * rng.normal(size=(k, m))
    return x, y, truth


START = np.array([1.0, 2.0, 1.0])


@pytest.fixture
def in_chunks(monkeypatch: pytest.MonkeyPatch):
    """Fail if a fit of many is solved by itself."""

    def refuse(*args: Any):
        pytest.fail("A fit was solved by itself.")

    monkeypatch.setattr(_many_singles, "solve", refuse)


def singles(f: Callable[..., Any], x: Any, y: Any, separate: Sequence[str] = (), **options: Any):
    """Fit one by one; the arguments named in `separate` hold one for each fit."""

    def of(name: str, value: Any, i: int):
        if name not in separate:
            return value[0] if name == "x" and np.ndim(value) == 3 else value
        return (value[0][i], value[1][i]) if name == "bounds" else value[i]

    fits = []
    for i, one in enumerate(y):
        here: dict[str, Any] = {name: of(name, value, i) for name, value in options.items()}
        fits.append(curve_fit(f, of("x", x, i), one, full_output=True, **here))
    popt, pcov, info, _, _ = zip(*fits, strict=True)
    return (
        np.array(popt),
        np.array(pcov),
        {name: np.array([one[name] for one in info]) for name in ("nfev", "fvec")},
    )


def check(found: Any, expected: Any, *, nfev: bool = True):
    popt, pcov, info, messages, ier = found
    k = len(popt)
    np.testing.assert_allclose(popt, expected[0], rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(pcov, expected[1], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(info["fvec"], expected[2]["fvec"], rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(
        np.sum(expected[2]["fvec"] ** 2, axis=1), np.sum(info["fvec"] ** 2, axis=1)
    )
    if nfev:
        np.testing.assert_array_equal(info["nfev"], expected[2]["nfev"])
    assert len(messages) == k
    np.testing.assert_array_equal(ier, info["status"])
    assert np.all(ier > 0)


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sigma": 0.1, "absolute_sigma": True},
        {"sigma": np.where(np.arange(40) % 7 == 0, np.inf, np.linspace(0.1, 0.3, 40))},
        {"bounds": ([0, 0, 0], [2.5, np.inf, 2])},
        {"bounds": ([-np.inf, 2.2, 0.1], [np.inf, 2.2, 5]), "p0": [1.0, 2.2, 1.0]},
        {"loss": "soft_l1", "f_scale": 0.05, "method": "trf"},
        {"loss": "arctan", "f_scale": 0.2, "bounds": (-1, 10)},
        {"x_scale": "jac", "method": "trf"},
        {"x_scale": [1.0, 0.1, 0.1], "polish": False, "ftol": 1e-4},
    ],
)
def test_each_fit_is_a_fit_of_its_own(options: dict[str, Any]):
    x, y, _ = stacked()
    options = {"p0": START, **options}
    found = curve_fit(gaussian, x, y, full_output=True, **options)
    check(found, singles(gaussian, x, y, **options))


def own_arguments(k: int, m: int, seed: int = 1):
    rng = np.random.default_rng(seed)
    x, y, truth = stacked(k, m, seed)
    return y, {
        "x": x + 0.01 * rng.normal(size=(k, m)),
        "p0": truth * rng.uniform(0.8, 1.2, size=truth.shape),
        "sigma": rng.uniform(0.03, 0.1, size=(k, m)),
        "bounds": (truth * 0.5, truth * np.where(np.arange(k) % 2, 1.02, 2.0)[:, None]),
    }


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize("own", ["p0", "x sigma", "bounds", "x p0 sigma bounds"])
def test_any_argument_may_be_one_for_each_fit(own: str):
    y, arguments = own_arguments(4, 40)
    x = np.linspace(0, 5, 40)
    options: dict[str, Any] = {"p0": START, **{name: arguments[name] for name in own.split()}}
    if own == "bounds":
        options["p0"] = [2.5, 2.0, 0.55]
        options["bounds"] = (np.zeros((4, 3)), arguments["bounds"][1] + 1)
        separate = ["bounds"]
    else:
        separate = own.split()
    if own.startswith("x p0"):
        options["p0"] = np.clip(options["p0"], *options["bounds"])
    x = options.pop("x", x)
    found = curve_fit(gaussian, x, y, full_output=True, **options)
    check(found, singles(gaussian, x, y, separate, **options))


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize("separate", [False, True])
def test_several_predictors(separate: bool):
    rng = np.random.default_rng(2)
    x = rng.uniform(0, 1, size=(3 if separate else 1, 2, 30))
    y = np.stack([plane(x[i if separate else 0], 1.0, 0.5, i) for i in range(3)])
    y = y + 0.01 * rng.normal(size=y.shape)
    found = curve_fit(plane, x, y, full_output=True)
    check(found, singles(plane, x, y, ["x"] if separate else []))


@pytest.mark.usefixtures("in_chunks")
def test_a_model_that_couples_points():
    x = np.linspace(-1, 1, 20)
    y = np.stack([demeaned(x, a, 0.4) for a in (1.0, 2.0, 3.0)]) + 0.01 * np.sin(9 * x)
    check(curve_fit(demeaned, x, y, full_output=True), singles(demeaned, x, y))


def sorted_model(x: Any, a: Any, b: Any):
    return jnp.sort(a * x) + jnp.cumsum(b * x)


@pytest.mark.usefixtures("in_chunks")
def test_a_model_with_operations_that_lanes_do_not_know():
    x = np.linspace(-1, 1, 20)
    y = np.stack([sorted_model(x, a, 0.4) for a in (1.0, 2.0, 3.0)]) + 0.01 * np.sin(9 * x)
    check(curve_fit(sorted_model, x, y, full_output=True), singles(sorted_model, x, y))


@pytest.mark.usefixtures("in_chunks")
@pytest.mark.parametrize("loss", ["linear", "cauchy"])
def test_many_points(loss: str):
    x, y, _ = stacked(3, 601)
    options: dict[str, Any] = {"p0": START, "loss": loss, "method": "trf", "f_scale": 0.1}
    check(
        curve_fit(gaussian, x, y, full_output=True, **options), singles(gaussian, x, y, **options)
    )


@pytest.mark.usefixtures("in_chunks")
def test_a_jacobian_of_the_users():
    def jacobian(x: Any, a: Any, mu: Any, s: Any):
        u = (x - mu) / s
        g = jnp.exp(-(u**2) / 2)
        return jnp.stack([g, a * g * u / s, a * g * u**2 / s], axis=1)

    x, y, _ = stacked()
    options: dict[str, Any] = {"p0": START, "jac": jacobian}
    check(
        curve_fit(gaussian, x, y, full_output=True, **options), singles(gaussian, x, y, **options)
    )


@pytest.mark.usefixtures("in_chunks")
def test_one_fit():
    x, y, _ = stacked(1)
    popt, pcov = curve_fit(gaussian, x, y, START)
    assert popt.shape == (1, 3)
    assert pcov.shape == (1, 3, 3)
    np.testing.assert_allclose(popt[0], curve_fit(gaussian, x, y[0], START)[0], rtol=1e-9)


def redundant(x: Any, a: Any, b: Any, c: Any):
    return (a + b) * x + c


def test_without_full_rank_the_covariance_is_infinite_and_the_fit_that_of_a_single_call():
    x = np.linspace(0, 1, 20)
    y = np.stack([2 * x + 1, 3 * x - 1]) + 0.01 * np.sin(40 * x)
    with pytest.warns(OptimizeWarning, match=r"in 2 of 2 fits, the first of them fit 0"):
        popt, pcov = curve_fit(redundant, x, y)
    assert np.all(np.isinf(pcov))
    for one, expected in zip(y, popt, strict=True):
        with pytest.warns(OptimizeWarning):
            np.testing.assert_allclose(curve_fit(redundant, x, one)[0], expected, rtol=1e-8)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), noise=st.sampled_from([1e-6, 0.05, 0.5]))
def test_wherever_they_start_each_ends_as_a_fit_of_its_own(seed: int, noise: float):
    rng = np.random.default_rng(seed)
    x, y, truth = stacked(12, 40, seed, noise)
    start = truth * np.exp(rng.normal(size=truth.shape))
    lb, ub = truth * rng.uniform(-1, 1.05, truth.shape), truth * rng.uniform(1.1, 4, truth.shape)
    start = np.clip(start, lb, ub)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OptimizeWarning)
        found = curve_fit(gaussian, x, y, start, bounds=(lb, ub), full_output=True)
    popt, pcov, _, _, ier = found
    same = 0
    for i, one in enumerate(y):
        options: dict[str, Any] = {"bounds": (lb[i], ub[i]), "full_output": True}
        try:
            p, C, _, _, status = curve_fit(gaussian, x, one, start[i], **options)
        except RuntimeError:
            status = 0
        except OptimizeWarning:
            status = ier[i]  # its covariance is infinite: it was a fit of its own already
        else:
            if ier[i] > 0:
                error = np.sqrt(np.diagonal(C))
                assert np.all(np.abs(popt[i] - p) <= 1e-5 * error + 1e-8 * np.abs(p))
                np.testing.assert_allclose(pcov[i], C, rtol=1e-3, atol=1e-6 * np.max(C))
        same += status == ier[i]
    assert same >= 11  # where a decision hangs on rounding, it may fall out in another way


# --- threads, chunks, and fits that are slow -----------------------------------------------------


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch):
    """Take chunks of 16 fits, in more threads than there may be processors."""
    monkeypatch.setattr(_many, "_MOST_LANES", 16)
    monkeypatch.setattr(_many, "processors", lambda: 4)


@pytest.mark.usefixtures("small_chunks", "in_chunks")
def test_chunks_in_threads_give_each_fit_its_own_result():
    x, y, _ = stacked(151, 40)
    start = np.tile(START, (151, 1))
    start[::10] = [0.5, 1.0, 2.5]  # those take longer, and are left over
    popt, pcov, info, _, _ = curve_fit(gaussian, x, y, start, full_output=True)
    assert np.all(info["status"] > 0)
    for i in (0, 1, 10, 75, 140, 149, 150):
        p, C, one, _, _ = curve_fit(gaussian, x, y[i], start[i], full_output=True)
        np.testing.assert_allclose(popt[i], p, rtol=1e-9)
        np.testing.assert_allclose(pcov[i], C, rtol=1e-6)
        assert info["nfev"][i] == one["nfev"]


def test_a_queue_hands_out_every_fit_and_lets_those_left_over_end():
    queue = _many.Queue(40, 16)
    seen, ended = [], []
    while part := queue.take():
        seen.append(len(part.fits))
        left = part.fits[: part.patience]
        ended.extend(part.fits[part.patience :])
        packed = np.tile(left.astype(float), (2, 1))
        if part.packed is not None:
            np.testing.assert_array_equal(part.packed[0], part.fits)
        queue.put_back(Part(left, packed, 0))
    assert sorted(ended) == list(range(40))
    assert seen[:3] == [16, 16, 8]


def times(factor: float):
    return lambda x, a, mu, s: factor * gaussian(x, a, mu, s)


@pytest.mark.usefixtures("in_chunks")
def test_another_number_of_fits_or_an_equal_function_compiles_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    made: list[int] = []
    rows_of = _many_program.rows_of
    monkeypatch.setattr(_many_program, "rows_of", lambda *args: (made.append(1), rows_of(*args))[1])
    x, y, _ = stacked(7)
    for k, factor in ((3, 2.25), (7, 2.5), (1, 3.0)):
        popt, _ = curve_fit(times(factor), x, y[:k], START)
        expected = curve_fit(gaussian, x, y[0], START)[0] / [factor, 1, 1]
        np.testing.assert_allclose(popt[0], expected)
    assert len(made) == 1


# --- fits that fail ------------------------------------------------------------------------------


@pytest.mark.usefixtures("small_chunks")
def test_bad_fits_harm_no_others():
    x, y, _ = stacked(40)
    start = np.tile(START, (40, 1))
    y[3, 7], y[20, 0] = np.nan, np.inf
    start[5] = np.nan
    start[6] = [1.0, x[3], 0.0]  # 0 / 0
    start[39] = [1e-8, 80.0, 0.01]  # flat: nothing to go by
    good = np.setdiff1d(np.arange(40), [3, 5, 6, 20, 39])
    with pytest.warns(
        OptimizeWarning, match="4 of 40 fits did not converge, the first of them fit 3"
    ):
        popt, pcov, info, messages, ier = curve_fit(gaussian, x, y, start, full_output=True)
    np.testing.assert_array_equal(ier[[3, 5, 6, 20]], -5)
    assert messages[3] == "The residuals are not finite at the start."
    assert np.all(np.isinf(pcov[[3, 5, 6, 20]]))
    np.testing.assert_array_equal(popt[[3, 5, 20]], start[[3, 5, 20]])
    assert np.all(ier[good] > 0)
    expected = curve_fit(gaussian, x, y[good], START, full_output=True)
    np.testing.assert_allclose(popt[good], expected[0], rtol=1e-12)
    np.testing.assert_allclose(pcov[good], expected[1], rtol=1e-9)
    np.testing.assert_allclose(info["fvec"][good], expected[2]["fvec"], atol=1e-12)


def blind(x: Any, a: Any, b: Any):
    return a * jnp.nan_to_num(x) + b


@pytest.mark.parametrize("one_by_one", [False, True])
def test_abscissae_that_are_not_finite_are_the_fits_own_affair(one_by_one: bool):
    x = np.tile(np.linspace(0, 1, 10), (3, 1))
    y = 2 * x + np.arange(3.0)[:, None]
    x[1, 0] = np.nan  # for which the model takes 0, as it is
    options: dict[str, Any] = {"jac": "2-point"} if one_by_one else {}
    with pytest.warns(OptimizeWarning, match="1 of 3"):
        _, _, _, _, ier = curve_fit(blind, x, y, full_output=True, **options)
    np.testing.assert_array_equal(ier > 0, [True, False, True])
    popt, _ = curve_fit(blind, x, y, check_finite=False, **options)
    np.testing.assert_allclose(popt, [[2, 0], [2, 1], [2, 2]], atol=1e-6)


@pytest.mark.usefixtures("in_chunks")
def test_a_fit_that_spends_its_evaluations_says_so_and_no_more():
    x, y, _ = stacked(4)
    start = np.tile([2.9, 2.2, 0.6], (4, 1))
    start[2] = [0.3, 0.5, 4.0]
    with pytest.warns(
        OptimizeWarning, match="1 of 4 fits did not converge, the first of them fit 2"
    ):
        popt, pcov, info, messages, ier = curve_fit(
            gaussian, x, y, start, max_nfev=6, full_output=True, polish=False
        )
    assert ier[2] == 0
    assert info["nfev"][2] == 6
    assert messages[2] == "The maximum number of function evaluations is exceeded."
    assert np.all(np.isinf(pcov[2]))
    assert np.all(np.isfinite(popt))
    assert np.all(ier[[0, 1, 3]] > 0)


def rooted(x: Any, a: Any, b: Any):
    return jnp.sqrt(jnp.abs(a)) * x + b


def test_a_derivative_that_is_not_finite_gives_way_to_finite_differences():
    x = np.linspace(0, 1, 10)
    y = np.stack([2 * x + 1, 1.5 * x])
    start = np.array([[0.0, 1.0], [1.0, 0.0]])
    with pytest.warns(OptimizeWarning, match="finite differences"):
        popt, _ = curve_fit(rooted, x, y, start)
    np.testing.assert_allclose(popt, [[4, 1], [2.25, 0]], atol=1e-6)


# --- what a program of many cannot do ------------------------------------------------------------


def host_model(x: Any, a: Any, b: Any):
    return np.asarray(a) * np.exp(-np.asarray(b) * np.asarray(x))


@pytest.mark.parametrize(
    "options",
    [
        {"jac": "2-point"},
        {"callback": lambda intermediate_result: None, "method": "trf"},
        {"loss": lambda z: np.stack([z, np.ones_like(z), np.zeros_like(z)]), "method": "trf"},
        {"tr_solver": "lsmr", "method": "trf"},
        {"nan_policy": "omit"},
    ],
)
def test_what_needs_the_host_goes_fit_by_fit(options: dict[str, Any]):
    x, y, _ = stacked(2)
    if "nan_policy" in options:
        y[1, 3] = np.nan
    popt, pcov, info, messages, ier = curve_fit(gaussian, x, y, START, full_output=True, **options)
    for i, one in enumerate(y):
        p, C, single, _, _ = curve_fit(gaussian, x, one, START, full_output=True, **options)
        np.testing.assert_allclose(popt[i], p, rtol=1e-9)
        np.testing.assert_allclose(pcov[i], C, rtol=1e-9)
        fvec = info["fvec"][i]
        np.testing.assert_allclose(fvec[~np.isnan(one)], single["fvec"])
        assert np.all(np.isnan(fvec[np.isnan(one)]))
    assert len(messages) == len(ier) == 2


def test_a_function_that_jax_cannot_trace_warns_once():
    x = np.linspace(0, 2, 20)
    y = np.stack([2 * np.exp(-x), 3 * np.exp(-0.5 * x), np.full(20, np.nan)])
    with pytest.warns() as warned:
        popt, _ = curve_fit(host_model, x, y)
    assert [w.category for w in warned] == [UnacceleratedWarning, OptimizeWarning]
    np.testing.assert_allclose(popt[:2], [[2, 1], [3, 0.5]], atol=1e-5)


def trusting(x: Any, a: Any, b: Any):
    """What JAX traces is not what NumPy computes."""
    return a * x + (b if isinstance(x, np.ndarray) else b**2)


def test_a_function_whose_trace_means_something_else_is_called_from_python():
    x = np.linspace(0, 1, 10)
    y = np.stack([2 * x + 3, 1.5 * x + 0.5])
    with pytest.warns(UnacceleratedWarning):
        popt, _ = curve_fit(trusting, x, y)
    np.testing.assert_allclose(popt, [[2, 3], [1.5, 0.5]], rtol=1e-6)


def polynomial(x: Any, *c: Any):
    return jnp.polyval(jnp.stack(c), x)


def test_more_parameters_than_a_program_inverts_for():
    x = np.linspace(-1, 1, 60)
    y = np.stack([np.sin(5 * x), np.cos(4 * x)])
    popt, pcov = curve_fit(polynomial, x, y, np.zeros(17))
    np.testing.assert_allclose(popt[1], curve_fit(polynomial, x, y[1], np.zeros(17))[0])
    assert pcov.shape == (2, 17, 17)


def test_more_points_than_lanes_pay_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_many, "_VALUES", 8 * 40 - 1)
    monkeypatch.setattr(_many, "_in_chunks", lambda *args: pytest.fail("They do not pay."))
    x, y, _ = stacked(2)
    check(curve_fit(gaussian, x, y, START, full_output=True), singles(gaussian, x, y, p0=START))


@pytest.mark.usefixtures("in_chunks")
def test_single_precision():
    x, y, _ = stacked(3)
    found = curve_fit(gaussian, x, y, START, dtype=np.float32, full_output=True)
    expected = singles(gaussian, x, y, p0=START, dtype=np.float32)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)


def test_progress_in_one_line(capsys: pytest.CaptureFixture[str]):
    x, y, _ = stacked(2)
    curve_fit(gaussian, x, y, START, verbose=1)
    assert capsys.readouterr().out == "2 of 2 fits converged.\n"


# --- arguments -----------------------------------------------------------------------------------

Y = np.ones((4, 10))
X = np.arange(10.0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"xdata": np.ones((2, 10))}, ValueError, r"pass `xdata\[None\]`"),
        ({"xdata": np.ones(9)}, ValueError, r"`xdata` must have shape \(10,\)"),
        ({"xdata": np.ones((2, 3, 10))}, ValueError, r"got \(2, 3, 10\)"),
        ({"xdata": {"a": 1}}, ValueError, "must be an array; got dict"),
        ({"xdata": np.where(X == 3, np.nan, X)}, ValueError, "`xdata` must be finite"),
        ({"ydata": np.ones((0, 10))}, ValueError, "`ydata` must not be empty"),
        ({"ydata": np.ones((10, 1)), "xdata": X}, ValueError, r"Pass `ydata.ravel\(\)`"),
        ({"ydata": np.ones((4, 2)), "xdata": X[:2]}, TypeError, "as many points as parameters"),
        ({"ydata": 1j * Y}, ValueError, "must be real numbers"),
        ({"ydata": np.ones((2, 4, 10))}, ValueError, "`ydata` must have shape"),
        ({"p0": np.ones((3, 3))}, ValueError, r"`p0` must have shape \(n,\) or \(4, n\)"),
        ({"p0": np.ones((4, 2))}, ValueError, "must have a value for each parameter"),
        ({"p0": [1, np.nan, 1]}, ValueError, "`p0` must be finite"),
        (
            {"p0": np.ones((4, 3)), "bounds": (0, [[1], [1], [0.5], [1]] * np.ones(3))},
            ValueError,
            "for fit 2",
        ),
        ({"bounds": (1, 0)}, ValueError, "no lower bound above"),
        ({"bounds": (0, np.ones((3, 3)))}, ValueError, r"or \(4, 3\); got \(3, 3\)"),
        ({"bounds": 3}, ValueError, "must be a pair"),
        ({"sigma": np.ones((10, 10))}, ValueError, "take no covariance"),
        ({"sigma": np.ones(4)}, ValueError, "For one a fit"),
        ({"sigma": np.ones(3)}, ValueError, "`sigma` must be a number or have shape"),
        ({"nan_policy": "drop"}, ValueError, "`nan_policy` must be"),
        ({"ydata": np.where(Y == 1, np.nan, 0), "nan_policy": "raise"}, ValueError, "40 of 40"),
        ({"method": "lm", "bounds": (0, 9)}, ValueError, "takes no bounds"),
        ({"typo": 1}, TypeError, "no argument `typo`"),
    ],
)
def test_wrong_arguments_are_refused_in_a_sentence(
    arguments: dict[str, Any], error: type[Exception], message: str
):
    data: dict[str, Any] = {"xdata": X, "ydata": Y}
    with pytest.raises(error, match=message):
        curve_fit(gaussian, **{**data, **arguments})


def test_rows_of_different_lengths_are_no_data():
    with pytest.raises(ValueError, match="`ydata` must be real numbers in an array"):
        curve_fit(gaussian, X, [[1.0, 2.0], [1.0]])


def test_settings_of_jax_are_left_alone(settings_untouched: Any):
    x, y, _ = stacked(2)
    before = jax.config.read("jax_enable_x64")
    popt, _ = curve_fit(gaussian, x.astype(np.float32), y.astype(np.float32), START)
    assert popt.dtype == np.float64
    assert jax.config.read("jax_enable_x64") == before


# --- size ----------------------------------------------------------------------------------------

MEMORY = """
import resource, numpy as np, jax.numpy as jnp
from trustfit import curve_fit

def line(x, a, b):
    return a * x + b

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

x = np.linspace(0, 1, 20)
y = np.random.default_rng(0).normal(size=(100_000, 20))
curve_fit(line, x, y[:1000])
before = peak()
popt, pcov = curve_fit(line, x, y)
print(peak() - before)
"""


@pytest.mark.slow
def test_memory_is_that_of_the_results():
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True
    )
    results = 100_000 * (2 + 4 + 3) * 8 / 2**20
    assert float(done.stdout) < 3 * results + 10  # megabytes; the data are 15
