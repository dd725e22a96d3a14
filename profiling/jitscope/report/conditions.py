"""The conditions of measurement, as the pages put them."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """A condition of measurement: its short name, and the question that its charts answer."""

    name: str
    label: str
    question: str
    explained: str


CONDITIONS = (
    Condition(
        "cold",
        "Cold",
        "How long does the very first fit take, and what is it spent on?",
        "A fresh Python process with no compilation cache: import, compile everything, fit.",
    ),
    Condition(
        "warm_disk",
        "Warm disk",
        "With a compilation cache on disk, what does the first fit still cost?",
        "A fresh Python process, but an earlier process has filled JAX's disk cache.",
    ),
    Condition(
        "warm_memory",
        "Warm memory",
        "Once everything is compiled, what does one more fit cost?",
        "A later fit in the same process: nothing is imported or compiled any more. Observing "
        "slows so short a call down: the hollow bar is its duration, the stack shows the parts.",
    ),
)


def conditions_of(names: Iterable[str]) -> tuple[Condition, ...]:
    """Conditions of some names, ours first; others are called what their suite calls them."""
    present = dict.fromkeys(names)
    known = tuple(one for one in CONDITIONS if one.name in present)
    others = [name for name in present if name not in {one.name for one in known}]
    return known + tuple(Condition(n, n, f"How long does a fit take: {n}?", "") for n in others)
