"""Errors: what is expected is one sentence, everything else is a fault with an id, a traceback and a log."""

import ast
import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from resq import cli, jobs
from resq.core import logs
from resq.core.errors import LackingError, NotFoundError, ResqError
from tests import pages

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*(ROOT / "resq").rglob("*.py"), *(ROOT / "dashboard").rglob("*.py")]
# Pure mathematics: what is wrong there is wrong in the code that calls it.
PURE = {"variance.py", "rates.py", "areas.py", "intervals.py", "paired.py", "signs.py"}


@pytest.fixture
def broken(monkeypatch, own_folders):
    """``resq show`` fails as a bug does."""

    def run(_arguments):
        raise ValueError("operands could not be broadcast\n2031-01-01 CRITICAL forged")

    monkeypatch.setattr(cli.module("show"), "run", run)
    return own_folders


def test_a_fault_is_logged_with_its_traceback_and_told_by_its_id(broken, capsys):
    assert cli.main(["show"]) == cli.FAULT
    said = capsys.readouterr().err
    key = re.search(r"a fault of the lab, it was logged as ([0-9a-f]{8}) in ", said)[1]
    kept = logs.file().read_text(encoding="utf-8")
    assert f"fault {key}, python -m resq show: ValueError: operands could not be broadcast" in kept
    assert "in run" in kept  # where it arose
    assert "Traceback" not in said
    assert not re.search(r"^2031", kept, re.MULTILINE)  # a message makes no entry of its own


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_shows_where_a_fault_arose(broken, capsys, monkeypatch, how):
    if how == "environment":
        monkeypatch.setenv("RESQ_DEBUG", "1")
    assert cli.main(["show", *(["--debug"] if how == "option" else [])]) == cli.FAULT
    assert "Traceback" in capsys.readouterr().err


def test_a_refusal_of_the_command_line_is_a_sentence_and_leaves_no_log(own_folders, capsys):
    assert cli.main(["show", "cifar10/none/such"]) == 2
    assert "logged as" not in capsys.readouterr().err
    assert not logs.file().exists()


def page(kind: str) -> AppTest:
    """A page whose content ends in an error of this kind."""
    script = f"""
from dashboard.components import render
from resq.core.errors import LackingError, NotFoundError, ResqError
with render.errors_as_sentences():
    raise {kind}("what *came* and what was expected")
"""
    return AppTest.from_string(script, default_timeout=60).run()


@pytest.mark.sorry("came")
@pytest.mark.parametrize("kind", ["ResqError", "NotFoundError", "LackingError"])
def test_a_page_shows_the_sentence_of_an_expected_error_and_notes_it(own_folders, kind):
    app = page(kind)
    assert pages.apologies(app) == [r":material/info: what \*came\* and what was expected"]
    assert not pages.faults(app)
    assert "INFO refused, page start: what *came* and what was expected" in logs.file().read_text()


@pytest.mark.faulty
@pytest.mark.parametrize("kind", ["ValueError", "KeyError", "ZeroDivisionError", "AssertionError"])
def test_a_page_says_of_any_other_error_that_it_is_a_fault_and_shows_none_of_it(own_folders, kind):
    app = page(kind)
    assert not app.exception
    (told,) = pages.faults(app)
    assert "came" not in told
    key = re.search(r"logged as `([0-9a-f]{8})`", told)[1]
    kept = logs.file().read_text(encoding="utf-8")
    assert f"fault {key}, page start: {kind}" in kept
    assert "Traceback" in kept


@pytest.mark.faulty
def test_a_page_shows_the_traceback_to_who_debugs(own_folders, monkeypatch):
    monkeypatch.setenv("RESQ_DEBUG", "1")
    assert page("ValueError").exception


@pytest.mark.faulty
@pytest.mark.sorry("came")
def test_a_page_with_an_apology_is_not_fine(own_folders):
    with pytest.raises(AssertionError):
        pages.fine(page("ResqError"))
    pages.fine(page("ResqError"), "came")
    with pytest.raises(AssertionError):
        pages.fine(page("ValueError"), "fault")


# What is not there yet is no refusal of what came: it is told where the figure would stand.
ABSENT = {"dashboard/components/from_place.py", "dashboard/views/replay.py"}


@pytest.mark.parametrize("room", ["components", "forms", "views", "server"])
def test_every_refusal_that_a_page_tells_is_noted_in_the_log(room):
    for file in sorted((ROOT / "dashboard" / room).rglob("*.py")):
        if file.relative_to(ROOT).as_posix() in ABSENT:
            continue
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler) and node.name:
                done = "\n".join(ast.unparse(part) for part in node.body)
                assert re.search(r"logs\.(refused|fault)\(|\braise\b", done), (file.name, node.lineno)


