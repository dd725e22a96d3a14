"""How verdicts, changes and times are put, the same on every page."""

from jitscope.noise import Noise
from jitscope.report.rendering import number
from jitscope.verdicts import Judgement, Verdict

SIGNS: dict[Verdict, str] = {
    "improved": "▼",
    "regressed": "▲",
    "unchanged": "=",
    "insufficient": "?",
    "errored": "✗",
    "missing base": "∅",
    "not comparable": "≠",
}
"""Less is better in every benchmark, so an arrow that points down is good news."""
MINUS = "\N{MINUS SIGN}"
NOTHING = "\N{EN DASH}"
_UNITS = (("s", 1.0, 10.0), ("ms", 1e3, 1e-3), ("µs", 1e6, 0.0))


def time_words(seconds: float | None) -> str:
    """Put a time in the unit in which it reads best, as in "673 ms"."""
    if seconds is None:
        return NOTHING
    name, factor, _ = next(unit for unit in _UNITS if abs(seconds) >= unit[2])
    return f"{number(seconds * factor)} {name}"


def interval_words(value: float, lo: float | None, hi: float | None) -> str:
    """Put an interval in the unit of its value, as in "610 to 783"."""
    if lo is None or hi is None:
        return "no interval"
    _, factor, _ = next(unit for unit in _UNITS if abs(value) >= unit[2])
    return f"{number(max(0.0, lo) * factor)} to {number(hi * factor)}"


def apart_words(judgement: Judgement, noise: Noise) -> str:
    """Say what it means that two commits were measured in different sessions; "" where not."""
    if not judgement.apart:
        return ""
    if noise.sessions:
        return "The two were measured in different sessions, and it is more than these differ."
    return (
        "The two were measured in different sessions, and no solver in both: the machine may have "
        "changed as well."
    )


def change_words(judgement: Judgement | None) -> str:
    """Put a ratio as a change, as in "-12.3%"; of more than twice as much, as in "3.10 times"."""
    if judgement is None or judgement.ratio is None:
        return NOTHING
    if judgement.ratio >= 2:
        return f"{number(judgement.ratio)} times"
    percent = 100 * (judgement.ratio - 1)
    sign = MINUS if percent < 0 else "+" if percent > 0 else "±"
    return f"{sign}{abs(percent):.1f}%"
