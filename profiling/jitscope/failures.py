"""Why a commit or a benchmark failed: asv's results say only that it did, and its log says why.

What is kept, in ``results/failures.json``, is the first line of the error that asv printed. It is
text of the measured commit: whoever shows it must not trust it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from jitscope import asv_results
from jitscope.asv_results import CommitResults
from jitscope.errors import UserError

FILE = Path("results") / "failures.json"
"""Where reasons are kept, from the project's root."""
VERSION = 1
LONGEST = 300
"""Characters of a reason."""
_ITEM = re.compile(r"(?:\[\s*[\d.]+%\] )?(?P<depth>·+) (?P<text>.*)")
_COMMIT = re.compile(r"For .* commit ")
_FAILED = re.compile(r"(?P<name>\S+)\s+(?:\d+/\d+ )?failed")
_SETUP_FAILED = re.compile(r"Setting up .*\sfailed")
_SETUP_SKIPPED = re.compile(r"(?P<name>\S+) skipped \(setup_cache failed\)")
_TRACEBACK = "Traceback (most recent call last):"
_SECTION = "For parameters: "
_STDOUT, _STDERR = "STDOUT -------->", "STDERR -------->"
_SUITE = "Importing benchmark suite failed"


class Failed(NamedTuple):
    """What failed: `benchmark` on `commit`; None in its place is the whole commit."""

    machine: str
    environment: str
    commit: str
    benchmark: str | None


Reasons = Mapping[Failed, str]
ReasonsByCommit = Mapping[str, Mapping[str | None, str]]


@dataclass(frozen=True)
class Said:
    """What asv's log of one commit says.

    Attributes
    ----------
    whole : str or None
        Why the commit could not be built or installed, or the suite not be imported on it.
    benchmarks : mapping of str to str
        Why benchmarks failed, by their names.
    """

    whole: str | None
    benchmarks: Mapping[str, str]


@dataclass(frozen=True)
class _Item:
    """One of asv's messages: its own line, and what stands indented below it."""

    depth: int
    text: str
    below: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return (self.text, *self.below)


def said_in(log: str) -> Said:
    """Read asv's log of one commit, printed with ``--show-stderr``.

    Parameters
    ----------
    log : str
        May hold anything else besides.
    """
    whole: str | None = None
    benchmarks: dict[str, str] = {}
    of_setup = ""
    items = list(_items(log))
    for place, item in enumerate(items):
        if _COMMIT.match(item.text):
            # Before it, asv looks for any commit that tells which benchmarks there are.
            whole = None
        told = _told_below(items, place)
        if item.text.startswith("Error running "):
            whole = _why_no_build(item)
        elif item.text.startswith(_SUITE):
            whole = _first_error(told)
        elif _SETUP_FAILED.fullmatch(item.text):
            of_setup = _first_error(told)
        elif found := _SETUP_SKIPPED.fullmatch(item.text):
            benchmarks[found["name"]] = of_setup
        elif found := _FAILED.fullmatch(item.text):
            benchmarks[found["name"]] = _first_error(told)
    return Said(whole or None, {name: reason for name, reason in benchmarks.items() if reason})


def _items(log: str) -> Iterator[_Item]:
    head: tuple[int, str] | None = None
    below: list[str] = []
    for line in log.splitlines():
        found = _ITEM.match(line)
        if found is None:
            below.append(line)
            continue
        if head is not None:
            yield _Item(*head, tuple(_dedented(below)))
        head, below = (len(found["depth"]), found["text"].rstrip()), []
    if head is not None:
        yield _Item(*head, tuple(_dedented(below)))


def _dedented(lines: Sequence[str]) -> Iterator[str]:
    """Lines without the indentation that asv gives all of a message."""
    indents = (len(line) - len(line.lstrip()) for line in lines if line.strip())
    least = min(indents, default=0)
    return (line[least:] for line in lines)


def _told_below(items: Sequence[_Item], place: int) -> tuple[str, ...]:
    """Lines of the first message that is deeper than the one at `place`, and belongs to it."""
    for item in items[place + 1 :]:
        if item.depth > items[place].depth:
            return item.lines
        # The table of a benchmark's parameters comes at the same depth.
        if not item.text.startswith("==="):
            break
    return ()


