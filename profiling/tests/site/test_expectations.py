from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jitscope.errors import UserError
from jitscope.expectations import (
    Comparison,
    Prediction,
    Speedup,
    Unit,
    compare,
    read_predictions,
    saved_percent,
    speedup_of,
    verdict_of,
)
from jitscope.history import read_history
from jitscope.report.expectations_page import in_words, render_expectations_page
from jitscope.report.rendering import Neighbours

from .planted import GeneratedHistory as Planted
from .planted import phase_samples

ROOT = Path(__file__).resolve().parents[3]


def predicted(
    quantity: str = "solver_run_time", problem: str = "*", low: float = 1.1
) -> Prediction:
    return Prediction("planted", "Planted", "a test", problem, quantity, low, 1.3, "speedup")


def only(comparisons: tuple[Comparison, ...]) -> Comparison:
    assert len(comparisons) == 1
    return comparisons[0]


def test_planted_speedups_come_back(site_history: Planted) -> None:
    # The hostile commit scales cold calls by 0.9 and warm ones by 0.9 * 0.8.
    history = read_history(site_history.root)
    warm = compare(history, [predicted()])
    assert [c.problem for c in warm] == ["linear_100", "gaussian_1000"]
    cold = only(compare(history, [predicted("total_first_call", "linear_100")]))
    for comparison, planted in ((warm[0], 1 / 0.72), (cold, 1 / 0.9)):
        assert comparison.speedup is not None
        assert comparison.speedup.ratio == pytest.approx(planted)
        assert comparison.speedup.lo < planted < comparison.speedup.hi
        assert (comparison.n_base, comparison.n_commit) == (7, 7)
    assert [c.verdict for c in warm] == ["exceeded", "exceeded"]
    assert cold.verdict == "met"


def test_another_expectations_commit_may_answer(site_history: Planted) -> None:
    # The hostile commit names "planted"; the one before it is its parent.
    history = read_history(site_history.root)
    answered = compare(history, [replace(predicted(), expectation="of-old", until="planted")])
    assert [c.speedup for c in answered] == [c.speedup for c in compare(history, [predicted()])]
    unknown = replace(predicted(), until="planted", since="nobody")
    assert only(compare(history, [unknown])).reason == "No commit names it in a trailer yet."


def test_since_reaches_back_over_the_commits_between(site_empty: Planted) -> None:
    site_empty.write_suite()
    for factor, trailer in ((1.0, ""), (0.5, "Expectation: first"), (0.25, "Expectation: second")):
        site_empty.measure(site_empty.commit(f"Change\n\n{trailer}"), phase_samples(factor))
    both = replace(predicted(), expectation="both", since="first", until="second")
    history = read_history(site_empty.root)
    speedups = [c.speedup for c in compare(history, [both])]
    assert [s.ratio for s in speedups if s is not None] == [pytest.approx(4.0)] * 2


def test_growth_is_between_two_problems_of_one_commit(site_empty: Planted) -> None:
    site_empty.write_suite()
    flat = phase_samples()

    def growing(problem: str, condition: str, phase: str) -> list[float]:
        seconds = flat(problem, condition, phase)
        assert seconds is not None
        return [(5.0 if problem == "gaussian_1000" else 1.0) * s for s in seconds]

    commit = site_empty.commit("Solve\n\nExpectation: planted")
    site_empty.measure(commit, growing)
    path = site_empty.root / "growth.toml"
    path.write_text(
        '[[expectation]]\nid = "growth"\ntitle = "T"\nsource = "S"\nuntil = "planted"\n'
        '[[expectation.prediction]]\nproblem = "gaussian_1000"\nbeside = "linear_100"\n'
        'quantity = "solver_run_time"\ngrowth = 1.26\n'
    )
    (prediction,) = read_predictions(path)
    history = read_history(site_empty.root)
    found = only(compare(history, [prediction]))
    assert found.speedup is not None
    assert 1 / found.speedup.ratio == pytest.approx(5)
    assert (found.verdict, found.base, found.commit) == ("missed", commit, commit)
    assert in_words(prediction, found.speedup.ratio) == "5.00 times the time"
    page = render_expectations_page(history, [found], beside=Neighbours(False, False))
    assert "gaussian_1000 beside linear_100" in page
    assert "against" not in page.split("</h2>")[1].split("</p>")[1]


