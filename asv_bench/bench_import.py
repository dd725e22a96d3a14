"""What ``import trustfit`` adds to ``import jax``."""

import os
from typing import Any

from .common import Cache, in_a_child, look_up, sampled


class Import:
    """In fresh interpreters; byte code was written by the first, which is not counted."""

    version = "1"
    timeout = 60.0

    def setup_cache(self) -> Cache:
        """Return the list of what `jitscope.imports` measured, or an error.

        The environment variable JITSCOPE_SAMPLES is the number of samples, by default 1.
        """
        count = int(os.environ.get("JITSCOPE_SAMPLES", "1"))
        found = [_measured() for _ in range(1 + count)][1:]
        errors = [one for one in found if isinstance(one, str)]
        return {"import": errors[0] if errors else found}

    setup_cache.timeout = 600.0  # pyright: ignore[reportFunctionMemberAccess]

    def track_added_ms(self, cache: Cache) -> dict[str, Any]:
        return sampled([one["added_s"] * 1e3 for one in look_up(cache, "import")])

    def track_modules(self, cache: Cache) -> int:
        return look_up(cache, "import")[0]["added_modules"]

    track_added_ms.unit = "ms"  # pyright: ignore[reportFunctionMemberAccess]
    track_modules.unit = "modules"  # pyright: ignore[reportFunctionMemberAccess]


def _measured() -> dict[str, Any] | str:
    return in_a_child("jitscope.imports", "--package", "trustfit", "--after", "jax")
