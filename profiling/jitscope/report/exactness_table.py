"""The README's table of how exact the solver is, from `results/exactness.json`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DIGITS = (
    "Problems",
    "Settings",
    "Runs",
    "SciPy: 6 digits",
    "trustfit: 6 digits",
    "SciPy: mean",
    "trustfit: mean",
)
EVALUATIONS = (
    "Problems",
    "Settings",
    "Runs",
    "Cost as low as SciPy's",
    "SciPy",
    "trustfit",
    "to polish, besides",
)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column flush left."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    aligned = ["---", *("---:" for _ in header[1:])]
    return "\n".join([line(header), line(aligned), *(line(row) for row in rows)])


def exactness_table(file: Path) -> str:
    """Return the Markdown tables of the summary that `make exactness` wrote.

    Both solvers had the exact Jacobian; SciPy's is `least_squares` with method 'trf'.
    """
    document: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    versions: Mapping[str, str] = document["versions"]
    summary: Sequence[Mapping[str, Any]] = document["summary"]
    with_whom = f"SciPy {versions['scipy']} (trf, exact Jacobian), JAX {versions['jax']}."
    certified = [row for row in summary if row["scipy"]["six_digits"] is not None]
    return "\n\n".join(
        [
            f"{with_whom} Correct digits of a run's worst parameter: how many runs have at least "
            "6, and their mean.",
            markdown(DIGITS, [_digits(row) for row in certified]),
            "Evaluations until SciPy's test is satisfied, summed over the runs.",
            markdown(EVALUATIONS, [_evaluations(row) for row in summary]),
        ]
    )


def _first(row: Mapping[str, Any]) -> list[str]:
    return [str(row["set"]), str(row["settings"]), str(row["runs"])]


def _digits(row: Mapping[str, Any]) -> list[str]:
    scores = (row["scipy"], row["trustfit"])
    return [
        *_first(row),
        *(str(score["six_digits"]) for score in scores),
        *(f"{score['mean_digits']:.1f}" for score in scores),
    ]


def _evaluations(row: Mapping[str, Any]) -> list[str]:
    counts = (row["scipy"]["nfev"], row["trustfit"]["nfev"], row["trustfit"]["npolish"])
    return [*_first(row), str(row["as_low"]), *(f"{count:,}" for count in counts)]
