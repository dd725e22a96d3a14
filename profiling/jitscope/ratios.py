"""`make ratios`: how fast trustfit is beside other solvers, and whether that meets the targets.

``python -m jitscope.ratios [FILE]`` measures every subject in fresh processes, prints a table, and
writes the figures to FILE if one is given. Solvers that are not installed leave a dash. What the
subjects are: `jitscope.ratio_subjects`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import cattrs
from rich.console import Console
from rich.progress import Progress

from jitscope.environment import Environment, describe_environment
from jitscope.errors import UserError
from jitscope.figures import Interval, Target, Verdict, median_of, ratio_of
from jitscope.ratio_subjects import Measured, measure, steps
from jitscope.report.ratios_table import print_ratios
from jitscope.targets import PAIRED, SUBJECTS, TARGETS, UNITS

SCHEMA_VERSION = 2


@dataclass(frozen=True)
class Figure:
    """One solver's figure of one subject and problem.

    Attributes
    ----------
    subject : str
        One of `SUBJECTS`.
    problem, solver : str
    unit : str
        Of `samples` and `median`; "MB" is a million bytes.
    samples : tuple of float
        In the order of measurement; of a subject that is `PAIRED` those of different solvers at
        the same place are of the same round. Of a "warm call", the median of each turn.
    median : Interval or None
        None where nothing was measured; `note` says why.
    ratios : mapping of str to Interval
        The median over that of another solver, where both were measured.
    target : str or None
        What is asked of it, in words.
    verdict : str or None
        Whether its whole interval meets the target, or misses it; None without one.
    note : str or None
        Why it was not measured, or what is special about it.
    """

    subject: str
    problem: str
    solver: str
    unit: str
    samples: tuple[float, ...]
    median: Interval | None
    ratios: Mapping[str, Interval]
    target: str | None
    verdict: Verdict | None
    note: str | None


@dataclass(frozen=True)
class Ratios:
    """Everything that one run measured, and what it ran on."""

    schema_version: int
    created_utc: str
    environment: Environment
    figures: tuple[Figure, ...]


def figures_of(measured: Measured) -> list[Figure]:
    """Return a figure of each solver, with its ratios to the others that were measured."""
    return [_figure(measured, solver) for solver in measured.samples]


def _figure(measured: Measured, solver: str) -> Figure:
    samples = measured.samples[solver]
    median = median_of(samples)
    paired = measured.subject in PAIRED
    ratios = {
        other: ratio_of(samples, reference, paired=paired)
        for other, reference in measured.samples.items()
        if other != solver and samples and reference
    }
    target = _target(measured, solver)
    return Figure(
        subject=measured.subject,
        problem=measured.problem,
        solver=solver,
        unit=UNITS[measured.subject],
        samples=tuple(samples),
        median=median,
        ratios=ratios,
        target=None if target is None else str(target),
        verdict=None if target is None else target.verdict(median, ratios),
        note=measured.notes.get(solver),
    )


def _target(measured: Measured, solver: str) -> Target | None:
    if solver != "trustfit":
        return None
    place = (measured.subject, measured.problem)
    return next((one for one in TARGETS if (one.subject, one.problem) == place), None)


def run(root: Path, subjects: Sequence[str], file: Path | None, console: Console) -> Ratios:
    """Measure, print the table, and write the figures if there is a file for them."""
    figures: list[Figure] = []
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("", total=steps(subjects))

        def step(label: str) -> None:
            progress.update(task, description=label, advance=1)

        for measured in measure(subjects, step):
            figures += figures_of(measured)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    ratios = Ratios(SCHEMA_VERSION, created, describe_environment(root), tuple(figures))
    print_ratios(ratios, console)
    if file is not None:
        text = json.dumps(asdict(ratios), indent=1, allow_nan=False)
        file.write_text(text + "\n", encoding="utf-8")
        console.print(f"written to {file}", highlight=False)
    return ratios


def load_ratios(file: Path) -> Ratios:
    """Read what a run wrote.

    Raises
    ------
    UserError
        If the file is not JSON, of another version, or holds something else.
    """
    again = "Run `make ratios` again."
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is not whole JSON ({error}). {again}") from error
    found = data.get("schema_version") if isinstance(data, dict) else None
    if found != SCHEMA_VERSION:
        raise UserError(
            f"{file} has schema version {found}; this jitscope reads {SCHEMA_VERSION}. {again}"
        )
    try:
        return cattrs.structure(data, Ratios)
    except (cattrs.BaseValidationError, cattrs.StructureHandlerNotFoundError) as error:
        problems = "; ".join(cattrs.transform_error(error))
        raise UserError(f"{file} does not hold ratios: {problems}. {again}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.ratios", description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="where the JSON goes (default: nowhere)")
    parser.add_argument("--subject", action="append", choices=SUBJECTS, help="may be repeated")
    args = parser.parse_args(argv)
    if args.file is not None and args.subject:
        parser.error("a file holds every subject: leave out `--subject` to write one.")
    if args.file is not None and not args.file.parent.is_dir():
        parser.error(f"the folder of {args.file} does not exist.")
    console = Console(width=max(120, Console().width))  # narrower, tables lose their figures
    run(Path.cwd(), args.subject or SUBJECTS, args.file, console)
    return 0


if __name__ == "__main__":
    sys.exit(main())
