"""`make profile`: every pass over the bundled problems, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import cattrs
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from jitscope import adapters, fresh, problems
from jitscope.conversions import ConversionSite
from jitscope.counters import Counters
from jitscope.environment import describe_environment
from jitscope.errors import UserError
from jitscope.growth import LENGTHS, Growth
from jitscope.lines import LineTime
from jitscope.overhead import Overhead, calibrate
from jitscope.recorded import DevicePass
from jitscope.report.publish import publish, publish_session
from jitscope.report.terminal import print_session
from jitscope.sample import Sample
from jitscope.selftest import require_supported_jax
from jitscope.session import SCHEMA_VERSION, CallPhases, ProblemProfile, Session, save_session

SIZES = ("small", "medium", "large", "xlarge")
GROWTH_TIMEOUT_S = 60.0
"""Longest that one length may take: a slow solver shows no more than the shorter ones."""
T = TypeVar("T")
PASS_NAMES = (
    *("first call", "first call, without hooks", "warm call", "conversions", "lines", "cprofile"),
    *("device", "counters"),
)
STEPPED_PASS_NAMES = ("stepped call", "stepped conversions")
"""Further passes over a solver whose own call shows no stages."""


def run_profile(root: Path, *, solver: str, names: Sequence[str] | None) -> int:
    """Profile a solver and write a session, a page and cProfile dumps.

    Parameters
    ----------
    root : Path
        The repository; results go to `results/` in it.
    solver : str
        Name of an adapter, or where one of the user's own is; see `jitscope.adapters.get`.
    names : sequence of str or None
        Problems; those of the four sizes by default.

    Returns
    -------
    int
        0, or 1 if a pass failed; what the other passes recorded is kept and shown.

    Raises
    ------
    UserError
        If the solver or a problem is unknown, or the solver is not installed.
    """
    console = Console(width=max(100, Console().width))  # narrower, tables lose their figures
    chosen = list(names or (name for size in SIZES for name in problems.names(size)))
    try:
        adapters.get(solver)
        for name in chosen:
            problems.get(name)
    except ValueError as error:
        raise UserError(str(error)) from error
    if not adapters.is_outside(solver) and find_spec(adapters.package(solver)) is None:
        adapters.get(solver).import_solver()  # says what installs it
    passes = len(PASS_NAMES) + len(STEPPED_PASS_NAMES) * adapters.get(solver).has_stepped_driver()
    console.print(
        f"{passes} passes over {len(chosen)} problem{'s' * (len(chosen) > 1)}, each in a process "
        "of its own: "
        "the figures of one pass are not disturbed by the hooks of another. "
        f"Then one more at {len(LENGTHS)} lengths."
    )
    created = datetime.now(UTC)
    stem = created.strftime("%Y%m%dT%H%M%SZ")
    path = root / "results" / "sessions" / f"{stem}.json"
    session = Session(
        schema_version=SCHEMA_VERSION,
        created_utc=created.isoformat(timespec="seconds"),
        environment=describe_environment(root),
        overhead=_calibrated(),
        problems=(),
    )
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("profiling", total=len(chosen) * passes + len(LENGTHS))
        for done, name in enumerate(chosen):
            steps = count(done * passes)

            def step(label: str, steps: Iterator[int] = steps) -> None:
                progress.update(task, description=label, completed=next(steps))

            dumps = root / "results" / "profile" / stem / name
            profile = profile_problem(name, solver, root, dumps, step)
            session = replace(session, problems=(*session.problems, profile))
            # After each problem, so that an interrupt loses none of those before.
            save_session(session, path)
        grown, failures = measure_growth(
            solver, lambda label: progress.update(task, description=label, advance=1)
        )
        session = replace(session, growth=grown, growth_failures=failures)
        save_session(session, path)
    print_session(session, root, console)
    _print_paths(console, root, path, session.problems)
    try:
        page = _published(root, path)
    except UserError as error:
        console.print(f"The page could not be written: {escape(str(error))}")
        return 1
    console.print(f"Page:     {page.as_uri()}", soft_wrap=True)
    failed = session.growth_failures or any(profile.failures for profile in session.problems)
    return 1 if failed else 0


def _published(root: Path, session: Path) -> Path:
    """Write the session's page, and those of the history where the repository has one."""
    if (root / "results" / "expectations.toml").is_file():
        return publish(root, session).with_name("profile.html")
    return publish_session(root, session)


def _calibrated() -> Overhead:
    try:
        require_supported_jax()
        return calibrate()
    except RuntimeError as error:
        raise UserError(str(error)) from error


