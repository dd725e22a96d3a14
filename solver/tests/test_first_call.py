"""Solves by NumPy while there is no program: the same results, nothing compiled, no surprises."""

import contextlib
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from hypothesis import given, settings
from hypothesis import strategies as st
from trustfit import _serve as serve
from trustfit._background import Compilations
from trustfit._serve import Race

from .cases import DECAY, Case, assert_same_solution, decay
from .test_agreement import BOUNDED, CASES
from .test_rowwise_fits import MODELS


def assert_ways_agree(case: Case, **options: Any) -> None:
    by_numpy = case.ours(**options, driver="numpy")
    by_program = case.ours(**options, driver="compiled")
    assert (by_numpy.driver, by_program.driver) == ("numpy", "compiled")
    assert by_numpy.status == by_program.status
    assert_same_solution(by_program, by_numpy)


@pytest.mark.parametrize("x_scale", [1.0, "jac"])
@pytest.mark.parametrize("name", CASES)
def test_ways_agree_without_bounds(name: str, x_scale: Any):
    assert_ways_agree(CASES[name], x_scale=x_scale)


@pytest.mark.parametrize("name", BOUNDED)
def test_ways_agree_within_bounds(name: str):
    case, bounds = BOUNDED[name]
    assert_ways_agree(CASES[case], bounds=bounds)


@pytest.mark.parametrize("loss", ["soft_l1", "huber", "cauchy", "arctan"])
def test_ways_agree_on_losses(loss: str):
    assert_ways_agree(CASES["gaussian near"], loss=loss, f_scale=0.07)


@pytest.mark.parametrize("name", [one for one in MODELS if one != "loops for each point"])
def test_ways_agree_on_models_of_every_kind(name: str):
    x = np.linspace(0.0, 1.0, 50)
    with jax.enable_x64(True):
        y = np.asarray(MODELS[name](x, 1.3, 0.7)) + 0.01 * np.cos(37.0 * np.arange(50))
    by_numpy, by_program, by_default = (
        trustfit.curve_fit(MODELS[name], x, y, [1.0, 1.0], driver=way)
        for way in ("numpy", "compiled", "auto")
    )
    for found in (by_numpy, by_default):
        np.testing.assert_allclose(found[0], by_program[0], rtol=1e-7)
        np.testing.assert_allclose(found[1], by_program[1], rtol=1e-6, atol=1e-12)


TERMS = (
    lambda x, a: a * x,
    lambda x, a: jnp.exp(-a * x),
    lambda x, a: jnp.sin(a + x),
    lambda x, a: jnp.where(x > 0.5, a * x, a),
    lambda x, a: jnp.arctan(a * x) * jnp.sqrt(1 + x),
    lambda x, a: a * jnp.cumsum(x) / 30,
    lambda x, a: a * (x - jnp.mean(x)),
)


@settings(max_examples=25, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(range(len(TERMS))), min_size=1, max_size=3, unique=True),
    seed=st.integers(0, 2**32 - 1),
)
def test_ways_agree_on_random_models(chosen: list[int], seed: int):
    terms = [TERMS[one] for one in chosen]

    def model(x: Any, *p: Any) -> Any:
        return sum(term(x, one) for term, one in zip(terms, p, strict=True))

    rng = np.random.default_rng(seed)
    x = np.linspace(0, 2, 40)
    truth = rng.uniform(0.5, 1.5, len(terms))
    with jax.enable_x64(True):
        y = np.asarray(model(x, *truth)) + 1e-3 * rng.standard_normal(x.size)
    found = [
        trustfit.curve_fit(model, x, y, p0=truth * 1.1, driver=way) for way in ("numpy", "compiled")
    ]
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-5)


OFFSET = 1.0


def reads_global(x: Any, a: Any) -> Any:
    return a + OFFSET + 0 * x


def test_what_a_model_reads_is_never_stale(monkeypatch: pytest.MonkeyPatch):
    x, weights, box = np.linspace(1, 2, 5), np.ones(5), [2.0]

    def fit(f: Any) -> float:
        return float(trustfit.curve_fit(f, x, np.full(5, 12.0), p0=[1.0], driver="numpy")[0][0])

    def weighted(x: Any, a: Any) -> Any:
        return a * weights + 0 * x

    def boxed(x: Any, a: Any) -> Any:
        return a * box[0] + 0 * x

    assert [fit(reads_global), fit(weighted), fit(boxed)] == pytest.approx([11, 12, 6])
    monkeypatch.setitem(globals(), "OFFSET", 4.0)
    weights[:] = 3
    box[0] = 4.0
    assert [fit(reads_global), fit(weighted), fit(boxed)] == pytest.approx([8, 4, 3])


