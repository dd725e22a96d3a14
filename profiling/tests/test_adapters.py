import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jitscope import adapters, problems
from jitscope.errors import UserError
from jitscope.phases import PhaseRecorder
from numpy.testing import assert_allclose

from .fused_solver import ITERATIONS

TELLING = ("trustfit", "scipy")
"""Those that tell evaluations and status, and take bounds and `tr_solver`."""


def installed(solver: str) -> Any:
    """Return an adapter whose solver is installed; skip the test where it is not."""
    adapter = adapters.get(solver)
    try:
        adapter.import_solver()
    except UserError as error:
        pytest.skip(str(error))
    return adapter


def takes_many(adapter: Any) -> bool:
    problem = problems.get("linear_100")
    try:
        adapter.prepare_many(problem, np.stack([problem.y, problem.y]))
    except UserError:
        return False
    return True


@pytest.mark.parametrize("solver", TELLING)
class TestConformance:
    @pytest.mark.parametrize("name", ["linear_100", "exponential_100", "bounded_gaussian_1000"])
    def test_finds_the_reference_minimum(self, solver: str, name: str):
        adapter, problem = adapters.get(solver), problems.get(name)
        adapter.prepare(problem)
        adapter.run()
        result = adapter.result()
        assert result.success, result.message
        assert result.params is not None
        assert result.nfev is not None
        assert result.nfev >= 2
        assert result.status in (1, 2, 3, 4)
        assert result.cost is not None
        assert problem.reference_params is not None
        assert_allclose(result.cost, problem.reference_cost, rtol=1e-6)
        assert_allclose(result.params, problem.reference_params, rtol=1e-4)

    def test_iterative_solver_agrees(self, solver: str):
        adapter, problem = adapters.get(solver), problems.get("gaussian_1000")
        adapter.prepare(problem, tr_solver="lsmr")
        adapter.run()
        cost = adapter.result().cost
        assert cost is not None
        assert_allclose(cost, problem.reference_cost, rtol=1e-6)

    def test_prepare_replaces_the_problem(self, solver: str):
        adapter, problem = adapters.get(solver), problems.get("exponential_100")
        adapter.prepare(problem)
        adapter.run()
        first = adapter.result()
        adapter.prepare(problems.vary(problem, "data"))
        adapter.run()
        assert adapter.result().params != first.params

    def test_the_function_stays_unless_a_new_one_is_asked_for(self, solver: str):
        adapter: Any = adapters.get(solver)
        problem = problems.get("exponential_100")
        adapter.prepare(problem)
        function = adapter._call[0][0]
        adapter.prepare(problems.vary(problem, "length"))
        assert adapter._call[0][0] is function
        adapter.prepare(problem, new_function=True)
        assert adapter._call[0][0] is not function
        adapter.prepare(problems.get("linear_100"))
        assert adapter._call[0][0].__name__ == "linear"

    @pytest.mark.parametrize("name", ["exponential_100", "bounded_exponential_1000"])
    def test_counts_the_evaluations_of_the_same_fit(self, solver: str, name: str):
        adapter = adapters.get(solver)
        adapter.prepare(problems.get(name))
        adapter.run()
        nfev, njev = adapter.evaluations()
        assert nfev == adapter.result().nfev
        assert 2 <= njev <= nfev

    def test_an_unconverged_fit_is_a_result(self, solver: str, monkeypatch: pytest.MonkeyPatch):
        adapter: Any = adapters.get(solver)
        adapter.prepare(problems.get("exponential_100"))
        adapter._call[1]["max_nfev"] = 1
        adapter.run()
        result = adapter.result()
        assert not result.success
        assert result.params is None
        assert result.cost is None
        assert "maximum number of function evaluations" in result.message

    def test_other_failures_pass_through(self, solver: str):
        adapter: Any = adapters.get(solver)
        adapter.prepare(problems.get("exponential_100"))

        def broken(*_: Any, **__: Any) -> Any:
            raise RuntimeError("out of memory")

        adapter._module = type("Module", (), {"curve_fit": staticmethod(broken)})
        with pytest.raises(RuntimeError, match="out of memory"):
            adapter.run()

    def test_result_needs_a_run(self, solver: str):
        with pytest.raises(RuntimeError, match="needs a `run` first"):
            adapters.get(solver).result()

    def test_says_where_the_solver_is(self, solver: str):
        file = Path(adapters.get(solver).solver_file())
        assert file.is_file()
        assert solver in file.parts

    def test_stages_are_functions_that_exist(self, solver: str):
        adapter = adapters.get(solver)
        stepped = adapter.has_stepped_driver()
        adapter.prepare(problems.get("exponential_100"), stepped=stepped)
        stages = adapter.stages()
        for target in stages:
            module, function = target.split(":")
            assert callable(getattr(sys.modules[module], function))
        assert bool(stages) == (solver == "trustfit")
        # Only a stage's function is counted when it is entered.
        iterations = adapter.iterations()
        assert set(iterations.values()) <= set(stages)
        assert set(iterations) == ({"outer", "inner"} if solver == "trustfit" else set())

    def test_a_call_shows_the_stages_of_its_driver(self, solver: str):
        adapter, problem = adapters.get(solver), problems.get("exponential_100")
        if not adapter.has_stepped_driver():
            with pytest.raises(ValueError, match=f"this version of {solver} has no stepped driver"):
                adapter.prepare(problem, stepped=True)
            return
        adapter.prepare(problem)
        assert adapter.stages() == {}
        assert adapter.iterations() == {}
        adapter.prepare(problem, stepped=True)
        adapter.run()
        stepped = adapter.result()
        assert stepped.success
        adapter.prepare(problem)
        adapter.run()
        own = adapter.result()
        assert (stepped.nfev, stepped.status) == (own.nfev, own.status)
        assert stepped.cost is not None
        assert own.cost is not None
        assert_allclose(stepped.cost, own.cost, rtol=1e-12)

    def test_leaves_the_data_alone(self, solver: str):
        adapter, problem = adapters.get(solver), problems.get("exponential_100")
        adapter.prepare(problem)
        adapter.run()
        again = problems.get("exponential_100")
        for name in ("x", "y", "p0"):
            assert np.array_equal(getattr(problem, name), getattr(again, name))


