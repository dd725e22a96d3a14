"""What a gate found, as Markdown for a pull request.

Commit messages and names of parameters are anybody's text: each character that Markdown or HTML
might read as a sign is written as a numeric reference, inside ``<code>``, where neither mentions
nor links come about.
"""

from __future__ import annotations

from collections.abc import Sequence

from jitscope.gate import Gate, Row
from jitscope.verdicts import Verdict

HEADINGS = {
    "passed": "Gate: passed",
    "failed": "Gate: failed",
    "nothing to compare": "Gate: nothing to compare",
}
MOST_ROWS = 50
_LONGEST = 200
_SHOWN: tuple[Verdict, ...] = ("errored", "regressed", "improved")


def code(text: str) -> str:
    """Return untrusted text so that it is shown as it is, on one line.

    Parameters
    ----------
    text : str
        Cut after 200 characters.
    """
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"<code>{''.join(map(_safe, _flat(cut)))}</code>"


def _safe(character: str) -> str:
    plain = character == " " or (character.isascii() and character.isalnum())
    return character if plain else f"&#{ord(character)};"


def _flat(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)


def summary_of(gate: Gate) -> str:
    """Return a gate's Markdown.

    Parameters
    ----------
    gate : Gate
    """
    parts = [
        f"## {HEADINGS[gate.outcome]}",
        f"{code(gate.head[:8])} {code(gate.subject)} against {code(gate.base[:8])}",
        *(f"- {note}" for note in gate.notes),
        "### Counters",
        *_table(gate.counters, "Counters are exact: any difference is one of the commit's."),
        "### Times and memory",
        *_table(gate.times, _about_times(gate)),
    ]
    return "\n\n".join(parts) + "\n"


def _about_times(gate: Gate) -> str:
    if gate.judge_times:
        return "Times may fail this gate."
    return "Reported only: times depend on the machine's load."


def _table(rows: Sequence[Row], about: str) -> list[str]:
    if not rows:
        return ["Nothing was measured."]
    counts = {verdict: 0 for verdict in dict.fromkeys(row.verdict for row in rows)}
    for row in rows:
        counts[row.verdict] += 1
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    shown = [row for verdict in _SHOWN for row in rows if row.verdict == verdict]
    if not shown:
        return [f"{told}. {about}"]
    lines = ["| figure | base | head | change | verdict |", "|---|---|---|---|---|"]
    lines += [_line(row) for row in shown[:MOST_ROWS]]
    more = len(shown) - MOST_ROWS
    after = [f"{more} more are left out."] if more > 0 else []
    return [f"{told}. {about}", "\n".join(lines), *after]


def _line(row: Row) -> str:
    judged = row.judgement
    change = "" if judged.ratio is None else f"{judged.ratio - 1:+.1%}"
    verdict = "**regressed**" if judged.verdict == "regressed" else judged.verdict
    cells = (
        code(row.series.key.label),
        _figure(row.base.value, row.series.unit),
        _figure(row.head.value, row.series.unit),
        change,
        verdict,
    )
    return f"| {' | '.join(cells)} |"


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "none"
    shown = f"{value:,.0f}" if value == round(value) else f"{value:.4g}"
    return f"{shown} {code(unit)}" if unit else shown
