"""How many evaluations a fit takes; exact counts."""

from .common import BOUNDED, SEED, Cache, CountedProblems, look_up


class Evaluations(CountedProblems):
    """Evaluations of the function and of its Jacobian, with default tolerances.

    Of a fit through the stepped driver, where the solver has one.
    """

    params = ((*SEED, *BOUNDED),)
    param_names = ("problem",)
    unit = "evaluations"

    def track_nfev(self, cache: Cache, problem: str) -> int:
        return look_up(cache, problem)["nfev"]

    def track_njev(self, cache: Cache, problem: str) -> int:
        return look_up(cache, problem)["njev"]
