"""Many fits at once: chunks, threads, what is compiled, what is told, and memory."""

import subprocess
import sys

import numpy as np
import pytest
from trustfit import _many, _many_program, curve_fit
from trustfit._many_chunk import Part

from .many_fits import START, gaussian, stacked


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


def test_progress_in_one_line(capsys: pytest.CaptureFixture[str]):
    x, y, _ = stacked(2)
    curve_fit(gaussian, x, y, START, verbose=1)
    assert capsys.readouterr().out == "2 of 2 fits converged.\n"


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
