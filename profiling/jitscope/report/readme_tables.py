"""Write the README's tables from the results, or check that they agree.

``python -m jitscope.report.readme_tables`` rewrites what stands between each pair of markers
``<!-- begin:NAME -->`` and ``<!-- end:NAME -->``. With ``--check`` nothing is written, and the last
commit's README is compared with the last commit's results: what somebody has just measured on a
machine of their own is no fault of the README.
"""

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from jitscope.errors import UserError
from jitscope.expectations import Comparison, compare, read_predictions
from jitscope.history import History, read_history
from jitscope.report.exactness_table import exactness_table, markdown
from jitscope.report.expectations_page import measured_words, predicted_words, problem_words
from jitscope.report.panels import Bar, Measurement, Panel, Setup, setups_of
from jitscope.report.phase_styles import PHASE_STYLES
from jitscope.report.rendering import interval, number
from jitscope.report.speed_table import speed_table

MIN_SAMPLES = 7
"""A commit with fewer samples of its whole calls is not shown in the README."""

SHOWN = {
    "cold": "First fit in a fresh process without a compilation cache (cold)",
    "warm_memory": "One more fit in the same process (warm memory)",
}
QUANTITIES = {
    "solver_run_time": "one more fit, compiled",
    "total_first_call": "first fit, import excluded",
}
NOTHING = "*Nothing is measured yet: run `make history`.*"


def phase_table(history: History) -> str:
    """Markdown tables of the phases at the newest commit with enough samples.

    Milliseconds, medians with their 99% intervals; problems are rows; one table for each of the
    conditions cold and warm memory. Of several machines that measured the newest it is the one with
    the most commits.
    """
    order = dict(zip(history.commits["commit"], history.commits["order"], strict=True))
    found = [
        (setup, place)
        for setup in setups_of(history)
        if (place := _newest_measured(setup)) is not None
    ]
    if not found:
        return NOTHING
    return _phase_tables(*max(found, key=lambda one: order[one[0].commits[one[1]].hash]))


def expectation_table(comparisons: Sequence[Comparison]) -> str:
    """Markdown table of predictions and measurements, an expectation after the other."""
    if not any(comparison.commit for comparison in comparisons):
        return NOTHING
    header = ("Problem", "Time of", "Predicted", "Measured", "99% interval", "Samples", "Verdict")
    tables: list[str] = []
    for title in dict.fromkeys(c.prediction.title for c in comparisons):
        members = [c for c in comparisons if c.prediction.title == title]
        tables.append(f"**{title}**\n\n" + markdown(header, [_expectation_row(c) for c in members]))
    return "\n\n".join(tables)


def filled(text: str, tables: Mapping[str, str]) -> str:
    """Replace what stands between each table's markers.

    Raises
    ------
    UserError
        If a marker is missing.
    """
    for name, table in tables.items():
        begin, end = f"<!-- begin:{name} -->", f"<!-- end:{name} -->"
        head, found_begin, rest = text.partition(begin)
        _, found_end, tail = rest.partition(end)
        if not (found_begin and found_end):
            raise UserError(f"README.md must hold `{begin}` and then `{end}`: add the two lines.")
        text = f"{head}{begin}\n{table}\n{end}{tail}"
    return text


def tables_of(root: Path, results: Path) -> dict[str, str]:
    """Return the tables by the names of their markers.

    Parameters
    ----------
    root : Path
        Working tree, for git's log.
    results : Path
        Folder with ``asv/`` and ``expectations.toml``, and ``exactness.json`` and ``ratios.json``
        if these were measured.
    """
    history = read_history(root, results / "asv")
    comparisons = compare(history, read_predictions(results / "expectations.toml"))
    tables = {
        "phase-table": phase_table(history),
        "expectation-table": expectation_table(comparisons),
    }
    exactness = results / "exactness.json"
    if exactness.exists():
        tables["exactness-table"] = exactness_table(exactness)
    ratios = results / "ratios.json"
    if ratios.exists():
        tables["speed-table"] = speed_table(ratios)
    return tables


