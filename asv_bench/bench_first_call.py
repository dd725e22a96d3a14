"""What the first plain call of a process costs a user, import and backend start excluded."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from jitscope import fresh

from .common import Cache, expected_prefix, in_a_child, look_up, sampled

PROBLEMS = tuple(
    f"{which}exponential_{points}" for points in (100, 1_000, 10_000) for which in ("", "bounded_")
)
MODELS = 100


class FirstCall:
    """Without and with bounds; nothing cached, or from a cache that another process filled."""

    version = "1"
    timeout = 60.0
    params = (PROBLEMS,)
    param_names = ("problem",)
    unit = "ms"

    def setup_cache(self) -> Cache:
        """Map problem and condition to a list of milliseconds, or to an error.

        The environment variable JITSCOPE_SAMPLES is the number of samples, by default 1.
        """
        count = int(os.environ.get("JITSCOPE_SAMPLES", "1"))
        return {
            (problem, condition): _first_calls_ms(problem, condition, count)
            for problem in PROBLEMS
            for condition in ("cold", "warm_disk")
        }

    setup_cache.timeout = 1800.0  # pyright: ignore[reportFunctionMemberAccess]

    def track_nothing_cached_ms(self, cache: Cache, problem: str) -> dict[str, Any]:
        return sampled(look_up(cache, (problem, "cold")))

    def track_from_disk_ms(self, cache: Cache, problem: str) -> dict[str, Any]:
        return sampled(look_up(cache, (problem, "warm_disk")))


class NewModels:
    """A hundred different models in one process, each fitted once to 100 points."""

    version = "1"
    timeout = 60.0
    unit = "ms"

    def setup_cache(self) -> Cache:
        """Map "models" to the fields of `jitscope.new_models.NewModels`, or to an error."""
        return {"models": in_a_child("jitscope.new_models", "--models", str(MODELS))}

    setup_cache.timeout = 600.0  # pyright: ignore[reportFunctionMemberAccess]

    def track_all_ms(self, cache: Cache) -> dict[str, Any]:
        return sampled([sum(look_up(cache, "models")["calls_ns"]) / 1e6])


def _first_calls_ms(problem: str, condition: str, count: int) -> list[float] | str:
    with tempfile.TemporaryDirectory(prefix="jitscope-cache-") as folder:
        cache_dir = Path(folder) if condition == "warm_disk" else None
        try:
            if cache_dir is not None:
                _first_call_ms(problem, condition, cache_dir)  # fills the cache
            return [_first_call_ms(problem, condition, cache_dir) for _ in range(count)]
        except fresh.ChildFailed as error:
            print(error, file=sys.stderr)
            return str(error)


def _first_call_ms(problem: str, condition: str, cache_dir: Path | None) -> float:
    one = fresh.run_sample(
        problem,
        condition,
        observed=False,
        plain=True,
        cache_dir=cache_dir,
        expected_prefix=expected_prefix(),
    )
    assert one.unobserved_call_ns is not None
    return one.unobserved_call_ns / 1e6
