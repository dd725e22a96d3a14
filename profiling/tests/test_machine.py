import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from asv import util
from jitscope.errors import UserError
from jitscope.machine import cpu_model, machine_name, register


@pytest.mark.parametrize(
    ("cpu", "cores", "name"),
    [
        ("AMD EPYC", 2, "amd-epyc-2-cores"),
        ("Intel(R) Core(TM) i5-2520M CPU @ 2.50GHz", 4, "intel-core-i5-2520m-4-cores"),
        ("AMD Ryzen 9 5950X 16-Core Processor", 32, "amd-ryzen-9-5950x-32-cores"),
        ("Apple M1", 1, "apple-m1-1-core"),
        ("", 2, "unknown-cpu-2-cores"),
    ],
)
def test_named_after_model_and_cores(cpu: str, cores: int, name: str):
    assert machine_name(cpu, cores) == name


def test_the_model_is_the_one_that_asv_finds():
    assert cpu_model() == util.get_cpu_info()


def test_registers_everything_but_the_host_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("HOME", str(tmp_path))
    name = register()
    assert capsys.readouterr().out == ""
    machines = json.loads((tmp_path / ".asv-machine.json").read_text())
    assert set(machines) == {name, "version"}
    info = machines[name]
    assert info["machine"] == name
    assert info["num_cpu"] == str(os.cpu_count())
    assert {"arch", "cpu", "os", "ram"} <= set(info)
    assert platform.node() not in json.dumps(info)


def test_asv_finds_it_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    name = register()
    code = (
        "from asv.machine import Machine;"
        f"print(Machine.load(machine_name={name!r}, interactive=True).cpu)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout.strip()


def test_other_machines_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    other = {"version": 1, "other": {"machine": "other"}}
    (tmp_path / ".asv-machine.json").write_text(json.dumps(other))
    name = register()
    machines = json.loads((tmp_path / ".asv-machine.json").read_text())
    assert set(machines) == {name, "other", "version"}


def test_a_broken_list_is_named_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    path = tmp_path / ".asv-machine.json"
    path.write_text("{broken")
    with pytest.raises(UserError, match=r"\.asv-machine\.json, is not usable"):
        register()
    assert path.read_text() == "{broken"
