"""The folder in which programs are kept: whose it is, how large it grows, and what spoils it.

What lies in it is run. So it is read only if it belongs to this user and nobody else may write to
it, and the same goes for each file, asked of what was opened and not of a name that may come to
mean something else. A file is written under another name and moved to its own, so that no process
ever finds half of one. Whatever the system refuses (a full disk, a home that is missing or cannot
be written to) means that nothing is kept, and is no error.
"""

import contextlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import NamedTuple

VARIABLE = "TRUSTFIT_CACHE"
"""The environment variable that names the folder, or says "off"."""

MOST_BYTES = 256 << 20
"""What the folder may hold."""

_SUFFIX, _UNFINISHED = ".program", ".unfinished"
_LEFT_S = 3600.0
"""After how long a file that was not finished has been left by its process."""

_LARGEST_FILE = MOST_BYTES // 4
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_ONLY_IF_PRIVATE = hasattr(os, "geteuid")  # elsewhere a user's own folders are the user's own


class Distrusted(Exception):
    """Somebody else may have written a file or a folder."""


def folder_for(environment: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Return where programs are kept by these environment variables; None if they are not."""
    chosen = environment.get(VARIABLE, "").strip()
    if chosen:
        return None if chosen.lower() == "off" else Path(chosen).expanduser().absolute()
    base = _cache_of_user(environment, platform)
    return None if base is None else base / "trustfit" / "programs"


def own_folder_for(environment: Mapping[str, str], platform: str = sys.platform) -> Path | None:
    """Return the same; None as well if it was not chosen and others have a say in where it lies.

    Each folder above it, up to the one that HOME or XDG_CACHE_HOME names, has to be the user's own,
    and closed to others, as far as it exists; if even that one does not, the nearest above it.
    `sudo` may leave HOME as it was: what root wrote there, its owner could not use, nor remove. And
    who may write to a folder above may put another in the place of this one.
    """
    folder = folder_for(environment, platform)
    if folder is None or environment.get(VARIABLE, "").strip() or not _ONLY_IF_PRIVATE:
        return folder
    named = [Path(environment.get(one, "")) for one in ("HOME", "XDG_CACHE_HOME")]
    reached = False
    with contextlib.suppress(OSError):
        for one in folder.parents:  # of itself, `read` and `write` ask
            reached = reached or one in named
            if not one.exists():
                continue
            if not _is_closed(one.stat()):
                return None
            if reached:
                return folder
    return None


def _is_closed(status: os.stat_result) -> bool:
    user, mode = os.geteuid(), status.st_mode
    own_group = status.st_gid == user  # many systems give each user a group, and let it write
    others_write = mode & stat.S_IWOTH or (mode & stat.S_IWGRP and not own_group)
    return status.st_uid == user and not others_write


def _cache_of_user(environment: Mapping[str, str], platform: str) -> Path | None:
    if platform == "win32":
        local = environment.get("LOCALAPPDATA", "")
        return Path(local) if local else None
    home = environment.get("HOME", "")
    if platform == "darwin":
        return Path(home) / "Library" / "Caches" if home else None
    chosen = environment.get("XDG_CACHE_HOME", "")
    if os.path.isabs(chosen):  # as its specification says
        return Path(chosen)
    return Path(home) / ".cache" if home else None


class _Place(NamedTuple):
    """A folder that was opened, if the system opens folders."""

    path: Path
    descriptor: int | None

    def open(self, name: str, flags: int) -> int:
        for one in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):  # those that there are
            flags |= getattr(os, one, 0)
        return os.open(self._of(name), flags, 0o600, dir_fd=self.descriptor)

    def remove(self, name: str) -> None:
        with contextlib.suppress(OSError):  # others remove it, too
            os.unlink(self._of(name), dir_fd=self.descriptor)

    def rename(self, name: str, new: str) -> None:
        where = self.descriptor
        os.replace(self._of(name), self._of(new), src_dir_fd=where, dst_dir_fd=where)

    def entries(self) -> list[os.DirEntry[str]]:
        with os.scandir(self.path if self.descriptor is None else self.descriptor) as found:
            return [one for one in found if one.name.endswith((_SUFFIX, _UNFINISHED))]

    def _of(self, name: str) -> str | Path:
        return name if self.descriptor is not None else self.path / name


def _check(status: os.stat_result, what: Path) -> None:
    if not _ONLY_IF_PRIVATE:
        return
    if status.st_uid != os.geteuid():
        raise Distrusted(f"{what} belongs to another user")
    if status.st_mode & _OTHERS_WRITE:
        raise Distrusted(f"others may write to {what}")


@contextlib.contextmanager
def _opened(path: Path) -> Generator[_Place]:
    if not _ONLY_IF_PRIVATE:
        yield _Place(path, None)
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check(os.fstat(descriptor), path)
        yield _Place(path, descriptor)
    finally:
        os.close(descriptor)


def read(folder: Path, key: str) -> bytes | None:
    """Return what was written under a key; None if nothing was.

    Raises
    ------
    Distrusted
        If somebody else may have written it.
    """
    with contextlib.suppress(OSError), _opened(folder) as place:
        descriptor = place.open(key + _SUFFIX, os.O_RDONLY)
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            _check(status, folder / (key + _SUFFIX))
            if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
                return b""
            content = file.read()
            with contextlib.suppress(OSError):  # the time of its last use, which is on no disk else
                os.utime(descriptor if os.utime in os.supports_fd else folder / (key + _SUFFIX))
            return content
    return None


def holds(folder: Path, key: str) -> bool:
    """Return whether there is something under a key, be it of use or not."""
    return os.path.lexists(folder / (key + _SUFFIX))


def remove(folder: Path, key: str) -> None:
    """Remove what is under a key, if the folder is this user's own."""
    with contextlib.suppress(OSError, Distrusted), _opened(folder) as place:
        place.remove(key + _SUFFIX)


def write(folder: Path, key: str, content: bytes) -> None:
    """Keep a program under a key, if that is possible.

    Raises
    ------
    Distrusted
        If the folder is not this user's own.
    """
    if len(content) > _LARGEST_FILE:
        return
    with contextlib.suppress(OSError):
        for one in (*reversed(folder.parents), folder):  # `parents=True` would leave those open
            if not one.exists():
                one.mkdir(mode=0o700, exist_ok=True)
        with _opened(folder) as place:
            unfinished = f"{key}.{secrets.token_hex(8)}{_UNFINISHED}"
            try:
                descriptor = place.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
                with open(descriptor, "wb") as file:
                    file.write(content)
                place.rename(unfinished, key + _SUFFIX)
            except OSError:
                place.remove(unfinished)


def prune(folder: Path, most_bytes: int = MOST_BYTES) -> None:
    """Remove what was not used for longest, until a quarter of the room is free again."""
    with contextlib.suppress(OSError, Distrusted), _opened(folder) as place:
        now_s = time.time()
        found: list[tuple[float, int, str]] = []
        for entry in place.entries():
            status = entry.stat(follow_symlinks=False)
            if entry.name.endswith(_SUFFIX):
                found.append((status.st_mtime, status.st_size, entry.name))
            elif now_s - status.st_mtime > _LEFT_S:
                place.remove(entry.name)
        left = sum(size for _, size, _ in found)
        if left <= most_bytes:
            return
        for _, size, name in sorted(found):
            if left <= 0.75 * most_bytes:
                return
            place.remove(name)
            left -= size
