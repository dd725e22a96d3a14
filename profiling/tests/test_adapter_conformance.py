"""What every adapter must do, whatever its solver: one suite for all of them.

The example of docs/profile-your-own-solver.md takes part as an adapter outside of jitscope.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import pytest
from jitscope import adapters, problems
from jitscope.counters import CounterRecorder
from jitscope.errors import Unsupported, UserError
from jitscope.problems import Problem
from numpy.testing import assert_allclose

from .solvers import DOCS, example_of_the_docs, installed

PROFILING = Path(__file__).resolve().parents[1]
EXAMPLE = "the documentation's"
BOUNDED = ("trustfit", "scipy", "nlsq", "lmfit")
"""Those that take bounds; the others must say that they do not."""
ITERATIVE = ("trustfit", "scipy")
"""Those that take a `tr_solver`; they alone tell their evaluations of function and Jacobian too."""
TELLING = ("trustfit", "scipy", "scipy_lm", "lmfit")
"""Those that tell nfev and status after a call that is not plain."""


@pytest.fixture(autouse=True)
def precision() -> Iterator[None]:
    """Undo what importing NLSQ does to the whole process."""
    before = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    yield
    jax.config.update("jax_enable_x64", before)


@pytest.fixture(params=[*adapters.NAMES, EXAMPLE])
def solver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    if request.param != EXAMPLE:
        return request.param
    path = tmp_path_factory.mktemp("outside") / "adapter.py"
    path.write_text(example_of_the_docs(), encoding="utf-8")
    return str(path)


@pytest.fixture
def adapter(solver: str) -> Any:
    found = installed(solver)
    if solver == "nlsq":
        jax.config.update("jax_enable_x64", True)  # as importing it does, but once a process
    return found


def fitted(adapter: Any, problem: Problem, **options: Any) -> Any:
    adapter.prepare(problem, **options)
    adapter.run()
    return adapter.result()


NAMES = ("linear_100", "exponential_100", "exponential_1000", "gaussian_1000", "cubic_50000")


@pytest.mark.parametrize("plain", [False, True], ids=["full", "plain"])
@pytest.mark.parametrize("name", NAMES)
def test_finds_the_reference_minimum(adapter: Any, name: str, plain: bool):
    problem = problems.get(name)
    result = fitted(adapter, problem, plain=plain)
    assert result.success, result.message
    assert result.params is not None
    assert problem.reference_params is not None
    assert_allclose(result.cost, problem.reference_cost, rtol=1e-6)
    assert_allclose(result.params, problem.reference_params, rtol=1e-4)


def test_the_answer_is_plain_data(adapter: Any, solver: str):
    result = fitted(adapter, problems.get("exponential_100"))
    assert type(result.params) is tuple
    assert {type(value) for value in result.params} == {float}
    assert type(result.cost) is float
    assert type(result.success) is bool
    assert type(result.message) is str
    told = [type(value) for value in (result.nfev, result.status)]
    assert told == ([int, int] if solver in TELLING else [type(None), type(None)])


def test_a_plain_call_tells_parameters_alone(adapter: Any):
    result = fitted(adapter, problems.get("linear_100"), plain=True)
    assert (result.nfev, result.status) == (None, None)
    assert type(result.cost) is float


def test_a_wrong_answer_has_a_high_cost(adapter: Any):
    problem = problems.get("linear_100")
    fitted(adapter, replace(problem, y=problem.y + 1.0), plain=True)
    adapter._problem = problem
    assert adapter.result().cost > 2 * problem.reference_cost


@pytest.mark.parametrize("name", ["bounded_exponential_1000", "bounded_gaussian_1000"])
def test_bounds_are_met_or_refused(adapter: Any, solver: str, name: str):
    problem = problems.get(name)
    if solver not in BOUNDED:
        with pytest.raises(UserError, match=f"^{adapter.name} takes neither bounds"):
            adapter.prepare(problem)
        return
    result = fitted(adapter, problem)
    assert result.params is not None
    assert problem.bounds is not None
    assert_allclose(result.cost, problem.reference_cost, rtol=1e-6)
    low, high = problem.bounds
    assert np.all((low <= result.params) & (result.params <= high))


def test_the_inner_solver_is_taken_or_refused(adapter: Any, solver: str):
    problem = problems.get("gaussian_1000")
    if solver not in ITERATIVE:
        with pytest.raises(UserError, match=f"^{adapter.name} .*`tr_solver`"):
            adapter.prepare(problem, tr_solver="lsmr")
        return
    cost = fitted(adapter, problem, tr_solver="lsmr").cost
    assert_allclose(cost, problem.reference_cost, rtol=1e-6)


def test_result_needs_a_run(adapter: Any):
    problem = problems.get("linear_100")
    with pytest.raises(RuntimeError, match="needs a `run` first"):
        adapter.result()
    fitted(adapter, problem)
    adapter.prepare(problems.vary(problem, "data"))
    with pytest.raises(RuntimeError, match="needs a `run` first"):
        adapter.result()


def test_after_a_warm_up_calls_compile_nothing_and_agree(adapter: Any):
    adapter.prepare(problems.get("exponential_100"))
    adapter.warm_up()
    first = adapter.result()
    for _ in range(2):
        with CounterRecorder() as recorder:
            adapter.run()
        assert recorder.counters.compiled == 0
        assert adapter.result() == first


@pytest.mark.parametrize("driver", ["auto", "compiled"])
def test_counts_are_of_programs_whatever_serves_a_first_fit(driver: str):
    # In a process of its own: one that compiled the program would count nothing.
    done = subprocess.run(
        [sys.executable, "-m", "jitscope.count", "--problem", "exponential_1000"],
        env={**os.environ, "TRUSTFIT_DRIVER": driver},
        capture_output=True,
        text=True,
        check=True,
    )
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["compiled"]["first fit"] > 0
    assert counts["compiled"]["same data"] == 0
    assert counts["hlo_instructions"] > 100


def test_a_run_may_be_repeated(adapter: Any):
    adapter.wait_for_programs()
    first = fitted(adapter, problems.get("exponential_100"))
    for _ in range(3):
        adapter.run()
        assert adapter.result() == first


def test_prepare_replaces_the_data_and_leaves_them_alone(adapter: Any):
    adapter.wait_for_programs()
    problem, untouched = problems.get("exponential_100"), problems.get("exponential_100")
    first = fitted(adapter, problem)
    for change in ("data", "length"):
        other = fitted(adapter, problems.vary(problem, change))
        assert other.params != first.params
        assert_allclose(other.params, problem.p_true, rtol=0.1)
    assert fitted(adapter, problem).params == first.params
    for name in ("x", "y", "p0"):
        assert np.array_equal(getattr(problem, name), getattr(untouched, name))


def test_the_function_stays_unless_a_new_one_is_asked_for(adapter: Any):
    made: list[str] = []
    problem = problems.get("exponential_100")
    factory = problem.model

    def counting(xp: ModuleType) -> Any:
        made.append(xp.__name__)
        return factory(xp)

    problem = replace(problem, model=counting)
    adapter.prepare(problem)
    assert len(made) == 1
    adapter.prepare(problems.vary(problem, "data"))
    assert len(made) == 1
    adapter.prepare(problem, new_function=True)
    assert len(made) == 2
    adapter.run()
    assert_allclose(adapter.result().cost, problem.reference_cost, rtol=1e-6)


def test_many_fits_are_the_single_ones(adapter: Any):
    problem = problems.get("exponential_100")
    other = problems.vary(problem, "data")
    ys = np.stack([problem.y, other.y, problem.y])
    try:
        adapter.prepare_many(problem, ys)
    except Unsupported as error:
        pytest.skip(str(error))
    params: Any = adapter.run_many()
    assert type(params) is np.ndarray
    assert params.shape == (3, 3)
    assert params.dtype == np.float64
    assert np.array_equal(adapter.run_many(), params)
    single = fitted(adapter, problem, plain=True), fitted(adapter, other, plain=True)
    for row, one in zip(params, (*single, single[0]), strict=True):
        assert_allclose(row, one.params, rtol=1e-6)


def test_evaluations_are_told_or_refused(adapter: Any, solver: str):
    result = fitted(adapter, problems.get("exponential_100"))
    if solver not in ITERATIVE:
        with pytest.raises(UserError, match=f"^{adapter.name} does not tell its evaluations"):
            adapter.evaluations()
        return
    nfev, njev = adapter.evaluations()
    assert nfev == result.nfev
    assert 2 <= njev <= nfev


def test_the_inside_is_shown_or_said_to_be_opaque(adapter: Any):
    problem = problems.get("linear_100")
    stepped = adapter.has_stepped_driver()
    if not stepped:
        with pytest.raises(ValueError, match=f"this version of {adapter.name} has no stepped"):
            adapter.prepare(problem, stepped=True)
    adapter.prepare(problem, stepped=stepped)
    stages = adapter.stages()
    assert all(target.count(":") == 1 for target in stages)
    assert set(adapter.iterations().values()) <= set(stages)


def test_names(adapter: Any, solver: str):
    assert adapter.name == (solver if solver in adapters.NAMES else "my_solver")
    file = Path(adapter.solver_file())
    assert file.is_file()
    assert adapters.package(solver) in file.parts


@pytest.mark.parametrize("name", adapters.NAMES)
def test_an_adapter_imports_no_solver_before_it_is_told_to(name: str):
    code = (
        f"import sys; from jitscope import adapters; adapters.get({name!r}).has_stepped_driver();"
        f"packages = {{'numpy', 'jax', *map(adapters.package, adapters.NAMES)}};"
        "print(sorted(packages & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


class Missing:
    """A finder that makes a package fail to import as if it were not installed."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {self.package!r}", name=self.package)


