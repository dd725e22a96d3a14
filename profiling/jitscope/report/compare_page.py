"""The page "Compare": any two measured commits, phase by phase and counter by counter."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from jitscope.history import PHASE_BENCHMARK, History
from jitscope.report.compare_data import samples_name, series_name
from jitscope.report.conditions import conditions_of
from jitscope.report.phase_styles import phase_styles
from jitscope.report.plain_tables import PlainComparison
from jitscope.report.rendering import Neighbours, embedded_json, render
from jitscope.report.setups import SetupLine
from jitscope.report.verdict_words import SIGNS, change_words, interval_words, time_words
from jitscope.series import Series
from jitscope.verdicts import ALPHA, MIN_SAMPLES


def render_compare_page(
    history: History,
    series: Sequence[Series],
    setups: Sequence[SetupLine],
    recorded: Sequence[Mapping[str, Any]],
    newest: Sequence[PlainComparison],
    *,
    profiles: Mapping[str, str],
    address: str | None,
    beside: Neighbours,
) -> str:
    """HTML of the page; the samples lie in files of their own (`compare_data`).

    Parameters
    ----------
    history : History
    series : sequence of Series
    setups : sequence of SetupLine
    recorded : sequence of mapping
        What `compare_recorded.comparisons_of` returns.
    newest : sequence of PlainComparison
        The last two commits, for who runs no script.
    profiles : mapping of str to str
        Address of the page of a commit's session; "HASH+" is a working tree of it.
    address : str or None
        What a hash is added to for a link to its commit.
    beside : Neighbours
        The other pages to link.
    """
    phases = [one for one in series if one.key.benchmark == PHASE_BENCHMARK]
    hashes = history.commits["commit"].tolist()
    names = (one.key.parameter("phase") or "" for one in phases)
    styles = phase_styles(name for name in names if not name.endswith("wall"))
    conditions = conditions_of(one.key.parameter("condition") or "" for one in phases)
    whole = {(one.key.setup, p.order) for one in phases for p in one.measured}
    data = {
        "address": address,
        "profiles": dict(profiles),
        "alpha": ALPHA,
        "least": MIN_SAMPLES,
        "signs": SIGNS,
        "styles": [asdict(style) for style in styles],
        "conditions": [asdict(condition) for condition in conditions],
        "recorded": recorded,
        "setups": [
            {
                "name": setup.name,
                "series": series_name(place),
                "commits": [
                    {
                        "order": order,
                        "file": samples_name(place, hashes[order]),
                        "phases": (setup.key, order) in whole,
                    }
                    for order in setup.orders
                ],
            }
            for place, setup in enumerate(setups)
        ],
    }
    return render(
        "compare.html",
        page="compare",
        setups=setups,
        conditions=conditions,
        styles=styles,
        newest=newest,
        signs=SIGNS,
        change=change_words,
        time=time_words,
        interval=interval_words,
        beside=beside,
        data=embedded_json(data),
    )
