import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asv_runner.discovery import disc_benchmarks
from jitscope import adapters, fresh, many, problems
from jitscope.errors import Unsupported
from jitscope.fresh import ChildFailed
from jitscope.phases import PHASES
from jitscope.sample import CONDITIONS, Sample

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(name="suite")
def import_suite(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that imports a module of the suite, as asv does."""
    monkeypatch.syspath_prepend(str(ROOT))
    return lambda name: importlib.import_module(f"asv_bench.{name}")


def test_asv_finds_the_benchmarks(suite: Any):
    found = {benchmark.name: benchmark for benchmark in disc_benchmarks(str(ROOT / "asv_bench"))}
    subjects = {name.split(".")[0] for name in found}
    assert subjects == {path.stem for path in (ROOT / "asv_bench").glob("bench_*.py")}
    for benchmark in found.values():
        assert benchmark.version.isdecimal(), benchmark.name  # by hand: asv's own is a hash
        assert benchmark.timeout >= 60, benchmark.name
    phases = found["bench_phases.Phases.track_phase_s"]
    assert phases.param_names == ["problem", "condition", "phase"]
    assert phases.unit == "s"
    assert phases.params[2] == [repr(p) for p in (*PHASES, "wall", "unobserved_wall")]
    conversions = found["bench_conversions.Conversions.track_count"]
    assert conversions.param_names == ["problem", "direction"]


def test_what_is_measured_once_is_shared(suite: Any):
    keys = {
        benchmark.name: benchmark.setup_cache_key
        for benchmark in disc_benchmarks(str(ROOT / "asv_bench"))
    }
    assert len(set(keys.values()) - {None}) == 8
    assert (
        keys["bench_memory.PeakAboveData.track_peak_bytes"]
        == keys["bench_scaling.PerPoint.track_growth"]
    )
    assert (
        keys["bench_jit.FirstCall.track_later_call_s"]
        == (keys["bench_phases.Phases.track_phase_s"])
    )


def test_the_suite_imports_nothing_heavy():
    code = (
        "import sys, pkgutil, importlib, asv_bench;"
        "[importlib.import_module(f'asv_bench.{m.name}') for m in "
        "pkgutil.iter_modules(asv_bench.__path__)];"
        "print([m for m in ('jax', 'scipy', 'pytest', 'trustfit') if m in sys.modules])"
    )
    path = os.pathsep.join((str(ROOT), str(ROOT / "profiling")))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def a_sample(problem: str, condition: str, compile_ns: int) -> Sample:
    phases_ns: dict[str, int | None] = dict.fromkeys(PHASES, 0)
    phases_ns.update(compile=compile_ns, host=1_000_000)
    if condition == "warm_memory":
        phases_ns.update({"import": None, "backend": None})
    wall_ns = compile_ns + 1_000_000
    return Sample(
        "trustfit", problem, condition, phases_ns, wall_ns, 900_000, 800_000, {}, {}, [], {}, "", {}
    )


class TestPhases:
    @pytest.fixture(name="cache")
    def measure(self, suite: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
        """Measure with a fake child: linear_100 fails cold, the rest works."""
        rounds = iter(range(1, 1000))

        def conditions(problem: str, **_: Any) -> Any:
            for condition in CONDITIONS:
                if (problem, condition) == ("linear_100", "cold"):
                    yield condition, ChildFailed("the cold sample failed: no solver")
                else:
                    yield condition, a_sample(problem, condition, 1_000_000 * next(rounds))

        monkeypatch.setenv("JITSCOPE_SAMPLES", "2")
        monkeypatch.setattr(fresh, "measure_conditions", conditions)
        return suite("bench_phases").Phases().setup_cache()

    def test_samples_and_unmeasured(self, suite: Any, cache: Any):
        track = suite("bench_phases").Phases().track_phase_s
        compiled = track(cache, "exponential_1000", "cold", "compile")
        assert compiled["number"] == 1
        assert len(compiled["samples"]) == 2
        host = track(cache, "exponential_1000", "cold", "host")
        wall = track(cache, "exponential_1000", "cold", "wall")
        assert host["samples"] == [0.001, 0.001]
        assert wall["samples"] == pytest.approx([0.001 + one for one in compiled["samples"]])
        unobserved = track(cache, "exponential_1000", "cold", "unobserved_wall")
        assert unobserved["samples"] == [0.0009, 0.0009]
        assert math.isnan(track(cache, "exponential_1000", "warm_memory", "import"))

    def test_a_failing_problem_fails_alone(self, suite: Any, cache: Any):
        track = suite("bench_phases").Phases().track_phase_s
        with pytest.raises(RuntimeError, match="the cold sample failed: no solver"):
            track(cache, "linear_100", "cold", "wall")
        assert track(cache, "linear_100", "warm_disk", "wall")["samples"]

    def test_first_and_later_calls_are_the_unobserved_ones(self, suite: Any, cache: Any):
        calls = suite("bench_jit").FirstCall()
        assert calls.track_first_call_s(cache, "cubic_50000")["samples"] == [0.0008, 0.0008]


class TestCounts:
    def test_one_failing_problem_is_kept_as_its_error(
        self, suite: Any, monkeypatch: pytest.MonkeyPatch
    ):
        def child(module: str, arguments: list[str], **_: Any) -> dict[str, Any]:
            assert module == "jitscope.count"
            problem = arguments[arguments.index("--problem") + 1]
            if problem == "cubic_50000":
                raise ChildFailed("counting cubic_50000 failed: KeyError")
            assert ("--once" in arguments) == (problems.get(problem).size in _ONCE)
            return {"nfev": 7, "cost_digits_lost": None, "result": {"message": "gave up"}}

        monkeypatch.setattr(fresh, "run_child", child)
        evaluations = suite("bench_iterations").Evaluations()
        cache = evaluations.setup_cache()
        assert evaluations.track_nfev(cache, "linear_100") == 7
        with pytest.raises(RuntimeError, match="KeyError"):
            evaluations.track_nfev(cache, "cubic_50000")
        with pytest.raises(RuntimeError, match="linear_100 gave no solution: gave up"):
            suite("bench_accuracy").Accuracy().track_cost(cache, "linear_100")

    def test_an_ill_conditioned_fit_must_end_in_success(self, suite: Any):
        bench = suite("bench_ill_conditioned").IllConditioned()
        counts = {"nfev": 9, "result": {"success": False, "message": "gave up"}}
        with pytest.raises(RuntimeError, match="ended with: gave up"):
            bench.track_nfev({"p": counts}, "p")
        assert bench.track_nfev({"p": {**counts, "result": {"success": True}}}, "p") == 9


class TestPlainCalls:
    """What the benchmarks make of the figures that their children print."""

    @pytest.fixture(name="children")
    def fake(self, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """Answer each recorder's module with the figures, or the error, that are put in."""
        answers: dict[str, Any] = {}

        def run_child(module: str, arguments: list[str], **_: Any) -> Any:
            answer = answers[module]
            found = answer(arguments) if callable(answer) else answer
            if isinstance(found, str):
                raise ChildFailed(found)
            return found

        monkeypatch.setattr(fresh, "run_child", run_child)
        return answers

    def test_a_ratio_is_of_medians(self, suite: Any, children: dict[str, Any]):
        repeated_ns = {"trustfit": [9, 2, 2], "scipy_lm": [4, 8, 8]}
        children["jitscope.interleaved"] = {"repeated_ns": repeated_ns, "failures": {}}
        bench = suite("bench_ratio").Ratio()
        cache = bench.setup_cache()
        assert list(cache) == list(suite("bench_ratio").PROBLEMS)
        assert bench.track_ratio_to_scipy_lm(cache, "linear_100")["samples"] == [0.25]
        failed = {"repeated_ns": {}, "failures": {"trustfit": "wrong answer"}}
        with pytest.raises(RuntimeError, match="wrong answer"):
            bench.track_ratio_to_scipy_lm({"linear_100": failed}, "linear_100")

    def test_growth_is_relative_to_the_shortest(self, suite: Any, children: dict[str, Any]):
        def growth(arguments: list[str]) -> Any:
            points = int(arguments[1].rpartition("_")[2])
            if points == 10**7:
                return "out of memory"
            # 20 ns a point, and from a million on twice as many.
            calls_ns = [points * (40 if points >= 10**6 else 20)] * 3
            return {"points": points, "calls_ns": calls_ns, "peak_bytes": 5}

        children["jitscope.growth"] = growth
        scaling = suite("bench_scaling").PerPoint()
        cache = scaling.setup_cache()
        assert scaling.track_growth(cache, "gaussian_scaling_100000")["samples"] == [1.0]
        assert scaling.track_growth(cache, "gaussian_scaling_1000000")["samples"] == [2.0]
        with pytest.raises(RuntimeError, match="out of memory"):
            scaling.track_growth(cache, "gaussian_scaling_10000000")
        memory = suite("bench_memory").PeakAboveData()
        assert memory.track_peak_bytes(cache, "gaussian_scaling_10000")["samples"] == [5.0]

    def test_recompiles(self, suite: Any, children: dict[str, Any]):
        children["jitscope.recompiles"] = {"new lambda": 0, "first fit": 2}
        bench = suite("bench_recompiles").Recompiles()
        assert bench.track_modules(bench.setup_cache(), "first fit") == 2
        children["jitscope.recompiles"] = "no solver"
        with pytest.raises(RuntimeError, match="no solver"):
            bench.track_modules(bench.setup_cache(), "first fit")

    def test_first_calls(self, suite: Any, monkeypatch: pytest.MonkeyPatch):
        asked: list[tuple[str, str, bool]] = []

        def run_sample(problem: str, condition: str, *, cache_dir: Any, **options: Any) -> Sample:
            assert options["plain"]
            asked.append((problem, condition, cache_dir is not None))
            if problem.startswith("bounded"):
                raise ChildFailed("no bounds")
            return a_sample(problem, condition, len(asked) * 1_000_000)

        monkeypatch.setattr(fresh, "run_sample", run_sample)
        bench = suite("bench_first_call").FirstCall()
        cache = bench.setup_cache()
        assert bench.track_nothing_cached_ms(cache, "exponential_100")["samples"] == [0.8]
        assert len(bench.track_from_disk_ms(cache, "exponential_1000")["samples"]) == 1
        # One fills the cache, the other reads it.
        assert asked.count(("exponential_1000", "warm_disk", True)) == 2
        assert asked.count(("exponential_1000", "cold", False)) == 1
        with pytest.raises(RuntimeError, match="no bounds"):
            bench.track_from_disk_ms(cache, "bounded_exponential_1000")

    def test_new_models(self, suite: Any, children: dict[str, Any]):
        children["jitscope.new_models"] = {"calls_ns": [15_000_000] * 100}
        bench = suite("bench_first_call").NewModels()
        assert bench.track_all_ms(bench.setup_cache())["samples"] == [1500.0]

    def test_a_commit_that_fits_one_curve_a_call_is_not_asked_for_many(
        self, suite: Any, monkeypatch: pytest.MonkeyPatch
    ):
        class OneCurve:
            def prepare_many(self, problem: Any, ys: Any) -> None:
                raise Unsupported("this version of trustfit fits one curve a call.")

        monkeypatch.setattr(adapters, "get", lambda _: OneCurve())
        with pytest.raises(NotImplementedError, match="fits one curve a call"):
            suite("bench_many").ManyFits().setup(10_000)

    def test_a_fit_of_many(self, suite: Any, monkeypatch: pytest.MonkeyPatch):
        def measure(solver: str, fits: int, *, calls: int, **_: Any) -> many.Many:
            return many.Many(solver, fits, 100, [fits * 8_000] * calls, 7)

        monkeypatch.setattr(many, "measure", measure)
        bench = suite("bench_many").ManyFits()
        assert bench.track_us_a_fit(10_000)["samples"] == [8.0]
        assert bench.track_peak_bytes(10_000)["samples"] == [7.0]


_ONCE = ("bounded", "ill-conditioned")


@pytest.mark.slow
class TestOnTheSolver:
    def test_counts(self, suite: Any):
        cache = {"exponential_1000": suite("common")._counts("exponential_1000")}
        modules = suite("bench_compile").CompiledModules()
        assert modules.track_modules(cache, "exponential_1000", "first fit") > 0
        assert modules.track_modules(cache, "exponential_1000", "same data") == 0
        assert modules.track_modules(cache, "exponential_1000", "new data") == 0
        assert suite("bench_accuracy").Accuracy().track_cost(cache, "exponential_1000") < 6
        size = suite("bench_compile").ProgramSize()
        assert size.track_hlo_instructions(cache, "exponential_1000") > 10

    def test_a_prepared_fit_runs(self, suite: Any):
        bench = suite("bench_solve").Solve()
        bench.setup("linear_100", "trustfit")
        bench.time_curve_fit("linear_100", "trustfit")

    def test_memory(self, suite: Any):
        code = (
            "import asv_bench.bench_memory as b; m = b.PeakMemory(); m.setup('cubic_50000');"
            "import json; print(json.dumps(m.track_peak_rss('cubic_50000')))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found = json.loads(done.stdout)
        assert 1e6 < found["samples"][0] < 1e9


def test_the_configuration_is_what_the_code_expects():
    from asv.util import load_json
    from jitscope.bench import RESULTS

    conf = load_json(str(ROOT / "asv.conf.json"), 1, js_comments=True)
    assert Path(conf["results_dir"]) == RESULTS
    assert "pythons" not in conf
    assert conf["matrix"]["env_nobuild"]["JAX_ENABLE_COMPILATION_CACHE"] == ["false"]
    constraints = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().split() if "==" in line
    )
    for package, versions in conf["matrix"]["req"].items():
        assert versions == [constraints[package.removeprefix("pip+")]], package
    assert not any("-e {build_dir}" in command for command in conf["install_command"])


@pytest.mark.slow
def test_the_pytest_benchmarks_run():
    target = str(ROOT / "asv_bench" / "test_performance_regression.py")
    options = ["-q", "--benchmark-disable", "-k", "linear_100 or reuse or memory"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", target, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    assert "5 passed" in done.stdout
