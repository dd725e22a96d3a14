"""Broken commits, and samples that asv would lose."""

import math
from pathlib import Path

import pytest
from jitscope import asv_results, bench

from .fake_asv import FAILED_ROW, TIMED, FakeAsv, row


class TestBroken:
    def results(self, values: list[float | None] | None) -> asv_results.CommitResults:
        solvers = {"result": values, "params": [["'trustfit'", "'scipy'"]]}
        rows = {"bench_solve": solvers, "other": {"result": None, "params": [["'p'"]]}}
        return asv_results.CommitResults(Path("x.json"), "abc", rows)

    @pytest.mark.parametrize("values", [None, [None, None], [None, 0.1], [math.nan, 0.1]])
    def test_without_a_value_of_its_own_solver(self, values: list[float | None] | None):
        assert asv_results.is_broken(self.results(values))

    def test_not_with_one(self):
        assert not asv_results.is_broken(self.results([0.1, None]))


class TestLostSamples:
    def test_a_later_failure_does_not_lose_them(self, tmp_path: Path):
        asv = FakeAsv(tmp_path)
        other = row([0.2])
        asv.write("a" * 40, {TIMED: row([0.1, 0.3]), "other": other})
        before = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        asv.write("a" * 40, {TIMED: FAILED_ROW, "other": row([0.2, 0.4])})
        assert asv_results.restore_lost_samples(before) == (TIMED,)
        after = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        assert after.rows[TIMED]["samples"] == [[0.1, 0.3], None]
        assert after.rows["other"]["samples"] == [[0.2, 0.4], None]

    def test_what_other_parameters_gained_stays(self, tmp_path: Path):
        asv = FakeAsv(tmp_path)
        params = [["'p'", "'q'"]]
        old = [[0.1, 0.2], params, "1", [1, 1], [[0.1, 0.1], [0.2, 0.2]]]
        asv.write("a" * 40, {TIMED: old})
        before = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        asv.write("a" * 40, {TIMED: [[None, 0.3], params, "1", [None, 1], [None, [0.2, 0.2, 0.3]]]})
        assert asv_results.restore_lost_samples(before) == (TIMED,)
        after = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        assert after.rows[TIMED]["samples"] == [[0.1, 0.1], [0.2, 0.2, 0.3]]
        assert after.rows[TIMED]["result"] == [0.1, 0.3]
        assert after.rows[TIMED]["stats_number"] == [1, 1]

    def test_a_new_version_may_drop_them(self, tmp_path: Path):
        asv = FakeAsv(tmp_path)
        asv.write("a" * 40, {TIMED: row([0.1, 0.3])})
        before = asv_results.load_machine(tmp_path / bench.RESULTS, "box")["a" * 40]
        asv.write("a" * 40, {TIMED: row([0.1], version="2")})
        text = before.path.read_text()
        assert asv_results.restore_lost_samples(before) == ()
        assert before.path.read_text() == text
