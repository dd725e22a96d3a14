"""The README's table of how fast the solver is, from `results/ratios.json`."""

from collections.abc import Sequence
from pathlib import Path

from jitscope.figures import Interval
from jitscope.ratios import Figure, Ratios, load_ratios
from jitscope.report.exactness_table import markdown
from jitscope.report.rendering import interval, number
from jitscope.targets import REFERENCE

NAMES = {
    "scipy_lm": "SciPy lm",
    "scipy": "SciPy trf",
    "nlsq": "NLSQ",
    "optimistix": "Optimistix",
}
_OURS = "trustfit"


def speed_table(file: Path) -> str:
    """Return the Markdown table of the figures that `make ratios` wrote.

    A row for each figure of trustfit's: its median and that of each other solver, with the ratio
    to SciPy's 'lm', what is asked of it, and the verdict. Solvers without a figure have no column.

    Raises
    ------
    UserError
        If the file is not one of `make ratios`.
    """
    ratios = load_ratios(file)
    measured = {one.solver for one in ratios.figures if one.median is not None}
    others = [solver for solver in NAMES if solver in measured]
    header = ("Subject", "Problem", _OURS, *(NAMES[one] for one in others))
    header += (f"{_OURS} / {NAMES[REFERENCE]}", "Target", "Verdict")
    ours = [figure for figure in ratios.figures if figure.solver == _OURS]
    parts = [_ran_on(ratios), markdown(header, [_row(one, ratios, others) for one in ours])]
    notes = _notes(ratios.figures)
    return "\n\n".join([*parts, notes] if notes else parts)


def _ran_on(ratios: Ratios) -> str:
    found = ratios.environment
    names = NAMES | {"jax": "JAX", "numpy": "NumPy", "scipy": "SciPy"}
    stack = [f"Python {found.python}"]
    stack += [f"{names[name]} {v}" for name, v in found.packages.items() if v and name in names]
    commit = "" if found.commit is None else f"Commit `{found.commit[:8]}`, "
    if commit and found.modified:
        commit = f"{commit[:-2]} with changes, "
    return (
        f"{commit}{found.cpu}, {found.cores} cores; {', '.join(stack)}. "
        "Medians; below one, its 99% interval."
    )


def _row(figure: Figure, ratios: Ratios, others: Sequence[str]) -> list[str]:
    beside = {
        one.solver: one.median
        for one in ratios.figures
        if (one.subject, one.problem) == (figure.subject, figure.problem)
    }
    return [
        f"{figure.subject}, {figure.unit}",
        f"`{figure.problem}`" if "_" in figure.problem else figure.problem,
        _with_interval(figure.median),
        *(_median(beside.get(solver)) for solver in others),
        _with_interval(figure.ratios.get(REFERENCE)),
        _in_words(figure.target or "-"),
        figure.verdict or "-",
    ]


def _median(found: Interval | None) -> str:
    return "-" if found is None else number(found.value)


def _with_interval(found: Interval | None) -> str:
    if found is None:
        return "-"
    return f"{number(found.value)}<br><sub>{interval(found.lo, found.hi)}</sub>"


def _in_words(target: str) -> str:
    for solver, name in NAMES.items():
        target = target.replace(f"times {solver}", f"times {name}")
    return target


def _notes(figures: Sequence[Figure]) -> str:
    """Return what is special about figures; why there is none stays in the file."""
    told = [one for one in figures if one.note and one.median is not None]
    notes = (f"{NAMES.get(one.solver, one.solver)}, {one.subject}: {one.note}." for one in told)
    return " ".join(notes)
