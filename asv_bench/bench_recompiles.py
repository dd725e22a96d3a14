"""What a later fit of a process compiles, when the user changed one thing; exact counts."""

from jitscope.recompiles import CHANGES

from .common import Cache, in_a_child, look_up


class Recompiles:
    """Modules compiled by a plain call, of a model that closes over a float and an array.

    `bench_compile` counts the same of the problems' models, which close over nothing.
    """

    version = "1"
    timeout = 60.0
    params = (CHANGES,)
    param_names = ("change",)
    unit = "modules"

    def setup_cache(self) -> Cache:
        """Map "counts" to the modules of each change, or to an error."""
        return {"counts": in_a_child("jitscope.recompiles")}

    setup_cache.timeout = 600.0  # pyright: ignore[reportFunctionMemberAccess]

    def track_modules(self, cache: Cache, change: str) -> int:
        return look_up(cache, "counts")[change]