def test_the_first_call_is_the_one_without_hooks(site_empty: Planted) -> None:
    site_empty.write_suite()

    def samples(unobserved: float):
        # With hooks nothing changes at all: only the call without them may be compared.
        return lambda problem, condition, phase: (
            [unobserved if phase == "unobserved_wall" else 5.0] * 7
        )

    site_empty.measure(site_empty.git("rev-parse", "HEAD"), samples(2.0))
    site_empty.measure(site_empty.commit("Halve it\n\nExpectation: planted"), samples(1.0))
    comparison = compare(read_history(site_empty.root), [predicted("total_first_call")])[0]
    assert comparison.speedup is not None
    assert comparison.speedup.ratio == pytest.approx(2.0)


def test_fewer_than_seven_samples_decide_nothing(site_history: Planted) -> None:
    fast = site_history.commit("Faster\n\nExpectation: few")
    site_history.measure(fast, lambda *_: [1e-6] * 6)
    few = Prediction("few", "Few", "a test", "linear_100", "solver_run_time", 1.1, 1.3, "speedup")
    comparisons = compare(read_history(site_history.root), [few])
    comparison = next(c for c in comparisons if c.setup and c.setup[0] == "reference")
    assert comparison.verdict == "undecided"
    assert comparison.n_commit == 6
    assert comparison.reason.startswith("The parent has 7 samples and the commit 6")


def test_machines_are_never_compared_with_each_other(site_history: Planted) -> None:
    # The parent was measured on the reference machine only, the commit on another only.
    before = site_history.commit("Before")
    after = site_history.commit("After\n\nExpectation: moved")
    site_history.measure(before, lambda *_: [1.0] * 7)
    site_history.measure(after, lambda *_: [0.5] * 7, machine="other")
    moved = Prediction("moved", "Moved", "a test", "linear_100", "solver_run_time", 1, 2, "speedup")
    comparisons = compare(read_history(site_history.root), [moved])
    assert {c.setup[0] for c in comparisons if c.setup} == {"reference", "other"}
    assert {(c.verdict, c.speedup) for c in comparisons} == {("undecided", None)}


def of_solver(history: Planted, solver: str, message: str) -> str:
    """Commit a solver with this source; the full hash."""
    file = history.root / "solver" / "trustfit" / "__init__.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(solver)
    history.git("add", "solver")
    return history.commit(message)


CHAIN = Prediction("b", "B", "a test", "linear_100", "solver_run_time", 1.1, 3.0, "speedup")


class TestParentsThatDidNotTouchTheSolver:
    @pytest.fixture
    def chain(self, site_empty: Planted) -> tuple[Planted, dict[str, str]]:
        """Old solver, then A, notes on A, a prediction on A, and B, which fulfils it."""
        site_empty.write_suite()
        made = {"old": of_solver(site_empty, "old", "old"), "a": of_solver(site_empty, "a", "a")}
        made |= {name: site_empty.commit(name) for name in ("notes", "predict")}
        made["b"] = of_solver(site_empty, "b", "B\n\nExpectation: b")
        site_empty.measure(made["old"], lambda *_: [8.0] * 7)
        site_empty.measure(made["b"], lambda *_: [1.0] * 7)
        return site_empty, made

    def test_an_ancestor_with_the_same_solver_stands_for_them(
        self, chain: tuple[Planted, dict[str, str]]
    ):
        planted, made = chain
        planted.measure(made["a"], lambda *_: [2.0] * 7)
        comparison = only(compare(read_history(planted.root), [CHAIN]))
        assert comparison.base == made["a"]
        assert comparison.speedup is not None
        assert comparison.speedup.ratio == pytest.approx(2.0)
        assert comparison.verdict == "met"

    def test_another_solver_never_does(self, chain: tuple[Planted, dict[str, str]]):
        planted, made = chain
        comparison = only(compare(read_history(planted.root), [CHAIN]))
        assert (comparison.base, comparison.n_base) == (made["predict"], 0)
        assert comparison.verdict == "undecided"

    def test_the_nearest_with_enough_samples_counts(self, chain: tuple[Planted, dict[str, str]]):
        planted, made = chain
        planted.measure(made["a"], lambda *_: [2.0] * 9)
        planted.measure(made["notes"], lambda *_: [3.0] * 7)
        planted.measure(made["predict"], lambda *_: [4.0])
        comparison = only(compare(read_history(planted.root), [CHAIN]))
        assert comparison.base == made["notes"]
        planted.measure(made["predict"], lambda *_: [4.0] * 7)
        assert only(compare(read_history(planted.root), [CHAIN])).base == made["predict"]

    def test_the_page_says_whose_figures_they_are(self, chain: tuple[Planted, dict[str, str]]):
        planted, made = chain
        planted.measure(made["a"], lambda *_: [2.0] * 7)
        history = read_history(planted.root)

        def page() -> str:
            comparisons = compare(history, [CHAIN])
            return render_expectations_page(
                history, comparisons, beside=Neighbours(asv=False, profile=False)
            )

        stands_for = "against the solver of its parent, measured at"
        assert f"{stands_for} <code>{made['a'][:8]}</code>" in page()
        planted.measure(made["predict"], lambda *_: [2.0] * 7)
        history = read_history(planted.root)
        assert f"against its parent <code>{made['predict'][:8]}</code>" in page()