class _Passes:
    """Passes over one problem; one that fails gives None and leaves its reason in `failures`."""

    def __init__(self, name: str, solver: str, dumps: Path, step: Callable[[str], None]) -> None:
        self.failures: dict[str, str] = {}
        self._name = name
        self._solver = solver
        self._dumps = dumps
        self._step = step

    def call(
        self, label: str, condition: str, *, observed: bool = True, stepped: bool = False
    ) -> Sample | None:
        """Split a call into phases, or measure its wall alone."""
        return self._attempt(
            label,
            lambda: fresh.run_sample(
                self._name, condition, solver=self._solver, observed=observed, stepped=stepped
            ),
        )

    def record(self, which: str, *, label: str = "", stepped: bool = False) -> Any:
        """Run a pass of `jitscope.passes`; `label` names it if `which` alone would not."""
        label = label or which
        arguments = [which, "--solver", self._solver, "--problem", self._name]
        arguments += ["--folder", str(self._dumps), *(["--stepped"] if stepped else [])]
        what = f"the {label} pass over {self._name}"
        return self._attempt(
            label, lambda: fresh.run_child("jitscope.passes", arguments, what=what)
        )

    def _attempt(self, label: str, measure: Callable[[], T]) -> T | None:
        self._step(f"{self._name}: {label}")
        try:
            return measure()
        except fresh.ChildFailed as error:
            self.failures[label] = str(error)
            return None


def profile_problem(
    name: str, solver: str, root: Path, dumps: Path, step: Callable[[str], None]
) -> ProblemProfile:
    """Run every pass over one problem; a pass that fails leaves its reason and None.

    Parameters
    ----------
    name, solver : str
    root : Path
        The repository.
    dumps : Path
        Folder for the cProfile dumps.
    step : callable
        Told the label of each pass before it runs.

    Returns
    -------
    ProblemProfile
    """
    run = _Passes(name, solver, dumps, step)
    first = run.call("first call", "cold")
    twin = run.call("first call, without hooks", "cold", observed=False)
    if first is not None and twin is not None:
        first = replace(first, unobserved_wall_ns=twin.unobserved_wall_ns)
    warm = run.call("warm call", "warm_memory")
    conversions = run.record("conversions")
    stepped = adapters.get(solver).has_stepped_driver()
    split, stepped_conversions = warm, None
    if stepped:
        split = run.call("stepped call", "warm_memory", stepped=True)
        stepped_conversions = run.record("conversions", label="stepped conversions", stepped=True)
    lines = run.record("lines", stepped=stepped)
    cprofile = run.record("cprofile") or {}
    device, counters = run.record("device"), run.record("counters")
    return ProblemProfile(
        problem=name,
        size=problems.get(name).size,
        solver=solver,
        first_call=_call_phases(first),
        warm_call=_call_phases(warm),
        outer_iterations=None if split is None else split.iterations.get("outer"),
        inner_iterations=None if split is None else split.iterations.get("inner"),
        conversions=_structured(conversions, tuple[ConversionSite, ...]),
        lines=_structured(lines, tuple[LineTime, ...]),
        cprofile={which: str(Path(path).relative_to(root)) for which, path in cprofile.items()},
        failures=run.failures,
        split_driver="stepped" if stepped else "own",
        stepped_call=_call_phases(split) if stepped else None,
        stepped_conversions=_structured(stepped_conversions, tuple[ConversionSite, ...]),
        device=_structured(device, DevicePass),
        counters=_structured(counters, Counters),
    )


def measure_growth(
    solver: str, step: Callable[[str], None]
) -> tuple[tuple[Growth, ...], dict[str, str]]:
    """Fit one problem at growing length, each length in a process of its own.

    Returns
    -------
    growth : tuple of Growth
    failures : dict
        Reason of each length that failed, by problem.
    """
    grown: list[Growth] = []
    failures: dict[str, str] = {}
    for name in LENGTHS:
        step(name)
        arguments, what = ["--solver", solver, "--problem", name], f"{name} with {solver}"
        try:
            figures = fresh.run_child(
                "jitscope.growth", arguments, what=what, timeout_s=GROWTH_TIMEOUT_S
            )
        except fresh.ChildFailed as error:
            failures[name] = str(error)
        else:
            grown.append(cattrs.structure(figures, Growth))
    return tuple(grown), failures


def _structured(data: Any, kind: type[T]) -> T | None:
    return None if data is None else cattrs.structure(data, kind)


def _call_phases(sample: Sample | None) -> CallPhases | None:
    if sample is None:
        return None
    # An observed sample has both; only an unobserved one lacks them.
    assert sample.wall_ns is not None
    assert sample.phases_ns is not None
    return CallPhases(
        wall_ns=sample.wall_ns,
        unobserved_wall_ns=sample.unobserved_wall_ns,
        phases_ns=sample.phases_ns,
        by_stage_ns=sample.by_stage_ns,
        calls=sample.calls,
        modules=len(sample.modules),
    )


def _print_paths(
    console: Console, root: Path, session: Path, recorded: Sequence[ProblemProfile]
) -> None:
    console.print(f"Session:  {session.relative_to(root)}", soft_wrap=True)
    for profile in recorded:
        for dump in profile.cprofile.values():
            console.print(f"cProfile: .venv/bin/snakeviz {dump}", soft_wrap=True)
