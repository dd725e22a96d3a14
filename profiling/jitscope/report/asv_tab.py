"""A plugin of asv's: a tab to our pages, and its scripts beside it instead of on CDNs.

asv's pages load ten files from CDNs and show an error without them. All ten come in npm packages of
pinned versions, whose archives must have the hashes below; they are fetched once, by npm, into the
user's cache. Where there is no npm, or no network, the addresses stay as asv wrote them.

asv takes it by ``"plugins": [".jitscope.report.asv_tab"]`` in its configuration. `publish` imports
it before it runs asv, which is enough, so that it serves repositories that do not name it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
from asv.publishing import OutputPublisher

TAB = '<li id="nav-li-jitscope"><a href="../index.html">Phases</a></li>'
LEFT_AS_THEY_ARE = "asv's pages go on loading their scripts from CDNs"
_BEFORE = '<li id="nav-li-regressions">'
_REMOTE = re.compile(
    r'(?P<start>(?:<script src|<link rel="stylesheet" href)=")(?P<url>https://[^"]+)"'
)
_CHECKS = re.compile(r' (?:integrity|crossorigin|referrerpolicy)="[^"]*"')
_TIME_LIMIT_S = 60


@dataclass(frozen=True)
class Package:
    """One npm package: what to fetch, the hash of its archive, and its files by asv's names."""

    spec: str
    sha512: str
    files: Mapping[str, str]


PACKAGES = (
    Package(
        "jquery@3.3.1",
        "Ubldcmxp5np52/ENotGxlLe6aGMvmF4R8S6tZjsP6Knsaxd/xp3Zrh50cG93lR6nPXyUFwzN3ZSOQI0wRJNdGg==",
        {"jquery-3.3.1.min.js": "dist/jquery.min.js"},
    ),
    Package(
        "jquery-flot@0.8.3",
        "IkQCsA5t55Aubu8iove/X/KL34rdZTsDyx/bylC7F320N2bwsJhJe3Np8orsx1L8FEOoMDfNe3/pSb3xXKLxeQ==",
        {
            "jquery.flot.min.js": "jquery.flot.js",
            "jquery.flot.time.min.js": "jquery.flot.time.js",
            "jquery.flot.selection.min.js": "jquery.flot.selection.js",
            "jquery.flot.categories.min.js": "jquery.flot.categories.js",
        },
    ),
    Package(
        "flot-orderbars@1.0.0",
        "Jv51fvzevUjNXEeozpwEKfPjhiZhfiJddv0WHjduUTCmSF+7T5K7C9c9Y1wIVmUhDBv5fLMjgbwKecT0GIKPZA==",
        {"jquery.flot.orderBars.js": "js/jquery.flot.orderBars.js"},
    ),
    Package(
        "stupid-table-plugin@1.1.3",
        "2Vk7XouQPxUQPRe9w0Fu7ZZ8kHLK7rDoLMsCgtKxRNJ7f4dSOGvW9CkHsq5wD6QsaEnWoyLBYH3xOEsrK3yWBg==",
        {"stupidtable.min.js": "stupidtable.min.js"},
    ),
    Package(
        "blueimp-md5@2.19.0",
        "DRQrD6gJyy8FbiE4s+bDoXS9hiW3Vbx5uCdwvcCf3zLHL+Iv7LtGHLpr+GZV8rHG8tK766FGYBwRbu8pELTt+w==",
        {"md5.min.js": "js/md5.min.js"},
    ),
    Package(
        "bootstrap@3.1.1",
        "TAzqS8E/ISpVHP29gYhy+1NSV+FJwApDVQhDfgLYsIuUDJiqJzH2DfORN5tiu+Ie2iBLrzEG34t4Rf465cigqg==",
        {
            "bootstrap.min.js": "dist/js/bootstrap.min.js",
            "bootstrap.min.css": "dist/css/bootstrap.min.css",
        },
    ),
)


class ScriptsMissing(Exception):
    """The files could not be had; the message says why."""


