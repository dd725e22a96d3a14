"""Addresses of the views that pages link to each other: what is chosen stands after the hash.

The pages' own scripts write the same addresses (`links` in site.js).
"""

from __future__ import annotations

from urllib.parse import urlencode

SHORT = 12
"""Characters of a hash in an address."""


def timeline_link(
    problem: str, condition: str, setup: str, *, first: str = "", last: str = ""
) -> str:
    """Return the address of one problem's timeline.

    Parameters
    ----------
    problem, condition : str
        As the phase benchmark names them.
    setup : str
        Name of the setup.
    first, last : str
        Full hashes of the ends of what is shown; all of it without them.
    """
    chosen = {"problem": problem, "condition": condition, "setup": setup}
    return _address("timeline.html", {**chosen, "from": first[:SHORT], "to": last[:SHORT]})


def compare_link(base: str, to: str, problem: str, condition: str, setup: str) -> str:
    """Return the address at which two commits are compared, with one problem in view.

    Parameters
    ----------
    base, to : str
        Full hashes.
    problem, condition : str
        As the phase benchmark names them.
    setup : str
        Name of the setup.
    """
    chosen = {"problem": problem, "condition": condition, "setup": setup}
    return _address("compare.html", {"base": base[:SHORT], "to": to[:SHORT], **chosen})


def _address(page: str, chosen: dict[str, str]) -> str:
    return f"{page}#{urlencode({name: value for name, value in chosen.items() if value})}"