@pytest.mark.parametrize("name", adapters.NAMES)
def test_a_missing_package_names_its_extra(name: str, monkeypatch: pytest.MonkeyPatch):
    package = adapters.package(name)
    for module in [one for one in sys.modules if one.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "meta_path", [Missing(package), *sys.meta_path])
    sentence = rf"^`{package}` is not installed; run `pip install 'jitscope\[{package}\]'`"
    for call in (
        lambda: adapters.get(name).import_solver(),
        lambda: adapters.get(name).prepare(problems.get("linear_100")),
        lambda: adapters.get(name).solver_file(),
    ):
        with pytest.raises(UserError, match=sentence):
            call()


def test_each_extra_is_there_and_has_bounds():
    project = tomllib.loads((PROFILING / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for package in {adapters.package(name) for name in adapters.NAMES}:
        (requirement,) = extras[package]
        assert requirement.startswith(f"{package}>=")
        assert ",<" in requirement
        assert (requirement in extras["peers"]) == (package not in ("nlsq", "trustfit"))
    assert extras["nlsq"][0].endswith("; python_version >= '3.12'")


@pytest.mark.parametrize("name", adapters.NAMES)
def test_an_adapter_has_at_most_a_hundred_lines(name: str):
    file = PROFILING / "jitscope" / "adapters" / f"{name}.py"
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 100


def test_the_example_of_the_docs_has_twenty_lines():
    lines = [line for line in example_of_the_docs().splitlines() if line.strip()]
    assert len(lines) <= 20
    assert "in 20 lines" in DOCS.read_text(encoding="utf-8")
