"""`make ratios`: intervals, verdicts, and the document, from children that are made up."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from jitscope import fresh, ratio_subjects, ratios, targets
from jitscope.figures import Interval, Limit, Target, median_of, ratio_of
from jitscope.fresh import ChildFailed
from jitscope.sample import Sample
from rich.console import Console


class TestIntervals:
    def test_rounds_that_were_slow_as_a_whole_cancel_out(self):
        slowed = [1.0, 5.0, 2.0, 9.0, 3.0, 1.0, 4.0, 2.0]
        ours, theirs = [0.5 * one for one in slowed], slowed
        paired = ratio_of(ours, theirs, paired=True)
        assert (paired.value, paired.lo, paired.hi, paired.n) == (0.5, 0.5, 0.5, 8)
        apart = ratio_of(ours, theirs, paired=False)
        assert apart.value == 0.5
        assert apart.lo is not None
        assert apart.hi is not None
        assert apart.lo < 0.4 < 0.6 < apart.hi

    def test_the_same_samples_give_the_same_interval(self):
        samples = [3.0, 1.0, 2.0, 5.0, 4.0, 7.0, 6.0]
        first, again = median_of(samples), median_of(samples)
        assert first == again
        assert first is not None
        assert first.lo is not None
        assert first.lo < first.value == 4.0

    def test_few_samples_have_no_interval(self):
        assert median_of([1.0] * 6) == Interval(1.0, None, None, 6)
        assert median_of([1.0] * 7) == Interval(1.0, 1.0, 1.0, 7)
        assert median_of([]) is None


class TestVerdicts:
    target = Target(
        "many fits", "x", ((Limit(">=", 100.0),), (Limit(">=", 12.0, "a"), Limit(">=", 35.0, "b")))
    )

    def test_in_words(self):
        words = "≥ 100, or ≥ 12 times a and ≥ 35 times b"
        assert str(self.target) == words
        assert str(Limit("<=", 120_000.0)) == "≤ 120,000"

    @pytest.mark.parametrize(
        ("median", "a", "b", "verdict"),
        [
            ((110, 105, 115), (1, 1, 1), None, "met"),
            ((50, 40, 60), (13, 12.5, 14), (40, 36, 44), "met"),
            ((50, 40, 60), (13, 12.5, 14), (36, 34, 44), "undecided"),
            ((50, 40, 60), (13, 12.5, 14), (3, 2, 4), "missed"),
            ((50, 40, 60), None, (40, 36, 44), "undecided"),
            ((100, 95, 105), (1, 1, 1), (1, 1, 1), "undecided"),
            ((110, None, None), (1, 1, 1), (1, 1, 1), "undecided"),
            (None, None, None, "undecided"),
        ],
    )
    def test_the_whole_interval_must_keep_a_limit(self, median: Any, a: Any, b: Any, verdict: str):
        def interval(ends: Any) -> Interval | None:
            return None if ends is None else Interval(ends[0], ends[1], ends[2], 9)

        found = {"a": interval(a), "b": interval(b)}
        others = {name: one for name, one in found.items() if one is not None}
        assert self.target.verdict(interval(median), others) == verdict


def fake_children(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Trustfit takes 1 ms where SciPy takes 4 and fits many at no less than 200,000 a second."""
    asked: list[tuple[str, tuple[str, ...]]] = []

    def run_child(module: str, arguments: list[str], *, what: str) -> dict[str, Any]:
        asked.append((module, tuple(arguments)))
        if "nlsq" in arguments and module != "jitscope.interleaved":
            raise ChildFailed(f"{what} failed: `nlsq` is not installed.")
        if module == "jitscope.interleaved":
            repeated = {"trustfit": [1_000_000] * 8, "scipy_lm": [4_000_000] * 8}
            first = {"trustfit": [3_000_000] * 8, "scipy_lm": [4_000_000] * 8}
            failures = {"nlsq": "`nlsq` is not installed."}
            return {"repeated_ns": repeated, "first_ns": first, "failures": failures}
        if module == "jitscope.growth":
            return {"peak_bytes": 63_000_000}
        if module == "jitscope.new_models":
            models = int(arguments[arguments.index("--models") + 1])
            return {"calls_ns": [19_000_000 if models == 100 else 1_000_000_000] * models}
        fits, calls = (int(arguments[arguments.index(o) + 1]) for o in ("--fits", "--calls"))
        return {"fits": fits, "calls_ns": [fits * 5_000] * calls, "peak_bytes": 96_000_000}

    def run_sample(problem: str, condition: str, **options: Any) -> Sample:
        asked.append((condition, (problem, options["solver"], str(options["cache_dir"]))))
        assert options["plain"]
        assert not options["observed"]
        if options["solver"] != "trustfit":
            raise ChildFailed("not installed.")
        filled = sum(one == asked[-1] for one in asked) > 1
        call_ns = 60_000_000 if condition == "cold" else 50_000_000 if filled else 900_000_000
        return Sample(
            *(options["solver"], problem, condition, None, None, call_ns, call_ns),
            *({}, {}, [], {}, "", {}),
        )

    monkeypatch.setattr(fresh, "run_child", run_child)
    monkeypatch.setattr(fresh, "run_sample", run_sample)
    return asked


@pytest.fixture(name="written")
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[dict[str, Any], str]:
    fake_children(monkeypatch)
    console = Console(width=160, record=True, file=io.StringIO())
    ratios.run(tmp_path, targets.SUBJECTS, tmp_path / "ratios.json", console)
    return json.loads((tmp_path / "ratios.json").read_text()), console.export_text()


