"""The text by which a program is found by other processes: the same there, and of nothing else."""

import hashlib
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.extend.core import Primitive
from trustfit import _surroundings as around
from trustfit._model import CurveData, curve_model
from trustfit._stable_text import NoText, stable_text
from trustfit._structure import Key
from trustfit._workers import settings as in_double_precision

SIMPLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.binary(max_size=5)
)
NESTED = st.recursive(
    SIMPLE | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


def with_kinds(value: Any) -> Any:
    """Return a value that is equal to another's only if their kinds are, too."""
    if isinstance(value, list | tuple):
        return (type(value), [with_kinds(one) for one in value])
    return (type(value), value.hex() if isinstance(value, float) else value)


@given(NESTED, NESTED)
def test_equal_texts_mean_equal_values(one: Any, other: Any):
    assert (stable_text(one) == stable_text(other)) == (with_kinds(one) == with_kinds(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (("a", "b"), ("a,b",)),
        ((1, 2), (12,)),
        (((1,), 2), ((1, 2),)),
        ('"', "'"),
        ("b", b"b"),
        (np.dtype("<f8"), np.dtype(">f8")),
        (np.dtype("f4"), jnp.dtype("bfloat16")),
        (jax.lax.Precision.HIGH, jax.lax.Precision.HIGHEST),
        (frozenset(["a", "b"]), frozenset(["a"])),
    ],
)
def test_what_differs_has_another_text(one: Any, other: Any):
    assert stable_text(one) != stable_text(other)
    assert stable_text(Key((one,))) != stable_text(Key((other,)))


class Own(Primitive):
    """A primitive that is not JAX's."""


def own(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    "value", [object(), own, Own("exp"), Primitive("exp"), Own, np.zeros(1), lambda: 0]
)
def test_what_only_this_process_knows_has_no_text(value: Any):
    with pytest.raises(NoText):
        stable_text((1, value))


MODELS = {
    "exponential": lambda x, a, b: a * jnp.exp(-b * x),
    "where": lambda x, a, b: jnp.where(x > b, a * x, b),
    "cumulated": lambda x, a, b: a * jnp.cumsum(x) + b,
    "indexed": lambda x, a, b: a * x[::-1] + b * x[jnp.arange(20) // 2],
    "loop": lambda x, a, b: jax.lax.fori_loop(0, 5, lambda i, c: c * a + b * i, x),
    "branch": lambda x, a, b: jax.lax.cond(a > b, lambda: a * x, lambda: b * x),
    "with a rule": lambda x, a, b: jax.nn.relu(a * x) + jax.nn.softplus(b * x),
    "products": lambda x, a, b: a * jnp.outer(x, x) @ x + b,
    "special": lambda x, a, b: jax.scipy.special.erf(a * x) + jax.scipy.special.gammaln(x + b),
    "coupled": lambda x, a, b: a * jnp.sort(x) / jnp.mean(x) + b,
}


def key_of(model: Any) -> Key:
    x = np.linspace(0, 1, 20)
    with in_double_precision():
        return curve_model(model, None, CurveData(x, x, None), 2).traced.key


def test_models_have_texts_of_their_own():
    texts = {name: stable_text(key_of(model)) for name, model in MODELS.items()}
    assert len(set(texts.values())) == len(MODELS)
    assert not any(" at 0x" in text for text in texts.values())
    again = stable_text(key_of(lambda x, a, b: a * jnp.exp(-b * x)))
    assert again == texts["exponential"]
    assert stable_text(key_of(lambda x, a, b: a * jnp.exp(b * x))) != again


def test_other_circumstances_have_another_text():
    with jax.default_matmul_precision("highest"):
        highest = stable_text(key_of(MODELS["products"]))
    assert highest != stable_text(key_of(MODELS["products"]))


def test_a_model_that_draws_random_numbers_has_no_text():
    def model(x: Any, a: Any, b: Any) -> Any:
        return a * x + b * jax.random.normal(jax.random.key(0), x.shape)

    with pytest.raises(NoText):
        stable_text(key_of(model))


def test_a_rule_that_computes_something_else_has_another_text():
    def model(slope: float) -> Any:
        @jax.custom_jvp
        def bend(x: Any) -> Any:
            return x

        def rule(primals: Any, tangents: Any) -> Any:
            return primals[0], tangents[0] * slope if slope > 1 else tangents[0] / 7.0

        bend.defjvp(rule)
        return lambda x, a, b: bend(a * x) + b

    assert stable_text(key_of(model(2.0))) != stable_text(key_of(model(0.0)))


PRINTED = """
from {module} import MODELS, key_of
from trustfit._stable_text import stable_text
from trustfit._surroundings import surroundings
import hashlib
for model in MODELS.values():
    print(hashlib.sha256(stable_text(key_of(model)).encode()).hexdigest())
print(hashlib.sha256(surroundings().encode()).hexdigest())
"""


def test_processes_agree(tmp_path: Path):
    root = Path(__file__).parents[2]

    def printed(seed: str) -> list[str]:
        path = os.pathsep.join([str(root), *sys.path])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
        code = textwrap.dedent(PRINTED).format(module="solver.tests.test_program_keys")
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.split()

    first = printed("1")
    assert printed("2") == first
    assert len(first) == len(MODELS) + 1
    here = [
        hashlib.sha256(stable_text(key_of(one)).encode()).hexdigest() for one in MODELS.values()
    ]
    assert here == first[:-1]


@pytest.fixture(name="fresh")
def fresh_text():
    """Forget what is taken to be unchanging, before and after a test that changes it."""
    around.forget()
    yield
    around.forget()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("trustfit", "__version__"),
        ("jax", "__version__"),
        ("jaxlib.version", "__version__"),
        ("numpy", "__version__"),
        ("sys", "version"),
        ("platform", "machine"),
    ],
)
@pytest.mark.usefixtures("fresh")
def test_versions_count(module: str, name: str, monkeypatch: pytest.MonkeyPatch):
    before = around.surroundings()
    around.forget()
    other = (lambda: "other") if name == "machine" else "other"
    monkeypatch.setattr(sys.modules[module], name, other)
    assert around.surroundings() != before


