import json
from pathlib import Path
from typing import Any

import pytest
from jitscope.errors import UserError
from jitscope.ratios import SCHEMA_VERSION
from jitscope.report.readme_tables import filled, tables_of
from jitscope.report.speed_table import speed_table

from .planted import GeneratedHistory as Planted


def figure(subject: str, solver: str, median: float | None, **others: Any) -> dict[str, Any]:
    found = None
    if median is not None:
        found = {"value": median, "lo": 0.9 * median, "hi": 1.1 * median, "n": 7}
    fields = {
        "subject": subject,
        "problem": "linear_100",
        "solver": solver,
        "unit": "ms",
        "samples": [] if median is None else [median] * 7,
        "median": found,
        "ratios": {},
        "target": None,
        "verdict": None,
        "note": None,
    }
    return fields | others


def document() -> dict[str, Any]:
    ratio = {"scipy_lm": {"value": 0.25, "lo": 0.2, "hi": 0.3, "n": 7}}
    judged = {"ratios": ratio, "target": "≤ 0.5 times scipy_lm", "verdict": "met"}
    return {
        "schema_version": SCHEMA_VERSION,
        "created_utc": "2026-01-01T00:00:00+00:00",
        "environment": {
            "python": "3.99.1",
            "system": "Linux x86_64",
            "cpu": "A processor",
            "cores": 2,
            "packages": {"jax": "6.5.4", "scipy": "9.8.7", "nlsq": None, "jitscope": "1.2.3"},
            "commit": "0123456789abcdef",
            "modified": False,
        },
        "figures": [
            figure("warm call", "trustfit", 1.0, **judged),
            figure("warm call", "scipy_lm", 4.0),
            figure("warm call", "scipy", 5.5),
            figure("warm call", "nlsq", None, note="`nlsq` is not installed."),
            figure(
                "many fits",
                "trustfit",
                200_000.0,
                problem="10,000 Gaussians",
                unit="fits/s",
                target="≥ 120,000",
                verdict="missed",
            ),
            figure("many fits", "scipy_lm", 2_000.0, problem="10,000 Gaussians", note="a loop"),
        ],
    }


def written(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "ratios.json"
    file.write_text(json.dumps(content))
    return file


def test_the_table_holds_the_planted_figures(tmp_path: Path) -> None:
    lines = speed_table(written(tmp_path, document())).splitlines()
    assert lines[0] == (
        "Commit `01234567`, A processor, 2 cores; Python 3.99.1, JAX 6.5.4, SciPy 9.8.7. "
        "Medians; below one, its 99% interval."
    )
    # A solver without a figure has no column.
    assert lines[2] == (
        "| Subject | Problem | trustfit | SciPy lm | SciPy trf | trustfit / SciPy lm "
        "| Target | Verdict |"
    )
    assert lines[4] == (
        "| warm call, ms | `linear_100` | 1.00<br><sub>0.900 to 1.10</sub> | 4.00 | 5.50 "
        "| 0.250<br><sub>0.200 to 0.300</sub> | ≤ 0.5 times SciPy lm | met |"
    )
    assert lines[5] == (
        "| many fits, fits/s | 10,000 Gaussians | 200,000<br><sub>180,000 to 220,000</sub> "
        "| 2,000 | - | - | ≥ 120,000 | missed |"
    )
    assert lines[-1] == "SciPy lm, many fits: a loop."


def test_a_changed_tree_and_an_open_interval_are_told(tmp_path: Path) -> None:
    content = document()
    content["environment"]["modified"] = True
    content["figures"][0]["median"] |= {"lo": None, "hi": None, "n": 3}
    table = speed_table(written(tmp_path, content))
    assert table.startswith("Commit `01234567` with changes, A processor")
    assert "| 1.00<br><sub>no interval</sub> |" in table


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"schema_version": 1}, "schema version 1"),
        ({"schema_version": SCHEMA_VERSION}, "does not hold ratios"),
        ([], "schema version None"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: Any, told: str) -> None:
    with pytest.raises(UserError, match=told):
        speed_table(written(tmp_path, content))


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ratios.json"
    file.write_text('{"schema_version": 1')
    with pytest.raises(UserError, match="not whole JSON"):
        speed_table(file)


def test_the_readme_needs_its_markers_once_ratios_are_measured(site_history: Planted) -> None:
    results = site_history.root / "results"
    assert "speed-table" not in tables_of(site_history.root, results)
    written(results, document())
    tables = tables_of(site_history.root, results)
    with pytest.raises(UserError, match="begin:speed-table"):
        filled("nothing", {"speed-table": tables["speed-table"]})
    text = "<!-- begin:speed-table -->\n<!-- end:speed-table -->"
    assert "≤ 0.5 times SciPy lm" in filled(text, {"speed-table": tables["speed-table"]})