def write(root: Path) -> None:
    """Rewrite README.md's tables from the working tree's results."""
    readme = root / "README.md"
    text = filled(readme.read_text(encoding="utf-8"), tables_of(root, root / "results"))
    readme.write_text(text, encoding="utf-8")


def check(root: Path) -> None:
    """Compare the last commit's README with the last commit's results, if it has any.

    Raises
    ------
    UserError
        If they differ, or git cannot read the commit.
    """
    command = ["git", "-C", str(root), "archive", "HEAD", "README.md", "results"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise UserError(
            "The README's tables cannot be checked, because git cannot read README.md and results/ "
            "of the last commit: run this in a clone of the repository."
        )
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
            archive.extractall(folder, filter="data")
        committed = Path(folder)
        text = (committed / "README.md").read_text(encoding="utf-8")
        if not list((committed / "results" / "asv").glob("*/*.json")):
            return
        if filled(text, tables_of(root, committed / "results")) != text:
            raise UserError(
                "README.md's tables disagree with results/: run "
                "`python -m jitscope.report.readme_tables` and commit README.md."
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; the exit code."""
    parser = argparse.ArgumentParser(description="Write the README's tables from results/.")
    parser.add_argument("--check", action="store_true", help="only say whether they agree")
    chosen = parser.parse_args(arguments)
    try:
        (check if chosen.check else write)(Path.cwd())
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _newest_measured(setup: Setup) -> int | None:
    """Index of the newest commit that has enough samples for every problem that is shown."""
    shown = [panel for panel in setup.panels if panel.condition in SHOWN]
    for place in reversed(range(len(setup.commits))):
        walls = [panel.bars[place].wall for panel in shown]
        if walls and all(wall is not None and wall.n >= MIN_SAMPLES for wall in walls):
            return place
    return None


def _phase_tables(setup: Setup, place: int) -> str:
    commit = setup.commits[place]
    parts = [
        f"Commit `{commit.hash[:8]}`, measured on {setup.machine} with {setup.software}. "
        "Milliseconds: the median, below it its 99% interval."
    ]
    for condition, title in SHOWN.items():
        panels = [panel for panel in setup.panels if panel.condition == condition]
        if panels:
            parts.append(f"**{title}**\n\n{_condition_table(panels, place)}")
    return "\n\n".join(parts)


def _condition_table(panels: Sequence[Panel], place: int) -> str:
    bars = [panel.bars[place] for panel in panels]
    # A phase that took no time in any of the rows says nothing; the pages' tables keep it.
    present = {phase.name for bar in bars for phase in bar.phases if phase.ms > 0}
    styles = [style for style in PHASE_STYLES if style.name in present]
    header = ["Problem", *(style.label for style in styles), "whole call", "unobserved", "samples"]
    rows = [
        [f"`{panel.problem}`", *_figures(bar, [style.name for style in styles])]
        for panel, bar in zip(panels, bars, strict=True)
    ]
    return markdown(header, rows)


def _figures(bar: Bar, phases: Sequence[str]) -> list[str]:
    measured = {phase.name: phase for phase in bar.phases}
    shown = [*(measured.get(name) for name in phases), bar.wall, bar.unobserved]
    return [*(_figure(m) for m in shown), str(bar.wall.n if bar.wall else 0)]


def _figure(measurement: Measurement | None) -> str:
    if measurement is None:
        return "not measured"
    ends = interval(measurement.lo_ms, measurement.hi_ms)
    return f"{number(measurement.ms)}<br><sub>{ends}</sub>"


def _expectation_row(comparison: Comparison) -> list[str]:
    measured, ends = measured_words(comparison)
    problem = " ".join(
        word if word in ("beside", "every", "problem") else f"`{word}`"
        for word in problem_words(comparison).split()
    )
    return [
        problem,
        QUANTITIES[comparison.prediction.quantity],
        predicted_words(comparison.prediction),
        measured,
        ends or "no interval",
        f"{comparison.n_base} / {comparison.n_commit}",
        comparison.verdict,
    ]


if __name__ == "__main__":
    sys.exit(main())
