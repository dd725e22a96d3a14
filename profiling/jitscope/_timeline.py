"""Events of a profile, and the wall time that operations take when some run at the same time."""

import warnings
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple, TypeVar

import jax

Key = TypeVar("Key", bound=Hashable)

_PUTS = ("DevicePut", "DevicePutWithSharding")


class Execution(NamedTuple):
    """One execution of one operation, in nanoseconds from the profile's start."""

    program: int
    module: str
    op: str
    start_ns: int
    end_ns: int


class Events(NamedTuple):
    """What a profile says of the device: executions, and arrays or scalars put on it."""

    executions: tuple[Execution, ...]
    device_puts: int


def events_of(profile: bytes) -> Events:
    """Read a serialised ``XSpace``.

    An operation that goes on in the background ends with an event of its own, on any thread.
    """
    begun: list[tuple[Execution, object]] = []
    ends: dict[object, int] = {}
    device_puts = 0
    with warnings.catch_warnings():
        # Python 3.12 and later, of classes inside of JAX: "has no __module__ attribute".
        warnings.simplefilter("ignore", DeprecationWarning)
        planes = jax.profiler.ProfileData.from_serialized_xspace(profile).planes
        for event in (event for plane in planes for line in plane.lines for event in line.events):
            name, stats = event.name, dict(event.stats)
            device_puts += name in _PUTS
            end_ns = round(event.start_ns + event.duration_ns)
            if name.startswith("end: ") and "_c" in stats:
                ends[stats["_c"]] = end_ns
            elif "hlo_op" in stats and "hlo_module" in stats:
                program, module = int(stats.get("program_id", -1)), str(stats["hlo_module"])
                operation = str(stats["hlo_op"])
                one = Execution(program, module, operation, round(event.start_ns), end_ns)
                begun.append((one, stats.get("_p")))
    executions = [
        one._replace(end_ns=max(one.end_ns, ends.get(link, one.end_ns))) for one, link in begun
    ]
    return Events(tuple(sorted(executions, key=lambda one: one.start_ns)), device_puts)


def shares_ns(intervals: Iterable[tuple[int, int, Key]]) -> Mapping[Key, int]:
    """Return the wall time of each key; what runs at the same time shares it equally.

    Parameters
    ----------
    intervals : iterable of (int, int, key)
        Start, end and whose it is.

    Returns
    -------
    mapping of key to int
        They add up to the time during which anything ran.
    """
    edges: list[tuple[int, int, Key]] = []
    for start_ns, end_ns, key in intervals:
        edges += [(start_ns, 1, key), (end_ns, -1, key)]
    edges.sort(key=lambda edge: edge[0])
    running: Counter[Key] = Counter()
    exact: dict[Key, float] = defaultdict(float)
    busy_ns = last_ns = 0
    for time_ns, change, key in edges:
        if running and time_ns > last_ns:
            busy_ns += time_ns - last_ns
            share = (time_ns - last_ns) / running.total()
            for one, count in running.items():
                exact[one] += share * count
        running[key] += change
        if not running[key]:
            del running[key]
        exact[key] += 0.0
        last_ns = time_ns
    return _rounded(exact, busy_ns)


def _rounded(exact: Mapping[Key, float], total: int) -> Mapping[Key, int]:
    """Round so that the sum is the total: what is left goes to those that lost most."""
    rounded = {key: int(value) for key, value in exact.items()}
    left = total - sum(rounded.values())
    by_loss = sorted(exact, key=lambda key: exact[key] - rounded[key], reverse=left > 0)
    step = 1 if left > 0 else -1
    for position in range(abs(left)):
        rounded[by_loss[position % len(by_loss)]] += step
    return rounded
