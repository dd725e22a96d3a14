"""A planted history through the real asv: what was planted is found, and nothing else."""

from collections.abc import Iterator

import numpy as np
import pytest
from jitscope.attribution import attribute
from jitscope.noise import noises_of

from .confusion import Row, resampled, table
from .measured import Measured, measure
from .repository import HISTORY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measure(tmp_path_factory.mktemp("planted"))


def clean(rows: tuple[Row, ...]) -> Iterator[Row]:
    return (row for row in rows if row.planted.is_clean)


def test_every_step_is_found_at_its_commit_and_no_commit_without_one_is_flagged(measured: Measured):
    rows = measured.rows()
    assert [(row.planted.subject, row.missed) for row in rows if row.missed] == []
    flagged = [(row.planted.subject, row.flagged) for row in clean(rows) if row.flagged]
    assert flagged == [], table([rows])


def test_most_repetitions_agree(measured: Measured):
    repeated = measured.repeated()
    found = sum(len(row.found) for rows in repeated for row in rows)
    missed = sum(len(row.missed) for rows in repeated for row in rows)
    flagged = sum(len(row.flagged) for rows in repeated for row in clean(rows))
    quiet = sum(row.quiet for rows in repeated for row in clean(rows))
    assert found >= 0.95 * (found + missed), table(repeated)
    assert flagged <= 0.01 * (flagged + quiet), table(repeated)


def test_the_phase_that_is_named_first_is_the_planted_one(measured: Measured):
    noises = noises_of(measured.series)
    for place, planted in enumerate(HISTORY):
        for condition, phase in planted.steps:
            if condition not in ("cold", "warm_disk", "warm_memory"):
                continue
            pair = measured.commits[place - 1 : place + 1]
            one = attribute(measured.series, "slope", condition, *pair, noises=noises)
            assert phase in one.sentence.split(":")[0], one.sentence
            if phase != "to_host":  # the loop's own variation may be larger than this
                assert one.sentence.startswith(f"{phase} "), one.sentence


def test_the_counters_that_moved_are_named(measured: Measured):
    sentences = {
        planted.kind: attribute(
            measured.series, "slope", condition, *measured.commits[place - 1 : place + 1]
        ).sentence
        for place, planted in enumerate(HISTORY)
        for condition, _ in planted.steps
        if condition in ("cold", "warm_memory")
    }
    assert "instructions" in sentences["extra HLO"]
    assert "conversions to host 0 -> 20" in sentences["an extra conversion per iteration"]


def test_the_broken_build_is_shown_as_such(measured: Measured):
    broken = next(place for place, planted in enumerate(HISTORY) if not planted.builds)
    commit = measured.commits[broken]
    rows = [row for row in measured.history.rows() if row["commit"] == commit]
    assert rows
    assert {row["status"] for row in rows} == {"broken"}


def test_there_is_nothing_to_find_once_commits_and_samples_are_shuffled(measured: Measured):
    """The test itself could not fail otherwise."""
    order = np.random.default_rng(7).permutation(len(measured.commits))
    shuffled = Measured(
        measured.root,
        tuple(measured.commits[place] for place in order),
        measured.history,
        measured.series,
    )
    rows = shuffled.rows()
    missed = sum(len(row.missed) for row in rows)
    assert missed >= 5, table([rows])
    assert any(row.flagged for row in clean(rows))


def test_samples_drawn_anew_are_the_commits_own(measured: Measured):
    (first, *_) = resampled(measured.series, np.random.default_rng(1))
    (original, *_) = measured.series
    for drawn, point in zip(first.points, original.points, strict=True):
        assert set(drawn.samples) <= set(point.samples)
        assert len(drawn.samples) == len(point.samples)
