import subprocess
import sys

import numpy as np
import pytest
from jitscope import fresh, growth, many, problems
from jitscope.errors import UserError
from jitscope.fresh import ChildFailed


def test_the_warm_up_fit_has_the_same_model_and_few_points():
    problem = problems.get("gaussian_10000")
    small = growth.shortened(problem)
    assert small.model is problem.model
    assert len(small.x) == len(small.y) == 100
    assert small.y.base is None  # it does not keep the data alive
    assert len(growth.shortened(problems.get("linear_100")).x) == 100


def test_memory_is_counted_above_the_data():
    code = (
        "import numpy as np; from jitscope import _memory; kept = np.ones(4_000_000);"
        "_memory.settle(); level = _memory.reset_peak(); gone = np.ones(8_000_000); del gone;"
        "print(_memory.peak_bytes() - level)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 60e6 < int(done.stdout) < 75e6


def test_growth_in_a_process_of_its_own():
    arguments = ["--solver", "scipy_lm", "--problem", "gaussian_scaling_100000", "--budget", "0"]
    found = fresh.run_child("jitscope.growth", arguments, what="the run")
    assert found["points"] == 100_000
    assert len(found["calls_ns"]) == 1
    # Jacobian, residuals and copies: several times the 0.8 MB of the ordinates.
    assert 2e6 < found["peak_bytes"] < 100e6


def test_what_a_solver_cannot_is_the_reason():
    arguments = ["--solver", "scipy_lm", "--problem", "bounded_gaussian_1000"]
    with pytest.raises(ChildFailed, match="the run failed: scipy_lm takes neither bounds"):
        fresh.run_child("jitscope.growth", arguments, what="the run")


class TestManyCurves:
    def test_they_differ_and_are_always_the_same(self):
        problem, ys, true = many.curves(5)
        assert ys.shape == (5, len(problem.x))
        assert true.shape == (5, 3)
        assert np.ptp(true[:, 0]) > 0
        assert np.array_equal(ys, many.curves(5)[1])

    def test_minima_pass_and_other_parameters_do_not(self):
        from scipy.optimize import curve_fit

        problem, ys, true = many.curves(4)
        model = problem.model(np)
        params = np.array([curve_fit(model, problem.x, y, problem.p0)[0] for y in ys])
        many.check_answers(problem, ys, true, params)
        with pytest.raises(UserError, match="4 of 4 fits did not end at their minimum"):
            many.check_answers(problem, ys, true, params * 1.001)
        # A minimum, but another one: the peak is nowhere near.
        lost = params.copy()
        lost[2] = (1e-9, 40.0, 1.0)
        with pytest.raises(UserError, match="1 of 4 fits did not"):
            many.check_answers(problem, ys, true, lost)
        lost[2] = np.nan
        with pytest.raises(UserError, match="1 of 4 fits did not"):
            many.check_answers(problem, ys, true, lost)
        with pytest.raises(UserError, match=r"shape \(3,\), not \(4, 3\)"):
            many.check_answers(problem, ys, true, params[0])

    def test_in_a_process_of_its_own(self):
        arguments = ["--solver", "scipy_lm", "--fits", "20", "--calls", "2"]
        found = fresh.run_child("jitscope.many", arguments, what="the run")
        assert (found["fits"], found["points"], len(found["calls_ns"])) == (20, 100, 2)
        assert found["peak_bytes"] is not None