def run(code: str, **environment: str) -> str:
    """Run a program in a process of its own, which must end well; return what it printed."""
    head = """
    import jax, jax.numpy as jnp, numpy as np, sys, trustfit
    x = np.linspace(0, 4, 200)
    y = 2.5 * np.exp(-1.3 * x) + 0.01 * np.sin(50 * x)
    def model(x, a, k):
        return a * jnp.exp(-k * x)
    def fit(**options):
        return trustfit.curve_fit(model, x, y, p0=(1, 1), full_output=True, **options)
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(head) + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


def test_a_first_fit_compiles_nothing_and_starts_no_backend():
    code = """
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, _, **__: compiled.append(event) if "compile/backend" in event else None)
    popt, _, info, _, _ = fit(driver="auto")
    from jax._src import xla_bridge
    assert info["driver"] == "numpy", info
    assert not compiled, compiled
    assert not xla_bridge._backends
    assert "scipy" not in sys.modules
    print(np.round(popt, 3))
    """
    assert run(code).startswith("[2.5")


def test_that_is_the_default():
    assert run("print(fit()[2]['driver'])", TRUSTFIT_DRIVER="") == "numpy"


def test_the_program_is_made_at_the_second_fit_and_then_serves():
    code = """
    drivers, answers = [], []
    for _ in range(2):
        popt, pcov, info, _, _ = fit()
        drivers.append(info["driver"]), answers.append((popt, pcov))
    assert trustfit.wait_until_compiled(60)
    for _ in range(2):
        popt, pcov, info, _, _ = fit()
        drivers.append(info["driver"]), answers.append((popt, pcov))
    assert trustfit.wait_until_compiled(0)
    for popt, pcov in answers:
        np.testing.assert_allclose(popt, answers[0][0], rtol=1e-9)
        np.testing.assert_allclose(pcov, answers[0][1], rtol=1e-7)
    print(*drivers)
    """
    first, *_, third, fourth = run(code, TRUSTFIT_DRIVER="auto").split()
    assert (first, third, fourth) == ("numpy", "compiled", "compiled")


def test_the_end_of_the_process_waits_for_what_is_being_compiled():
    assert run("fit(); fit(); print('done')", TRUSTFIT_DRIVER="auto") == "done"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_child_fits_by_numpy():
    code = """
    import multiprocessing, warnings
    warnings.simplefilter("ignore")  # Python's and JAX's, of forks beside threads
    fit(), fit()
    trustfit.wait_until_compiled()
    fit()
    def child(queue):
        queue.put([fit()[2]["driver"] for _ in range(3)])
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=child, args=(queue,))
    process.start()
    print(*queue.get(timeout=60))
    process.join(60)
    assert process.exitcode == 0
    """
    assert run(code, TRUSTFIT_DRIVER="auto") == "numpy numpy numpy"
    assert multiprocessing.active_children() == []


def test_an_operation_without_a_rule_is_compiled():
    def model(x: Any, a: Any) -> Any:
        return a * x + 0 * jax.lax.reduce_precision(x, 8, 7)

    x = np.linspace(1, 2, 9)
    result = trustfit.curve_fit(model, x, 3 * x, full_output=True, driver="auto")
    assert result[0] == pytest.approx([3])
    if result[2]["driver"] == "compiled":
        with pytest.raises(ValueError, match=r"no rule for .*Leave `driver` out"):
            trustfit.curve_fit(model, x, 3 * x, driver="numpy")


@pytest.mark.slow
def test_more_points_than_a_program_takes_are_streamed_at_every_fit():
    x = np.linspace(-3, 3, 1_200_000)

    def model(x: Any, a: Any, b: Any) -> Any:
        return a * jnp.exp(-b * x**2)

    with jax.enable_x64(True):
        y = np.asarray(model(x, 2.5, 0.6))
    for _ in range(3):
        popt, _, info, _, _ = trustfit.curve_fit(model, x, y, full_output=True, driver="auto")
        assert popt == pytest.approx([2.5, 0.6])
        assert info["driver"] == "compiled"


def test_an_unknown_driver_is_refused():
    x, y = DECAY
    for _ in range(2):  # the second is answered by a plan
        trustfit.curve_fit(decay, x, y)
    with pytest.raises(ValueError, match=r"`driver` must be 'auto', .* got 'fast'"):
        trustfit.curve_fit(decay, x, y, driver="fast")  # pyright: ignore[reportArgumentType]
    code = """
    try:
        fit()
    except ValueError as error:
        print(error)
    """
    assert run(code, TRUSTFIT_DRIVER="fast").startswith("The environment variable TRUSTFIT_DRIVER")


def test_several_threads_fit_at_once():
    x, y = DECAY
    expected, _ = trustfit.curve_fit(decay, x, y, driver="compiled")
    found: list[Any] = []

    def fit() -> None:
        found.extend(trustfit.curve_fit(decay, x, y, driver="auto")[0] for _ in range(5))

    threads = [threading.Thread(target=fit) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 20
    for popt in found:
        np.testing.assert_allclose(popt, expected, rtol=1e-8)


class Started(Race):
    """A race whose program is never made."""

    turns = 0
    started_at: int | None = None

    def start(self) -> None:
        if self.started_at is None:
            self.started_at = self.turns

    def run(self) -> int | None:
        """Look at each of the clock's times, and return at which of them a program is started."""
        with contextlib.suppress(StopIteration):
            while True:
                self.look()
                self.turns += 1
        return self.started_at


