"""A report's header says what a deployed file takes pixels for."""

import pandas as pd

from dashboard.report import html_report, taken
from resq.deployed.network import file_hash, named
from resq.measure.store import table
from stress import tiny


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
