"""Programs as files: the same program again, or a word that it is not."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trustfit import _executables as executables
from trustfit._executables import Array, Executable
from trustfit._program_file import DamagedFile, decode, encode

KEY = "a" * 64
SMALL = Executable(b"code", [Array((2, 3), "float64")], [], [1], (0, (1, ()), ()), (0, ()), False)


class TestFile:
    def test_a_program_comes_back(self):
        assert decode(KEY, encode(KEY, SMALL)) == SMALL

    @pytest.mark.parametrize("place", range(0, len(encode(KEY, SMALL)), 7))
    def test_damage_anywhere_is_told(self, place: int):
        content = bytearray(encode(KEY, SMALL))
        content[place] ^= 1
        with pytest.raises(DamagedFile):
            decode(KEY, bytes(content))

    @pytest.mark.parametrize("length", [0, 5, 19, 60, len(encode(KEY, SMALL)) - 1])
    def test_a_file_that_was_cut_is_told(self, length: int):
        with pytest.raises(DamagedFile):
            decode(KEY, encode(KEY, SMALL)[:length])

    def test_the_program_of_another_key_is_told(self):
        with pytest.raises(DamagedFile, match="another program"):
            decode("b" * 64, encode(KEY, SMALL))

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kept": [-1]},
            {"kept": 1},
            {"inputs": [[[2.0], "float64"]]},
            {"inputs": [[[2], 3]]},
            {"inputs": [[2]]},
            {"results": {}},
            {"arguments": [True]},
            {"key": None},
        ],
    )
    def test_what_does_not_belong_there_is_told(self, wrong: Any, monkeypatch: pytest.MonkeyPatch):
        dumps = json.dumps
        monkeypatch.setattr(json, "dumps", lambda what: dumps(what | wrong))
        with pytest.raises(DamagedFile):
            decode(KEY, encode(KEY, SMALL))


def plain(head: Any, arrays: Any, shared: Any) -> Any:
    return head * 2 + arrays[0].sum(), (arrays[1] + 1,)


def with_lapack(head: Any, arrays: Any, shared: Any) -> Any:
    return jnp.linalg.qr(shared[0])[1], (head,)


def with_callback(head: Any, arrays: Any, shared: Any) -> Any:
    jax.debug.callback(lambda x: None, head)
    return head, ()


def with_another_tree(head: Any, arrays: Any, shared: Any) -> Any:
    return {"a": head}


ARGUMENTS = (np.arange(3.0), (np.ones((2, 5)), np.ones(4, "f4"), np.ones(3)), (np.eye(6) + 1,))


def compiled(function: Any) -> Any:
    with jax.enable_x64(True):
        return jax.jit(function).lower(*ARGUMENTS).compile()


@pytest.mark.parametrize("function", [plain, with_lapack])
@pytest.mark.usefixtures("double_precision")
def test_a_program_computes_the_same_again(function: Any):
    made = compiled(function)
    executable = executables.written(made)
    assert executable is not None
    assert executable.lapack == (function is with_lapack)
    assert len(executable.inputs) < 5  # those that make a difference
    read = executables.read(decode(KEY, encode(KEY, executable)))
    assert read is not None
    for _ in range(3):
        again, expected = read(*ARGUMENTS), made(*ARGUMENTS)
        assert jax.tree.structure(again) == jax.tree.structure(expected)
        for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(expected), strict=True):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("function", [with_callback, with_another_tree])
def test_what_is_more_than_a_computation_is_not_written(function: Any):
    assert executables.written(compiled(function)) is None


def test_nothing_is_written_by_a_jax_that_has_other_names(monkeypatch: pytest.MonkeyPatch):
    executable = executables.written(compiled(plain))
    assert executable is not None
    with monkeypatch.context() as patch:
        patch.setattr(executables, "_FIELDS", frozenset({"another"}))
        assert executables.written(compiled(plain)) is None
        assert executables.read(executable) is None
    monkeypatch.setattr("jax._src.interpreters.pxla.UnloadedMeshExecutable", None)
    assert executables.written(compiled(plain)) is None
    assert executables.read(executable) is None


IN_A_FRESH_PROCESS = """
import sys, jax, numpy as np
from pathlib import Path
from trustfit._executables import read
from trustfit._program_file import decode
with jax.enable_x64(True):
    program = read(decode("k", Path(sys.argv[1]).read_bytes()))
    results = program(np.arange(3.0), (np.ones((2, 5)), np.ones(4, "f4"), np.ones(3)),
                      (np.eye(6) + 1,))
    np.testing.assert_allclose(np.abs(np.diagonal(results[0]))[0], 3.0)
assert "pickle" not in vars(sys.modules["trustfit._executables"])
print("the same")
"""


def test_lapack_is_there_in_a_fresh_process(tmp_path: Path):
    executable = executables.written(compiled(with_lapack))
    assert executable is not None
    path = tmp_path / "program"
    path.write_bytes(encode("k", executable))
    code = textwrap.dedent(IN_A_FRESH_PROCESS)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "the same"), done.stderr