@pytest.mark.parametrize(
    ("turns_s", "started_at"),
    [
        ([0.001] * 40, None),
        ([0.25, *[0.001] * 12], None),  # a first evaluation with all that is there for once
        ([0.001, 0.001, 0.25, *[0.001] * 12], None),  # a busy machine
        ([0.03] * 40, 2),
        ([0.2, *[0.03] * 40], 2),
        ([0.4, 0.001], 1),  # it has taken as long already
        ([0.00101] * 400, 298),
    ],
)
def test_a_program_is_started_once_numpy_takes_as_long_as_making_it(
    turns_s: list[float], started_at: int | None
):
    times = iter(np.cumsum([0.0, *turns_s]).tolist())
    compilations = Compilations()
    assert compilations.expected_s == pytest.approx(0.3)
    call: Any = None
    assert Started(compilations, call, None, lambda: next(times)).run() == started_at


class TestCompilations:
    def test_what_fails_is_told_once(self):
        compilations = Compilations()

        def lower() -> list[Any]:
            raise RuntimeError("no such operation")

        compilations.start("program", lower)
        assert compilations.wait(10)
        assert compilations.progress("program") == "failed"
        assert str(compilations.failure("program")) == "no such operation"
        assert compilations.failure("program") is None

    def test_a_program_is_ready_once_it_is_compiled(self):
        compilations, go = Compilations(), threading.Event()

        class Lowered:
            def compile(self) -> None:
                assert go.wait(10)

        compilations.start("program", lambda: [Lowered()])
        assert compilations.progress("program") == "made"
        assert not compilations.wait(0.01)
        go.set()
        assert compilations.wait(10)
        assert compilations.progress("program") == "ready"

    def test_uses_are_counted(self):
        compilations = Compilations()
        assert [compilations.use("a"), compilations.use("b"), compilations.use("a")] == [0, 0, 1]
        compilations.forget()
        assert compilations.use("a") == 0


def test_a_failed_program_is_a_warning_of_the_next_call(monkeypatch: pytest.MonkeyPatch):
    server = serve.Server()
    monkeypatch.setattr("trustfit._solve.SERVER", server)
    monkeypatch.setattr(serve.Call, "lowered", _fail)

    def model(x: Any, a: Any, b: Any) -> Any:
        return a * jnp.tanh(b * x) + jnp.cosh(a)

    x = np.linspace(0, 1, 30)
    with jax.enable_x64(True):
        y = np.asarray(model(x, 1.5, 0.7))
    for _ in range(2):
        trustfit.curve_fit(model, x, y, driver="auto")
    with pytest.warns(trustfit.UnacceleratedWarning, match=r"RuntimeError: planted"):
        popt, _ = trustfit.curve_fit(model, x, y, driver="auto")
    assert popt == pytest.approx([1.5, 0.7])
    trustfit.curve_fit(model, x, y, driver="auto")  # it is told once


def _fail(*_: Any) -> list[Any]:
    raise RuntimeError("planted")
