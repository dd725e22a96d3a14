"""What `make ratios` measures, beside whom, and what is asked of trustfit."""

from collections.abc import Mapping

from jitscope.figures import Limit, Target

SUBJECTS = (
    "warm call",
    "call after others",
    "first call",
    "first call from disk",
    "new model",
    "peak memory",
    "many fits",
)
PAIRED = ("warm call", "call after others")
"""Subjects whose samples at the same place are of the same round."""
UNITS: Mapping[str, str] = {
    "warm call": "ms",
    "call after others": "ms",
    "first call": "ms",
    "first call from disk": "ms",
    "new model": "ms",
    "peak memory": "MB",
    "many fits": "fits/s",
}
REFERENCE = "scipy_lm"
SOLVERS = ("trustfit", "scipy_lm", "scipy", "nlsq", "optimistix")
STARTING = ("trustfit", "scipy_lm", "nlsq", "optimistix")
"""Those whose first calls and new models are measured."""
COMPILING = ("trustfit", "nlsq", "optimistix")
"""Those that a cache on disk may serve."""
LARGE = "gaussian_scaling_1000000"
MODELS = "100 models"
MANY, VERY_MANY = "10,000 Gaussians", "1,000,000 Gaussians"

TARGETS = (
    Target("warm call", "linear_100", ((Limit("<=", 0.5, REFERENCE),),)),
    Target("warm call", "exponential_1000", ((Limit("<=", 0.4, REFERENCE),),)),
    Target("warm call", "gaussian_10000", ((Limit("<=", 0.3, REFERENCE),),)),
    Target("warm call", "cubic_50000", ((Limit("<=", 0.15, REFERENCE),),)),
    Target("warm call", LARGE, ((Limit("<=", 0.17, REFERENCE),),)),
    Target("peak memory", LARGE, ((Limit("<=", 64.0),),)),
    *(
        Target("first call", f"{which}exponential_{points}", ((Limit("<=", most_ms),),))
        for points, most_ms in ((100, 35.0), (1_000, 40.0), (10_000, 80.0))
        for which in ("", "bounded_")
    ),
    Target("first call from disk", "exponential_10000", ((Limit("<=", 60.0),),)),
    Target("first call from disk", "bounded_exponential_10000", ((Limit("<=", 60.0),),)),
    Target("new model", MODELS, ((Limit("<=", 20.0),),)),
    Target(
        "many fits",
        MANY,
        (
            (Limit(">=", 120_000.0),),
            (Limit(">=", 12.0, "optimistix"), Limit(">=", 35.0, REFERENCE)),
        ),
    ),
)


def problems_of(subject: str) -> tuple[str, ...]:
    """Return what a subject is measured on."""
    return tuple(target.problem for target in TARGETS if target.subject == subject)