def test_an_expectation_that_no_commit_names_is_undecided(site_empty: Planted) -> None:
    comparison = only(compare(read_history(site_empty.root), [predicted()]))
    assert comparison.verdict == "undecided"
    assert "No commit names it" in comparison.reason


@pytest.mark.parametrize(
    ("interval", "low", "high", "verdict"),
    [
        ((1.02, 1.08), 1.1, 1.3, "missed"),
        ((0.9, 0.95), 1.1, 1.3, "missed"),
        ((1.35, 1.5), 1.1, 1.3, "exceeded"),
        ((1.12, 1.2), 1.1, 1.3, "met"),
        ((1.05, 1.4), 1.1, 1.3, "met"),
        ((0.95, 1.2), 1.1, 1.3, "undecided"),
        ((1.02, 1.05), 1.037, 1.037, "met"),
        ((0.98, 1.01), 0.95, 1.05, "met"),
        ((0.90, 1.01), 0.95, 1.05, "undecided"),
    ],
)
def test_verdicts(interval: tuple[float, float], low: float, high: float, verdict: str) -> None:
    assert verdict_of(Speedup(sum(interval) / 2, *interval), low, high)[0] == verdict


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    # Seven samples are few for a bootstrap: ask for 95%, not for the nominal 99%.
    rng = np.random.default_rng(7)
    draws = [(rng.lognormal(0, 0.1, 7), rng.lognormal(0, 0.1, 7) / 1.2) for _ in range(60)]
    covered = [s.lo <= 1.2 <= s.hi for s in (speedup_of(old, new) for old, new in draws)]
    assert np.mean(covered) >= 0.95


def test_the_same_samples_always_give_the_same_interval() -> None:
    old, new = np.arange(1.0, 8.0), np.arange(2.0, 9.0)
    assert speedup_of(old, new) == speedup_of(old, new)


def test_the_projects_own_predictions_can_be_read() -> None:
    predictions = read_predictions(ROOT / "results" / "expectations.toml")
    linear = next(p for p in predictions if p.problem == "linear_100")
    assert linear.expectation == "reduce-conversions"
    assert saved_percent(linear.low) == pytest.approx(3.6)
    assert linear.low == linear.high
    assert {p.expectation for p in predictions} >= {"reduce-conversions", "vectorise-quadratics"}


GOOD = '[[expectation]]\nid = "a"\ntitle = "t"\nsource = "s"\n[[expectation.prediction]]\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[", "not valid TOML"),
        (GOOD + 'problem = "*"', "lacks quantity"),
        (GOOD + 'problem = "*"\nquantity = "speed"', "must be one of solver_run_time"),
        (GOOD + 'problem = "*"\nquantity = "solver_run_time"', "needs either"),
        (GOOD + 'problem = "*"\nquantity = "solver_run_time"\nspeedup = [2, 1]', "needs either"),
        (
            GOOD + 'problem = "*"\nquantity = "solver_run_time"\nsaved_percent = 100',
            "needs either",
        ),
    ],
)
def test_bad_predictions_are_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "expectations.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=told):
        read_predictions(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"expectations\.toml is missing"):
        read_predictions(tmp_path / "expectations.toml")


@pytest.mark.parametrize(
    ("unit", "low", "high", "words"),
    [
        ("speedup", 1.1, 1.3, "1.10 to 1.30 times"),
        ("speedup", 0.94, None, "0.94 times"),
        ("saved_percent", 1 / 0.9, None, "10.0% saved"),
        ("saved_percent", 1 / 1.5, 1 / 1.1, "10.0 to 50.0% longer"),
        ("saved_percent", 1 / 1.5, 1 / 0.9, "-50.0 to 10.0% saved"),
    ],
)
def test_a_figure_is_put_as_the_prediction_was(
    unit: Unit, low: float, high: float | None, words: str
):
    prediction = Prediction("x", "X", "a test", "*", "solver_run_time", 1.1, 1.3, unit)
    assert in_words(prediction, low, high) == words