@pytest.mark.faulty
@pytest.mark.sorry("came")
def test_a_test_whose_page_shows_what_it_does_not_expect_fails(own_folders):
    with pytest.raises(AssertionError, match="the page apologises"), pages.watched((), False):
        page("ResqError")
    with pytest.raises(AssertionError, match="the page shows a fault"), pages.watched(("came",), False):
        page("ValueError")
    with pages.watched(("came",), False):
        page("ResqError")


@pytest.mark.sorry("came")
def test_what_the_machine_refused_is_noted_with_where_it_arose(own_folders):
    page("OSError")
    kept = logs.file().read_text(encoding="utf-8")
    assert "INFO refused, page start: what *came* and what was expected" in kept
    assert "Traceback" in kept
    page("ResqError")
    assert logs.file().read_text(encoding="utf-8").count("Traceback") == 1


def test_a_failed_job_is_noted_with_what_it_was_and_said(own_folders):
    job = jobs.start(["sweep", "cifar10/none/such"])
    job.wait(120)
    assert job.state == "failed"
    kept = logs.file().read_text(encoding="utf-8")
    assert f"WARNING failed, job {job.id} (sweep cifar10/none/such): resq: " in kept


def test_a_log_that_cannot_be_written_stops_nothing(own_folders, capsys):
    (own_folders / "work").write_text("a file where the folder should be")
    logs.refused(ResqError("x"), "page start")
    assert "refused, page start: x" in capsys.readouterr().err


def test_the_log_is_turned_over(own_folders, monkeypatch):
    monkeypatch.setattr(logs, "MOST", 400)
    for number in range(40):
        logs.refused(ResqError(f"number {number}"), "page start")
    files = sorted(path.name for path in logs.file().parent.iterdir())
    assert files == ["resq.log", *(f"resq.log.{i}" for i in range(1, logs.KEPT + 1))]


def test_expected_errors_are_what_they_were_for_who_catches_them_by_an_older_class():
    assert issubclass(ResqError, ValueError)
    assert issubclass(NotFoundError, FileNotFoundError)
    assert issubclass(LackingError, ImportError)
    assert str(NotFoundError("no images")) == "no images"


ASKED = {"startswith", "endswith", "find", "index", "count"}  # of a text, questions that decide
MATCHED = {"search", "match", "fullmatch", "findall"}
SAYS = r"str\((error|broken|caught|refused|full|e)\)|\w*error\.args\b.*|(running|\w*job)\.error"
WORDING = re.compile(SAYS)


def hangs_on_wording(node: ast.AST) -> bool:
    """Whether a node asks what the message of an error says."""
    asked: list[ast.expr] = []
    if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn | ast.Eq) for op in node.ops):
        asked = [node.left, *node.comparators]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in ASKED:
            asked = [node.func.value]
        elif node.func.attr in MATCHED:
            asked = [*node.args, node.func.value]
    return any(WORDING.fullmatch(ast.unparse(part)) for part in asked)


@pytest.mark.parametrize("text", [
    'if "few" in str(error): pass', 'if str(error) == "x": pass', 'x = str(error).startswith("x")',
    'x = re.search("x", str(error))', 'x = pattern.match(str(error))', 'if "late" in job.error: pass',
    'if error.args[0] == "x": pass',
])  # fmt: skip
def test_what_asks_for_the_wording_of_a_message_is_seen(text):
    assert any(hangs_on_wording(node) for node in ast.walk(ast.parse(text)))


@pytest.mark.parametrize("file", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_refusals_are_of_the_class_of_refusals_and_nothing_hangs_on_their_wording(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and file.name not in PURE:
            assert ast.unparse(node.exc.func) not in ("ValueError", "FileNotFoundError", "ImportError"), (
                node.lineno
            )
        assert not hangs_on_wording(node), node.lineno


def test_a_fault_in_a_job_reaches_its_page_as_one_sentence(own_folders, tmp_path):
    plugin = tmp_path / "mine.py"
    plugin.write_text("import resq.cli.sweep as s\ndef run(_):\n    raise KeyError('x')\ns.run = run\n")
    job = jobs.start(["--plugin", str(plugin), "sweep", "signs/resnet20/base"])
    job.wait(120)
    assert re.search(r"this is a fault of the lab, it was logged as [0-9a-f]{8}", job.error)
