"""Tests of calls from several threads, and of what calls leave as it was."""

import gc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit

THREADS = 8
MODELS: tuple[Callable[..., Any], ...] = (
    lambda x, a, b: a * jnp.exp(-b * x),
    lambda x, a, b: a * jnp.sin(b * x) + 0.1,
    lambda x, a, b: a * (x - x.mean()) + b,
    lambda x, a, b: a * jnp.cumsum(x) / len(x) + b * x,
)
LENGTHS = (20, 129, 1100, 3000)


def _job(index: int, m: int) -> tuple[Any, ...]:
    x = np.linspace(0.0, 1.0, m)
    y = 1.3 * np.exp(-0.7 * x) + 0.01 * np.cos(37.0 * np.arange(m) + index)
    return MODELS[index % len(MODELS)], x, y, [1.0, 1.0]


def _fit(job: tuple[Any, ...]) -> tuple[bytes, bytes]:
    popt, pcov = trustfit.curve_fit(*job)
    return popt.tobytes(), pcov.tobytes()


def _least_squares(job: tuple[Any, ...]) -> tuple[bytes, bytes]:
    f, x, y, p0 = job
    result = trustfit.least_squares(lambda p: f(jnp.asarray(x), p[0], p[1]) - y, p0)
    return result.x.tobytes(), result.jac.tobytes()


def _at_once(function: Callable[[Any], Any], jobs: list[Any], threads: int) -> list[Any]:
    barrier = Barrier(threads)

    def run(which: int) -> list[Any]:
        barrier.wait()
        which %= len(jobs)
        turned = jobs[which:] + jobs[:which]
        done = [function(job) for job in turned]
        return done[len(jobs) - which :] + done[: len(jobs) - which]

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))


@pytest.mark.usefixtures("by_programs")
@pytest.mark.parametrize("function", [_fit, _least_squares])
def test_calls_at_once_give_what_calls_one_by_one_give(function: Callable[[Any], Any]):
    jobs = [_job(i + 5 * j, m) for j, m in enumerate(LENGTHS) for i in range(3)]
    expected = [function(job) for job in jobs]
    for done in _at_once(function, jobs, THREADS):
        assert done == expected


def test_first_calls_at_once():
    def make(k: float) -> Callable[..., Any]:
        return lambda x, a, b: a * jnp.exp(-b * x) + k * jnp.tanh(x) ** 3

    x, y = _job(0, 150)[1:3]
    jobs = [(make(k), x, y, [1.0, 1.0]) for k in (0.1, 0.2, 0.3)]
    results = _at_once(_fit, jobs, THREADS)
    expected = [_fit(job) for job in jobs]
    assert all(done == expected for done in results)


def _settings() -> tuple[Any, ...]:
    return dict(jax.config.values), jnp.zeros(1).dtype, jnp.asarray(1.0).dtype, gc.isenabled()


def _broken(x: Any, a: Any) -> Any:
    raise KeyError("broken")


def _not_finite(x: Any, a: Any) -> Any:
    return a * x / 0.0


@pytest.mark.parametrize("m", [20, 2000])
@pytest.mark.parametrize("enabled", [True, False])
def test_settings_are_left_alone(m: int, enabled: bool):
    before_all = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        before = _settings()
        for index in range(4):
            for _ in range(3):
                _fit(_job(index, m))
                _least_squares(_job(index, m))
                assert _settings() == before
        for broken in (_broken, _not_finite):
            for _ in range(2):
                with pytest.raises((KeyError, ValueError)):
                    trustfit.curve_fit(broken, *_job(0, m)[1:3])
                assert _settings() == before
        _at_once(_fit, [_job(i, m) for i in range(4)], THREADS)
        assert _settings() == before
    finally:
        (gc.enable if before_all else gc.disable)()