class JitscopeTab(OutputPublisher):
    """Changes asv's page once all others are written."""

    name = "jitscope"
    button_label = "Phases"
    description = "Phases of each commit, on pages of their own"

    @classmethod
    def publish(
        cls, conf: Any, repo: object, benchmarks: object, graphs: object, revisions: object
    ) -> None:
        """Add the tab, and put the scripts beside the page if they can be had."""
        page = Path(conf.html_dir) / "index.html"
        text = with_tab(page.read_text(encoding="utf-8"))
        try:
            text = localised(text, page.parent, scripts())
        except ScriptsMissing as why:
            print(f"{LEFT_AS_THEY_ARE}: {why}", file=sys.stderr)
        page.write_text(text, encoding="utf-8")


def with_tab(html: str) -> str:
    """Return asv's page with a tab to ours; as it is where its tabs look otherwise."""
    return html.replace(_BEFORE, f"{TAB}\n{_BEFORE}", 1)


def localised(html: str, folder: Path, files: Path) -> str:
    """Copy the scripts beside asv's page, and return the page with their names.

    Raises
    ------
    ScriptsMissing
        If the page asks for one that is not among them: then none is replaced.
    """
    wanted = {match["url"]: match["url"].rsplit("/", 1)[-1] for match in _REMOTE.finditer(html)}
    unknown = [name for name in wanted.values() if not (files / name).is_file()]
    if unknown:
        raise ScriptsMissing(
            f"this asv asks for {', '.join(unknown)}, which no pinned package has."
        )
    (folder / "vendor").mkdir(exist_ok=True)
    for name in wanted.values():
        shutil.copyfile(files / name, folder / "vendor" / name)
    lines = [
        _CHECKS.sub("", _REMOTE.sub(lambda m: f'{m["start"]}vendor/{wanted[m["url"]]}"', line))
        if _REMOTE.search(line)
        else line
        for line in html.splitlines(keepends=True)
    ]
    return "".join(lines)


def scripts(cache: Path | None = None) -> Path:
    """Return the folder with the scripts, fetched by npm where they are not there yet.

    Parameters
    ----------
    cache : Path, optional
        The user's cache by default.

    Raises
    ------
    ScriptsMissing
        If there is no npm, it fails, or an archive has another hash than the pinned one.
    """
    folder = cache or Path(platformdirs.user_cache_dir("jitscope")) / "asv-scripts"
    missing = [p for p in PACKAGES if not all((folder / name).is_file() for name in p.files)]
    npm = shutil.which("npm")
    if missing and npm is None:
        raise ScriptsMissing("npm is not installed.")
    for package in missing:
        assert npm is not None
        with tempfile.TemporaryDirectory() as work:
            _unpack(package, _fetched(npm, package, Path(work)), folder)
    return folder


def _fetched(npm: str, package: Package, work: Path) -> Path:
    command = [npm, "pack", package.spec, "--ignore-scripts", "--silent"]
    try:
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=_TIME_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ScriptsMissing(f"npm did not fetch {package.spec} in {_TIME_LIMIT_S} s.") from error
    archives = list(work.glob("*.tgz"))
    if done.returncode != 0 or len(archives) != 1:
        said = (done.stderr.strip() or "it gave no reason").splitlines()[-1]
        raise ScriptsMissing(f"npm could not fetch {package.spec} ({said}).")
    return archives[0]


def _unpack(package: Package, archive: Path, folder: Path) -> None:
    found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != package.sha512:
        raise ScriptsMissing(
            f"{package.spec} must have the SHA-512 {package.sha512[:12]}...; got {found[:12]}..."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as tar:
        for name, inside in package.files.items():
            member = tar.extractfile(f"package/{inside}")
            if member is None:
                raise ScriptsMissing(f"{package.spec} holds no {inside}.")
            partial = folder / f"{name}.part"
            partial.write_bytes(member.read())
            partial.replace(folder / name)
