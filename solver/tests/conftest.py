"""Checks that JAX's settings are left alone."""

from collections.abc import Iterator

import jax
import pytest


@pytest.fixture
def settings_untouched() -> Iterator[None]:
    """Fail a test that changes JAX's global switch for double precision."""
    before = jax.config.read("jax_enable_x64")
    yield
    assert jax.config.read("jax_enable_x64") == before
