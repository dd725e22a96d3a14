"""Measure a history of commits in rounds: one sample of each commit, then the next of each.

All samples of one commit in a row would let the machine's drift look like a step between
commits. What is still missing is asked from the results themselves, so an interrupted run goes
on where it stopped. Counters are exact: they are measured in a commit's first round alone.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from jitscope import asv_results, lineage
from jitscope._git import GitError, resolve_commit, run_git
from jitscope.asv_results import CommitResults
from jitscope.bench import RESULTS, prepare, run_asv
from jitscope.errors import UserError
from jitscope.failures import remember
from jitscope.history import read_commits

SAMPLES = 7
"""Six against six can never be significant at p < 0.002."""
LOG = Path(".asv") / "history.log"
COMMITS = Path(".asv") / "commits"
_FAILED = 2


@dataclass(frozen=True)
class History:
    """How a history was measured.

    Attributes
    ----------
    commits : tuple of str
        Full hashes, oldest first.
    broken : tuple of str
        Those of them on which nothing could be measured.
    failed : mapping
        Commit -> benchmarks that failed on it, of the other ones.
    incomplete : tuple of str
        Commits that still lack samples, because benchmarks failed again and again.
    """

    commits: tuple[str, ...]
    broken: tuple[str, ...]
    failed: Mapping[str, tuple[str, ...]]
    incomplete: tuple[str, ...]


@dataclass(frozen=True)
class Suite:
    """asv in the project.

    Attributes
    ----------
    root : Path
        The project.
    machine : str
        asv's name of this machine.
    log : file
        Where asv's output goes.
    bench : str
        A regular expression: which benchmarks are measured.
    """

    root: Path
    machine: str
    log: IO[str]
    bench: str = ""

    def run(self, commits: Sequence[str], *options: str) -> int:
        """Run ``asv run`` on commits and return its exit code."""
        hashes = self.root / COMMITS
        hashes.write_text("\n".join(commits), encoding="utf-8")
        return run_asv(
            self.root,
            "run",
            *options,
            f"HASHFILE:{hashes}",
            machine=self.machine,
            output=self.log,
        )

    def results(self) -> dict[str, CommitResults]:
        """Return what is measured so far, by full hash."""
        return asv_results.load_machine(self.root / RESULTS, self.machine)

    def versions(self) -> dict[str, str]:
        """Return the benchmarks that are measured, and their versions."""
        known = asv_results.load_json(self.root / RESULTS / "benchmarks.json")
        return {
            name: entry["version"]
            for name, entry in known.items()
            if name != "version" and re.search(self.bench, name)
        }


def measure_history(
    root: Path,
    commit_range: str | None = None,
    *,
    samples: int = SAMPLES,
    bench: str = "",
    console: Console | None = None,
) -> History:
    """Measure commits in rounds until each has enough samples.

    Parameters
    ----------
    root : Path
        The project.
    commit_range : str, optional
        A range as git understands it ("HEAD~3..HEAD"), or one commit. By default what predictions
        are judged by, and HEAD; see `select_commits`.
    samples : int
        Wanted recorded samples of each benchmark that measures (not counts).
    bench : str
        A regular expression: which benchmarks to measure; all of them by default.
    console : rich.console.Console, optional
        Where progress and broken commits are shown.

    Raises
    ------
    UserError
        No git, unknown range, corrupted results, an interrupt, or asv's own failure; everything
        measured so far is saved.
    """
    console = console or Console()
    commits = select_commits(root, commit_range)
    machine = prepare(root)
    if commit_range is None:
        # Of commits with the same solver the one that is measured already is taken.
        known = asv_results.load_machine(root / RESULTS, machine)
        commits = select_commits(root, None, known)
    log = root / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as output:
        suite = Suite(root, machine, output, bench)
        console.print(f"asv's output goes to {log}", highlight=False, markup=False)
        _discover(suite, commits)
        _measure_rounds(suite, commits, samples, console)
        return _summary(suite, commits, samples)


def select_commits(
    root: Path, commit_range: str | None, known: Mapping[str, CommitResults] | None = None
) -> tuple[str, ...]:
    """Return full hashes, oldest first.

    By default these are, of the first-parent history, the commits that name a prediction in a
    trailer ``Expectation:``, for each of them one commit with the solver of its first parent, and
    HEAD. Other commits that changed the solver claim nothing, and are measured when asked for.

    Parameters
    ----------
    root : Path
        The project.
    commit_range : str or None
        A range as git understands it, or one commit; None for the default.
    known : mapping, optional
        What is measured already, by full hash. Of the commits that hold the solver of a parent,
        the one with the most samples is taken.

    Raises
    ------
    UserError
        Unknown or empty range, or no git.
    """
    head = resolve_commit(root, "HEAD")
    if commit_range is None:
        return _claims_and_their_bases(root, head, known or {})
    single = ".." not in commit_range and not commit_range.endswith("^!")
    options = ("--no-walk",) if single else ("--first-parent", "--reverse")
    try:
        # --end-of-options: a range that starts with a dash is a range, not an option.
        found = run_git(root, "rev-list", *options, "--end-of-options", commit_range).split()
    except GitError as error:
        raise UserError(
            f"unknown commit range {commit_range!r}; give a commit, or a range that `git "
            "rev-list` understands, such as HEAD~3..HEAD."
        ) from error
    if not found:
        raise UserError(f"the commit range {commit_range!r} is empty; its end must be the newer.")
    return tuple(found)


def _claims_and_their_bases(
    root: Path, head: str, known: Mapping[str, CommitResults]
) -> tuple[str, ...]:
    history = read_commits(root).to_dict("records")
    ancestry = {row["commit"]: row["parent"] for row in history}
    trees = {row["commit"]: row["solver"] for row in history}
    chosen = {row["commit"] for row in history if row["expectations"]} | {head}
    for row in history:
        if row["expectations"] and row["parent"] is not None:
            alike = lineage.same_solver(row["parent"], ancestry, trees)
            # Before there is a `curve_fit` there is nothing that the suite could call.
            if _has_curve_fit(root, alike[0]):
                chosen.add(_to_measure(alike, chosen, known))
    return tuple(row["commit"] for row in history if row["commit"] in chosen)


def _to_measure(
    alike: Sequence[str], chosen: Collection[str], known: Mapping[str, CommitResults]
) -> str:
    """Return which of the commits that hold one solver, nearest first, is to be measured."""
    already = [commit for commit in alike if commit in chosen]
    if already:
        return already[0]
    measured = [c for c in alike if c in known and not asv_results.is_broken(known[c])]
    if measured:
        return max(measured, key=lambda commit: asv_results.recorded_samples(known[commit]))
    # The one that made this solver; those after it changed other things.
    return alike[-1]


def _has_curve_fit(root: Path, commit: str) -> bool:
    try:
        run_git(root, "grep", "--quiet", "def curve_fit", commit, "--", lineage.SOLVER)
    except GitError:
        return False
    return True


def _discover(suite: Suite, commits: Sequence[str]) -> None:
    """Create the environment and write down which benchmarks there are."""
    code = suite.run(commits[-1:], "--bench", "just-discover")
    if code != 0:
        raise UserError(f"asv cannot run the suite; the end of {suite.root / LOG} says why.")


def _measure_rounds(suite: Suite, commits: Sequence[str], samples: int, console: Console) -> None:
    versions = suite.versions()
    # One more than is wanted: a benchmark that failed once gets its turn again.
    with _progress(console) as progress:
        task = progress.add_task("", total=_runs_left(suite, commits, versions, samples))
        for turn in range(samples + 1):
            # There and back again, so that no commit is always measured first.
            for commit in commits if turn % 2 == 0 else reversed(commits):
                before = suite.results().get(commit)
                if before is not None and asv_results.is_broken(before):
                    continue
                names = missing(before, versions, samples)
                if not names:
                    continue
                subject = run_git(suite.root, "log", "-1", "--format=%s", commit).strip()
                progress.update(task, description=f"{commit[:8]} {subject[:40]}")
                _measure(suite, commit, names, versions, before)
                progress.advance(task)
                after = suite.results().get(commit)
                if after is not None and asv_results.is_broken(after):
                    console.print(
                        f"{commit[:8]} ({subject}) is broken: nothing could be measured; skipped. "
                        f"Remove {after.path} to try it again.",
                        highlight=False,
                        markup=False,
                    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _runs_left(
    suite: Suite, commits: Sequence[str], versions: Mapping[str, str], samples: int
) -> int:
    results = suite.results()
    total = 0
    for commit in commits:
        known = results.get(commit)
        if known is None:
            total += samples
        elif not asv_results.is_broken(known):
            rows = (known.rows.get(name) for name in missing(known, versions, samples))
            total += max(
                (samples if row is None else _lacking(row, samples) for row in rows), default=0
            )
    return total


def _lacking(row: Mapping[str, object], samples: int) -> int:
    return max(1, asv_results.samples_missing(row, samples))


def missing(
    results: CommitResults | None, versions: Mapping[str, str], samples: int
) -> tuple[str, ...]:
    """Return the benchmarks that a commit lacks, or lacks samples of.

    Parameters
    ----------
    results : CommitResults or None
        What is known of the commit.
    versions : mapping
        Benchmark -> its present version; results of another version do not count.
    samples : int
        Wanted recorded samples.
    """
    if results is None:
        return tuple(versions)
    return tuple(
        name
        for name, version in versions.items()
        if name not in results.rows
        or results.rows[name].get("version") != version
        or asv_results.samples_missing(results.rows[name], samples) > 0
    )


def _measure(
    suite: Suite,
    commit: str,
    names: Sequence[str],
    versions: Mapping[str, str],
    before: CommitResults | None,
) -> None:
    options = ["--quick", "--append-samples", "--record-samples", "--show-stderr"]
    if suite.bench or len(names) < len(versions):
        options += ["--bench", "|".join(rf"^{re.escape(name)}(\(|$)" for name in names)]
    begin = (suite.root / LOG).stat().st_size
    code = suite.run([commit], *options)
    if before is not None:
        asv_results.restore_lost_samples(before)
    if code not in (0, _FAILED):
        raise UserError(
            f"asv ended with exit code {code} on {commit[:8]}; the end of {suite.root / LOG} says "
            "why."
        )
    after = suite.results().get(commit)
    if after is not None:
        remember(suite.root, suite.machine, after, _printed(suite.root / LOG, begin))


def _printed(path: Path, begin: int) -> str:
    """Return what was added to the log, by asv itself."""
    with path.open("rb") as log:
        log.seek(begin)
        return log.read().decode("utf-8", errors="replace")


def _summary(suite: Suite, commits: Sequence[str], samples: int) -> History:
    results, versions = suite.results(), suite.versions()
    measured = {commit: results[commit] for commit in commits if commit in results}
    broken = tuple(commit for commit, one in measured.items() if asv_results.is_broken(one))
    whole = {commit: one for commit, one in measured.items() if commit not in broken}
    failed = {commit: tuple(asv_results.failures(one)) for commit, one in whole.items()}
    return History(
        commits=tuple(commits),
        broken=broken,
        failed={commit: names for commit, names in failed.items() if names},
        incomplete=tuple(
            commit
            for commit in commits
            if commit not in broken and missing(results.get(commit), versions, samples)
        ),
    )
