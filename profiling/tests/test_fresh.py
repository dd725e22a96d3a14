import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jitscope import adapters, fresh, problems, sample
from jitscope.adapters import FitResult
from jitscope.errors import UserError
from jitscope.fresh import ChildFailed, measure_conditions, run_child, run_sample
from jitscope.phases import PhaseRecord

from .fused_solver import ITERATIONS
from .solvers import installed


def assert_adds_up(measured: sample.Sample) -> None:
    assert measured.phases_ns is not None
    seen = [own_ns for own_ns in measured.phases_ns.values() if own_ns is not None]
    assert sum(seen) == measured.wall_ns


class TestSamples:
    def test_scipy_has_no_backend_and_compiles_nothing(self):
        measured = run_sample("exponential_100", "cold", solver="scipy")
        assert_adds_up(measured)
        assert measured.phases_ns is not None
        assert measured.phases_ns["backend"] is None
        assert measured.phases_ns["compile"] == 0
        assert (measured.phases_ns["import"] or 0) > 10_000_000
        assert measured.modules == []
        assert measured.unobserved_wall_ns is None
        assert measured.overhead_ns is None
        assert "scipy" in Path(measured.solver_file).parts
        assert measured.result["success"]

    def test_unobserved_has_a_wall_alone(self):
        measured = run_sample("linear_100", "cold", solver="scipy", observed=False)
        assert measured.phases_ns is None
        assert measured.wall_ns is None
        assert measured.unobserved_wall_ns is not None
        assert measured.unobserved_call_ns is not None
        assert measured.unobserved_wall_ns > measured.unobserved_call_ns + 10_000_000

    def test_a_plain_call_tells_its_parameters_alone(self):
        full = run_sample("linear_100", "cold", solver="scipy", observed=False)
        plain = run_sample("linear_100", "cold", solver="scipy", observed=False, plain=True)
        assert full.result["nfev"] is not None
        assert plain.result["nfev"] is None
        assert plain.result["params"] == full.result["params"]
        assert plain.result["cost"] == pytest.approx(full.result["cost"], rel=1e-12)

    def test_later_calls_import_nothing(self):
        measured = run_sample("linear_100", "warm_memory", solver="scipy")
        assert_adds_up(measured)
        assert measured.phases_ns is not None
        assert measured.phases_ns["import"] is None
        assert measured.wall_ns is not None
        assert measured.unobserved_wall_ns is not None
        assert measured.overhead_ns == measured.wall_ns - measured.unobserved_wall_ns

    @pytest.mark.slow
    def test_the_three_conditions_of_a_solver_that_compiles(self):
        installed("optimistix")
        found = dict(measure_conditions("linear_100", solver="optimistix"))
        samples = {name: one for name, one in found.items() if isinstance(one, sample.Sample)}
        assert set(samples) == set(sample.CONDITIONS), found
        for one in samples.values():
            assert_adds_up(one)
            assert one.overhead_ns is not None
            assert one.versions["jax"] is not None
        phases = {name: one.phases_ns or {} for name, one in samples.items()}
        assert (phases["cold"]["backend"] or 0) > 0
        assert (phases["cold"]["compile"] or 0) > 0
        assert phases["cold"]["cache_load"] == 0
        assert phases["warm_disk"]["compile"] == 0
        assert (phases["warm_disk"]["cache_load"] or 0) > 0
        assert all(module["cache_hit"] for module in samples["warm_disk"].modules)
        assert phases["warm_memory"]["import"] is None
        assert phases["warm_memory"]["backend"] is None
        assert phases["warm_memory"]["compile"] == 0

    def test_the_three_conditions_of_trustfit(self):
        found = dict(measure_conditions("linear_100"))
        samples = {name: one for name, one in found.items() if isinstance(one, sample.Sample)}
        assert set(samples) == set(sample.CONDITIONS), found
        for one in samples.values():
            assert_adds_up(one)
            assert not one.modules
        cold, warm = (samples[name].phases_ns or {} for name in ("cold", "warm_memory"))
        # The first fit is NumPy's, of what JAX traced; the warm one is the program's.
        assert (cold["trace"] or 0) > 0
        assert cold["compile"] == cold["lower"] == 0
        assert (warm["dispatch"] or 0) > 0
        # Where a stepped driver exists beside it, the own call is one compiled loop without stages.
        stepped = adapters.get("trustfit").has_stepped_driver()
        stages = set(samples["warm_memory"].by_stage_ns) - {""}
        assert (stages == set()) == stepped
        assert all(not one.stepped for one in samples.values())

    @pytest.mark.slow
    def test_a_stepped_sample_has_stages_and_iterations(self, fused_solver: Path):
        measured = run_sample("linear_100", "warm_memory", stepped=True)
        assert Path(measured.solver_file).is_relative_to(fused_solver)
        assert_adds_up(measured)
        assert measured.stepped
        assert "reduction" in measured.by_stage_ns
        assert measured.iterations == {"outer": ITERATIONS, "inner": 2 * ITERATIONS}
        cold = run_sample("linear_100", "cold", stepped=True)
        assert "reduction" in cold.by_stage_ns

    def test_a_solver_without_a_stepped_driver_is_not_called_in_steps(self):
        with pytest.raises(ChildFailed, match=r"with scipy, stepped failed: .*no stepped driver"):
            run_sample("linear_100", "warm_memory", solver="scipy", stepped=True)


