"""The suite's problems and groups for pytest-benchmark: quick comparisons without asv.

Run ``pytest asv_bench/test_performance_regression.py --benchmark-only``; add
``--benchmark-save=NAME`` to keep a run and ``--benchmark-compare`` to compare with the last one
kept. History, cold starts and phases are asv's: here every call is a warm one.

asv imports this module too, and its environments have no pytest: so it imports none.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from jitscope import adapters, problems
from jitscope.adapters import TrSolver
from jitscope.sample import check_answer


class Benchmark(Protocol):
    """pytest-benchmark's fixture, as far as it is used."""

    group: str
    extra_info: dict[str, Any]

    def __call__(self, function: Callable[[], None]) -> None:
        """Time a function."""
        ...

    def pedantic(
        self, target: Callable[[], None], *, setup: Callable[[], Any], rounds: int
    ) -> None:
        """Time single calls of a function, each after a setup of its own."""
        ...


@dataclass(frozen=True)
class Case:
    """One warm fit, and the group it is compared in."""

    group: str
    problem: str
    solver: str = "trustfit"
    tr_solver: TrSolver = "exact"

    @property
    def name(self) -> str:
        """The test's id."""
        return "-".join((self.group, self.problem, self.solver, self.tr_solver))


def cases() -> Iterator[Case]:
    """Yield every warm fit: the four sizes, bounded, ill-conditioned, algorithms, scaling."""
    for size in problems.SIZES:
        if size in ("first call", "longest"):
            continue  # like others when warm; seconds a call
        for problem in problems.names(size):
            yield Case(size, problem)
            if size in ("small", "medium", "large", "xlarge"):
                yield Case(size, problem, solver="scipy")
    for tr_solver in ("exact", "lsmr"):
        yield Case("algorithms", "gaussian_10000", tr_solver=tr_solver)


def pytest_generate_tests(metafunc: Any) -> None:
    """Make a test of each case."""
    if "case" in metafunc.fixturenames:
        found = list(cases())
        metafunc.parametrize("case", found, ids=[case.name for case in found])


def test_warm_fit(benchmark: Benchmark, case: Case) -> None:
    """A fit that was called before, with the right answer."""
    benchmark.group = case.group
    adapter, problem = adapters.get(case.solver), problems.get(case.problem)
    adapter.prepare(problem, tr_solver=case.tr_solver)
    with warnings.catch_warnings():
        # What an ill-conditioned fit says, rightly.
        warnings.filterwarnings("ignore", message="Covariance of the parameters could not be")
        adapter.warm_up()
        benchmark(adapter.run)
    check_answer(problem, adapter.result())


def test_reuse_with_new_data(benchmark: Benchmark) -> None:
    """A fit after one of other data: what was compiled must serve it too."""
    benchmark.group = "reuse"
    adapter, problem = adapters.get("trustfit"), problems.get("gaussian_1000")
    other = problems.vary(problem, "data")
    adapter.prepare(other)
    adapter.warm_up()

    def change_data() -> None:
        adapter.prepare(other)
        adapter.run()
        adapter.prepare(problem)

    benchmark.pedantic(adapter.run, setup=change_data, rounds=10)
    check_answer(problem, adapter.result())


def test_reuse_with_the_same_data(benchmark: Benchmark) -> None:
    """The second fit of a process."""
    benchmark.group = "reuse"
    adapter, problem = adapters.get("trustfit"), problems.get("gaussian_1000")
    adapter.prepare(problem)
    adapter.run()
    benchmark.pedantic(adapter.run, setup=lambda: None, rounds=10)
    check_answer(problem, adapter.result())


def test_memory(benchmark: Benchmark) -> None:
    """Temporary bytes of the compiled modules, beside the time; the peak is asv's to measure."""
    from jitscope.counters import CounterRecorder

    benchmark.group = "memory"
    adapter, problem = adapters.get("trustfit"), problems.get("cubic_50000")
    adapter.wait_for_programs()
    adapter.prepare(problem)
    with CounterRecorder() as recorder:
        adapter.run()
    benchmark.extra_info["temporary_bytes"] = recorder.counters.temp_bytes
    benchmark(adapter.run)
    check_answer(problem, adapter.result())


def test_jit_first_call(benchmark: Benchmark) -> None:
    """A first call: everything that this process compiled is forgotten before it."""
    import jax

    benchmark.group = "jit"
    adapter, problem = adapters.get("trustfit"), problems.get("exponential_1000")
    adapter.prepare(problem)
    benchmark.pedantic(adapter.run, setup=jax.clear_caches, rounds=3)
    check_answer(problem, adapter.result())
