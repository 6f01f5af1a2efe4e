"""The report: one file, no network, interactive, and the numbers are those of the rows."""

import dataclasses
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from dashboard.report import html_report, measured
from resq import jobs
from resq.claims import methods, provenance
from resq.cli import main
from resq.measure.analysis import stats
from resq.measure.specs.campaign import CampaignSpec
from resq.measure.store import table

NAME = "signs-resnet20-faults"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return html_report.write(NAME, tmp_path_factory.mktemp("report") / "report.html")


def rows():
    return table.read(table.SHIPPED / f"{NAME}.parquet")


def test_it_is_one_small_file_that_asks_for_nothing_from_elsewhere(made):
    text = made.read_text(encoding="utf-8")
    assert made.stat().st_size <= 6_000_000
    assert text.count("Plotly.newPlot(") >= 1
    assert len(re.findall(r"<script src|<link|<img", text)) == 0


def test_the_largest_shipped_report_is_small_too():
    largest = str(table.shipped()["checkpoint"].value_counts().index[0])
    title, found = provenance.target(largest)
    assert len(html_report.page(title, found).encode()) <= 6_000_000


def test_it_holds_the_rows_and_every_mean_of_them(made):
    text = made.read_text(encoding="utf-8")
    held = json.loads(re.search(r"id=rows>(.*?)</script>", text, re.S).group(1))
    expected = rows()
    found = pd.DataFrame(held["data"], columns=held["columns"])
    pd.testing.assert_frame_equal(found, expected.drop(columns="right"), check_dtype=False)
    for mean in stats.curve(expected)["mean"]:
        assert f"<td>{100 * mean:.2f}</td>" in text


def test_a_point_whose_maps_were_drawn_at_two_rates_is_one_dot_of_one_line():
    """Of EfficientNet-B0 the line went through 69.8 and 64.0 % at one rate."""
    found = table.shipped().query("checkpoint == 'cifar10/efficientnet_b0/base' and encoding == 'int4-tmr2'")
    drawn = [part for name, _, _, part in measured.figures(found) if name == "ber"]
    twice = stats.curve(found)
    assert twice.duplicated(["fault", "region", "n", "seed", "x"]).any()
    assert not any(part.duplicated(["encoding", "x"]).any() for part in drawn)
    numbers = pd.concat([measured.numbers(part, "ber") for part in drawn])
    assert set(numbers["maps drawn at"]) >= {"", "0.1"}


@pytest.mark.parametrize("name", ["cifar10-resnet18-plus-surface", "signs/resnet20/base"])
def test_rows_under_faults_and_attack_at_once_are_a_map_a_table_and_a_sentence(name):
    title, target_rows = provenance.target(name)
    drawn = [each for each in measured.figures(target_rows) if each[0] == "joint"]
    assert [lines["mode"].iloc[0] for *_, lines in drawn] == ["adaptive", "transfer"]
    text = html_report.page(title, target_rows)
    joint = target_rows[target_rows["axis"] == "joint"]
    assert sum(int(lines["maps"].sum()) for *_, lines in drawn) == len(joint)
    for mode in ("adaptive", "transfer"):
        assert f"Accuracy under both: {mode} examples" in text
    for _, part in joint.groupby(["mode", "ber", "eps"]):
        assert f"<td>{100 * (part['correct'] / part['n']).mean():.2f}</td>" in text
    said = methods.paragraph(target_rows)
    assert "Under faults and attack at once, examples were made by pgd (10 steps, 1 start)" in said
    assert "on the fault-free quantized network, and shown to every faulty one (transfer)" in said
    assert "on every faulty network itself (adaptive)" in said
    assert "by the fault model random" in said


def test_rows_that_no_figure_shows_are_counted():
    title, every = provenance.target("cifar10/efficientnet_b0/base")
    drawn = [(axis, lines) for axis, *_, lines in measured.figures(every)]
    shown = sum(int(lines["maps"].sum()) for _, lines in drawn)
    assert 0 < shown < len(every)
    assert f"{len(every) - shown} of these {len(every)} rows are in no figure" in html_report.page(
        title, every
    )
    assert measured.left_out(rows(), [(axis, lines) for axis, *_, lines in measured.figures(rows())]) == ""


def test_rows_of_chosen_bits_have_no_command_and_that_is_said():
    part = rows().head(3).assign(region="bit 7")
    assert provenance.commands(part) == []
    assert "3 rows of chosen layers, bits" in html_report.page("bits", pd.concat([rows(), part]))
    assert provenance.without_command(rows()) == ""


def test_it_says_how_to_cite_and_to_measure_again_with_all_hashes(made):
    text = made.read_text(encoding="utf-8")
    assert "@inproceedings{soltanmohammadi2026resq" in text
    assert "python -m resq sweep signs/resnet20/base --ber" in text
    for column in ("weights", "images", "code"):
        assert rows()[column].iloc[0] in text


def test_the_commands_are_those_of_the_rows():
    specs = provenance.specs(rows())
    assert {s.encoding for s in specs} == set(rows()["encoding"])
    assert all(s.maps == 10 and s.n == 500 for s in specs)


