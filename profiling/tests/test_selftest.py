"""The self-test: passes here, is remembered, and fails loudly on what it cannot count."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import pytest
from jitscope import _jax_calls, _jax_compiled, _jax_dispatch, _jax_private, selftest
from jitscope._known_program import count_known_program
from jitscope.selftest import EXPECTED, require_supported_jax

# Takes a member away once the package is imported; what JAX itself does with it still works.
LOSING = """\
import sys
import threading


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "jitscope._jax_members":
            sys.meta_path.remove(self)
            import importlib

            owner = importlib.import_module("{module}")
            *outer, last = "{name}".split(".")
            for part in outer:
                owner = getattr(owner, part)
            delattr(owner, last)
        return None


sys.meta_path.insert(0, Finder())
"""


@pytest.fixture
def never_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise AssertionError("the self-test ran again")

    monkeypatch.setattr(selftest, "_counts_of_a_fresh_interpreter", fail)


def pretend(monkeypatch: pytest.MonkeyPatch, **changed: int) -> None:
    counts = EXPECTED | {name.replace("_", " "): count for name, count in changed.items()}
    monkeypatch.setattr(selftest, "_counts_of_a_fresh_interpreter", lambda: counts)


def test_the_installed_jax_counts_as_expected():
    jax.devices()
    started_before = {"first starts of backends": 0}
    assert count_known_program() == EXPECTED | started_before


def test_the_known_program_leaves_settings_and_hooks_as_they_were(
    hook_state: Callable[[], dict[str, Any]],
):
    config: Any = jax.config
    before, hooks = dict(config.values), hook_state()
    count_known_program()
    assert dict(config.values) == before
    assert hook_state() == hooks


LOST = (
    "jax._src.xla_bridge:_init_backend",
    "jax._src.monitoring:register_event_duration_secs_listener",
    "jax._src.pjit:_get_fastpath_data",
    "jax._src.pjit:_infer_params",
    "jax._src.pjit:_pjit_call_impl",
    "jax._src.interpreters.pxla:InputsHandler",
    "jax._src.interpreters.pxla:_shard_np_array",
    "jax._src.compiler:compile_or_get_cached",
    "jax._src.lib:xla_client.batched_block_until_ready",
    "jax._src.array:ArrayImpl.block_until_ready",
    "jax._src.profiler:_profile_state",
    "jax._src.lib:_profiler.ProfilerSession",
    "jax._src.stages:Compiled.call",
)


@pytest.mark.slow
@pytest.mark.parametrize("member", LOST)
def test_a_jax_that_lost_a_private_member_is_refused_in_a_sentence(
    member: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    module, _, name = member.partition(":")
    (tmp_path / "sitecustomize.py").write_text(LOSING.format(module=module, name=name))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError) as refused:
        require_supported_jax(tmp_path / "cache")
    sentence = str(refused.value)
    assert sentence.startswith(f"unsupported JAX {version('jax')}: ")
    assert sentence.endswith("use jax>=0.10,<0.13.")
    assert name.rpartition(".")[2] in sentence
    assert sentence.count("unsupported") == 1
    assert len(sentence.splitlines()) == 1
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("what", EXPECTED)
def test_each_count_must_be_right(what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    pretend(monkeypatch, **{what.replace(" ", "_"): 7})
    with pytest.raises(RuntimeError, match=rf"counted 7 {what}, not {EXPECTED[what]};"):
        require_supported_jax(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        *("_value", "__dlpack__", "__call__", "_get_fastpath_data", "_infer_params"),
        *("_run_python_pjit", "batched_block_until_ready", "block_until_ready"),
        "_pjit_call_impl_python",
        *("lower_sharding_computation", "compile_or_get_cached"),
    ],
)
def test_a_member_that_nothing_goes_by_any_more_is_noticed(
    name: str, monkeypatch: pytest.MonkeyPatch
):
    in_place = _jax_private.replaced

    @contextmanager
    def blind(owner: Any, member: str, value: Any) -> Generator[None]:
        if member == name:
            yield
            return
        with in_place(owner, member, value):
            yield

    for module in (_jax_private, _jax_calls, _jax_compiled, _jax_dispatch):
        monkeypatch.setattr(module, "replaced", blind)
    assert count_known_program() != EXPECTED | {"first starts of backends": 0}


@pytest.mark.parametrize("lost", ["_STEPS", "_CACHE_HIT"])
def test_events_of_other_names_are_noticed(lost: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_jax_private, lost, type(vars(_jax_private)[lost])())
    with suppress(LookupError):
        assert count_known_program() != EXPECTED | {"first starts of backends": 0}


@pytest.mark.slow
def test_a_fresh_process_passes_without_importing_jax_itself(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path\n"
        "from jitscope.selftest import require_supported_jax\n"
        "require_supported_jax(Path(sys.argv[1]))\n"
        "assert not {'jax', 'jaxlib', 'numpy'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    subprocess.run(command, check=True, env=os.environ, timeout=300)
    [remembered] = tmp_path.iterdir()
    assert json.loads(remembered.read_text()) == EXPECTED


def test_a_pass_is_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
):
    pretend(monkeypatch)
    require_supported_jax(tmp_path)
    request.getfixturevalue("never_run")
    require_supported_jax(tmp_path)
    with pytest.raises(AssertionError, match="ran again"):
        require_supported_jax(tmp_path / "another folder")


def test_a_wrong_count_is_an_error_and_not_remembered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    pretend(monkeypatch, traces=0)
    expected = rf"unsupported JAX {version('jax')}: .* counted 0 traces, not 1; use jax>=0.10,<0.13"
    for _ in range(2):
        with pytest.raises(RuntimeError, match=expected):
            require_supported_jax(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"traces": 1}'])
def test_a_damaged_memory_is_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str):
    pretend(monkeypatch)
    require_supported_jax(tmp_path)
    [remembered] = tmp_path.iterdir()
    remembered.write_text(content)
    require_supported_jax(tmp_path)
    assert json.loads(remembered.read_text()) == EXPECTED


def test_a_folder_that_cannot_be_written_is_no_obstacle(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    pretend(monkeypatch)
    blocked = tmp_path / "a file"
    blocked.write_text("")
    require_supported_jax(blocked)
    assert blocked.read_text() == ""


def test_the_user_cache_folder_follows_the_standard(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    pretend(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    require_supported_jax()
    assert len(list((tmp_path / "cache" / "jitscope").iterdir())) == 1
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    require_supported_jax()
    assert len(list((tmp_path / "home" / ".cache" / "jitscope").iterdir())) == 1


def test_a_jax_that_fails_is_unsupported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    broken = tmp_path / "jax"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('no such symbol')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"unsupported JAX .*ImportError: no such symbol"):
        require_supported_jax(tmp_path / "cache")


def test_another_version_is_tested_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: pytest.FixtureRequest
):
    pretend(monkeypatch)
    require_supported_jax(tmp_path)

    def other_version(package: str) -> Any:
        return "9.9" if package == "jaxlib" else version(package)

    monkeypatch.setattr(selftest, "version", other_version)
    request.getfixturevalue("never_run")
    with pytest.raises(AssertionError, match="ran again"):
        require_supported_jax(tmp_path)
