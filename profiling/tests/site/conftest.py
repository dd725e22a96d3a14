"""Fixtures of jitscope's tests; those of the history and the site begin with `site_`."""

from pathlib import Path

import pytest

from .browser import site_browser as site_browser
from .browser import site_narrow as site_narrow
from .browser import site_watched as site_watched
from .planted import GeneratedHistory, plant_history


@pytest.fixture
def site_empty(tmp_path: Path) -> GeneratedHistory:
    """A repository with one commit, a suite and no results."""
    history = GeneratedHistory(tmp_path)
    history.commit("Begin")
    return history


@pytest.fixture
def site_history(tmp_path: Path) -> GeneratedHistory:
    """Return the planted history; see `plant_history`."""
    return plant_history(tmp_path)
