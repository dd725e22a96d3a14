"""What `make ratios` measures, beside whom, and what is asked of trustfit."""

from collections.abc import Mapping

from jitscope.figures import Limit, Target

SUBJECTS = (
    "warm call",
    "call after others",
    "first call",
    "first call from disk",
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
    "peak memory": "MB",
    "many fits": "fits/s",
}
REFERENCE = "scipy_lm"
SOLVERS = ("trustfit", "scipy_lm", "scipy", "nlsq", "optimistix")
COMPILING = ("trustfit", "nlsq", "optimistix")
LARGE = "gaussian_scaling_1000000"
FIRST, BOUNDED = "exponential_1000", "bounded_exponential_1000"
MANY, VERY_MANY = "10,000 Gaussians", "1,000,000 Gaussians"

TARGETS = (
    Target("warm call", "linear_100", ((Limit("<=", 0.5, REFERENCE),),)),
    Target("warm call", "exponential_1000", ((Limit("<=", 0.4, REFERENCE),),)),
    Target("warm call", "gaussian_10000", ((Limit("<=", 0.3, REFERENCE),),)),
    Target("warm call", "cubic_50000", ((Limit("<=", 0.15, REFERENCE),),)),
    Target("warm call", LARGE, ((Limit("<=", 0.17, REFERENCE),),)),
    Target("peak memory", LARGE, ((Limit("<=", 64.0),),)),
    Target("first call", FIRST, ((Limit("<=", 300.0),),)),
    Target("first call", BOUNDED, ((Limit("<=", 450.0),),)),
    Target("first call from disk", FIRST, ((Limit("<=", 120.0),),)),
    Target(
        "many fits",
        MANY,
        (
            (Limit(">=", 120_000.0),),
            (Limit(">=", 12.0, "optimistix"), Limit(">=", 35.0, REFERENCE)),
        ),
    ),
)
WARM_PROBLEMS = tuple(target.problem for target in TARGETS if target.subject == "warm call")
