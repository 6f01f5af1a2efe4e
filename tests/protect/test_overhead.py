"""What decoding costs in time: measured beside the pass, told as a ratio, and a budget that is kept to."""

import json

import pytest

from resq import cli
from resq.protect import decoder
from resq.protect.timing import times
from tests import deployed_files

pytestmark = pytest.mark.skipif(not decoder.compiler(), reason="no C compiler here")
NET = "signs/resnet20/base"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    file = tmp_path_factory.mktemp("overhead") / "times.json"
    names = "int8,int8-x9,int8-spw,int8+ranger,fp16-limits,int8+int8-x9@0"
    assert cli.main(["overhead", NET, "--encodings", names, "--out", str(file)]) == 0
    return json.loads(file.read_text(encoding="utf-8"))


def test_what_c_reads_has_a_time_and_what_it_does_not_read_says_so(told):
    rows = {row["encoding"]: row for row in told["rows"]}
    assert all(rows[name]["decode"] > 0 for name in ("int8", "int8+int8-x9@0", "int8-x9", "int8-spw"))
    assert rows["fp16-limits"]["decode"] is None
    assert times.ratio(rows["fp16-limits"]) is None
    for row in rows.values():
        assert row["pass"]["250"] > row["pass"]["1"] > 0
    assert told["network"] == NET
    assert told["times"] > 1
    assert told["threads"] >= 1


def test_decoding_once_for_a_batch_adds_less_of_a_pass(told):
    row = next(row for row in told["rows"] if row["encoding"] == "int8-x9")
    one, batch = (times.ratio(row, n) for n in times.IMAGES)
    assert 1 < batch < one
    assert one == pytest.approx(1 + row["decode"] / row["pass"]["1"])


def test_a_table_for_people_names_the_machine(capsys):
    assert cli.main(["overhead", NET, "--encodings", "int8-secded"]) == 0
    said = capsys.readouterr().out
    assert "int8-secded" in said
    assert "decoder.c" in said


def test_a_deployed_file_is_timed_by_its_own_runtime(tmp_path, capsys):
    file = deployed_files.made(tmp_path, carriers=["qdq-channel"])["qdq-channel"]
    ask = ["overhead", str(file), "--data", "signs", "--range", "0..1"]
    assert cli.main([*ask, "--encodings", "int8-symmetric,int8-symmetric-secded", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["network"].startswith("qdq-channel@")
    plain, coded = found["rows"]
    assert plain["decode"] < coded["decode"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--encodings", "int99"], "integer codes have 2 to 8 bits, got 99"),
        (["--encodings", ","], "at least one"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(more, said, capsys):
    assert cli.main(["overhead", NET, *more]) == 2
    assert said in capsys.readouterr().err
