"""Fits of more points than a program takes at once: all processors, flat memory, no recompiles."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from trustfit import _chunks as chunks
from trustfit import _quick as quick
from trustfit import _streamed as streamed


def gaussian(x: Any, height: Any, centre: Any, width: Any) -> Any:
    return height * jnp.exp(-0.5 * ((x - centre) / width) ** 2)


def data(m: int) -> tuple[Any, Any]:
    x = np.linspace(-5, 5, m)
    y = 2.5 * np.exp(-0.5 * ((x - 0.6) / 0.9) ** 2)
    return x, y + np.random.default_rng(0).normal(0, 0.05, m)


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stream what is above 1,000 points, 1,024 at a time."""
    for module in (chunks, quick, streamed):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 1000)
    for module in (chunks, streamed):
        monkeypatch.setattr(module, "SEGMENT", 1024)


OPTIONS: list[dict[str, Any]] = [
    {},
    {"bounds": ([0, -5, 1.0], [2.2, 5, 4])},
    {"loss": "soft_l1", "f_scale": 0.1},
    {"x_scale": "jac"},
]


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "bounds", "loss", "scale"])
@pytest.mark.parametrize("m", [1025, 2048, 5000])
def test_it_finds_what_the_stepped_driver_finds(m: int, options: dict[str, Any]):
    x, y = data(m)
    start = [1.0, -0.5, 2.0]
    found = trustfit.least_squares(
        lambda p, x, y: gaussian(x, *p) - y, start, args=(x, y), **options
    )
    expected = trustfit.least_squares(
        lambda p, x, y: gaussian(x, *p) - y, start, args=(x, y), callback=lambda x: None, **options
    )
    assert found.status == expected.status
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-9)
    np.testing.assert_allclose(found.cost, expected.cost, rtol=1e-12)
    np.testing.assert_allclose(found.jac, expected.jac, rtol=1e-6, atol=1e-9)


@pytest.mark.usefixtures("small_segments")
def test_dependent_columns_are_solved_by_qr_in_segments():
    x, y = data(3000)

    def redundant(x: Any, a: Any, b: Any, c: Any) -> Any:
        return (a + b) * jnp.exp(-((x - c) ** 2))

    with pytest.warns(trustfit.OptimizeWarning, match="could not be estimated"):
        popt, pcov = trustfit.curve_fit(redundant, x, y, [1.0, 1.0, 0.0])
    r = redundant(x, *popt) - y
    reference, _ = trustfit.curve_fit(
        lambda x, s, c: s * jnp.exp(-((x - c) ** 2)), x, y, [2.0, 0.0]
    )
    # Without full rank there is no polishing, and `ftol` decides.
    best = reference[0] * np.exp(-((x - reference[1]) ** 2)) - y
    assert float(r @ r) == pytest.approx(float(best @ best), rel=1e-6)
    assert np.all(np.isinf(pcov))


@pytest.mark.usefixtures("small_segments")
def test_another_length_compiles_nothing_and_threads_do_not_change_sums():
    trustfit.curve_fit(gaussian, *data(3000), [1.0, -0.5, 2.0])
    compiled: list[str] = []

    def listen(event: str, duration_secs: float, **_: Any) -> None:
        if event.endswith("backend_compile_duration"):
            compiled.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        results = [trustfit.curve_fit(gaussian, *data(7777), [1.0, -0.5, 2.0]) for _ in range(5)]
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not compiled
    for popt, pcov in results[1:]:
        np.testing.assert_array_equal(popt, results[0][0])
        np.testing.assert_array_equal(pcov, results[0][1])


@pytest.mark.slow
def test_millions_of_points():
    x, y = data(1_500_000)
    popt, pcov = trustfit.curve_fit(gaussian, x, y, [1.0, -0.5, 2.0])
    np.testing.assert_allclose(popt, [2.5, 0.6, 0.9], atol=1e-3)
    assert np.all(np.sqrt(np.diag(pcov)) < 1e-3)
    y[1_234_567] = np.nan
    with pytest.raises(ValueError, match="1 of 1500000 values"):
        trustfit.curve_fit(gaussian, x, y, [1.0, -0.5, 2.0])