@pytest.mark.parametrize("value", ["--xla_cpu_enable_fast_math=true", ""])
def test_flags_of_the_compiler_count(value: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    before = around.surroundings()
    monkeypatch.setenv("XLA_FLAGS", value)
    assert around.surroundings() != before


def test_settings_count_as_they_are_in_this_block():
    before = around.surroundings()
    with jax.default_matmul_precision("highest"):
        assert around.surroundings() != before
    with jax.enable_x64(True):
        assert around.surroundings() != before
    with jax.debug_nans(True):
        assert around.surroundings() != before
    assert around.surroundings() == before


def test_settings_that_change_no_program_do_not_count():
    before = around.surroundings()
    with jax.log_compiles(True):
        assert around.surroundings() == before


def test_programs_for_a_device_of_choice_are_not_kept():
    with jax.default_device(jax.devices("cpu")[0]), pytest.raises(NoText):
        around.surroundings()


def test_processors_count(monkeypatch: pytest.MonkeyPatch):
    before = around.surroundings()
    monkeypatch.setattr(around, "processors", lambda: 1000)
    assert around.surroundings() != before


def test_features_of_the_processor_count(tmp_path: Path):
    info = tmp_path / "cpuinfo"

    def machine(flags: str, mhz: str = "2600") -> Any:
        block = f"processor : {{}}\nmodel name : A\ncpu MHz : {mhz}\nflags : {flags}\n\n"
        info.write_text(block.format(0) + block.format(1))
        return around.machine(info)

    assert machine("fma avx") == machine("fma avx", "1200")
    assert machine("fma avx") != machine("fma")


def test_a_machine_that_does_not_tell_is_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = around.machine(tmp_path / "none")
    monkeypatch.setattr(around.platform, "node", lambda: "another")
    assert around.machine(tmp_path / "none") != before


class TestDigestOfModules:
    @pytest.fixture(autouse=True)
    def _package(self, tmp_path: Path):
        self.folder = tmp_path
        (tmp_path / "a.py").write_text("A = 1\n")
        (tmp_path / "b.py").write_text("B = 1\n")

    def digest(self) -> str:
        return around.digest_of(self.folder, time.time() + 60)

    def test_it_tells_contents(self):
        before = self.digest()
        assert self.digest() == before
        (self.folder / "a.py").write_text("A = 2\n")
        assert self.digest() != before

    def test_it_tells_names_and_where_a_module_ends(self):
        before = self.digest()
        (self.folder / "b.py").rename(self.folder / "c.py")
        renamed = self.digest()
        assert renamed != before
        (self.folder / "a.py").write_text("A = 1\nB = 1\n")
        (self.folder / "c.py").write_text("")
        assert self.digest() not in (before, renamed)

    def test_modules_that_changed_since_they_were_imported_have_none(self):
        imported_s = time.time() - 60
        os.utime(self.folder / "a.py", (0, 0))
        os.utime(self.folder / "b.py", (0, 0))
        with pytest.raises(NoText, match=r"a\.py has been changed since"):
            around.digest_of(self.folder, imported_s)

    def test_modules_that_cannot_be_read_have_none(self):
        (self.folder / "c.py").mkdir()
        with pytest.raises(NoText, match="cannot be read"):
            self.digest()
