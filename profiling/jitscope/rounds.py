"""Measure history in rounds: one sample of every commit, then the next of every commit.

All samples of one commit in a row would turn a drift of the machine into a step of the history.
What is missing is read from the results themselves, so a run that was stopped goes on where it
stopped, and one that is complete does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from jitscope import recorded
from jitscope._git import GitError, resolve_commit, run_git
from jitscope.asv_command import LOG, run_asv
from jitscope.errors import UserError
from jitscope.machine import register_machine

# The solver's own modules; `__init__.py` holds the version only.
SOLVER_MODULES = ":(glob)solver/trustfit/_[a-z]*.py"

RunAsv = Callable[[Path, Sequence[str], Callable[[float, str], None]], int]


@dataclass
class _Outcome:
    broken: set[str] = field(default_factory=set[str])
    failed: dict[str, set[str]] = field(default_factory=dict[str, set[str]])


def measure_history(
    root: Path, *, revision_range: str | None, samples: int, run: RunAsv = run_asv
) -> int:
    """Measure commits in rounds until each series has its samples.

    Parameters
    ----------
    root : Path
        The repository.
    revision_range : str or None
        Range as git understands it; by default the commits that changed the solver, and HEAD.
    samples : int
        Samples that each series of each commit must have.
    run : callable
        Runs asv; `run_asv`, unless a test stands in for it.

    Returns
    -------
    int
        0, or 1 if a commit is broken or a benchmark failed; everything else is measured then.

    Raises
    ------
    UserError
        If the range names no commit, a results file is damaged or asv can't start.
    """
    console = Console()
    commits = select_commits(root, revision_range)
    machine = register_machine().name
    outcome = _Outcome()
    columns = (
        TextColumn("round {task.fields[round]} of {task.fields[rounds]}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("starting", total=samples * len(commits), round=1, rounds=samples)
        for number in range(1, samples + 1):
            for index, commit in enumerate(commits):
                done = (number - 1) * len(commits) + index
                name = escape(_describe(root, commit))

                def show(percent: float, what: str, done: int = done, name: str = name) -> None:
                    progress.update(
                        task,
                        completed=done + percent / 100,
                        description=f"{name}: {escape(what)}",
                    )

                progress.update(task, completed=done, round=number, description=name)
                if commit not in outcome.broken:
                    _measure_once(root, machine, commit, number, outcome, run, show)
    return _report(console, root, commits, outcome, samples)


def select_commits(root: Path, revision_range: str | None) -> list[str]:
    """List the commits to be measured, oldest first.

    Parameters
    ----------
    root : Path
        The repository.
    revision_range : str or None
        A git range; None for the commits that changed the solver's modules, and HEAD.

    Returns
    -------
    list of str
        Full hashes on the first-parent line.

    Raises
    ------
    UserError
        If the range is unknown or empty.
    """
    log = ("log", "--first-parent", "--reverse", "--format=%H")
    if revision_range is None:
        head = resolve_commit(root, "HEAD")
        changed = run_git(root, *log, "--", SOLVER_MODULES).split()
        return [*(commit for commit in changed if commit != head), head]
    try:
        commits = run_git(root, *log, "--end-of-options", revision_range, "--").split()
    except GitError as error:
        raise UserError(
            f"{revision_range!r} is not a range of commits here ({str(error).splitlines()[0]}). "
            "Write it as in `make history RANGE=HEAD~3..HEAD`."
        ) from error
    if not commits:
        raise UserError(
            f"The range {revision_range!r} holds no commit. For one commit write "
            "`make history RANGE=REVISION^!`."
        )
    return commits


def _measure_once(
    root: Path,
    machine: str,
    commit: str,
    number: int,
    outcome: _Outcome,
    run: RunAsv,
    show: Callable[[float, str], None],
) -> None:
    before = recorded.load_results(root, machine, commit)
    selection: list[str] = []
    index = root / "results" / "asv" / "benchmarks.json"
    if index.exists() and before is not None:
        known = recorded.load_json(index, root)
        names = recorded.missing_benchmarks(before, known, number)
        names = [name for name in names if name not in outcome.failed.get(commit, ())]
        if not names:
            return
        selection = ["--bench", "|".join(f"^{re.escape(name)}$" for name in names)]
    code = run(
        root,
        [
            *("run", "--machine", machine, "--append-samples"),
            *("--attribute", "rounds=1", "--attribute", "repeat=1", *selection, f"{commit}^!"),
        ],
        show,
    )
    after = recorded.load_results(root, machine, commit)
    if after is None:
        raise UserError(
            f"asv ended with exit code {code} before it measured {commit[:8]}. See {LOG}."
        )
    recorded.restore_lost(before, after)
    if after.broken and (before is None or before.broken):
        outcome.broken.add(commit)
    elif failed := after.failed():
        outcome.failed.setdefault(commit, set()).update(failed)


def _report(
    console: Console, root: Path, commits: Sequence[str], outcome: _Outcome, samples: int
) -> int:
    for commit in commits:
        name = escape(_describe(root, commit))
        if commit in outcome.broken:
            console.print(f"[red]broken:[/] {name} gives no result: it doesn't build or import.")
        for benchmark in sorted(outcome.failed.get(commit, ())):
            console.print(f"[red]failed:[/] {name}: {escape(benchmark)}")
    measured = len(commits) - len(outcome.broken)
    console.print(
        f"{measured} of {len(commits)} commits have {samples} samples a series. "
        "`make html` shows them."
    )
    if outcome.broken or outcome.failed:
        console.print(f"Reasons of the last run: {LOG}")
        return 1
    return 0


def _describe(root: Path, commit: str) -> str:
    return run_git(root, "log", "-1", "--format=%h %s", commit).strip()[:60]
