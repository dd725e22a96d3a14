"""Fixtures that several test modules use."""

import os
from collections.abc import Iterator
from typing import Any

import jax
import pytest

# Programs are what most tests are about, and what they compare with other solvers. The same tests
# run with TRUSTFIT_DRIVER=auto, the users' default, on one of CI's two stacks.
os.environ.setdefault("TRUSTFIT_DRIVER", "compiled")

from trustfit import _many, _many_singles, _options
from trustfit._cache_folder import VARIABLE

# Asserts in modules that hold no tests tell what they compared, too.
for _module in ("canonical_programs", "many_fits", "rowwise_checks"):
    pytest.register_assert_rewrite(f"{__package__}.{_module}")


@pytest.fixture(autouse=True, scope="session")
def nothing_kept_on_disk() -> Iterator[None]:
    """Neither find programs of other runs, nor leave any; processes that tests start inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, "off")
        yield


@pytest.fixture
def settings_untouched() -> Iterator[None]:
    """Fail a test that changes JAX's global switch for double precision."""
    before = jax.config.read("jax_enable_x64")
    yield
    assert jax.config.read("jax_enable_x64") == before


@pytest.fixture
def by_programs(monkeypatch: pytest.MonkeyPatch):
    """Have fits wait for their programs, of a test that counts or compares these."""
    monkeypatch.setattr(_options, "_DRIVER", "compiled")


@pytest.fixture
def double_precision() -> Iterator[None]:
    """Let a test use JAX in double precision."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def in_chunks(monkeypatch: pytest.MonkeyPatch):
    """Fail if a fit of many is solved by itself."""

    def refuse(*args: Any):
        pytest.fail("A fit was solved by itself.")

    monkeypatch.setattr(_many_singles, "solve", refuse)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch):
    """Take chunks of 16 fits, in more threads than there may be processors."""
    monkeypatch.setattr(_many, "_MOST_LANES", 16)
    monkeypatch.setattr(_many, "processors", lambda: 4)
