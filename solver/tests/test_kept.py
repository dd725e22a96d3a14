"""Programs that later processes find on disk: the same results, nothing compiled, no surprises."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import trustfit
from trustfit import _compiled, _kept, _model, _quick
from trustfit import _serve as serve
from trustfit._background import Compilations, NotThere
from trustfit._kept import Disk

X = np.linspace(0, 4, 60)
Y = 2.5 * np.exp(-1.3 * X) + 0.01 * np.sin(50 * X)


def decay(x: Any, a: Any, k: Any) -> Any:
    return a * jnp.exp(-k * x)


def fit(model: Any = decay, **options: Any) -> Any:
    return trustfit.curve_fit(model, X, Y, p0=(1.0, 1.0), driver="compiled", **options)


def assert_same(one: Any, other: Any) -> None:
    for found, expected in zip(one, other, strict=True):
        np.testing.assert_array_equal(found, expected)


def assert_told_once(caught: list[warnings.WarningMessage], what: str) -> None:
    (one,) = caught
    assert issubclass(one.category, trustfit.UnacceleratedWarning)
    assert what in str(one.message)
    assert one.filename == __file__


class Home:
    """A folder of programs, and the means to begin as a process does that finds them there."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._patch = patch
        self.begin()

    def begin(self) -> None:
        """Forget all programs in memory, and what was wrong with those on disk."""
        disk = Disk()
        _quick.forget()
        for module in (_kept, _model):
            self._patch.setattr(module, "DISK", disk)
        for programs in (
            _compiled.compiled_solve,
            _compiled.compiled_rows,
            _compiled.compiled_evaluation,
        ):
            programs.cache_clear()
        self.disk = disk

    def files(self) -> set[Path]:
        self.disk.wait()
        return set(self.folder.iterdir()) if self.folder.exists() else set()


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    folder = tmp_path / "programs"
    monkeypatch.setenv("TRUSTFIT_CACHE", str(folder))
    home = Home(folder, monkeypatch)
    yield home
    home.disk.wait()
    home.begin()


@pytest.fixture(name="compilations")
def _compilations() -> Iterator[list[str]]:
    """Count what JAX lowers, by name."""
    found: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == "/jax/core/compile/jaxpr_to_mlir_module_duration":
            found.append(str(kwargs["fun_name"]))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)


CALLS = {
    "plain": {},
    "bounds": {"bounds": (0, 5)},
    "a loss": {"loss": "soft_l1", "method": "trf"},
    "scaled by the Jacobian": {"x_scale": "jac", "method": "trf"},
    "scaled": {"x_scale": (1.0, 2.0), "method": "trf"},
    "not polished": {"polish": False},
}


@pytest.mark.parametrize("name", CALLS)
def test_a_second_process_compiles_nothing(name: str, home: Home, compilations: list[str]):
    first = fit(**CALLS[name])
    assert len(home.files()) == 1
    assert "jit(solve)" in compilations or "solve" in compilations
    home.begin()
    compilations.clear()
    again = fit(**CALLS[name])
    assert compilations == []
    assert len(home.files()) == 1
    assert_same(again, first)
    assert_same(fit(**CALLS[name]), first)


def test_every_kind_of_call_has_a_program_of_its_own(home: Home):
    for options in CALLS.values():
        fit(**options)
    assert len(home.files()) == len(CALLS)
    trustfit.curve_fit(decay, np.tile(X, 600), np.tile(Y, 600), p0=(1, 1), driver="compiled")
    trustfit.curve_fit(lambda x, a, k, c: decay(x, a, k) + c, X, Y, p0=(1, 1, 0), driver="compiled")
    fit(lambda x, a, k: a * jnp.exp2(-k * x))
    assert len(home.files()) == len(CALLS) + 3


def test_numbers_and_data_need_no_other_program(home: Home, compilations: list[str]):
    fit(lambda x, a, k: 2.0 * a * jnp.exp(-k * x))
    home.files()
    home.begin()
    compilations.clear()
    found = trustfit.curve_fit(
        lambda x, a, k: 3.0 * a * jnp.exp(-k * x), X[:50], Y[:50], p0=(1, 1), driver="compiled"
    )
    assert compilations == []
    np.testing.assert_allclose(found[0], [2.5 / 3, 1.3], rtol=0.01)


def residuals_of_many(x: Any) -> Any:
    return jnp.concatenate([x - jnp.arange(18.0), 0.1 * (x[1:] - x[:-1] ** 2 / 20)])


def coupled(x: Any) -> Any:
    return jnp.cumsum(x[0] * jnp.asarray(X)) - x[1]


def nearly_dependent(x: Any) -> Any:
    at = jnp.asarray(X)
    return x[0] * at + x[1] * (at + 1e-6 * at**2) - 3.0 * at + 1.0


@pytest.mark.parametrize(
    ("residuals", "n"), [(residuals_of_many, 18), (coupled, 2), (nearly_dependent, 2)]
)
def test_lapack_whole_arrays_and_rows_come_from_disk(
    residuals: Any, n: int, home: Home, compilations: list[str]
):
    def solve() -> Any:
        return trustfit.least_squares(residuals, np.ones(n), driver="compiled")

    first = solve()
    assert home.files()
    home.begin()
    compilations.clear()
    again = solve()
    assert compilations == []
    np.testing.assert_array_equal(again.x, first.x)
    np.testing.assert_array_equal(again.jac, first.jac)


