"""How exact trustfit is beside SciPy's TRF, as plain records and their summary.

One record a run, one summary row for the runs of a set under the same settings. Nothing here
depends on the machine's speed, so that the figures can be committed and compared.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from types import MappingProxyType
from typing import Any

import trustfit

from . import nist
from .digits import correct_digits, standard_deviations
from .problem import Problem
from .solvers import MAX_NFEV, TIGHT, Outcome, as_low, disagreement, ours, rows, scipys, start_cost
from .suite import SETS

PACKAGES = ("jax", "jaxlib", "numpy", "scipy")
SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "default": {},
        "x_scale='jac'": {"x_scale": "jac"},
        "tight": TIGHT,
    }
)
"""Options by the name that the table gives them; all but the first for NIST's runs only."""


@dataclass(frozen=True)
class Answer:
    """What a solver made of a run.

    Attributes
    ----------
    cost : float
        Half the sum of squares, rounded to 12 digits.
    status, nfev, npolish : int
        As in `Outcome`.
    digits, std_digits : float or None
        Correct digits of the worst parameter and of the worst standard deviation; None where
        nothing is certified.
    """

    cost: float
    status: int
    nfev: int
    npolish: int
    digits: float | None
    std_digits: float | None


@dataclass(frozen=True)
class Run:
    """A problem under one of `SETTINGS`.

    Attributes
    ----------
    scipy, trustfit : Answer
        trustfit's is that of the plain call, by the fused driver.
    as_low : bool
        Whether trustfit's cost is as low as SciPy's.
    disagreement : str or None
        In what the stepped driver's outcome differs by more than rounding explains. Never looked
        for at tight tolerances: there rounding decides which of them is satisfied first.
    """

    set: str
    settings: str
    problem: str
    scipy: Answer
    trustfit: Answer
    as_low: bool
    disagreement: str | None


@dataclass(frozen=True)
class Score:
    """Sums over the runs of a set for one solver; the digits are None where none are certified.

    Attributes
    ----------
    nfev, npolish : int
        Evaluations up to the stopping test, and after it.
    six_digits : int or None
        Runs with at least 6 correct digits in every parameter.
    five_std_digits : int or None
        Runs with at least 5 in every standard deviation.
    mean_digits : float or None
        Digits of the worst parameter, averaged over the runs.
    """

    nfev: int
    npolish: int
    six_digits: int | None
    five_std_digits: int | None
    mean_digits: float | None


@dataclass(frozen=True)
class Row:
    """The runs of one set under the same settings.

    `as_low` counts those with a cost as low as SciPy's, `agree` those in which the fused and the
    stepped driver agree (None where that was not looked for).
    """

    set: str
    settings: str
    runs: int
    as_low: int
    agree: int | None
    scipy: Score
    trustfit: Score


def measure() -> Iterator[Run]:
    """Solve everything, run by run."""
    datasets = dict(zip(nist.PROBLEMS, (dataset for dataset, _ in nist.RUNS), strict=True))
    for name, problems in SETS.items():
        for settings, options in SETTINGS.items():
            if settings != "default" and problems is not nist.PROBLEMS:
                continue
            for problem in problems:
                yield _run(name, settings, problem, datasets.get(problem), options)


def _run(
    set_name: str,
    settings: str,
    problem: Problem,
    dataset: nist.Dataset | None,
    options: Mapping[str, Any],
) -> Run:
    scipy_found = scipys(problem, max_nfev=MAX_NFEV, **options)
    found = ours(problem, max_nfev=MAX_NFEV, **options)
    differs = None
    if settings != "tight":
        stepped = ours(problem, "stepped", max_nfev=MAX_NFEV, **options)
        differs = disagreement(problem, found, stepped)
    return Run(
        set=set_name,
        settings=settings,
        problem=problem.name,
        scipy=_answer(scipy_found, problem, dataset),
        trustfit=_answer(found, problem, dataset),
        as_low=as_low(found, scipy_found, start_cost(problem)),
        disagreement=differs,
    )


def _answer(outcome: Outcome, problem: Problem, dataset: nist.Dataset | None) -> Answer:
    digits = std_digits = None
    if dataset is not None:
        std = standard_deviations(*rows(problem, outcome.x))
        digits = round(correct_digits(outcome.x, dataset.certified), 2)
        std_digits = round(correct_digits(std, dataset.certified_std), 2)
    return Answer(
        cost=float(f"{outcome.cost:.11e}"),
        status=outcome.status,
        nfev=outcome.nfev,
        npolish=outcome.npolish,
        digits=digits,
        std_digits=std_digits,
    )


def summarise(runs: Iterable[Run]) -> list[Row]:
    """Sum up the runs by set and settings, in the order in which these first appear."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.set, run.settings), []).append(run)
    return [
        Row(
            set=name,
            settings=settings,
            runs=len(group),
            as_low=sum(run.as_low for run in group),
            agree=None if settings == "tight" else sum(not run.disagreement for run in group),
            scipy=_score([run.scipy for run in group]),
            trustfit=_score([run.trustfit for run in group]),
        )
        for (name, settings), group in groups.items()
    ]


def _score(answers: list[Answer]) -> Score:
    digits = [answer.digits for answer in answers if answer.digits is not None]
    std_digits = [answer.std_digits for answer in answers if answer.std_digits is not None]
    return Score(
        nfev=sum(answer.nfev for answer in answers),
        npolish=sum(answer.npolish for answer in answers),
        six_digits=sum(value >= 6 for value in digits) if digits else None,
        five_std_digits=sum(value >= 5 for value in std_digits) if std_digits else None,
        mean_digits=round(sum(digits) / len(digits), 2) if digits else None,
    )


def to_json(runs: list[Run]) -> str:
    """Return everything as JSON with sorted keys, a line for each run and each row."""
    packages = {package: version(package) for package in PACKAGES}
    versions = json.dumps({**packages, "trustfit": trustfit.__version__}, sort_keys=True)
    lines = {"runs": map(_line, runs), "summary": map(_line, summarise(runs))}
    parts = [f'"{name}": [\n  ' + ",\n  ".join(some) + "\n ]" for name, some in lines.items()]
    return "{\n " + ",\n ".join([*parts, f'"versions": {versions}']) + "\n}\n"


def _line(record: Run | Row) -> str:
    return json.dumps(asdict(record), sort_keys=True, ensure_ascii=False, allow_nan=False)