def _why_no_build(item: _Item) -> str:
    place = item.below.index(_STDERR) + 1 if _STDERR in item.below else 0
    printed = [line for line in item.below if line not in (_STDOUT, _STDERR)]
    status = item.text.rpartition("(")[2].rstrip(")")
    return _first_error(item.below[place:]) or _first_error(printed) or f"building: {status}"


def _first_error(lines: Sequence[str]) -> str:
    """The line that says what went wrong, of the first parameters that failed."""
    starts = [place for place, line in enumerate(lines) if line.startswith(_SECTION)]
    section = lines[: starts[1]] if len(starts) > 1 else lines
    begins = [place for place, line in enumerate(section) if line.strip() == _TRACEBACK]
    if begins:
        begin = section[begins[-1]]
        indent = len(begin) - len(begin.lstrip())
        for line in section[begins[-1] + 1 :]:
            if line.strip() and len(line) - len(line.lstrip()) <= indent:
                return line.strip()
    told = [line.strip().removeprefix("asv: ") for line in section if line.strip()]
    errors = [line for line in told if re.match(r"(\w+\.)*\w*error\b", line, re.IGNORECASE)]
    return next(iter((*errors, *told[-1:])), "")


def read_failures(path: Path) -> dict[Failed, str]:
    """Read the reasons that are kept; none if there is no file.

    Raises
    ------
    UserError
        The file is damaged, or of another version.
    """
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise UserError(f"{path.name} cannot be read ({error}); remove it.") from error
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise UserError(f"{path.name} must be of version {VERSION}; remove it.")
    try:
        return dict(_entry(one) for one in data["failures"])
    except (KeyError, TypeError) as error:
        raise UserError(f"{path.name} is not as it was written ({error!r}); remove it.") from error


def _entry(one: Mapping[str, Any]) -> tuple[Failed, str]:
    which = Failed(one["machine"], one["environment"], one["commit"], one["benchmark"])
    if not all(
        isinstance(text, str) for text in (*which[:3], which.benchmark or "", one["reason"])
    ):
        raise TypeError(one)
    return which, one["reason"][:LONGEST]


def remember(root: Path, machine: str, results: CommitResults, log: str) -> None:
    """Keep why something failed on a commit, and forget what does not fail any more.

    Parameters
    ----------
    root : Path
        The project.
    machine : str
        asv's name of it.
    results : CommitResults
        What the commit has now.
    log : str
        What asv printed of it.

    Raises
    ------
    UserError
        `FILE` cannot be read or written.
    """
    path = root / FILE
    known = read_failures(path)
    said = said_in(log)
    here = Failed(machine, results.environment, results.commit, None)
    failing: set[str | None] = {name.partition("(")[0] for name in asv_results.failures(results)}
    if asv_results.is_broken(results):
        failing.add(None)
    new: dict[str | None, str] = {None: said.whole or "", **said.benchmarks}
    kept = {one: why for one, why in known.items() if one._replace(benchmark=None) != here}
    for benchmark in failing:
        which = here._replace(benchmark=benchmark)
        reason = _clean(new.get(benchmark, ""), root) or known.get(which)
        if reason:
            kept[which] = reason
    if kept != known:
        _write(path, kept)


def _clean(reason: str, root: Path) -> str:
    """One line without this machine's folders."""
    for folder, shown in ((root.resolve(), "."), (Path.home(), "~")):
        reason = reason.replace(str(folder), shown)
    plain = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    return plain if len(plain) <= LONGEST else plain[: LONGEST - 1] + "…"


def _write(path: Path, reasons: Reasons) -> None:
    ordered = sorted(reasons.items(), key=lambda one: [part or "" for part in one[0]])
    failures = [{**which._asdict(), "reason": reason} for which, reason in ordered]
    text = json.dumps({"version": VERSION, "failures": failures}, indent=1) + "\n"
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"Reasons cannot be written to {path} ({error}).") from error


def reasons_at(reasons: Reasons, setup: tuple[str, str]) -> ReasonsByCommit:
    """Return the reasons of one setup by commit, and by benchmark (None: the whole commit)."""
    found: dict[str, dict[str | None, str]] = {}
    for which, reason in reasons.items():
        if (which.machine, which.environment) == setup:
            found.setdefault(which.commit, {})[which.benchmark] = reason
    return found


def distinct(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return reasons once each, in their order."""
    return tuple(dict.fromkeys(reasons))
