"""The page "Timeline": the phases of one problem, commit by commit, and what moved with them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from jitscope.history import PHASE_BENCHMARK, History
from jitscope.report.conditions import conditions_of
from jitscope.report.phase_styles import phase_styles
from jitscope.report.plain_tables import last_figures
from jitscope.report.rendering import Neighbours, embedded_json, render
from jitscope.report.setups import SetupLine
from jitscope.report.timeline_data import timeline_name
from jitscope.report.verdict_words import SIGNS, change_words, interval_words, time_words
from jitscope.series import Series


def render_timeline_page(
    history: History,
    series: Sequence[Series],
    setups: Sequence[SetupLine],
    problems: Mapping[tuple[str, str], Sequence[str]],
    *,
    profiles: Mapping[str, str],
    address: str | None,
    beside: Neighbours,
) -> str:
    """HTML of the page; its data lie in files of their own (`timeline_data`).

    Parameters
    ----------
    history : History
        With no phase measured, the page says what to run.
    series : sequence of Series
    setups : sequence of SetupLine
    problems : mapping
        Problems of each setup's key.
    profiles : mapping of str to str
        Address of the page of a commit's session; "HASH+" is a working tree of it.
    address : str or None
        What a hash is added to for a link to its commit.
    beside : Neighbours
        The other pages to link.
    """
    phases = [one for one in series if one.key.benchmark == PHASE_BENCHMARK]
    conditions = conditions_of(one.key.parameter("condition") or "" for one in phases)
    styles = phase_styles(one.key.parameter("phase") or "" for one in phases if _is_part(one))
    shown = [setup for setup in setups if problems[setup.key]]
    return render(
        "timeline.html",
        page="timeline",
        setups=shown,
        conditions=conditions,
        styles=styles,
        notes=history.notes,
        tables=last_figures(series, shown),
        signs=SIGNS,
        change=change_words,
        time=time_words,
        interval=interval_words,
        beside=beside,
        data=embedded_json(
            {
                "address": address,
                "profiles": dict(profiles),
                "styles": [asdict(style) for style in styles],
                "conditions": [asdict(condition) for condition in conditions],
                "setups": [
                    {
                        "name": setup.name,
                        "problems": [
                            {"name": name, "file": timeline_name(s, p)}
                            for p, name in enumerate(problems[setup.key])
                        ],
                    }
                    for s, setup in enumerate(setups)
                    if problems[setup.key]
                ],
            }
        ),
    )


def _is_part(series: Series) -> bool:
    return not (series.key.parameter("phase") or "").endswith("wall")
