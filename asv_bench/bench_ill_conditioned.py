"""Fits whose Jacobian is close to singular must end in a clear status, near the minimum."""

from .common import ILL_CONDITIONED, Cache, CountedProblems, look_up


class IllConditioned(CountedProblems):
    """Fails where a fit does not end in a convergence status."""

    params = (ILL_CONDITIONED,)
    param_names = ("problem",)

    def track_nfev(self, cache: Cache, problem: str) -> int:
        counts = look_up(cache, problem)
        if not counts["result"]["success"]:
            raise RuntimeError(f"{problem} ended with: {counts['result']['message']}")
        return counts["nfev"]

    def track_cost(self, cache: Cache, problem: str) -> float:
        counts = look_up(cache, problem)
        if counts["cost_digits_lost"] is None:
            raise RuntimeError(f"{problem} ended with: {counts['result']['message']}")
        return counts["cost_digits_lost"]

    track_nfev.unit = "evaluations"  # pyright: ignore[reportFunctionMemberAccess]
    track_cost.unit = "digits lost"  # pyright: ignore[reportFunctionMemberAccess]
