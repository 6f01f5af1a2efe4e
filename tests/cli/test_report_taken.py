"""A report says what a deployed file takes pixels for, tells two such inputs apart, and its commands run."""

import json
import re
import shlex

import pandas as pd
import pytest

from dashboard.report import html_report, measured, taken
from resq import cli
from resq.claims import provenance
from resq.deployed.network import file_hash, named
from resq.measure.store import table
from stress import tiny
from tests import small_file


def rows(name: str, inputs: str) -> pd.DataFrame:
    shipped = table.read(table.SHIPPED / "signs-resnet20-faults.parquet").head(2)
    return shipped.assign(checkpoint=name, inputs=inputs, encoding="as stored")


def test_the_range_of_pixels_is_the_files_own_or_the_one_that_was_asked_for(tmp_path):
    file = tiny.onnx_file(tmp_path / "net.onnx")
    name = named(file, file_hash(file))
    (line,) = taken.lines(rows(name, "range 0,1"), file)
    assert line == f"{name} takes images in grey, 12x10, NCHW, pixels 0..1 (as asked)."
    whole = tiny.tflite_file(tmp_path / "net.tflite")
    (line,) = taken.lines(rows(named(whole, file_hash(whole)), ""), whole)
    assert line.endswith("(the file).")
    assert line in html_report.page("title", rows(named(whole, file_hash(whole)), ""), file=whole)


def test_a_file_that_is_not_here_or_another_one_is_said_to_be(tmp_path):
    other = tiny.onnx_file(tmp_path / "net.onnx")
    for file in (None, other):
        (line,) = taken.lines(rows("net@00000000.onnx", "range 0,255"), file)
        assert line == "net@00000000.onnx takes images as was said: range 0,255; it is not here."
    assert taken.lines(rows("signs/resnet20/base", "")) == []


@pytest.fixture
def twice(tmp_path, monkeypatch, capsys):
    """A file, and its rows with two inputs as a campaign of each keeps them."""
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))
    (tmp_path / "two words").mkdir()
    file = small_file.made(tmp_path / "two words")
    for end in (0.8, 1):  # the file has quantized inputs of 0..1
        asked = {"checkpoints": [str(file)], "data": "signs", "encodings": ["as stored"], "bers": [0.0, 0.01],
                 "maps": 1, "n": 8, "inputs": f"range 0,{end}"}  # fmt: skip
        campaign = tmp_path / f"to{end}.toml"
        campaign.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in asked.items()))
        assert cli.main(["campaign", str(campaign)]) == 0
    capsys.readouterr()
    return file, provenance.target(named(file, file_hash(file)))[1]


def test_rows_of_two_inputs_are_two_figures_that_name_them(twice):
    _, found = twice
    figures = list(measured.figures(found))
    assert len(found) == 4
    assert [len(part) for *_, part in figures] == [2, 2]
    for name, where, drawn, part in figures:
        (inputs,) = part["inputs"].unique()
        assert f" · inputs {inputs} · " in where
        assert measured.shown(name, where, drawn, part)["title"].endswith(f", inputs {inputs}")
    one = next(iter(measured.figures(found.assign(inputs=""))))
    assert " · inputs as the file says · " in one[1]


def test_the_commands_of_a_files_report_run_as_they_are_printed(twice, tmp_path, capsys):
    file, found = twice
    out = tmp_path / "report.html"
    assert cli.main(["report", str(file), "--out", str(out)]) == 0
    text = re.search(r"The commands</h2><pre>(.*?)</pre>", out.read_text(encoding="utf-8"), re.S).group(1)
    commands = text.replace("&#39;", "'").splitlines()
    assert commands == provenance.commands(found, file)
    capsys.readouterr()
    again = []
    for command in commands:
        assert cli.main([*shlex.split(command)[3:], "--json"]) == 0
        again += json.loads(capsys.readouterr().out)["rows"]
    assert sorted(row["key"] for row in again) == sorted(found["key"])


def test_a_report_says_which_file_its_commands_do_not_find(twice, tmp_path):
    file, found = twice
    name = named(file, file_hash(file))
    assert name in provenance.without_command(found)
    assert provenance.without_command(found, file) == ""
    other = tiny.onnx_file(tmp_path / "other.onnx")
    assert name in provenance.without_command(found, other)
    assert all(f" {name} " in command for command in provenance.commands(found, other))


def test_passes_of_two_precisions_are_two_figures_that_name_them():
    shipped = table.read(table.SHIPPED / "signs-resnet20-faults.parquet")
    both = pd.concat([shipped.assign(precision=each) for each in ("fp32", "bf16")], ignore_index=True)
    figures = list(measured.figures(both))
    assert len(figures) == 2 * len(list(measured.figures(shipped)))
    for _, where, _, part in figures:
        assert f"{part['precision'].iloc[0]} passes" in where
        assert part["precision"].nunique() == 1