def test_of_networks_that_are_not_shipped_the_commands_begin_with_what_makes_them():
    page = {}
    for name in ("cifar10/vgg16/plus", "cifar10/vgg16/base"):
        page[name] = html_report.page(*provenance.target(name))
    maker = "python -m resq harden assets/specs/hardened/cifar10-vgg16.toml"
    told = page["cifar10/vgg16/plus"]
    assert told.count(maker) == 1
    assert told.index(maker) < told.index("python -m resq sweep cifar10/vgg16/plus")
    assert maker not in page["cifar10/vgg16/base"]


def test_names_from_files_cannot_write_into_the_page():
    nasty = rows().head(2).assign(checkpoint="</script><b>signs")
    text = html_report.page("<i>title</i>", nasty)
    assert "<i>title" not in text
    assert "<b>signs" not in text


def test_a_checkpoint_and_a_file_are_targets_too(tmp_path):
    title, found = provenance.target("signs/resnet20/base")
    assert (title, set(found["checkpoint"])) == ("signs/resnet20/base", {"signs/resnet20/base"})
    table.write(rows(), tmp_path / "own.parquet")
    assert len(provenance.target(str(tmp_path / "own.parquet"))[1]) == len(rows())


def test_a_campaign_is_a_target_by_its_file_and_by_its_id(tmp_path, monkeypatch):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))
    some, more = CampaignSpec(("signs/resnet20/base",), bers=(0.0, 0.1), maps=2, n=16), tmp_path / "more.toml"
    more.write_text(dataclasses.replace(some, bers=(0.0, 0.1, 0.2)).toml())
    with pytest.raises(ValueError, match="no cell of more is measured yet"):
        provenance.target(str(more))
    (tmp_path / "some.toml").write_text(some.toml())
    assert main(["campaign", str(tmp_path / "some.toml"), "--stream"]) == 0
    title, found = provenance.target(str(tmp_path / "some.toml"))
    assert (title, len(found)) == ("some", 3)
    assert provenance.target(some.hash)[0] == f"campaign {some.hash}"
    assert provenance.target("signs/resnet20/base")[1]["key"].isin(found["key"]).sum() == 3
    title, found = provenance.target(str(more))
    assert (title, len(found)) == ("more, 1 of 5 cells", 1)  # its maps are drawn at another rate


@pytest.mark.parametrize(("targets", "said"), [
    ("weights", "biases were spared, as if memory kept them without a fault"),
    ("floats", "biases were struck, and the words of the weights spared"),
    ("all", "biases were struck as the words of the weights were"),
])  # fmt: skip
def test_the_methods_of_a_report_say_what_was_struck(targets, said):
    rows = table.shipped()
    rows = rows[(rows["checkpoint"] == "signs/resnet20/base") & (rows["encoding"] == "int8")]
    assert said in methods.paragraph(rows.assign(targets=targets))
    assert "struck" not in methods.paragraph(rows[rows["ber"] == 0])


@pytest.mark.parametrize(
    ("target", "out", "said"),
    [
        ("nothing", "r.html", "no rows of 'nothing'; results: "),
        (NAME, "r.docx", "--out takes a .html or .pdf file"),
        ("gone.parquet", "r.html", "no rows at gone.parquet"),
    ],
)
def test_what_cannot_be_reported_is_a_sentence(tmp_path, target, out, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        html_report.write(target, tmp_path / out)


def test_without_a_browser_a_pdf_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(html_report, "browser", lambda: "")
    with pytest.raises(ValueError, match="needs Chromium or Chrome"):
        html_report.write(NAME, tmp_path / "r.pdf")


def test_a_fault_of_the_drawing_process_is_no_refusal(monkeypatch, tmp_path):
    plugin = tmp_path / "dashboard" / "report"
    plugin.mkdir(parents=True)
    (plugin / "__init__.py").touch()
    (plugin.parent / "__init__.py").touch()
    (plugin / "__main__.py").write_text("raise KeyError('a row')")
    monkeypatch.setattr(jobs.paths, "beside", lambda: tmp_path)
    with pytest.raises(RuntimeError, match="KeyError: 'a row'"):
        jobs.report(NAME, tmp_path / "r.html")


def test_the_command_has_it_drawn_in_a_process_of_its_own(capsys, tmp_path):
    out = tmp_path / "r.html"
    assert main(["report", NAME, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bytes"] == out.stat().st_size
    assert main(["report", NAME, "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_in_chromium_with_no_network_its_figures_answer_to_the_mouse(made):
    pytest.importorskip("playwright.sync_api")
    path = html_report.browser()
    if not path or not shutil.which(path):
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with ThreadPoolExecutor(1) as pool:  # this thread may have another browser's loop at work
        said, asked, errors = pool.submit(_looked_at, path, made.as_uri()).result()
    assert "n = 500, seed 0" in said
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []


def _looked_at(path: str, address: str) -> tuple[str, list[str], list[str]]:
    """What the first dot of a report says to the mouse, what was asked for, what went wrong."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        context = chromium.new_context(offline=True)
        context.set_default_timeout(240_000)  # five megabytes of script on a machine that may be busy
        page, asked, errors = context.new_page(), [], []
        page.on("request", lambda r: asked.append(r.url))
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.goto(address)
        dot = page.locator(".js-plotly-plot .scatterlayer .points path").first
        dot.wait_for()
        dot.hover(force=True)
        page.locator(".hoverlayer .hovertext").first.wait_for()
        said = page.locator(".hoverlayer .hovertext").first.text_content()
        chromium.close()
    return said, asked, errors
