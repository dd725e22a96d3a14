"""Where the time of a first and of a later call goes, phase by phase."""

import math
from typing import Any

from jitscope.phases import PHASES
from jitscope.sample import CONDITIONS

from .common import SEED, Cache, PhaseSamples, look_up, sampled


class Phases(PhaseSamples):
    """Seconds of each phase; "wall" is their sum, "unobserved_wall" the same without hooks."""

    params = (SEED, CONDITIONS, (*PHASES, "wall", "unobserved_wall"))
    param_names = ("problem", "condition", "phase")
    unit = "s"

    def track_phase_s(
        self, cache: Cache, problem: str, condition: str, phase: str
    ) -> dict[str, Any] | float:
        samples = look_up(cache, (problem, condition))
        values_ns = [
            one[f"{phase}_ns"] if phase.endswith("wall") else one["phases_ns"][phase]
            for one in samples
        ]
        known = [value_ns / 1e9 for value_ns in values_ns if value_ns is not None]
        return sampled(known) if known else math.nan
