"""The README's table of how exact the solver is, from `results/exactness.json`."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

HEADER = (
    "Problems",
    "Settings",
    "Runs",
    "Cost as low as SciPy's",
    "6 digits: SciPy",
    "6 digits: trustfit",
    "Mean digits: SciPy",
    "Mean digits: trustfit",
    "Evaluations to SciPy's test: SciPy",
    "trustfit",
    "more to polish",
)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, its first column flush left."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    aligned = ["---", *("---:" for _ in header[1:])]
    return "\n".join([line(header), line(aligned), *(line(row) for row in rows)])


def exactness_table(file: Path) -> str:
    """Return the Markdown table of the summary that `make exactness` wrote.

    Both solvers had the exact Jacobian; SciPy's is `least_squares` with method 'trf'.
    """
    document: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    versions: Mapping[str, str] = document["versions"]
    with_whom = f"SciPy {versions['scipy']} (trf, exact Jacobian), JAX {versions['jax']}."
    rows = [_row(summary) for summary in document["summary"]]
    return f"{with_whom} Digits are those of a run's worst parameter.\n\n{markdown(HEADER, rows)}"


def _row(summary: Mapping[str, Any]) -> list[str]:
    runs = str(summary["runs"])
    scipys, ours = summary["scipy"], summary["trustfit"]
    return [
        str(summary["set"]),
        str(summary["settings"]),
        runs,
        str(summary["as_low"]),
        *(_shown(score["six_digits"]) for score in (scipys, ours)),
        *(_shown(score["mean_digits"]) for score in (scipys, ours)),
        f"{scipys['nfev']:,}",
        f"{ours['nfev']:,}",
        f"{ours['npolish']:,}",
    ]


def _shown(value: float | None) -> str:
    """Show a count or a mean; sets without certified values have neither."""
    if value is None:
        return "not certified"
    return f"{value:.1f}" if isinstance(value, float) else str(value)
