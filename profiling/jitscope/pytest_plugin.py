"""The pytest plugin: the marker `jit_budget` and the fixture `jitscope`.

JAX is imported when a test uses one of them, never before.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jitscope.budget import BudgetRecorder, Counts, Site

LIMITS = ("compiles", "traces", "conversions", "to_host", "to_device")
"""The marker's keywords."""
MOST_CULPRITS = 20
"""Lines listed for each limit that a test exceeds."""
_MARKER = (
    "jit_budget(compiles=N, traces=N, conversions=N, to_host=N, to_device=N): fail a test that "
    "compiles or traces more functions, or converts more values between host and JAX"
)
_Active = pytest.StashKey["BudgetRecorder"]()


class Counted:
    """What a block under `Jitscope.record` did; known once the block has ended."""

    def __init__(self) -> None:  # noqa: D107  (the class's docstring says it)
        self._counts: Counts | None = None

    def finish(self, counts: Counts) -> None:
        """Called at the end of the block."""
        self._counts = counts

    @property
    def counts(self) -> Counts:
        """All of it.

        Raises
        ------
        RuntimeError
            The block has not ended.
        """
        if self._counts is None:
            raise RuntimeError("counts exist once the `with jitscope.record()` block has ended.")
        return self._counts

    @property
    def compiles(self) -> int:
        """Modules compiled, or loaded from the persistent cache."""
        return self.counts.compiles

    @property
    def traces(self) -> int:
        """Functions traced."""
        return self.counts.traces

    @property
    def conversions(self) -> int:
        """Values converted, in both directions."""
        return self.counts.conversions

    @property
    def to_host(self) -> int:
        """JAX arrays converted to host values."""
        return self.counts.to_host

    @property
    def to_device(self) -> int:
        """Host values converted to JAX arrays."""
        return self.counts.to_device

    @property
    def sites(self) -> tuple[Site, ...]:
        """The lines behind all of these."""
        return self.counts.sites


class Jitscope:
    """What the fixture `jitscope` gives to a test."""

    def __init__(self, node: pytest.Item) -> None:  # noqa: D107  (made by the fixture)
        self._node = node

    @contextmanager
    def record(self) -> Generator[Counted, None, None]:
        """Count what a ``with`` block does; blocks may be nested, and a budget may be around.

        Raises
        ------
        RuntimeError
            Another recorder of jitscope is active, or this JAX is not supported.

        Examples
        --------
        >>> with jitscope.record() as counted:  # doctest: +SKIP
        ...     solve(data)
        >>> assert counted.compiles == 0  # doctest: +SKIP
        """
        from jitscope.budget import counts_between

        counted = Counted()
        with _recording(self._node) as recorder:
            before = recorder.totals()
            try:
                yield counted
            finally:
                counted.finish(counts_between(before, recorder.totals()))


@contextmanager
def _recording(node: pytest.Item) -> Generator[BudgetRecorder, None, None]:
    """Return the recorder that is active in this test, or a new one: two cannot be."""
    from jitscope.budget import BudgetRecorder

    active = node.stash.get(_Active, None)
    if active is not None:
        yield active
        return
    with BudgetRecorder() as recorder:
        node.stash[_Active] = recorder
        try:
            yield recorder
        finally:
            del node.stash[_Active]


@pytest.fixture
def jitscope(request: pytest.FixtureRequest) -> Jitscope:
    """Count compilations and conversions of a part of the test: ``with jitscope.record()``."""
    return Jitscope(request.node)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a budget that means nothing, before any test runs."""
    if hasattr(config, "workerinput"):  # in a worker of xdist the sentence would be lost
        return  # the test fails with it instead
    for item in items:
        _budget(item)


@pytest.hookimpl(wrapper=True, trylast=True)  # innermost: nothing but the test is counted
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Count what a test with a budget does; a test that ends by itself keeps its outcome."""
    try:
        budget = _budget(item)
    except pytest.UsageError as error:
        pytest.fail(str(error), pytrace=False)
    if not budget:
        return (yield)
    with _recording(item) as recorder:
        result = yield
    complaint = _complaint(budget, recorder.counts())
    if complaint:
        pytest.fail(complaint, pytrace=False)
    return result


def _budget(item: pytest.Item) -> dict[str, int]:
    """Return the limits of a test; those of the nearest marker come before a class's."""
    budget: dict[str, int] = {}
    for marker in item.iter_markers("jit_budget"):
        if marker.args or not marker.kwargs:
            raise pytest.UsageError(
                f"{item.nodeid}: `jit_budget` takes keywords such as compiles=1, and one at least."
            )
        for name, limit in marker.kwargs.items():
            _check(item, name, limit)
            budget.setdefault(name, limit)
    return budget


def _check(item: pytest.Item, name: str, limit: object) -> None:
    if name not in LIMITS:
        raise pytest.UsageError(
            f"{item.nodeid}: `jit_budget` limits {', '.join(LIMITS)}; got {name!r}."
        )
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise pytest.UsageError(
            f"{item.nodeid}: `jit_budget` needs whole numbers from 0 on; got {name}={limit!r}."
        )


def _complaint(budget: Mapping[str, int], counts: Counts) -> str:
    """Return which limits were exceeded and by which lines; empty if none was."""
    lines: list[str] = []
    for name, limit in budget.items():
        found = counts.of(name)
        if found <= limit:
            continue
        lines.append(f"jit_budget: {found} {name}, {limit} allowed:")
        sites = sorted(counts.sites_of(name), key=lambda site: -site.count)
        lines += [f"  {site}" for site in sites[:MOST_CULPRITS]]
        if len(sites) > MOST_CULPRITS:
            lines.append(f"  and {len(sites) - MOST_CULPRITS} lines more")
    return "\n".join(lines)
