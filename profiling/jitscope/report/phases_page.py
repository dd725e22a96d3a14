"""The page "Phases over time": which phase of a fit moved, and at which commit."""

from collections.abc import Sequence
from dataclasses import asdict

from jitscope.history import History
from jitscope.report.conditions import conditions_of
from jitscope.report.panels import Bar, Measurement, Panel, Setup, setups_of
from jitscope.report.phase_styles import PhaseStyle, phase_styles
from jitscope.report.rendering import Neighbours, count, embedded_json, interval, number, render

STATUS_WORDS = {
    "broken": "broken: no benchmark of this commit gave a value",
    "failed": "failed: this problem gave no value",
    "missing": "not measured",
}


def render_phases_page(history: History, *, beside: Neighbours) -> str:
    """HTML of the page.

    Parameters
    ----------
    history : History
        Whatever was measured; with no phase measured, the page says what to run.
    beside : Neighbours
        The other pages to link.
    """
    setups = setups_of(history)
    return render(
        "phases.html",
        page="phases",
        setups=setups,
        problems=list(dict.fromkeys(name for setup in setups for name in setup.problems)),
        conditions=conditions_of(n for setup in setups for n in setup.conditions),
        styles=_styles(setups),
        notes=history.notes,
        latest=latest,
        status_words=STATUS_WORDS,
        beside=beside,
        data=embedded_json(_chart_data(setups)),
    )


def _styles(setups: Sequence[Setup]) -> dict[str, PhaseStyle]:
    names = (name for setup in setups for panel in setup.panels for name in panel.phases)
    return {style.name: style for style in phase_styles(names)}


def _chart_data(setups: Sequence[Setup]) -> dict[str, object]:
    styles = _styles(setups)
    return {
        "styles": [asdict(style) for style in styles.values()],
        "panels": [
            {
                "id": f"panel-{s}-{p}",
                "bars": [_bar_data(bar, styles) for bar in panel.bars],
            }
            for s, setup in enumerate(setups)
            for p, panel in enumerate(setup.panels)
        ],
    }


def _bar_data(bar: Bar, styles: dict[str, PhaseStyle]) -> dict[str, object]:
    wholes = {"wall": bar.wall, "unobserved": bar.unobserved}
    return {
        "hash": bar.commit.hash[:8],
        "message": bar.commit.message,
        "date": bar.commit.date[:10],
        "status": bar.status,
        "beneath": _beneath(bar),
        "counts": [f"{count(value)} {label}" for label, value in bar.counts],
        "phases": {
            m.name: {"ms": m.ms, "n": m.n, "text": f"{number(m.ms)} ms", "interval": _ends(m)}
            for m in bar.phases
        },
        **{
            key: None
            if m is None
            else {
                **{"ms": m.ms, "lo": m.lo_ms, "hi": m.hi_ms, "n": m.n},
                **{"text": f"{number(m.ms)} ms", "interval": _ends(m)},
            }
            for key, m in wholes.items()
        },
    }


def _ends(measurement: Measurement) -> str:
    lo, hi = measurement.lo_ms, measurement.hi_ms
    return interval(lo, hi) + ("" if lo is None else " ms")


def _beneath(bar: Bar) -> list[str]:
    """Lines under a bar: number of samples, then the counts of a fit."""
    if bar.status != "ok":
        return []
    samples = {m.n for m in bar.phases}
    lines = [f"n = {min(samples)}" + ("" if len(samples) == 1 else f" to {max(samples)}")]
    conversions = [value for label, value in bar.counts if label.startswith("conversions")]
    if conversions:
        lines.append(f"{count(sum(conversions))} conv.")
    lines += [f"{count(v)} mod." for label, v in bar.counts if label == "modules compiled"]
    return lines


def latest(panel: Panel) -> Bar | None:
    """Return the newest bar of a panel that has a value."""
    return next((bar for bar in reversed(panel.bars) if bar.wall is not None), None)
