"""`python -m reference FILE`: print how exact trustfit is beside SciPy, and write it to FILE."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from . import exactness
from .exactness import Row, Run, Score


def main() -> None:
    """Solve every reference problem with both solvers; takes minutes."""
    parser = argparse.ArgumentParser(prog="python -m reference", description=main.__doc__)
    parser.add_argument("file", type=Path, help="where the JSON goes")
    file: Path = parser.parse_args().file
    console = Console()
    progress = Console(stderr=True)
    runs = list(track(exactness.measure(), description="solving", console=progress, transient=True))
    console.print(_table(exactness.summarise(runs)))
    for run in runs:
        for shortcoming in _shortcomings(run):
            text = f"{run.set}, {run.settings}, {run.problem}: {shortcoming}"
            console.print(text, highlight=False, markup=False, soft_wrap=True)
    file.write_text(exactness.to_json(runs), encoding="utf-8")
    console.print(f"written to {file}", highlight=False)


def _table(rows: list[Row]) -> Table:
    table = Table(
        title="Exactness: trustfit beside SciPy's TRF, which has the exact Jacobian too",
        caption="digits: of the worst parameter (NIST certifies 11); std: of the worst standard\n"
        "deviation; polish: evaluations after SciPy's stopping test",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for heading in ("set", "settings", "solver"):
        table.add_column(heading, no_wrap=True)
    for heading in (
        "runs",
        "as\nlow",
        "drivers\nagree",
        "digits\n>= 6",
        "std\n>= 5",
        "mean\ndigits",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("evalu-\nations", "polish"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(row.set, row.settings, "SciPy", str(row.runs), "", "", *_cells(row.scipy))
        ours = (str(row.as_low), _shown(row.agree))
        table.add_row("", "", "trustfit", "", *ours, *_cells(row.trustfit))
    return table


def _cells(score: Score) -> tuple[str, ...]:
    digits = (score.six_digits, score.five_std_digits, score.mean_digits)
    return (*map(_shown, digits), str(score.nfev), str(score.npolish))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


def _shortcomings(run: Run) -> Iterator[str]:
    if not run.as_low:
        yield f"cost {run.trustfit.cost:.10g}, SciPy's {run.scipy.cost:.10g}"
    digits = run.trustfit.digits
    if digits is not None and digits < 6:
        yield f"{digits:.1f} digits, SciPy {run.scipy.digits:.1f}"
    if run.disagreement is not None:
        yield f"fused and stepped differ: {run.disagreement}"


if __name__ == "__main__":
    main()
