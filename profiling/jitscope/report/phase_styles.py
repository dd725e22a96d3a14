"""How a phase looks and what it means, the same on every page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Pattern = Literal["", "/", "\\", "x", "-", "|", "+", "."]


@dataclass(frozen=True)
class PhaseStyle:
    """Name, colour, pattern and meaning of a phase.

    Attributes
    ----------
    name, label, colour, meaning : str
    pattern : str
        Plotly's name of a pattern, by which pieces are told apart without their colour.
    """

    name: str
    label: str
    colour: str
    meaning: str
    pattern: Pattern = ""


PHASE_STYLES = (
    PhaseStyle("import", "import", "#8d99ae", "importing the solver and JAX"),
    PhaseStyle("backend", "back end", "#c3cad6", "starting JAX's back end (XLA's CPU client)", "."),
    PhaseStyle("trace", "trace", "#f4c95d", "running the Python functions once, to a jaxpr", "/"),
    PhaseStyle("lower", "lower", "#f0904f", "turning the jaxpr into StableHLO for XLA", "\\"),
    PhaseStyle("compile", "compile", "#c8434f", "XLA turning StableHLO into machine code", "x"),
    PhaseStyle(
        "cache_load", "cache load", "#9a6fd0", "reading machine code from the disk cache", "+"
    ),
    PhaseStyle(
        "to_device", "to device", "#1b998b", "preparing arguments, copying NumPy to JAX", "-"
    ),
    PhaseStyle("dispatch", "dispatch", "#7cc6ef", "handing a compiled program to the device", "|"),
    PhaseStyle("device_wait", "device wait", "#2b6cb0", "waiting for the device to compute"),
    PhaseStyle("to_host", "to host", "#7bd3b1", "copying JAX arrays back to NumPy", "x"),
    PhaseStyle("host", "host", "#a98467", "everything else: Python and NumPy", "."),
)
PATTERNS: tuple[Pattern, ...] = ("", "/", "x", "-", ".", "\\", "|", "+")
"""In the order in which things that are no phases get them."""
OTHER_COLOUR = "#6b7280"
"""Of a phase that is not among them."""


def phase_styles(names: Iterable[str]) -> tuple[PhaseStyle, ...]:
    """Styles of some phases in the order in which they are stacked; unknown ones come last."""
    present = set(names)
    known = tuple(style for style in PHASE_STYLES if style.name in present)
    others = sorted(present - {style.name for style in known})
    return known + tuple(PhaseStyle(name, name, OTHER_COLOUR, name, "x") for name in others)
