import json
from pathlib import Path
from typing import Any

from jitscope.report.exactness_table import exactness_table
from jitscope.report.readme_tables import filled, tables_of

from .planted import GeneratedHistory as Planted

SCORE: dict[str, Any] = {"nfev": 3001, "npolish": 0, "six_digits": 36, "mean_digits": 7.18}
DOCUMENT: dict[str, Any] = {
    "versions": {"scipy": "9.8.7", "jax": "6.5.4"},
    "summary": [
        {
            "set": "a | set",
            "settings": "default",
            "runs": 54,
            "as_low": 53,
            "scipy": SCORE,
            "trustfit": {**SCORE, "nfev": 3000, "npolish": 86, "six_digits": 54},
        },
        {
            "set": "uncertified",
            "settings": "default",
            "runs": 4,
            "as_low": 4,
            "scipy": {**SCORE, "six_digits": None, "mean_digits": None},
            "trustfit": {**SCORE, "six_digits": None, "mean_digits": None},
        },
    ],
}


def test_the_table_holds_the_planted_figures(tmp_path: Path) -> None:
    file = tmp_path / "exactness.json"
    file.write_text(json.dumps(DOCUMENT))
    lines = exactness_table(file).splitlines()
    assert "SciPy 9.8.7" in lines[0]
    assert "| a \\| set | default | 54 | 36 | 54 | 7.2 | 7.2 |" in lines
    assert "| a \\| set | default | 54 | 53 | 3,001 | 3,000 | 86 |" in lines
    # A set without certified values has evaluations, and no digits.
    assert [line for line in lines if "uncertified" in line] == [
        "| uncertified | default | 4 | 4 | 3,001 | 3,001 | 0 |"
    ]


def test_the_readme_needs_its_markers_once_exactness_is_measured(site_history: Planted) -> None:
    results = site_history.root / "results"
    assert "exactness-table" not in tables_of(site_history.root, results)
    (results / "exactness.json").write_text(json.dumps(DOCUMENT))
    tables = tables_of(site_history.root, results)
    text = "<!-- begin:exactness-table -->\n<!-- end:exactness-table -->"
    assert "| 3,000 | 86 |" in filled(text, {"exactness-table": tables["exactness-table"]})
