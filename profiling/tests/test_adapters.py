import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jitscope import adapters, problems
from jitscope.conversions import ConversionRecorder
from jitscope.errors import UserError
from jitscope.phases import PhaseRecorder
from numpy.testing import assert_allclose

from .fused_solver import ITERATIONS
from .solvers import installed

TELLING = ("trustfit", "scipy")
"""Those that tell evaluations and status, and take bounds and `tr_solver`."""


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


class TestPeers:
    @pytest.mark.parametrize("solver", ["trustfit", "scipy", "scipy_lm", "nlsq"])
    def test_a_plain_call_asks_for_nothing_else(self, solver: str):
        adapter = installed(solver)
        adapter.prepare(problems.get("linear_100"), plain=True)
        assert "full_output" not in adapter._call[1]

    def test_a_call_after_many_is_a_single_one(self):
        adapter, problem = installed("optimistix"), problems.get("exponential_100")
        adapter.prepare(problem)
        adapter.prepare_many(problem, np.stack([problem.y, problem.y]))
        adapter.run_many()
        adapter.prepare(problem)
        adapter.run()
        assert len(adapter.result().params) == 3

    def test_what_an_adapter_converts_is_a_line_of_its_own(self):
        adapter = installed("optimistix")
        adapter.prepare(problems.get("exponential_100"))
        adapter.run()
        with ConversionRecorder() as recorder:
            adapter.run()
        assert {Path(site.file).name for site in recorder.sites} == {"base.py"}
        assert {(site.kind, site.count) for site in recorder.sites} == {
            ("jit argument", 3),
            ("numpy", 2),
        }

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
