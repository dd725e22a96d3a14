"""What the workflows may do, and that they call what is there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jitscope.series import is_counter

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
NAMES = [path.name for path in FILES]
READ_ONLY = {"contents": "read"}


@pytest.fixture(params=FILES, ids=NAMES)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return one workflow; YAML 1.1 reads its key `on` as true."""
    found = yaml.safe_load(request.param.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in found.items()}


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))


def steps(workflow: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def test_there_are_tests_a_gate_and_pages():
    assert NAMES == ["gate.yml", "pages.yml", "tests.yml"]


def test_tokens_may_read_only(workflow: dict[str, Any]):
    assert workflow["permissions"] == READ_ONLY
    granted = [job["permissions"] for job in workflow["jobs"].values() if "permissions" in job]
    publishing = {"pages": "write", "id-token": "write"}
    assert granted == ([publishing] if workflow["name"] == "pages" else [])


def test_what_others_propose_meets_no_secret(workflow: dict[str, Any]):
    assert "pull_request_target" not in workflow["on"]
    assert "workflow_run" not in workflow["on"]
    assert "secrets" not in json.dumps(workflow)
    if "pull_request" in workflow["on"]:
        assert "write" not in json.dumps(workflow)


def test_actions_are_githubs_own_at_a_major_version(workflow: dict[str, Any]):
    used = [step["uses"] for step in steps(workflow) if "uses" in step]
    assert used
    assert all(re.fullmatch(r"actions/[a-z-]+@v[1-9][0-9]*", one) for one in used)


def test_no_credentials_stay_behind(workflow: dict[str, Any]):
    checkouts = [s for s in steps(workflow) if s.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    # The whole history: revisions are ordered by it.
    assert all(s["with"] == {"fetch-depth": 0, "persist-credentials": False} for s in checkouts)


def test_nothing_is_pasted_into_a_shell(workflow: dict[str, Any]):
    # What a pull request names itself would be run; it comes through the environment instead.
    assert not [step for step in steps(workflow) if "${{" in step.get("run", "")]


def test_jobs_end(workflow: dict[str, Any]):
    assert all(job["timeout-minutes"] <= 120 for job in workflow["jobs"].values())


def test_targets_are_those_of_the_makefile(workflow: dict[str, Any]):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    called = [
        word for s in steps(workflow) for word in re.findall(r"\bmake (\S+)", s.get("run", ""))
    ]
    assert set(called) <= targets


def test_each_workflow_calls_its_targets():
    called = {
        name: [run for s in steps(load(name)) if (run := s.get("run", "")).startswith("make ")]
        for name in NAMES
    }
    assert [run.split()[1] for run in called["tests.yml"]] == ["check", "test"]
    assert [run.split()[1] for run in called["gate.yml"]] == ["history", "history", "gate"]
    assert [run.split()[1] for run in called["pages.yml"]] == ["html"]


def test_the_gate_measures_every_counter_and_no_time():
    pattern = load("gate.yml")["jobs"]["gate"]["env"]["COUNTERS"]
    suite = json.loads((ROOT / "results" / "asv" / "benchmarks.json").read_text(encoding="utf-8"))
    for name, one in suite.items():
        if name != "version":
            assert bool(re.search(pattern, name)) is is_counter(name, one["unit"]), name


def test_the_gate_compares_with_the_first_parent_of_what_is_checked_out():
    # Gates read the first-parent line; the event's base may lie behind the one that was merged.
    gate = load("gate.yml")["jobs"]["gate"]
    assert "BASE" not in gate["env"]
    runs = [step["run"] for step in gate["steps"] if "run" in step]
    assert runs[0] == 'echo "BASE=$(git rev-parse HEAD^1)" >> "$GITHUB_ENV"'
    assert all("BASE" in run for run in runs[1:3])


def test_pages_are_deployed_from_main_alone():
    assert load("pages.yml")["jobs"]["deploy"]["if"] == "github.ref == 'refs/heads/main'"


def test_what_the_cache_of_packages_depends_on_is_there(workflow: dict[str, Any]):
    given = [step["with"] for step in steps(workflow) if "cache" in step.get("with", {})]
    files = [name for one in given for name in one["cache-dependency-path"].split()]
    assert all((ROOT / name).is_file() for name in files)
    assert bool(given) is any("setup-python" in step.get("uses", "") for step in steps(workflow))
