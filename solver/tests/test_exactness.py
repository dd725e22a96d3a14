"""The summary of `make exactness`, on planted runs."""

import json
from dataclasses import replace

from .reference import exactness, nist
from .reference.exactness import Answer, Run
from .reference.solvers import Outcome, as_low, disagreement, scipys


def planted(digits: float | None, nfev: int, npolish: int = 0) -> Answer:
    std_digits = None if digits is None else digits - 1
    return Answer(1.0, 2, nfev, npolish, digits, std_digits)


def run(name: str, *, settings: str = "default", digits: float | None = 6.0) -> Run:
    found, scipy_found = planted(digits, 10, 2), planted(digits and digits - 2, 9)
    return Run(name, settings, "one", scipy_found, found, as_low=True, disagreement=None)


def test_rows_sum_the_runs_of_a_set_under_the_same_settings():
    runs = [
        run("certified"),
        run("other", digits=None),
        replace(run("certified", digits=9.0), as_low=False, disagreement="status"),
        run("certified", settings="tight"),
    ]
    first, other, tight = exactness.summarise(runs)
    assert (first.set, first.settings, first.runs, first.as_low) == ("certified", "default", 2, 1)
    assert (first.agree, other.agree, tight.agree) == (1, 1, None)
    assert (other.set, other.runs, tight.settings, tight.runs) == ("other", 1, "tight", 1)
    assert (first.scipy.nfev, first.trustfit.nfev, first.trustfit.npolish) == (18, 20, 4)
    assert (first.scipy.six_digits, first.trustfit.six_digits) == (1, 2)
    assert (first.scipy.five_std_digits, first.trustfit.five_std_digits) == (1, 2)
    assert (first.scipy.mean_digits, first.trustfit.mean_digits) == (5.5, 7.5)
    assert other.trustfit.six_digits is None
    assert other.trustfit.mean_digits is None


def test_json_has_a_line_for_each_run_and_names_the_versions():
    text = exactness.to_json([run("set"), run("other set")])
    document = json.loads(text)
    assert list(document) == sorted(document)
    assert len(text.splitlines()) == 1 + 4 + 4 + 2
    assert document["runs"][0]["trustfit"]["digits"] == 6.0
    assert [row["runs"] for row in document["summary"]] == [1, 1]
    assert {"jax", "numpy", "scipy"} <= {name for name, one in document["versions"].items() if one}


def test_as_low_forgives_rounding_and_a_different_zero_only():
    def outcome(cost: float) -> Outcome:
        return replace(reference, cost=cost)

    reference = scipys(nist.problem(nist.DATASETS["Misra1a"], 2))
    assert as_low(outcome(1.0 + 1e-9), outcome(1.0), 10.0)
    assert not as_low(outcome(1.0 + 1e-7), outcome(1.0), 10.0)
    assert as_low(outcome(1e-17), outcome(1e-30), 10.0)
    assert not as_low(outcome(1e-15), outcome(1e-30), 1e5)
    assert not as_low(outcome(1e-17), outcome(1e-30), 1e-9)


def test_drivers_disagree_in_status_cost_or_what_moves_a_residual():
    problem = nist.problem(nist.DATASETS["Misra1a"], 2)
    one = scipys(problem)
    assert disagreement(problem, one, replace(one, cost=one.cost * (1 + 1e-13))) is None
    assert disagreement(problem, one, replace(one, x=one.x * (1 + 1e-12))) is None
    for other in (
        replace(one, status=one.status + 1),
        replace(one, cost=one.cost * (1 + 1e-11)),
        replace(one, x=one.x * (1 + 1e-6)),
    ):
        assert disagreement(problem, one, other) is not None