@pytest.mark.parametrize("solver", adapters.NAMES)
class TestPlainCalls:
    """The call that most users write: parameters and covariance."""

    @pytest.mark.parametrize("name", ["linear_100", "exponential_1000"])
    def test_their_cost_is_worked_out_from_the_parameters(self, solver: str, name: str):
        adapter, problem = installed(solver), problems.get(name)
        adapter.prepare(problem, plain=True)
        adapter.run()
        result = adapter.result()
        assert result.success
        assert result.params is not None
        assert (result.nfev, result.status) == (None, None)
        assert problem.reference_params is not None
        assert_allclose(result.cost, problem.reference_cost, rtol=1e-6)
        assert_allclose(result.params, problem.reference_params, rtol=1e-4)

    def test_a_wrong_answer_has_a_high_cost(self, solver: str):
        adapter, problem = installed(solver), problems.get("linear_100")
        adapter.prepare(replace(problem, y=problem.y + 1.0), plain=True)
        adapter.run()
        adapter._problem = problem
        assert adapter.result().cost > 2 * problem.reference_cost

    def test_nothing_else_is_asked_for(self, solver: str):
        adapter = installed(solver)
        adapter.prepare(problems.get("linear_100"), plain=True)
        assert solver == "optimistix" or "full_output" not in adapter._call[1]

    def test_an_old_result_does_not_answer_for_a_new_problem(self, solver: str):
        adapter, problem = installed(solver), problems.get("linear_100")
        adapter.prepare(problem, plain=True)
        adapter.run()
        adapter.prepare(problems.vary(problem, "data"), plain=True)
        with pytest.raises(RuntimeError, match="needs a `run` first"):
            adapter.result()

    def test_many_fits_are_the_single_ones(self, solver: str):
        adapter, problem = installed(solver), problems.get("exponential_100")
        ys = np.stack([problem.y, problems.vary(problem, "data").y])
        if solver == "trustfit" and not takes_many(adapter):
            pytest.skip("this version of trustfit fits one curve a call")
        adapter.prepare_many(problem, ys)
        params = adapter.run_many()
        assert problem.reference_params is not None
        assert params.shape == (2, 3)
        assert_allclose(params[0], problem.reference_params, rtol=1e-4)
        assert np.all(params[1] != params[0])


