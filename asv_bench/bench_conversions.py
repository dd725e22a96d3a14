"""Conversions between NumPy and JAX in one warm fit."""

from .common import SEED, Cache, CountedProblems, look_up


class Conversions(CountedProblems):
    """Arrays and scalars converted, implicit ones too; exact counts."""

    params = (SEED, ("to_host", "to_device"))
    param_names = ("problem", "direction")
    unit = "conversions"

    def track_count(self, cache: Cache, problem: str, direction: str) -> int:
        return look_up(cache, problem)["conversions"][direction]