class TestFailures:
    def test_a_solver_from_elsewhere_is_refused(self, tmp_path: Path):
        with pytest.raises(ChildFailed, match=r"the cold sample .*scipy was imported from .*not"):
            run_sample("linear_100", "cold", solver="scipy", expected_prefix=tmp_path)

    def test_the_last_line_of_stderr_is_the_reason(self, monkeypatch: pytest.MonkeyPatch):
        fake_child(monkeypatch, returncode=1, stderr="Traceback\n  ...\nKeyError: 'x'\n\n")
        with pytest.raises(ChildFailed, match=r"^the fit failed: KeyError: 'x'$"):
            run_child("any", [], what="the fit")

    def test_a_killed_child_is_named(self, monkeypatch: pytest.MonkeyPatch):
        fake_child(monkeypatch, returncode=-11)
        with pytest.raises(ChildFailed, match="the interpreter died of SIGSEGV"):
            run_child("any", [], what="the fit")

    def test_silence_is_a_failure(self, monkeypatch: pytest.MonkeyPatch):
        fake_child(monkeypatch, returncode=0, stdout="")
        with pytest.raises(ChildFailed, match="it printed no measurement"):
            run_child("any", [], what="the fit")

    def test_what_a_solver_prints_is_ignored(self, monkeypatch: pytest.MonkeyPatch):
        fake_child(monkeypatch, returncode=0, stdout='iteration 1\n{"wall_ns": 5}\n')
        assert run_child("any", [], what="the fit") == {"wall_ns": 5}

    def test_too_slow(self):
        with pytest.raises(ChildFailed, match=r"the fit failed: it took longer than 0.01 s"):
            run_child("jitscope.sample", ["--help"], what="the fit", timeout_s=0.01)

    def test_one_failing_condition_spares_the_others(self, monkeypatch: pytest.MonkeyPatch):
        def one(problem: str, condition: str, **_: Any) -> sample.Sample:
            if condition == "warm_memory":
                raise ChildFailed("broken")
            return a_sample(problem, condition)

        monkeypatch.setattr(fresh, "run_sample", one)
        found = dict(measure_conditions("linear_100"))
        assert isinstance(found["warm_memory"], ChildFailed)
        assert isinstance(found["cold"], sample.Sample)
        assert isinstance(found["warm_disk"], sample.Sample)


def fake_child(
    monkeypatch: pytest.MonkeyPatch, *, returncode: int, stdout: str = "", stderr: str = ""
) -> None:
    done = SimpleNamespace(returncode=returncode, stdout=stdout, stderr=stderr)
    monkeypatch.setattr(fresh.subprocess, "run", lambda *_, **__: done)


def a_sample(problem: str, condition: str) -> sample.Sample:
    record: Mapping[str, int] = {"host": 5}
    return sample.Sample(
        "trustfit", problem, condition, record, 5, 4, 3, {}, {}, [], {}, "trustfit/__init__.py", {}
    )


class TestEnvironment:
    def test_cold_has_no_cache_and_no_inherited_settings(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
        monkeypatch.setenv("JAX_ENABLE_COMPILATION_CACHE", "true")
        monkeypatch.setenv("JAX_ENABLE_X64", "true")
        monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=x")
        monkeypatch.setenv("JAX_PLATFORMS", "cpu")
        monkeypatch.setenv("TRUSTFIT_CACHE", "elsewhere")
        environment = fresh.child_environment()
        ours = ("JAX_", "XLA_", "TRUSTFIT_")
        settings = {n: v for n, v in environment.items() if n.startswith(ours)}
        assert settings == {
            "TRUSTFIT_CACHE": "off",
            "JAX_ENABLE_COMPILATION_CACHE": "false",
            "JAX_PLATFORMS": "cpu",
            "JAX_TRACEBACK_FILTERING": "off",
        }
        assert environment["PATH"] == os.environ["PATH"]

    def test_a_disk_cache_takes_every_program(self, tmp_path: Path):
        environment = fresh.child_environment(tmp_path)
        assert environment["JAX_ENABLE_COMPILATION_CACHE"] == "true"
        assert environment["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path)
        assert Path(environment["TRUSTFIT_CACHE"]).parent == tmp_path
        assert environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "0"
        assert environment["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] == "-1"


class TestAnswers:
    @pytest.mark.parametrize("excess", [2e-6, 1.0, float("nan")])
    def test_a_worse_cost_is_a_failure(self, excess: float):
        problem = problems.get("linear_100")
        cost = problem.reference_cost * (1 + excess)
        with pytest.raises(UserError, match="wrong answer for linear_100: cost"):
            sample.check_answer(problem, FitResult((1.0,), cost, 3, 1, True, "converged"))

    def test_rounding_is_not(self):
        problem = problems.get("linear_100")
        cost = problem.reference_cost * (1 + 1e-9)
        sample.check_answer(problem, FitResult((1.0,), cost, 3, 1, True, "converged"))

    def test_unconverged_is_a_failure(self):
        result = FitResult(None, None, None, None, False, "Optimal parameters not found: x")
        with pytest.raises(UserError, match="linear_100 did not converge: Optimal parameters"):
            sample.check_answer(problems.get("linear_100"), result)


def test_unmeasured_phases_stay_unmeasured_when_added():
    def record(**phases_ns: int | None) -> PhaseRecord:
        return PhaseRecord(0, phases_ns, {}, {}, ())

    total = sample.add_phases(
        [record(backend=None, compile=None, host=2), record(backend=None, compile=3, host=4)]
    )
    assert total == {"backend": None, "compile": 3, "host": 6}


def test_a_sample_survives_json():
    original = a_sample("linear_100", "cold")
    assert sample.Sample(**json.loads(json.dumps(vars(original)))) == original


def test_the_child_imports_nothing_heavy_before_it_measures():
    code = "print([m for m in ('numpy', 'jax', 'scipy', 'trustfit') if m in sys.modules])"
    command = [sys.executable, "-c", f"import sys, jitscope.sample; {code}"]
    done = fresh.subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
