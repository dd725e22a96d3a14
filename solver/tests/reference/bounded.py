"""Problems of the other sets within bounds that their free solutions do not keep, and others.

The bounds are this project's own: one-sided ones and boxes; active at the solution or not; starts
inside, on a bound that is active at the end, on one that is not, and in a corner. Nobody has
published their minima: SciPy's TRF is what they are compared with.
"""

from math import inf

from . import mgh, minpack2, nist
from .problem import Problem


def _nist(
    name: str,
    lb: tuple[float, ...],
    ub: tuple[float, ...],
    why: str,
    start: tuple[float, ...] | None = None,
) -> Problem:
    return nist.problem(nist.DATASETS[name], 2).within(lb, ub, why, start)


_ROSENBROCK = mgh.ROSENBROCK
_NODES = len(mgh.CHEBYQUAD_8.x0)

PROBLEMS = (
    # Rosenbrock's valley cut in every way.
    _ROSENBROCK.within((-inf, -inf), (0.5, inf), "x0 <= 0.5"),
    _ROSENBROCK.within((-inf, 1.5), (inf, inf), "x1 >= 1.5", (1.2, 2.0)),
    _ROSENBROCK.within((-2.0, -1.5), (2.0, 2.0), "box, none active"),
    _ROSENBROCK.within((-1.2, -inf), (inf, inf), "start on a bound"),
    _ROSENBROCK.within((-1.2, 1.0), (0.4, 4.0), "start in a corner"),
    _ROSENBROCK.within((-2.0, 1.0), (0.8, 3.0), "start on a bound that stays active"),
    _ROSENBROCK.within((-50.0, 0.0), (0.5, 100.0), "wide box, one active"),
    mgh.FREUDENSTEIN_ROTH.within((0.0, -30.0), (20.0, -0.9), "narrow box, one active"),
    mgh.BEALE.within((-inf, 0.6), (inf, inf), "x1 >= 0.6"),
    mgh.BEALE.within((0.6, 0.5), (10.0, 100.0), "wide box"),
    mgh.JENNRICH_SAMPSON.within((0.26, 0.0), (10.0, 20.0), "one active"),
    mgh.HELICAL_VALLEY.within((-100.0, -1.0, -1.0), (0.8, 1.0, 1.0), "x0 <= 0.8"),
    mgh.BARD.within((0.1, -inf, -inf), (inf, inf, 2.0), "two active"),
    mgh.BARD.within((-inf, 0.0, 0.0), (inf, 1.0, inf), "start on a bound"),
    mgh.BOX_3D.within((0.0, 5.0, 0.0), (2.0, 9.5, 20.0), "start in a corner", (0.0, 9.5, 20.0)),
    mgh.POWELL_SINGULAR.within((0.1, -20.0, -1.0, -1.0), (100.0, 20.0, 1.0, 50.0), "x0 >= 0.1"),
    mgh.WOOD.within((-100.0,) * 4, (0.0, 10.0, 100.0, 100.0), "x0 <= 0"),
    mgh.BROWN_DENNIS.within((-10.0, 0.0, -100.0, -20.0), (100.0, 15.0, 0.0, 0.2), "two active"),
    mgh.BIGGS_EXP6.within((0.0,) * 6, (2.0, 8.0, 1.0, 7.0, 5.0, 5.0), "box"),
    mgh.OSBORNE.within(
        (0.0,) * 4 + (0.8,) + (0.0,) * 6,
        (inf,) * 7 + (4.5,) + (inf,) * 3,
        "two active",
        (1.3, 0.65, 0.65, 0.7, 0.9, 3.0, 5.0, 4.0, 2.0, 4.5, 5.5),
    ),
    mgh.WATSON_6.within(
        (-1.0, -0.1, -1.0, -1.0, -1.0, -1.0), (1.0, 0.9, 1.0, 1.0, 1.0, 1.0), "box"
    ),
    mgh.PENALTY_1.within((0.0, 1.0, 0.0, 0.0), (inf,) * 4, "x1 >= 1"),
    mgh.VARIABLY_DIMENSIONED.within((0.0,) * 10, (0.95,) * 10, "every upper bound active"),
    mgh.TRIGONOMETRIC.within((0.0,) * 10, (inf,) * 10, "x >= 0"),
    mgh.BROWN_ALMOST_LINEAR.within((0.0,) * 10, (0.9,) * 9 + (inf,), "x <= 0.9"),
    mgh.BROYDEN_TRIDIAGONAL.within((-1.0,) * 10, (-0.5,) * 10, "start on the bounds"),
    mgh.BROYDEN_BANDED.within((-1.0,) * 10, (-0.3,) * 5 + (inf,) * 5, "half upper bounds"),
    mgh.CHEBYQUAD_8.within((0.0,) * _NODES, (1.0,) * _NODES, "nodes in the interval"),
    mgh.CHEBYQUAD_8.within((0.06,) + (0.0,) * 7, (1.0,) * 7 + (0.9,), "end nodes held off"),
    minpack2.PROBLEMS[2].within((0.0,) * 49, (0.1,) * 49, "start and end on bounds"),
    # NIST's curves with one parameter held off its certified value.
    _nist("Misra1a", (0.0, 0.0), (230.0, inf), "b1 <= 230", (225.0, 0.0005)),
    _nist("BoxBOD", (0.0, 0.0), (200.0, 2.0), "b1 <= 200"),
    _nist("DanWood", (-inf, 3.9), (inf, 6.0), "b2 >= 3.9"),
    _nist("Chwirut2", (0.1, 0.0, 0.0), (inf, 0.005, inf), "b2 <= 0.005", (0.15, 0.004, 0.01)),
    _nist("Eckerle4", (0.0, 4.2, 440.0), (10.0, 20.0, 460.0), "b2 >= 4.2"),
    _nist("Gauss1", (0.0,) * 8, (98.0, 0.1, 99.0, 100.0, 50.0, 100.0, 200.0, 50.0), "one start on"),
    _nist("Gauss3", (0.0,) * 8, (inf, 0.01, inf, inf, inf, 74.0, inf, inf), "two active"),
    _nist("ENSO", (-inf,) * 9, (inf,) * 3 + (44.1,) + (inf,) * 5, "b4 <= 44.1"),
    _nist("Rat42", (0.0, 0.0, 0.0), (80.0, 5.0, 0.06), "b3 <= 0.06", (75.0, 2.5, 0.05)),
    _nist(
        "Rat43",
        (100.0, 0.0, 0.0, 0.1),
        (690.0, 20.0, 2.0, 10.0),
        "b1 <= 690",
        (650.0, 5.0, 0.75, 1.3),
    ),
    _nist("MGH09", (0.0, 0.0, 0.2, 0.0), (inf,) * 4, "b3 >= 0.2"),
    _nist("MGH17", (0.0, 0.0, -1.2, 0.0, 0.0), (10.0, 10.0, 0.0, 1.0, 1.0), "b3 >= -1.2"),
    _nist(
        "Lanczos3", (0.0,) * 6, (10.0,) * 5 + (4.9,), "b6 <= 4.9", (0.5, 0.7, 3.6, 4.2, 4.0, 4.5)
    ),
    _nist("Kirby2", (0.0, -1.0, 0.0, -1.0, 0.0), (1.6, 0.0, 1.0, 0.0, 1.0), "b1 <= 1.6"),
    _nist("Roszman1", (0.0, -1.0, 0.0, -170.0), (1.0, 1.0, 1e4, 0.0), "b4 >= -170"),
    _nist("Misra1d", (0.0, 0.0), (450.0, 1.0), "start on a bound, none active"),
    _nist(
        "Thurber", (1300.0,) + (0.0,) * 6, (2000.0,) * 4 + (2.0,) * 3, "start on the active bound"
    ),
    _nist("Nelson", (0.0, 0.0, -1.0), (5.0, 1.0, -0.05), "start near the active bound"),
)
