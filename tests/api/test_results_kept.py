"""What a result says and writes stays true: its command, its files."""

import pandas as pd
import pytest
import torch
from torch import nn

import resq
from resq import checkpoints
from resq.core.errors import ResqError
from resq.data import own

BASE = "signs/resnet20/base"


def test_a_result_of_ones_own_has_no_command_however_many_were_measured_since():
    x, y = torch.rand(20, 3, 8, 16), torch.arange(20) % 16
    first = resq.sweep(nn.Sequential(nn.Flatten(), nn.Linear(384, 16)), x, y, ber=0, maps=1)
    heat = resq.sensitivity(nn.Sequential(nn.Flatten(), nn.Linear(384, 16)), x, y)
    assert (first.command, heat.command) == ("", "")
    for _ in range(max(checkpoints.MOST_HELD, own.MOST_HELD) + 1):
        other = nn.Sequential(nn.Flatten(), nn.Linear(384, 16))
        resq.sweep(other, torch.rand(20, 3, 8, 16), y, ber=0, maps=1)
    assert not checkpoints.held(first.spec.checkpoint)
    assert (first.command, heat.command) == ("", "")


def test_a_result_saved_as_csv_or_parquet_is_the_same_report(tmp_path):
    found = resq.sweep(BASE, ber=[0, 1e-2], maps=2, n=40)
    files = [found.save(tmp_path / "rows.csv"), found.save(tmp_path / "rows.parquet")]
    reports = [resq.report(file, tmp_path / f"{file.suffix[1:]}.html") for file in files]
    pages = [report.read_text(encoding="utf-8") for report in reports]
    assert all(found.rows[0]["weights"] in page for page in pages)
    assert len({page.count(found.rows[2]["key"]) for page in pages}) == 1


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\n1,2\n", "checkpoint\n"])
def test_a_csv_file_of_something_else_is_refused(text, tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ResqError, match=r"rows\.csv (is not a \.csv file of measured|has no) rows"):
        resq.report(file, tmp_path / "report.html")
    with pytest.raises(ResqError, match=r"none\.csv is not a \.csv file of measured rows"):
        resq.report(str(tmp_path / "none.csv"), tmp_path / "report.html")


def test_hashes_of_digits_alone_are_read_back_as_texts(tmp_path):
    from resq.api import making

    found = resq.sweep(BASE, ber=0, maps=1, n=8)
    frame = found.frame.assign(weights="0123456789012345", images="12345678901234e1", right=[b"\x10"])
    frame.assign(right="10").to_csv(tmp_path / "rows.csv", index=False)
    pd.testing.assert_frame_equal(making._of_csv(tmp_path / "rows.csv"), frame)
