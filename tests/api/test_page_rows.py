"""One sweep asked for in three ways, on the page, by the command and by the façade: the same rows."""

import json

import resq
from resq import cli
from resq.measure.store import table
from tests.answered import Answered
from tests.server.test_job_queue import pressed
from tests.views.test_app import opened

BASE = "signs/resnet20/base"


def by_key(rows):
    return {row["key"]: json.dumps(table.plain(row)) for row in rows}


def test_a_click_on_the_page_a_command_and_the_facade_give_the_same_rows_byte_for_byte(monkeypatch, capsys):
    # Images and maps of which no shipped row has as many, so that there is something to measure.
    app = opened("sweep", nets=BASE, encs="int8", n="100", maps="2", parts="faults")
    clicked = Answered(pressed(app, "measure", monkeypatch).jobs[0].argv).rows
    rates = sorted({row["ber"] for row in clicked} | {0.0})
    result = resq.sweep(BASE, encoding="int8", ber=rates, maps=2, n=100, progress=False)
    assert cli.main([*result.command.split()[3:], "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)["rows"]
    assert by_key(printed) == by_key(result.rows)
    assert len(clicked) >= 2 * len(rates[1:]) > 2  # what a figure shows already is not asked for again
    assert by_key(clicked).items() <= by_key(result.rows).items()