def find(document: dict[str, Any], *place: str) -> dict[str, Any]:
    (found,) = (
        one
        for one in document["figures"]
        if (one["subject"], one["problem"], one["solver"]) == place
    )
    return found


def test_the_document(written: tuple[dict[str, Any], str]):
    document, _ = written
    assert document["schema_version"] == ratios.SCHEMA_VERSION
    assert {"python", "cpu", "cores", "packages", "commit"} <= set(document["environment"])
    warm = find(document, "warm call", "linear_100", "trustfit")
    assert warm["ratios"]["scipy_lm"] == {"value": 0.25, "lo": 0.25, "hi": 0.25, "n": 24}
    assert (warm["unit"], warm["samples"], warm["verdict"]) == ("ms", [1.0] * 24, "met")
    after = find(document, "call after others", "linear_100", "trustfit")
    assert (after["samples"], after["ratios"]["scipy_lm"]["value"]) == ([3.0] * 24, 0.75)
    assert (after["target"], after["verdict"]) == (None, None)
    large = find(document, "warm call", "gaussian_scaling_1000000", "trustfit")
    assert (large["target"], large["verdict"]) == ("≤ 0.17 times scipy_lm", "missed")
    for points, verdict in ((1_000, "missed"), (10_000, "met")):
        for which in ("", "bounded_"):
            first = find(document, "first call", f"{which}exponential_{points}", "trustfit")
            assert first["verdict"] == verdict
    new = find(document, "new model", "100 models", "trustfit")
    assert (new["median"]["value"], new["verdict"]) == (19.0, "met")
    few = find(document, "new model", "100 models", "optimistix")
    assert (few["median"]["value"], few["note"]) == (1_000.0, "the first 4 of them")
    memory = find(document, "peak memory", "gaussian_scaling_1000000", "trustfit")
    assert (memory["median"]["value"], memory["unit"], memory["verdict"]) == (63.0, "MB", "met")
    many = find(document, "many fits", "10,000 Gaussians", "trustfit")
    assert (many["median"]["value"], many["verdict"]) == (200_000, "met")
    million = find(document, "peak memory", "1,000,000 Gaussians", "trustfit")
    assert (million["samples"], million["verdict"]) == ([96.0], None)
    assert million["note"] == ratio_subjects.RESULTS_NOTE


def test_the_call_that_fills_the_cache_is_no_sample(written: tuple[dict[str, Any], str]):
    disk = find(written[0], "first call from disk", "exponential_10000", "trustfit")
    assert disk["samples"] == [50.0] * 7
    assert disk["verdict"] == "met"


def test_what_is_not_installed_is_a_dash_and_a_sentence(written: tuple[dict[str, Any], str]):
    document, shown = written
    nlsq = find(document, "warm call", "linear_100", "nlsq")
    assert (nlsq["median"], nlsq["samples"], nlsq["ratios"]) == (None, [], {})
    assert nlsq["note"] == "`nlsq` is not installed."
    assert "nlsq: `nlsq` is not installed." in shown
    warm, after = [line for line in shown.splitlines() if line.split()[:1] == ["linear_100"]]
    assert warm.split()[1:4] == ["trustfit", "1.00", "0.250"]
    assert "met" in warm
    assert after.split()[1:4] == ["trustfit", "3.00", "0.750"]


def test_processes_take_turns_and_who_failed_is_left_alone(monkeypatch: pytest.MonkeyPatch):
    asked = fake_children(monkeypatch)
    labels: list[str] = []
    list(ratio_subjects.measure(["first call", "many fits"], labels.append))
    cold = [place[1] for condition, place in asked if condition == "cold"]
    assert cold.count("optimistix") == 6  # once a problem
    assert cold.count("trustfit") == 6 * ratio_subjects.SAMPLES
    fits = [place[1] for module, place in asked if module == "jitscope.many"][:9]
    assert fits[:3] == ["trustfit", "scipy_lm", "optimistix"]
    assert fits[3:6] == ["scipy_lm", "optimistix", "trustfit"]


def test_what_cannot_fit_many_is_not_asked_for_a_million(monkeypatch: pytest.MonkeyPatch):
    def run_child(module: str, arguments: list[str], *, what: str) -> dict[str, Any]:
        if "trustfit" in arguments:
            assert str(ratio_subjects.MILLION) not in arguments
            raise ChildFailed("this version of trustfit fits one curve a call.")
        return {"fits": 10, "calls_ns": [10], "peak_bytes": 1}

    monkeypatch.setattr(fresh, "run_child", run_child)
    _, million = ratio_subjects.measure(["many fits"], lambda _: None)
    (figure,) = ratios.figures_of(million)
    assert figure.median is None
    assert figure.note == "this version of trustfit fits one curve a call."


def test_every_step_is_told(monkeypatch: pytest.MonkeyPatch):
    fake_children(monkeypatch)
    for subject in targets.SUBJECTS:
        labels: list[str] = []
        list(ratio_subjects.measure([subject], labels.append))
        assert len(labels) == ratio_subjects.steps([subject]), subject


def test_a_file_takes_every_subject(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        ratios.main([str(tmp_path / "x.json"), "--subject", "warm call"])
    assert "leave out `--subject`" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        ratios.main([str(tmp_path / "missing" / "x.json")])
    assert "does not exist" in capsys.readouterr().err


def test_what_was_written_is_read_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    fake_children(monkeypatch)
    file = tmp_path / "ratios.json"
    console = Console(file=io.StringIO())
    made = ratios.run(tmp_path, targets.SUBJECTS, file, console)
    assert ratios.load_ratios(file) == made
