"""Where a commit can be read on the web, if the repository comes from a known forge."""

import re
from pathlib import Path

from jitscope._git import GitError, run_git

_COMMITS = {
    "github.com": "https://github.com/{path}/commit/",
    "gitlab.com": "https://gitlab.com/{path}/-/commit/",
    "bitbucket.org": "https://bitbucket.org/{path}/commits/",
    "codeberg.org": "https://codeberg.org/{path}/commit/",
    "git.sr.ht": "https://git.sr.ht/{path}/commit/",
}
_REMOTE = re.compile(
    r"""(?:(?:https?|ssh|git)://(?:[^@/\s]+@)?|[^@/\s]+@)   # a URL, or user@host:path
        (?P<host>[a-z0-9.-]+)(?::\d+)?[:/]
        (?P<path>~?[\w.-]+(?:/[\w.-]+)+)/?""",
    re.VERBOSE | re.ASCII,
)


def commit_address(root: Path) -> str | None:
    """Return what a commit's full hash has to be added to for a link to it.

    Parameters
    ----------
    root : Path
        The repository; its remote ``origin`` says where it comes from.

    Returns
    -------
    str or None
        None without such a remote, or where it is no known forge.
    """
    try:
        remote = run_git(root, "remote", "get-url", "origin").strip()
    except GitError:
        return None
    return address_of(remote)


def address_of(remote: str) -> str | None:
    """Return the same for a remote's address; what is in it but host and path is dropped."""
    found = _REMOTE.fullmatch(remote)
    if found is None or found["host"] not in _COMMITS:
        return None
    return _COMMITS[found["host"]].format(path=found["path"].removesuffix(".git"))
