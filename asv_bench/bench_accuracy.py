"""How far a fit ends from the minimum that SciPy finds with an exact Jacobian; lower is better."""

from .common import BOUNDED, SEED, Cache, CountedProblems, look_up


class Accuracy(CountedProblems):
    """Wrong decimal digits of 15.7, with default tolerances: 0 is exact to rounding."""

    params = ((*SEED, *BOUNDED),)
    param_names = ("problem",)
    unit = "digits lost"

    def track_cost(self, cache: Cache, problem: str) -> float:
        return _measured(cache, problem, "cost_digits_lost")

    def track_params(self, cache: Cache, problem: str) -> float:
        return _measured(cache, problem, "params_digits_lost")


def _measured(cache: Cache, problem: str, quantity: str) -> float:
    counts = look_up(cache, problem)
    if counts[quantity] is None:
        raise RuntimeError(f"{problem} gave no solution: {counts['result']['message']}")
    return counts[quantity]
