"""What compilation costs a user: the first call of a process against later ones."""

from typing import Any

from .common import SEED, Cache, PhaseSamples, look_up, sampled


class FirstCall(PhaseSamples):
    """Calls without hooks; import and backend start are not part of them."""

    params = (SEED,)
    param_names = ("problem",)

    def track_first_call_s(self, cache: Cache, problem: str) -> dict[str, Any]:
        return _calls_s(cache, problem, "cold")

    def track_first_call_from_disk_s(self, cache: Cache, problem: str) -> dict[str, Any]:
        return _calls_s(cache, problem, "warm_disk")

    def track_later_call_s(self, cache: Cache, problem: str) -> dict[str, Any]:
        return _calls_s(cache, problem, "warm_memory")

    unit = "s"


def _calls_s(cache: Cache, problem: str, condition: str) -> dict[str, Any]:
    samples = look_up(cache, (problem, condition))
    return sampled([one["unobserved_call_ns"] / 1e9 for one in samples])
