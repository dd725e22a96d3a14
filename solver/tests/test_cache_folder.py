"""The folder of programs: where it is, and nothing of what somebody else may have written."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from trustfit import _cache_folder as folders
from trustfit._cache_folder import Distrusted

KEY = "a" * 64
NOT_PRIVATE = not hasattr(os, "geteuid")
needs_owners = pytest.mark.skipif(NOT_PRIVATE, reason="The system tells no owners of files.")


class TestWhere:
    @pytest.mark.parametrize(
        ("environment", "platform", "expected"),
        [
            ({"HOME": "/home/a"}, "linux", "/home/a/.cache/trustfit/programs"),
            ({"HOME": "/a", "XDG_CACHE_HOME": "/b"}, "linux", "/b/trustfit/programs"),
            ({"HOME": "/a", "XDG_CACHE_HOME": "b"}, "linux", "/a/.cache/trustfit/programs"),
            ({"HOME": "/a"}, "darwin", "/a/Library/Caches/trustfit/programs"),
            ({"LOCALAPPDATA": "/l", "HOME": "/a"}, "win32", "/l/trustfit/programs"),
            ({"HOME": "/a", "TRUSTFIT_CACHE": "/c"}, "linux", "/c"),
        ],
    )
    def test_it_is_the_cache_of_the_user(
        self, environment: dict[str, str], platform: str, expected: str
    ):
        assert folders.folder_for(environment, platform) == Path(expected)

    @pytest.mark.parametrize(
        "environment",
        [{}, {"HOME": "/a", "TRUSTFIT_CACHE": "off"}, {"HOME": "/a", "TRUSTFIT_CACHE": " OFF "}],
    )
    def test_there_may_be_none(self, environment: dict[str, str]):
        assert folders.folder_for(environment, "linux") is None
        assert folders.folder_for(environment, "win32") is None

    @needs_owners
    def test_none_is_made_in_the_home_of_another_user(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        home = {"HOME": str(tmp_path)}
        assert folders.own_folder_for(home) == folders.folder_for(home)
        chosen = {**home, "TRUSTFIT_CACHE": str(tmp_path / "chosen")}
        other = os.geteuid() + 1
        monkeypatch.setattr(os, "geteuid", lambda: other)
        assert folders.own_folder_for(home) is None
        assert folders.own_folder_for(chosen) == tmp_path / "chosen"
        assert folders.own_folder_for({**home, "TRUSTFIT_CACHE": "off"}) is None

    @needs_owners
    @pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME"])
    def test_none_is_made_where_others_may_write_above_it(self, tmp_path: Path, variable: str):
        home = {variable: str(tmp_path)}
        folder = folders.folder_for(home, "linux")
        assert folder is not None
        folder.mkdir(mode=0o700, parents=True)
        above = [one for one in folder.parents if one.is_relative_to(tmp_path)]
        assert len(above) >= 2
        for one in above:
            one.chmod(0o700)
        for one in above:
            one.chmod(0o1777)  # as /tmp is
            assert self.own(home) is None
            one.chmod(0o700)
            assert self.own(home) == folder
        tmp_path.parent.chmod(0o1777)  # above what the variable names, it is for the system to say
        try:
            assert self.own(home) == folder
        finally:
            tmp_path.parent.chmod(0o700)

    @needs_owners
    @pytest.mark.parametrize("own", ["", ".cache"])
    def test_what_a_user_left_in_the_home_of_another_stays_unused(
        self, own: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        (tmp_path / ".cache" / "trustfit" / "programs").mkdir(parents=True)
        stat = Path.stat
        theirs = os.geteuid() + 1

        def told(path: Path, **options: Any) -> os.stat_result:
            found: list[Any] = list(stat(path, **options))
            found[4] = theirs if path == tmp_path / own else theirs - 1
            found[0] &= ~0o022
            return os.stat_result(found)

        monkeypatch.setattr(Path, "stat", told)
        assert self.own({"HOME": str(tmp_path)}) is None
        assert self.own({"XDG_CACHE_HOME": str(tmp_path / ".cache" / "trustfit")}) is not None

    @needs_owners
    def test_a_group_may_write_if_it_is_that_of_the_user_alone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        stat, group = Path.stat, os.geteuid()

        def told(path: Path, **options: Any) -> os.stat_result:
            found: list[Any] = list(stat(path, **options))
            found[0] |= 0o020
            found[5] = group
            return os.stat_result(found)

        monkeypatch.setattr(Path, "stat", told)
        assert self.own({"HOME": str(tmp_path)}) is not None
        group += 1
        assert self.own({"HOME": str(tmp_path)}) is None

    @needs_owners
    def test_what_is_made_above_it_is_closed_whatever_the_umask(self, tmp_path: Path):
        home = {"HOME": str(tmp_path)}
        folder = self.own(home)
        assert folder is not None
        before = os.umask(0)
        try:
            folders.write(folder, KEY, b"program")
        finally:
            os.umask(before)
        assert self.own(home) == folder
        assert folders.read(folder, KEY) == b"program"

    @staticmethod
    def own(environment: dict[str, str]) -> Path | None:
        return folders.own_folder_for(environment, "linux")


class TestFolder:
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path):
        self.folder = tmp_path / "deep" / "programs"

    def path(self, key: str = KEY) -> Path:
        return self.folder / f"{key}.program"

    def test_what_was_written_is_read(self):
        assert folders.read(self.folder, KEY) is None
        assert not folders.holds(self.folder, KEY)
        folders.write(self.folder, KEY, b"one")
        folders.write(self.folder, KEY, b"two")
        assert folders.holds(self.folder, KEY)
        assert folders.read(self.folder, KEY) == b"two"
        assert [one.name for one in self.folder.iterdir()] == [f"{KEY}.program"]
        folders.remove(self.folder, KEY)
        assert folders.read(self.folder, KEY) is None

    @needs_owners
    def test_only_the_user_may_look_into_it(self):
        folders.write(self.folder, KEY, b"one")
        assert self.folder.stat().st_mode & 0o777 == 0o700
        assert self.path().stat().st_mode & 0o777 == 0o600

    @needs_owners
    @pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
    def test_a_folder_that_others_may_write_to_is_not_used(self, mode: int):
        folders.write(self.folder, KEY, b"one")
        self.folder.chmod(mode)
        with pytest.raises(Distrusted, match="others may write"):
            folders.read(self.folder, KEY)
        with pytest.raises(Distrusted, match="others may write"):
            folders.write(self.folder, "b", b"two")
        folders.remove(self.folder, KEY)
        folders.prune(self.folder, 0)
        assert [one.name for one in self.folder.iterdir()] == [f"{KEY}.program"]

    @needs_owners
    def test_a_file_that_others_may_write_to_is_not_used(self):
        folders.write(self.folder, KEY, b"one")
        self.path().chmod(0o622)
        with pytest.raises(Distrusted, match="others may write"):
            folders.read(self.folder, KEY)

    @needs_owners
    def test_what_belongs_to_another_user_is_not_used(self, monkeypatch: pytest.MonkeyPatch):
        folders.write(self.folder, KEY, b"one")
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
        with pytest.raises(Distrusted, match="another user"):
            folders.read(self.folder, KEY)

    @needs_owners
    def test_a_link_is_not_followed(self, tmp_path: Path):
        folders.write(self.folder, "b", b"other")
        self.path().symlink_to(self.path("b"))
        assert folders.read(self.folder, KEY) is None

    @needs_owners
    @pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
    def test_what_is_no_file_is_not_waited_for(self, make: Any):
        folders.write(self.folder, "b", b"other")
        make(self.path())
        assert not folders.read(self.folder, KEY)

    def test_a_folder_that_cannot_be_made_keeps_nothing(self, tmp_path: Path):
        (tmp_path / "deep").write_text("a file")
        folders.write(self.folder, KEY, b"one")
        assert folders.read(self.folder, KEY) is None

    @pytest.mark.parametrize("refused", ["open", "replace"])
    def test_a_full_disk_leaves_nothing_behind(self, refused: str, monkeypatch: pytest.MonkeyPatch):
        folders.write(self.folder, "b", b"other")

        def refuse(*args: Any, **kwargs: Any) -> Any:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("builtins.open" if refused == "open" else "os.replace", refuse)
            folders.write(self.folder, KEY, b"one")
        assert [one.name for one in self.folder.iterdir()] == ["b.program"]

    def test_what_was_not_used_for_longest_goes_first(self):
        for age_s, key in enumerate("abcd"):
            folders.write(self.folder, key, bytes(100))
            os.utime(self.path(key), (0, time.time() - 1000 * (age_s + 1)))
        folders.prune(self.folder, 400)
        assert all(folders.holds(self.folder, key) for key in "abcd")
        folders.read(self.folder, "d")
        folders.prune(self.folder, 399)
        assert [folders.holds(self.folder, key) for key in "abcd"] == [True, False, False, True]

    def test_only_its_own_files_are_removed(self):
        folders.write(self.folder, KEY, bytes(100))
        foreign = self.folder / "thesis.tex"
        foreign.write_bytes(bytes(1000))
        new, old = self.folder / "n.unfinished", self.folder / "o.unfinished"
        for path in (new, old):
            path.write_bytes(b"")
        os.utime(old, (0, time.time() - 7200))
        folders.prune(self.folder, 50)
        assert set(self.folder.iterdir()) == {foreign, new}

    def test_a_file_too_large_is_not_kept(self, monkeypatch: pytest.MonkeyPatch):
        folders.write(self.folder, KEY, bytes(100))
        monkeypatch.setattr(folders, "_LARGEST_FILE", 99)
        assert folders.read(self.folder, KEY) == b""
        folders.write(self.folder, "b", bytes(100))
        assert not folders.holds(self.folder, "b")


WRITING = """
import sys
from pathlib import Path
from trustfit import _cache_folder as folders
folder, mark = Path(sys.argv[1]), sys.argv[2].encode()
for turn in range(300):
    folders.write(folder, "k", mark * 50_000)
    found = folders.read(folder, "k")
    assert found is not None and len(found) == 50_000 and len(set(found)) == 1, found
    if turn % 50 == 0:
        folders.prune(folder)
"""


def test_many_processes_never_see_half_a_file(tmp_path: Path):
    code = textwrap.dedent(WRITING)
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "programs"), mark])
        for mark in "abc"
    ]
    assert [one.wait(120) for one in started] == [0, 0, 0]
    assert [one.name for one in (tmp_path / "programs").iterdir()] == ["k.program"]