class TestPeers:
    @pytest.mark.parametrize("solver", ["scipy_lm", "optimistix"])
    def test_what_it_cannot_fit_is_said(self, solver: str):
        adapter = installed(solver)
        with pytest.raises(UserError, match=f"{solver} takes neither bounds nor `tr_solver`"):
            adapter.prepare(problems.get("bounded_gaussian_1000"))
        with pytest.raises(UserError, match=f"{solver} takes neither bounds nor `tr_solver`"):
            adapter.prepare(problems.get("linear_100"), tr_solver="lsmr")
        with pytest.raises(ValueError, match=f"this version of {solver} has no stepped driver"):
            adapter.prepare(problems.get("linear_100"), stepped=True)
        with pytest.raises(UserError, match=f"^{solver}"):
            adapter.evaluations()

    @pytest.mark.parametrize("solver", ["nlsq", "optimistix"])
    def test_a_missing_package_says_what_installs_it(
        self, solver: str, monkeypatch: pytest.MonkeyPatch
    ):
        for module in [name for name in sys.modules if name.partition(".")[0] == solver]:
            monkeypatch.delitem(sys.modules, module)
        monkeypatch.setattr(sys, "path", [])
        with pytest.raises(UserError, match=rf"^`{solver}` is not installed; run `pip install "):
            adapters.get(solver).prepare(problems.get("linear_100"))

    def test_a_variant_comes_with_its_package(self):
        assert [adapters.package(name) for name in ("scipy", "scipy_lm")] == ["scipy", "scipy"]

    def test_a_version_that_takes_rows_for_one_curve_is_refused(
        self, monkeypatch: pytest.MonkeyPatch
    ):
        adapter: Any = adapters.get("trustfit")
        monkeypatch.setattr(adapter, "run_many", lambda: np.zeros(3))
        with pytest.raises(UserError, match="takes the rows of `ydata` for one curve"):
            adapter.prepare_many(problems.get("linear_100"), np.zeros((5, 100)))


class TestFusedSolver:
    """A solver whose own call is one compiled loop: the stages are the stepped driver's."""

    @pytest.fixture(name="adapter")
    def prepared(self, fused_solver: Path) -> Any:
        adapter = adapters.get("trustfit")
        assert adapter.has_stepped_driver()
        assert "trustfit" not in sys.modules  # nothing was imported to find out
        adapter.prepare(problems.get("linear_100"))
        assert Path(adapter.solver_file()).is_relative_to(fused_solver)
        return adapter

    def test_the_own_call_is_what_a_user_writes(self, adapter: Any):
        assert "callback" not in adapter._call[1]
        assert adapter.stages() == {}
        assert adapter.iterations() == {}
        assert "trustfit._stepped" not in sys.modules
        adapter.run()
        assert "trustfit._stepped" not in sys.modules

    def test_the_stepped_call_shows_stages_and_iterations(self, adapter: Any):
        adapter.prepare(problems.get("linear_100"), stepped=True)
        assert adapter.stages() == {
            "trustfit._stepped:evaluate": "residual and Jacobian",
            "trustfit._stepped:reduce_rows": "reduction",
            "trustfit._stepped:take_step": "trust-region step",
        }
        assert adapter.iterations() == {
            "outer": "trustfit._stepped:reduce_rows",
            "inner": "trustfit._stepped:take_step",
        }
        with PhaseRecorder(stages=adapter.stages()) as recorder:
            adapter.run()
        assert adapter.result().success
        assert recorder.record.calls["function:trustfit._stepped:take_step"] == 2 * ITERATIONS

    def test_a_stepped_call_does_not_stay(self, adapter: Any):
        adapter.prepare(problems.get("linear_100"), stepped=True)
        adapter.prepare(problems.get("linear_100"))
        assert "callback" not in adapter._call[1]
        assert adapter.stages() == {}

    def test_evaluations_are_counted_in_steps(self, adapter: Any):
        assert adapter.evaluations() == (7, 6)
        assert "trustfit._stepped" in sys.modules
        assert "trustfit._fused" not in sys.modules

    def test_a_version_without_a_fused_driver_shows_its_own_stages(self, fused_solver: Path):
        (fused_solver / "trustfit" / "_fused.py").unlink()
        adapter = adapters.get("trustfit")
        assert not adapter.has_stepped_driver()
        with pytest.raises(ValueError, match="has no stepped driver"):
            adapter.prepare(problems.get("linear_100"), stepped=True)
        adapter.prepare(problems.get("linear_100"))
        assert "reduction" in adapter.stages().values()
        assert set(adapter.iterations()) == {"outer", "inner"}

    def test_iterations_that_are_not_named_are_not_there(self, adapter: Any):
        adapter.prepare(problems.get("linear_100"), stepped=True)
        adapter.stages()
        vars(sys.modules["trustfit._stepped"]).pop("ITERATIONS")
        assert adapter.iterations() == {}


def test_unknown_solver():
    with pytest.raises(ValueError, match="unknown solver 'x'; the solvers are trustfit, scipy"):
        adapters.get("x")


def test_a_missing_package_names_its_extra(monkeypatch: pytest.MonkeyPatch):
    for module in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(UserError, match=r"`scipy` is not installed; run .*jitscope\[peers\]"):
        adapters.get("scipy").import_solver()


def test_getting_an_adapter_imports_no_array_library():
    code = (
        "import sys; from jitscope import adapters; [adapters.get(n) for n in adapters.NAMES];"
        "print([m for m in ('numpy', 'scipy', 'jax', 'trustfit') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