def test_nothing_is_kept_where_it_is_off(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRUSTFIT_CACHE", "off")
    fit()
    assert home.files() == set()


def test_a_model_without_a_text_is_not_kept(home: Home):
    def noisy(x: Any, a: Any, k: Any) -> Any:
        return decay(x, a, k) + 0 * jax.random.normal(jax.random.key(0), x.shape)

    fit(noisy)
    assert home.files() == set()


@pytest.mark.parametrize("content", [b"", b"not a program", None])
def test_damaged_files_are_told_once_and_made_anew(content: bytes | None, home: Home):
    first = fit()
    fit(bounds=(0, 5))
    for path in home.files():
        path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    home.begin()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert_same(fit(), first)
        fit(bounds=(0, 5))
        fit(bounds=(0, 5))
    assert_told_once(caught, "is damaged: ")
    assert len(home.files()) == 2
    home.begin()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(fit(), first)
        fit(bounds=(0, 5))


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="The system tells no owners of files.")
def test_a_folder_that_others_may_write_to_is_told_once(home: Home, compilations: list[str]):
    first = fit()
    before = home.files()
    home.folder.chmod(0o777)
    home.begin()
    compilations.clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert_same(fit(), first)
        fit(bounds=(0, 5))
        fit()
    assert_told_once(caught, "others may write to")
    assert compilations
    assert home.files() == before


def test_a_home_that_cannot_be_written_to_goes_unsaid(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TRUSTFIT_CACHE", str(tmp_path / "file" / "programs"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit()
        home.disk.wait()
        fit(bounds=(0, 5))


def test_what_cannot_be_loaded_is_compiled(home: Home, monkeypatch: pytest.MonkeyPatch):
    first = fit()
    home.files()
    home.begin()
    monkeypatch.setattr("trustfit._executables.read", lambda executable: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(fit(), first)


def test_what_does_not_run_is_compiled(home: Home, monkeypatch: pytest.MonkeyPatch):
    first = fit()
    assert len(home.files()) == 1
    home.begin()

    def fail(*_: Any) -> Any:
        raise jax.errors.JaxRuntimeError("Function not found")

    monkeypatch.setattr("trustfit._executables.read", lambda executable: fail)
    assert_same(fit(), first)
    assert home.files() == set()
    assert_same(fit(), first)


def test_results_that_jax_is_to_look_at_are_looked_at(home: Home):
    fit()
    home.files()
    home.begin()
    fit()
    with jax.debug_nans(True):
        found = fit()
    np.testing.assert_allclose(found[0], fit()[0])
    run = _kept.Kept(jax.jit(lambda x, shared: x), "looked at")
    run.use_loaded(lambda *_: "loaded", _kept.Slot(home.folder, "none"))
    assert run(np.zeros(1), ()) == "loaded"
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        run(np.array([np.nan]), ())
    assert run(jnp.ones(1), (jnp.ones(1),)) != "loaded"  # which may be on any device


@pytest.mark.parametrize(("loading_s", "way"), [(0.0, "compiled"), (1e3, "numpy")])
def test_what_is_on_disk_is_worth_waiting_for_sooner(
    loading_s: float, way: str, home: Home, monkeypatch: pytest.MonkeyPatch
):
    def model(x: Any, a: Any, k: Any) -> Any:
        return a / jnp.cosh(k * x) if loading_s else a / jnp.cosh(k * x) ** 2

    def served() -> str:
        monkeypatch.setattr("trustfit._solve.SERVER", serve.Server())
        found = trustfit.curve_fit(model, X, Y, p0=(1, 1), driver="auto", full_output=True)
        return found[2]["driver"]

    monkeypatch.setattr(serve, "_LOADING_S", loading_s)
    assert served() == "numpy"
    fit(model)
    home.files()
    home.begin()
    assert served() == way


class TestInTheBackground:
    def test_a_program_is_loaded_there(self, home: Home, compilations: list[str]):
        first = fit()
        home.files()
        home.begin()
        compilations.clear()
        kept = _kept.Kept(jax.jit(lambda x, shared: x + 1), "anything")
        arguments = (np.ones(2), ())
        kept.prepare(*arguments).compile()
        home.files()
        again = _kept.Kept(jax.jit(lambda x, shared: x + 1), "anything")
        compilations.clear()
        pending = again.prepare(*arguments)
        assert pending.compile() is False
        np.testing.assert_array_equal(again(*arguments), [2, 2])
        assert again.prepare(*arguments).compile() is False
        assert compilations == []
        assert_same(fit(), first)

    def test_one_that_is_gone_is_compiled_by_the_next_call(self, home: Home):
        def kept() -> Any:
            return _kept.Kept(jax.jit(lambda x, shared: x + 1), "anything")

        kept().prepare(np.ones(2), ()).compile()
        (path,) = home.files()
        path.write_bytes(b"damaged")
        one = kept()
        pending = one.prepare(np.ones(2), ())
        with pytest.raises(NotThere):
            pending.compile()
        assert one.prepare(np.ones(2), ()).compile() is not False
        with pytest.warns(trustfit.UnacceleratedWarning, match="is damaged"):
            home.disk.tell()

    def test_what_is_loaded_says_nothing_of_how_long_compiling_takes(self):
        class Found:
            def compile(self) -> object:
                return False

        class Gone:
            def compile(self) -> object:
                raise NotThere

        found = Compilations()
        before = found.expected_s
        found.start("found", lambda: [Found()])
        found.start("gone", lambda: [Gone()])
        assert found.wait(30)
        assert (found.progress("found"), found.progress("gone")) == ("ready", "none")
        assert found.expected_s == before
        assert found.failure("gone") is None
