import os
from pathlib import Path

import pytest
from jitscope import fresh, imports


@pytest.fixture(name="package")
def slow_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a package that takes 50 ms to import, with a module of its own."""
    folder = tmp_path / "slow_to_import"
    folder.mkdir()
    (folder / "__init__.py").write_text("import time\nfrom . import part\ntime.sleep(0.05)\n")
    (folder / "part.py").write_text("")
    inherited = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(tmp_path), inherited))))
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_what_a_package_takes_is_measured_apart_from_what_it_needs(package: Path):
    arguments = ["--package", "slow_to_import", "--after", "json"]
    figures = fresh.run_child("jitscope.imports", arguments, what="the import")
    assert 0.05 <= figures["added_s"] < 1
    assert figures["after_s"] < 0.05
    assert figures["added_modules"] == 2


def test_a_package_from_elsewhere_is_refused(package: Path, capsys: pytest.CaptureFixture[str]):
    arguments = ["--package", "slow_to_import", "--expected-prefix", str(package / "elsewhere")]
    assert imports.main(arguments) == 2
    assert "was imported from" in capsys.readouterr().err


def test_only_a_fresh_interpreter_can_measure():
    with pytest.raises(ValueError, match="imported already"):
        imports.measure("json", after="sys")
