import re
from pathlib import Path

import asv
import pytest
from jitscope.report import asv_tab
from jitscope.report.asv_tab import PACKAGES, Package, ScriptsMissing, localised, with_tab
from jitscope.report.publish import publish

from .browser import Watched
from .planted import plant_history

PAGE = (Path(asv.__file__).parent / "www" / "index.html").read_text("utf-8")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for package in PACKAGES:
        for name in package.files:
            (folder / name).write_text(f"/* {name} */")
    return folder


def test_asvs_page_gets_one_tab_to_ours() -> None:
    assert with_tab(PAGE).count('<a href="../index.html">') == 1
    assert with_tab("<html></html>") == "<html></html>"


def test_all_ten_scripts_lie_beside_the_page(tmp_path: Path, files: Path) -> None:
    html = localised(PAGE, tmp_path, files)
    assert len(list((tmp_path / "vendor").iterdir())) == 10
    assert not re.search(r'(?:<script src|rel="stylesheet" href)="https:', html)
    assert "integrity" not in html
    assert 'href="https://github.com/airspeed-velocity/asv/"' in html


def test_an_unknown_script_is_named_and_nothing_replaced(tmp_path: Path, files: Path) -> None:
    (files / "md5.min.js").unlink()
    with pytest.raises(ScriptsMissing, match=r"md5\.min\.js"):
        localised(PAGE, tmp_path, files)
    assert not (tmp_path / "vendor").exists()


def test_without_npm_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ScriptsMissing, match="npm is not installed"):
        asv_tab.scripts(tmp_path)


def fake_npm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm = folder / "npm"
    npm.write_text("#!/bin/sh\necho other bytes > package-1.0.0.tgz\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")


def test_an_archive_with_other_bytes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(tmp_path, monkeypatch)
    with pytest.raises(ScriptsMissing, match="must have the SHA-512"):
        asv_tab.scripts(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_every_package_is_pinned() -> None:
    assert all(
        re.fullmatch(r"[a-z0-9-]+@\d+\.\d+\.\d+", p.spec) and len(p.sha512) == 88 for p in PACKAGES
    )
    assert sum(len(p.files) for p in PACKAGES) == 10
    assert isinstance(PACKAGES[0], Package)


@pytest.mark.browser
@pytest.mark.slow
def test_asvs_own_page_works_without_a_network(site_watched: Watched, tmp_path: Path) -> None:
    try:
        asv_tab.scripts()
    except ScriptsMissing as why:
        pytest.skip(str(why))
    index = publish(plant_history(tmp_path).root)
    page = index.parent / "asv" / "index.html"
    assert "vendor/jquery-3.3.1.min.js" in page.read_text("utf-8")
    site_watched.page.goto(page.as_uri())
    assert site_watched.page.evaluate("typeof jQuery.plot") == "function"
    assert site_watched.page.evaluate("typeof md5") == "function"
    assert site_watched.page.get_by_role("link", name="Phases").count() == 1
    assert site_watched.requests_out == []
