"""How a phase looks and what it means, the same on every page."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PhaseStyle:
    """Name, colour and meaning of a phase: the same on every page."""

    name: str
    label: str
    colour: str
    meaning: str


PHASE_STYLES = (
    PhaseStyle("import", "import", "#8d99ae", "importing the solver and JAX"),
    PhaseStyle("backend", "back end", "#c3cad6", "starting JAX's back end (XLA's CPU client)"),
    PhaseStyle("trace", "trace", "#f4c95d", "running the Python functions once, to a jaxpr"),
    PhaseStyle("lower", "lower", "#f0904f", "turning the jaxpr into StableHLO for XLA"),
    PhaseStyle("compile", "compile", "#c8434f", "XLA turning StableHLO into machine code"),
    PhaseStyle("cache_load", "cache load", "#9a6fd0", "reading machine code from the disk cache"),
    PhaseStyle("to_device", "to device", "#1b998b", "preparing arguments, copying NumPy to JAX"),
    PhaseStyle("dispatch", "dispatch", "#7cc6ef", "handing a compiled program to the device"),
    PhaseStyle("device_wait", "device wait", "#2b6cb0", "waiting for the device to compute"),
    PhaseStyle("to_host", "to host", "#7bd3b1", "copying JAX arrays back to NumPy"),
    PhaseStyle("host", "host", "#a98467", "everything else: Python and NumPy"),
)
OTHER_COLOUR = "#6b7280"
"""Of a phase that is not among them."""
