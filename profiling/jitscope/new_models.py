"""Fit many different models in this fresh process, each once: what new models cost a user.

``python -m jitscope.new_models --solver trustfit --models 100`` prints one JSON object, a
`NewModels`, as its last line. The models are ``a * g(b * x) + c * h(x)``, g and h being functions
of a list, so that no two of them compute the same.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from jitscope import adapters, problems
from jitscope.errors import UserError
from jitscope.many import check_answers
from jitscope.problems import Problem
from jitscope.sample import check_origin

POINTS = 100
_TRUE, _START = (2.0, 2.5, -1.2), (1.8, 2.2, -1.0)
_NOISE, _SEED = 0.01, 20251006

Function = Callable[[ModuleType, Any], Any]

_FUNCTIONS: Mapping[str, Function] = {
    "decay": lambda xp, t: xp.exp(-t),
    "bell": lambda xp, t: xp.exp(-t * t),
    "rise": lambda xp, t: t * xp.exp(-t),
    "sine": lambda xp, t: xp.sin(t),
    "cosine": lambda xp, t: xp.cos(t),
    "step": lambda xp, t: xp.tanh(t),
    "angle": lambda xp, t: xp.arctan(t),
    "logarithm": lambda xp, t: xp.log(1 + t),
    "root": lambda xp, t: xp.sqrt(1 + t),
    "hyperbola": lambda xp, t: 1 / (1 + t),
}
MOST = len(_FUNCTIONS) ** 2


@dataclass(frozen=True)
class NewModels:
    """What a solver took for models that it had not met.

    Attributes
    ----------
    solver : str
    points : int
        Of each curve.
    calls_ns : sequence of int
        Wall time of each model's one fit, in order; making the function and data is not part of it.
    """

    solver: str
    points: int
    calls_ns: Sequence[int]


def model(number: int) -> Callable[[ModuleType], Callable[..., Any]]:
    """Return the factory of a model, for an array module; numbers from 0 to `MOST` - 1."""
    functions = list(_FUNCTIONS.values())
    g, h = functions[number // len(functions)], functions[number % len(functions)]

    def factory(xp: ModuleType) -> Callable[..., Any]:
        def f(x: Any, a: Any, b: Any, c: Any) -> Any:
            return a * g(xp, b * x) + c * h(xp, x)

        return f

    return factory


def problem_of(number: int) -> Problem:
    """Return the fit of a model; its minimum is not known."""
    import numpy as np

    x = np.linspace(0.0, 4.0, POINTS)
    factory = model(number)
    noise = np.random.default_rng(_SEED + number).normal(0.0, _NOISE, POINTS)
    return replace(
        problems.get("exponential_100"),
        name=f"model {number}",
        model=factory,
        x=x,
        y=factory(np)(x, *_TRUE) + noise,
        p0=np.array(_START),
        p_true=np.array(_TRUE),
        reference_cost=float("nan"),
        reference_params=None,
    )


def measure(solver: str, models: int, *, expected_prefix: Path | None = None) -> NewModels:
    """Fit models in this interpreter, which must be fresh.

    Parameters
    ----------
    solver : str
    models : int
        How many, at most `MOST`.
    expected_prefix : Path, optional
        The solver must have been imported from below it.

    Raises
    ------
    UserError
        A wrong answer, or a solver from elsewhere or not installed.
    """
    import numpy as np

    adapter = adapters.get(solver)
    calls_ns: list[int] = []
    for number in range(models):
        problem = problem_of(number)
        adapter.prepare(problem, plain=True)
        if number == 0:
            check_origin(adapter, expected_prefix)
        start_ns = time.perf_counter_ns()
        adapter.run()
        calls_ns.append(time.perf_counter_ns() - start_ns)
        params = adapter.result().params
        if params is None:
            raise UserError(f"{problem.name} did not converge.")
        check_answers(problem, problem.y[None], problem.p_true[None], np.array([params]))
    return NewModels(solver, POINTS, calls_ns)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the figures as JSON; a mistake is one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(prog="python -m jitscope.new_models", description=__doc__)
    parser.add_argument("--solver", default="trustfit", choices=adapters.NAMES)
    parser.add_argument("--models", type=int, default=MOST, choices=range(1, MOST + 1), metavar="N")
    parser.add_argument("--expected-prefix", type=Path, help="where the solver must lie")
    args = parser.parse_args(argv)
    try:
        found = measure(args.solver, args.models, expected_prefix=args.expected_prefix)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
