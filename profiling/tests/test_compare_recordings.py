"""Verdicts on two recordings."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from jitscope import cli
from jitscope.compare_recordings import Comparison, compare
from jitscope.counters import Counters, ModuleCounters
from jitscope.environment import Environment
from jitscope.phases import PHASES
from jitscope.recording import SCHEMA_VERSION, CompileRequest, PhasesPass, Recording
from jitscope.recordings import load_recording, save_recording

PACKAGES = {"jax": "0.10.2", "jaxlib": "0.10.2", "numpy": "2.4.6"}
ENVIRONMENT = Environment("3.11.7", "Linux", "A CPU", 2, PACKAGES, None, None)
EMPTY = Recording(SCHEMA_VERSION, "2026-01-01T00:00:00+00:00", ENVIRONMENT, None, ("fit.py",))
MS = 10**6
NOISE_MS = (100, 101, 99, 102, 98, 100, 101)
MODULE = ModuleCounters("f", 5, 20, 64, False, {"fusion": 2}, 2, 128, 10.0, 80.0)
COLD = CompileRequest("jit(f)", "/p/fit.py", 7, "cold", 1, "first call", None)


def run(compile_ms: float, **others_ms: float | None) -> PhasesPass:
    found_ms: dict[str, float | None] = (
        dict.fromkeys(PHASES, 0.0) | {"compile": compile_ms, "host": 50} | others_ms
    )
    phases_ns = {
        phase: None if one_ms is None else round(one_ms * MS) for phase, one_ms in found_ms.items()
    }
    wall_ns = sum(ns for ns in phases_ns.values() if ns is not None)
    return PhasesPass(wall_ns, None, phases_ns, requests=(COLD,))


def recorded(compile_ms: Sequence[float], **others_ms: float | None) -> Recording:
    return replace(EMPTY, phases=tuple(run(one, **others_ms) for one in compile_ms))


def counted(*modules: ModuleCounters, host_syncs: int | None = 3) -> Recording:
    return replace(EMPTY, counters=Counters(modules, len(modules), host_syncs))


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {row.name: row.verdict for row in (*comparison.times, *comparison.counters)}


BASE = recorded(NOISE_MS)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.5, "improved"), (2, "regressed"), (1, "unchanged"), (1.01, "unchanged")],
)
def test_a_phase_and_the_wall_are_judged_by_their_ratio(factor: float, verdict: str):
    head = recorded([factor * one for one in NOISE_MS])
    found = verdicts(compare(BASE, head))
    assert (found["compile"], found["wall"], found["host"]) == (verdict, verdict, "unchanged")


def test_the_ratio_is_the_second_over_the_first():
    (row,) = [
        one
        for one in compare(BASE, recorded([2 * one for one in NOISE_MS])).times
        if one.name == "compile"
    ]
    assert row.ratio is not None
    assert row.ratio.value == pytest.approx(2)
    assert row.ratio.lo is not None
    assert row.ratio.lo > 1.9


@pytest.mark.parametrize(
    ("factor", "verdict"), [(1.015, "unchanged"), (1.03, "regressed"), (0.97, "improved")]
)
def test_two_percent_are_noise_even_if_sure(factor: float, verdict: str):
    comparison = compare(recorded([100.0] * 7), recorded([100 * factor] * 7))
    assert verdicts(comparison)["compile"] == verdict


def test_six_runs_are_insufficient_and_the_mend_is_said():
    for a, b in ((BASE, recorded(NOISE_MS[:6])), (recorded(NOISE_MS[:6]), BASE)):
        rows = {row.name: row for row in compare(a, b).times}
        assert rows["compile"].verdict == "insufficient"
        assert rows["compile"].why == "6 runs: `jitscope run --runs 7`"


def test_an_unmeasured_phase_is_insufficient_and_not_zero():
    head = recorded(NOISE_MS, to_host=None)
    (row,) = [one for one in compare(BASE, head).times if one.name == "to_host"]
    assert (row.head_ns, row.verdict) == (None, "insufficient")
    assert row.why == "not measured in the second"


def test_a_small_phase_is_unchanged_until_it_is_large_on_one_side():
    small, tripled = recorded(NOISE_MS, lower=0.01), recorded(NOISE_MS, lower=0.03)
    assert verdicts(compare(small, tripled))["lower"] == "unchanged"
    assert verdicts(compare(small, recorded(NOISE_MS, lower=3)))["lower"] == "regressed"


def test_a_phase_that_took_nothing_has_no_ratio_but_a_verdict():
    (row,) = [
        one for one in compare(BASE, recorded(NOISE_MS, lower=9)).times if one.name == "lower"
    ]
    assert (row.ratio, row.verdict) == (None, "regressed")
    assert verdicts(compare(recorded(NOISE_MS, lower=9), BASE))["lower"] == "improved"


def test_one_run_without_hooks_repeated_seven_times_is_one_sample():
    def unhooked(wall_ns: int) -> Recording:
        return replace(
            BASE, phases=tuple(replace(one, unobserved_wall_ns=wall_ns) for one in BASE.phases)
        )

    rows = {row.name: row for row in compare(unhooked(MS), unhooked(5 * MS)).times}
    assert rows["wall without hooks"].verdict == "insufficient"
    assert rows["wall without hooks"].why == "1 run"


@pytest.mark.parametrize(
    ("environment", "word", "counters"),
    [
        (replace(ENVIRONMENT, cpu="Another CPU"), "processor (A CPU, then Another CPU)", True),
        (replace(ENVIRONMENT, cores=4), "number of cores (2, then 4)", True),
        (replace(ENVIRONMENT, system="Darwin"), "system", True),
        (replace(ENVIRONMENT, python="3.13.1"), "Python", True),
        (replace(ENVIRONMENT, packages=PACKAGES | {"numpy": "2.5"}), "NumPy", True),
        (replace(ENVIRONMENT, packages=PACKAGES | {"jax": "0.12.0"}), "JAX", False),
        (replace(ENVIRONMENT, packages=PACKAGES | {"jaxlib": "0.12.0"}), "jaxlib", False),
    ],
)
def test_what_differs_is_named_and_not_compared(
    environment: Environment, word: str, counters: bool
):
    base = replace(BASE, counters=counted(MODULE).counters)
    head = replace(base, environment=environment, counters=counted(MODULE, MODULE).counters)
    comparison = compare(base, head)
    assert {row.verdict for row in comparison.times} == {"not comparable"}
    assert comparison.notes[0].startswith(f"Another {word}")
    found = {row.verdict for row in comparison.counters}
    assert ("regressed" in found) == counters
    assert comparison.counter_regressed == counters
    assert counters or found == {"not comparable"}


def test_counters_are_exact():
    bigger = replace(MODULE, hlo_instructions=21, temp_bytes=63)
    found = verdicts(compare(counted(MODULE), counted(bigger)))
    assert found["HLO instructions"] == "regressed"
    assert found["temporary bytes"] == "improved"
    assert found["fused kernels"] == "unchanged"


def test_an_unknown_counter_is_insufficient_and_no_regression():
    comparison = compare(counted(MODULE), counted(MODULE, host_syncs=None))
    (row,) = [one for one in comparison.counters if one.name == "host syncs"]
    assert (row.verdict, row.why) == ("insufficient", "not known in the second")
    assert verdicts(comparison)["conversions to host"] == "insufficient"
    assert not comparison.counter_regressed


def test_requests_that_compiled_are_counted_where_all_runs_agree():
    twice = replace(BASE, phases=tuple(replace(one, requests=(COLD, COLD)) for one in BASE.phases))
    mixed = replace(BASE, phases=(*BASE.phases[:6], twice.phases[0]))
    name = "compile requests that compiled"
    assert verdicts(compare(BASE, twice))[name] == "regressed"
    assert verdicts(compare(BASE, mixed))[name] == "insufficient"


def test_no_request_beside_time_to_compile_is_unknown_and_not_zero():
    blind = replace(BASE, phases=tuple(replace(one, requests=()) for one in BASE.phases))
    assert verdicts(compare(BASE, blind))["compile requests that compiled"] == "insufficient"
    assert compare(BASE, blind).lines == ()


def test_the_command_compares_files_and_fails_for_a_counter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    paths = [str(tmp_path / name) for name in ("a.json", "b.json")]
    save_recording(counted(MODULE), Path(paths[0]))
    save_recording(counted(MODULE, MODULE), Path(paths[1]))
    assert cli.main(["compare", *paths]) == 1
    text = capsys.readouterr().out
    assert ["modules", "compiled", "1", "2", "regressed"] in [
        row.split() for row in text.split("\n")
    ]
    assert cli.main(["compare", *reversed(paths)]) == 0
    # Slower is no failure: times depend on the load.
    save_recording(BASE, Path(paths[0]))
    save_recording(recorded([2 * one for one in NOISE_MS]), Path(paths[1]))
    assert cli.main(["compare", *paths]) == 0
    assert "regressed" in capsys.readouterr().out


def test_a_file_that_is_no_recording_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "x.json"
    path.write_text("{}")
    assert cli.main(["compare", str(path), str(path)]) == 2
    assert "x.json has schema version None" in capsys.readouterr().err


@pytest.mark.slow
def test_real_recordings_of_a_script_that_got_slower(tmp_path: Path):
    source = (
        "import time, jax, numpy as np\nf = jax.jit(lambda x: x + 1)\n"
        "for _ in range(COUNT):\n    float(f(np.float32(1)))\ntime.sleep(SLEEP)\n"
    )
    for name, count, sleep in (("a", 3, 0.1), ("b", 8, 0.6)):
        script = tmp_path / name / "fit.py"
        script.parent.mkdir()
        script.write_text(source.replace("COUNT", str(count)).replace("SLEEP", str(sleep)))
        options = ["--runs", "7", "--passes", "phases,conversions,counters", "--no-report"]
        line = ["run", *options, "-o", str(tmp_path / f"{name}.json"), "fit.py"]
        command = [sys.executable, "-m", "jitscope.cli", *line]
        subprocess.run(command, cwd=script.parent, check=True, capture_output=True, timeout=300)
    comparison = compare(*(load_recording(tmp_path / f"{name}.json") for name in "ab"))
    found = verdicts(comparison)
    assert found["host"] == "regressed"
    assert found["conversions to host"] == "regressed"
    assert found["modules compiled"] == "unchanged"
    to_host = [one for one in comparison.lines if one.base and one.base.kind == "float(), to host"]
    assert [(one.change, one.head.count) for one in to_host if one.head] == [("another count", 8)]
