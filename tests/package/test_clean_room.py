"""An installed package is as good as a clone: pages, a sweep and the façade, from another folder."""

import ast
import json
import os
import re
import signal
import subprocess
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import pytest

from resq import __version__, cli
from resq.core.paths import ASSETS, ROOT
from stress.harness.server import answers, free_port
from tests.browser.conftest import browser  # noqa: F401 - a fixture
from tests.stress.test_server import listening

SWEEP = ["signs/resnet20/base", "--ber", "0,1e-2", "--maps", "2", "--n", "100", "--json"]


def test_the_wheel_holds_two_packages_and_what_they_show(wheel):
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "resq",
        "resq_dashboard",
        f"resq_lab-{__version__}.dist-info",
    }
    for name in ("resq/py.typed", "resq_dashboard/style.css", "resq_dashboard/.streamlit/config.toml",
                 "resq/assets/weights/signs/resnet20/base.safetensors"):  # fmt: skip
        assert name in names
    pages = {p for p in (ROOT / "dashboard").rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert {f"resq_dashboard/{p.relative_to(ROOT / 'dashboard')}" for p in pages} <= set(names)
    shipped = {f"resq/assets/{p.relative_to(ASSETS)}" for p in (ASSETS / "results").glob("*.parquet")}
    assert shipped <= set(names)
    assert wheel.stat().st_size < 16e6


def imported(source: str) -> set[str]:
    """The packages that a module imports, and those that it names as a module in a string."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module))
        elif isinstance(node, ast.Constant) and re.fullmatch(r"dashboard(\.\w+)+", str(node.value)):
            found.add(node.value)
    return {name.partition(".")[0] for name in found}


def test_no_module_of_the_wheel_asks_for_the_pages_by_the_name_they_have_in_a_clone(wheel):
    archive = ZipFile(wheel)
    sources = {name: archive.read(name).decode() for name in archive.namelist() if name.endswith(".py")}
    assert len(sources) > 300
    assert [name for name, source in sources.items() if "dashboard" in imported(source)] == []
    assert "resq_dashboard" in imported(sources["resq_dashboard/app.py"])


def test_what_is_loaded_lies_in_the_environment_and_not_in_the_clone(told, room):
    where = told("import resq, resq_dashboard; print(resq.__file__, resq_dashboard.__file__)")
    assert all(str(room.python.parents[1]) in file for file in where.split())
    assert told("import importlib.util as u; print(u.find_spec('dashboard'))") == "None"


def test_a_sweep_of_the_package_gives_the_rows_of_the_clone(room, capsys):
    found = json.loads(room.run("resq", "sweep", *SWEEP).stdout)
    assert cli.main(["sweep", *SWEEP]) == 0
    here = json.loads(capsys.readouterr().out)
    assert found["rows"][0]["key"] == here["rows"][0]["key"]
    for one, other in zip(found["rows"], here["rows"], strict=True):
        assert one == other


def test_five_lines_of_a_notebook(told):
    code = """
import resq
model = resq.load("signs/resnet20/base")
x, y = resq.load_images("signs", n=100)
result = resq.sweep(model, x, y, encoding="int4-tmr2", ber=[0, 1e-2], maps=2, seed=0)
print(len(result.plot().data), len(result.frame), result.command)
"""
    drawn, rows, *command = told(code).splitlines()[-1].split()
    assert (int(drawn) > 0, rows) == (True, "3")
    assert command[:4] == ["python", "-m", "resq", "sweep"]


def test_a_report_is_written_and_the_shipped_files_are_what_they_were(room):
    room.run("resq", "report", "signs/resnet20/base", "--out", "report.html")
    assert "signs/resnet20/base" in (room.folder / "report.html").read_text(encoding="utf-8")
    assert "each the one of" in room.run("resq", "verify").stdout


def test_weights_that_are_not_in_the_package_say_where_they_are(room):
    said = room.run("resq", "evaluate", "signs/resnet20/words", code=2).stderr
    assert "the weights of signs/resnet20/words are not in the installed package" in said
    assert "a clone of the project has them all" in said


def test_weights_are_fetched_once_and_checked(room, tmp_path, monkeypatch):
    release = tmp_path / f"v{__version__}"
    release.mkdir()
    original = ASSETS / "weights" / "signs" / "resnet20" / "plus.safetensors"
    (release / "signs-resnet20-plus.safetensors").write_bytes(original.read_bytes())
    (release / "signs-resnet20-attack.safetensors").write_bytes(b"another file")
    asked = []

    class Files(SimpleHTTPRequestHandler):
        def log_message(self, *words):
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(tmp_path))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RESQ_RELEASES", f"http://127.0.0.1:{server.server_port}")
        look = ["--ber", "0", "--maps", "1", "--n", "20", "--json"]
        for _ in range(2):
            room.run("resq", "sweep", "signs/resnet20/plus", *look)
        assert asked == [f"/v{__version__}/signs-resnet20-plus.safetensors"]
        said = room.run("resq", "sweep", "signs/resnet20/attack", *look, code=2).stderr
        assert "not kept" in said
        server.shutdown()
    said = room.run("resq", "sweep", "signs/resnet20/fault", *look, code=2).stderr
    assert "could not be fetched from http://127.0.0.1" in said


@pytest.fixture
def served(room):
    port, log = free_port(), room.folder / "server.log"
    with log.open("w") as out:
        words = [str(room.python.with_name("resq")), "dashboard", "--server.port", str(port)]
        server = subprocess.Popen(words, cwd=room.folder, env=room.environment, stdout=out, stderr=out)
    end = time.monotonic() + 120
    while not answers(f"http://127.0.0.1:{port}/_stcore/health"):
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.2)
    yield port
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=30) is not None


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="only Linux says who listens where in /proc")
def test_the_pages_open_in_a_browser_and_nobody_else_hears_of_it(served, browser):  # noqa: F811
    assert listening(served) == {"0100007F"}
    page, asked, errors = browser.new_page(), [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"http://127.0.0.1:{served}/sweep")
    page.wait_for_selector(".js-plotly-plot", timeout=120_000)
    assert page.locator("[data-testid='stException']").count() == 0
    # The theme is that of the package's own config.toml: letters of 18 pixels where Streamlit has 16.
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "18px"
    assert [
        url for url in asked if not url.startswith((f"http://127.0.0.1:{served}", "data:", "blob:"))
    ] == []
    assert errors == []
    if "RESQ_SHOTS" in os.environ:
        page.wait_for_timeout(3000)
        page.screenshot(path=f"{os.environ['RESQ_SHOTS']}/installed.png")
    page.close()


def test_telemetry_is_off_in_the_package(told):
    code = """
import pathlib, tomllib, resq_dashboard
file = pathlib.Path(resq_dashboard.__file__).parent / ".streamlit" / "config.toml"
said = tomllib.loads(file.read_text())
print(said["browser"]["gatherUsageStats"], said["server"]["address"])
"""
    assert told(code) == "False 127.0.0.1"
