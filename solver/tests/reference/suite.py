"""All reference problems, by the set that they are from."""

from collections.abc import Mapping

from . import bounded, mgh, minpack2, nist
from .problem import Problem

SETS: Mapping[str, tuple[Problem, ...]] = {
    "NIST StRD": nist.PROBLEMS,
    "Moré-Garbow-Hillstrom": mgh.PROBLEMS,
    "MINPACK-2": minpack2.PROBLEMS,
    "bounded": bounded.PROBLEMS,
}
PROBLEMS = tuple(problem for problems in SETS.values() for problem in problems)
