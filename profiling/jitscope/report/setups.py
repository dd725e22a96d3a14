"""The setups of a history, a machine with an environment each, as the pages name them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jitscope.history import History
from jitscope.report.panels import software_line


@dataclass(frozen=True)
class SetupLine:
    """One setup.

    Attributes
    ----------
    key : tuple of (str, str)
        Machine and environment.
    name : str
        Short, for a list to choose from; no two setups of a site have the same.
    machine, software : str
        A line each.
    orders : tuple of int
        Places of the measured commits on the first-parent line, oldest first.
    """

    key: tuple[str, str]
    name: str
    machine: str
    software: str
    orders: tuple[int, ...]


def setup_lines(history: History) -> tuple[SetupLine, ...]:
    """Describe every setup: first the one that measured the newest commit, or the most commits."""
    results = history.results
    if results.empty:
        return ()
    order = dict(zip(history.commits["commit"], history.commits["order"], strict=True))
    found: list[SetupLine] = []
    for _, rows in results.groupby(["machine", "environment"], sort=False):
        last = rows.iloc[-1].to_dict()
        orders = tuple(sorted({order[commit] for commit in rows["commit"].unique()}))
        software = software_line(last["versions"])
        line = SetupLine(
            (last["machine"], last["environment"]),
            f"{last['machine']}, {software}",
            _machine_line(last["machine"], last["hardware"]),
            software,
            orders,
        )
        found.append(line)
    found.sort(key=lambda line: (-line.orders[-1], -len(line.orders)))
    return _distinct(found)


def _distinct(lines: Sequence[SetupLine]) -> tuple[SetupLine, ...]:
    """Where versions alone do not tell two setups apart, add the environment's name."""
    names = [line.name for line in lines]
    return tuple(
        line
        if names.count(line.name) == 1
        else SetupLine(
            line.key, f"{line.name}, {line.key[1]}", line.machine, line.software, line.orders
        )
        for line in lines
    )


def _machine_line(machine: str, hardware: Mapping[str, Any]) -> str:
    cpus = f"{hardware['num_cpu']} CPUs" if hardware["num_cpu"] else None
    parts = (hardware["cpu"], cpus, hardware["os"])
    return f"{machine} ({', '.join(str(part) for part in parts if part)})"
