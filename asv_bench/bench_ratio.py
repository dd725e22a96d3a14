"""A warm plain call beside SciPy's ``method='lm'``, in one interleaved run; lower is better."""

import statistics
from typing import Any

from jitscope.growth import LENGTHS

from .common import SEED, Cache, in_a_child, look_up, sampled

REFERENCE = "scipy_lm"
PROBLEMS = (*SEED, LENGTHS[2])
_BUDGET_S = "2"


class Ratio:
    """Trustfit's repeated calls over SciPy's, by medians; steadier than either of the times."""

    version = "2"
    timeout = 60.0
    params = (PROBLEMS,)
    param_names = ("problem",)
    unit = "times"

    def setup_cache(self) -> Cache:
        """Map problem to the fields of `jitscope.interleaved.Interleaved`, or to an error."""
        solvers = ("--solver", "trustfit", "--solver", REFERENCE, "--budget", _BUDGET_S)
        return {
            problem: in_a_child("jitscope.interleaved", "--problem", problem, *solvers)
            for problem in PROBLEMS
        }

    setup_cache.timeout = 1800.0  # pyright: ignore[reportFunctionMemberAccess]

    def track_ratio_to_scipy_lm(self, cache: Cache, problem: str) -> dict[str, Any]:
        rounds = look_up(cache, problem)
        if rounds["failures"]:
            raise RuntimeError("; ".join(rounds["failures"].values()))
        ours, theirs = (rounds["repeated_ns"][name] for name in ("trustfit", REFERENCE))
        return sampled([statistics.median(ours) / statistics.median(theirs)])
