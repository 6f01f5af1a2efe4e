"""The Replay page in every state, without a browser; its figures keep quoted and measured apart."""

from pathlib import Path

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard import cached
from dashboard.charts import claims as claims_charts
from dashboard.format import claim_labels, claim_sentences
from dashboard.report import html_report
from resq.claims import leaderboard, points, registry, rerun, verdict
from resq.claims.judged import EXCEEDED, NONE, REPRODUCED, Verdict
from resq.measure.store import table
from tests.claims.test_claims import FALLEN, HARDENED, maps
from tests.pages import fine
from tests.views.test_app import commands

APP = Path(__file__).resolve().parents[2] / "dashboard" / "app.py"
ROWS = [*FALLEN, *maps(850, 852, 849), *maps(747, 750, 744, **HARDENED, encoding="fp32")]

EVERY = table.shipped()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch, tmp_path):
    st.cache_data.clear()
    st.cache_resource.clear()
    monkeypatch.setenv("RESQ_WORK", str(tmp_path / "work"))
    monkeypatch.setattr(table, "SHIPPED", tmp_path / "results")


@pytest.fixture
def rows(tmp_path):
    table.write(table.frame(ROWS), tmp_path / "results" / "rows.parquet")


def opened(page: str = "replay", **query: str) -> AppTest:
    app = AppTest.from_file(str(APP), default_timeout=240)
    for key, value in query.items():
        app.query_params[key] = value
    return app.switch_page(f"views/{page}.py").run()


def said(app: AppTest) -> str:
    return "\n".join(e.value for e in [*app.title, *app.markdown, *app.caption, *app.header])


def judged(claim: str) -> Verdict:
    claims = registry.load()
    return verdict.judge(claims[claim], table.frame(ROWS), claims)


def test_a_link_opens_a_claim_beside_its_measured_cell(rows):
    app = opened(claim="resnet18-ber-1e-2")
    fine(app)
    text = said(app)
    for part in ("◇ 74.71 %", "reproduced", "74.70 %", "fp32 words", "seed 0", "All networks, ranked"):
        assert part in text or part in [link.proto.label for link in app.get("page_link")], part
    assert len(app.get("plotly_chart")) == 1
    assert any("python -m resq claims resnet18-ber-1e-2 --rerun" in code for code in commands(app))


def test_a_cell_measured_again_stands_beside_the_stored_one(rows):
    fresh = maps(500, 501, 499, **HARDENED, encoding="fp32")
    rerun.store_rerun("resnet18-ber-1e-2", fresh, "2031-01-01T00:00:00")
    app = opened(claim="resnet18-ber-1e-2")
    fine(app)
    assert "0 of them equal" in said(app)
    assert "which does NOT hold 0" in said(app)
    assert "Re-run 2031-01-01 00:00:00 UTC on " in said(app)
    assert len(app.get("plotly_chart")) == 2
    assert leaderboard.DIFFERS in said(opened("leaderboard"))


def test_a_re_run_that_was_cancelled_after_a_map_is_equal_as_far_as_it_goes(rows):
    part = [row for row in ROWS if row["checkpoint"] == HARDENED["checkpoint"]][:1]
    rerun.store_rerun("resnet18-ber-1e-2", part, "2031-01-01T00:00:00")
    app = opened(claim="resnet18-ber-1e-2")
    fine(app)
    assert "of the 3 stored rows 1 was measured again, equal" in said(app)
    assert f"1 {leaderboard.PART}" in said(opened("leaderboard"))


class Going:
    """A re-run that has measured some of its maps."""

    id, active, error, state, left, done = "0" * 12, True, "", "running", 60.0, 0.1
    rows, total = ({"maps": 1}, {"maps": 1}), 20

    def __init__(self, specs) -> None:
        self.specs = specs

    def cancel(self) -> None:
        """Nothing runs."""


def test_a_re_run_that_is_still_going_is_held_against_nothing(rows, monkeypatch):
    """Two fault maps of twenty are no result yet, beside a green bar."""
    claims = registry.load()
    v = verdict.judge(claims["resnet18-ber-1e-2"], table.frame(ROWS), claims)
    going = Going((rerun.job(v, 1000, 20, 0),))
    monkeypatch.setattr(
        "dashboard.components.job_status.measurement",
        lambda key="job", *_, **__: going if key == "job" else None,
    )
    rerun.store_rerun("resnet18-ber-1e-2", maps(500, 501, **HARDENED, encoding="fp32"), "2031-01-01T00:00:00")
    text = said(opened(claim="resnet18-ber-1e-2"))
    assert "over 2 fault maps, no interval yet" in text
    assert "It is held against the stored value when all of them are measured" in text
    assert "NOT hold" not in text


def test_without_rows_every_claim_is_still_quoted_and_nothing_is_made_up():
    app = opened(claim="resnet18-ber-1e-2", source="nonsense")
    fine(app)
    assert "◇ 74.71 %" in said(app)
    assert "not measured yet" in said(app)
    assert "No row is stored yet" in said(opened("leaderboard"))


def test_a_broken_file_of_claims_is_a_sentence(monkeypatch, tmp_path):
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "broken.toml").write_text("[source]\nlabel = 'rumour'\nname = 'x'\n[[claim]]\n")
    monkeypatch.setattr(registry, "CLAIMS", tmp_path / "claims")
    app = opened()
    fine(app, "no kind of source")
    assert "rumour" in said(app)


def test_quoted_figures_have_a_mark_and_a_colour_that_no_measurement_has():
    drawn = claims_charts.readings(judged("resnet18-ber-1e-2"))
    marks = {trace.name.split(":")[0]: (trace.marker.symbol, trace.marker.color) for trace in drawn.data}
    assert marks["as quoted"] == ("diamond-open", claims_charts.QUOTED)
    assert [mark for mark in marks.values() if mark[1] == claims_charts.QUOTED] == [marks["as quoted"]]
    measured = next(trace for trace in drawn.data if trace.name == "measured here")
    assert list(measured.x) == pytest.approx([0.747])
    assert measured.error_x.array[0] > 0


def test_the_figure_says_which_readings_are_consistent():
    drawn = claims_charts.readings(judged("resnet18-ber-1e-2"))
    ticks = " ".join(drawn.layout.yaxis.ticktext).replace("<br>", " ")
    assert "fp32 words, independent bits <b>? not comparable" in ticks  # too few images to tell
    assert drawn.layout.margin.l < 390 / 2 + 20  # a telephone has room for the figure beside them
    rng = " ".join(claims_charts.readings(judged("resnet18-ber-1e-2-baseline")).layout.yaxis.ticktext)
    assert "consistent" not in rng  # at chance level no reading gets a word


@pytest.mark.parametrize("claim", ["resnet18-ber-1e-2", "swin_t-ber-5e-3", "fault-gain", "attack-gain"])
def test_the_figure_sets_aside_as_many_readings_as_the_sentence_counts(claim):
    """A judged reading that cannot tell is not comparable, which is another thing than set aside."""
    v = next(v for v in cached.verdicts() if v.claim.id == claim)
    ticks = claims_charts.readings(v).layout.yaxis.ticktext
    aside = sum("for comparison alone" in tick for tick in ticks)
    end = f", {aside} of them for comparison alone." if aside else "measured."
    assert claim_labels.tried(v).endswith(end)
    measured = [r for r in v.readings if r.value is not None and not r.reading.aside]
    assert sum("not comparable" in tick for tick in ticks) == sum(r.verdict == NONE for r in measured)


def test_a_rerun_is_drawn_under_the_stored_cell():
    stored = points.cells(table.frame(maps(850, 852, 849)))[0]
    fresh = points.cells(table.frame(maps(840, 841)))
    drawn = claims_charts.again(stored, fresh, 0.9)
    assert [trace.name for trace in drawn.data] == ["stored", "again", "as quoted"]
    assert not drawn.layout.shapes  # no limit that the verdict does not go by
    for trace, cell in zip(drawn.data[:2], (stored, fresh[0]), strict=True):
        ends = trace.x[0] - trace.error_x.arrayminus[0], trace.x[0] + trace.error_x.array[0]
        assert ends == pytest.approx((cell.low, cell.high))


def test_the_leaderboard_counts_the_copies_of_few_layers():
    row = {**ROWS[0], "checkpoint": "signs/resnet20/base", "encoding": "int8+int8-x9@0"}
    assert "8.1<" in claim_sentences.leaders(leaderboard.board(table.frame([*ROWS, row]))).to_html()


def test_the_leaderboard_says_what_is_not_measured():
    leaders = claim_sentences.leaders(leaderboard.board(table.frame(ROWS)))
    assert list(leaders.data)[:4] == ["rank", "checkpoint", "stored as", "BER 10⁻²"]  # what ranks comes first
    counted = [name for name in leaders.data if str(name).endswith((", images", ", maps"))]
    assert counted
    assert not (leaders.data[counted] == 0).to_numpy(na_value=False).any()  # "not measured", on no images
    shown = leaders.to_html()
    assert "not measured" in shown
    assert "85.0 %" in shown


def test_every_claim_is_in_the_overview():
    claims = registry.load()
    found = claim_sentences.overview(verdict.judge_all(claims.values(), table.frame(ROWS), claims))
    assert isinstance(found, pd.DataFrame)
    assert list(found["id"]) == list(claims)
    assert list(found)[:2] == ["verdict", "claim"]  # in view before anybody scrolls


def test_a_job_runs_the_command_that_keeps_the_row():
    job = rerun.job(judged("resnet18-ber-1e-2"), n=100, maps=2, seed=0)
    words = "claims resnet18-ber-1e-2 --rerun --n 100 --maps 2 --seed 0"
    assert job.argv() == words.split()
    assert job.total == 2


def test_the_list_of_claims_is_searched_by_number_network_author_or_kind_of_source():
    book = registry.load()
    labels = {
        v.claim.id: claim_labels.label(v, book)
        for v in verdict.judge_all(book.values(), table.frame(ROWS), book)
    }
    line = labels["resnet18-ber-1e-2"]
    assert line.startswith("ResNet18, BER 0.01: 9.99 → 74.71 % (blog) · ")
    assert line.endswith("resnet18-ber-1e-2")
    assert len(set(labels.values())) == len(labels)
    assert "Rakin" in labels["bfa-vgg11-paper"]
    assert labels["attack-gain"].count("10.35") == 1
    assert "(paper, " in labels["attack-gain"]


@pytest.mark.parametrize("claim", registry.load())
def test_the_sentence_under_the_figure_agrees_with_the_verdict(claim):
    v = judged(claim)
    said = claim_labels.reached(v)
    good = v.verdict in (REPRODUCED, EXCEEDED)
    assert said.startswith("Agreed with") == (good and any(r.value is not None for r in v.readings))
    assert v.verdict in said or good or said.startswith(("No ", "Nothing "))


def test_a_reading_that_meets_the_figure_from_another_start_is_said_not_to_decide():
    rows = [*maps(480, 481, 479), *maps(747, 750, 744, **HARDENED), *maps(99, 100, 101, encoding="fp32")]
    claims = registry.load()
    v = verdict.judge(claims["resnet18-ber-1e-2"], table.frame(rows), claims)
    if any(r.fits is False and r.verdict == REPRODUCED for r in v.readings):
        assert "which is not the figure that the claim starts from" in claim_labels.reached(v)
    assert not claim_labels.reached(v).startswith("Agreed")


def test_both_numbers_of_a_pair_are_drawn():
    drawn = claims_charts.readings(judged("resnet18-ber-1e-2"), registry.load()["resnet18-ber-1e-2-baseline"])
    quoted = {t.name: t.x[0] for t in drawn.data if t.marker.color == claims_charts.QUOTED}
    assert quoted == {
        "as quoted: 74.71 %": pytest.approx(0.7471),
        "as quoted before hardening: 9.99 %": pytest.approx(0.0999),
    }


def test_run_exactly_as_stored_is_the_first_button_and_has_the_stored_counts(rows, monkeypatch):
    started = []
    monkeypatch.setattr(
        "dashboard.components.job_status.start", lambda specs, key="job": started.extend(specs)
    )
    monkeypatch.setattr("dashboard.cached.present", lambda name: True)
    monkeypatch.setattr("dashboard.cached.names", lambda: [HARDENED["checkpoint"]])
    monkeypatch.setattr("dashboard.cached.price", lambda specs: f"{sum(s.total for s in specs)} cells")
    app = opened(claim="resnet18-ber-1e-2")
    assert app.button(key="rerun").label == "Run exactly as stored: 3 cells"
    app.button(key="rerun").click().run()
    stored = points.cells(table.frame(maps(747, 750, 744, **HARDENED, encoding="fp32")))[0]
    assert [(s.n, s.maps, s.seed, s.encoding) for s in started] == [(stored.n, 3, stored.seed, "fp32")]


def test_the_report_of_a_claim_carries_its_verdict_its_figure_and_the_rule():
    v = judged("resnet18-ber-1e-2")
    page = html_report.claim_page(v, table.frame(ROWS))
    head = page[: page.index("How it was measured")]
    assert f"<b>{v.verdict}</b>" in head
    assert "74.71 % accuracy after hardening" in head
    assert "as quoted before hardening" in head
    assert len(page) < 2_600_000
    assert "Run again" not in page


def test_the_report_of_a_claim_is_of_its_readings_alone_and_says_what_a_re_run_gave():
    """The report of the blog's claim was thirty pages of other rows, and lacked what had just been run."""
    book = registry.load()
    v = verdict.judge(book["resnet18-ber-1e-2"], EVERY, book)
    mine = html_report.of_claim(v, EVERY)
    cells = [cell for r in v.readings for cell in (r.cell, r.base) if cell is not None]
    assert set(mine["key"]) == set().union(*(points.rows_of(cell, EVERY)["key"] for cell in cells))
    page = html_report.claim_page(v, mine, "Measured again 12.66 %.")
    assert "<b>Run again:</b> Measured again 12.66 %." in page
    for reading in v.readings:
        assert page.count(f"<td>{reading.reading.label}</td>") == 1
    assert page.count("<tr>") < 80


@pytest.mark.sorry("No line holds these words")
def test_the_leaderboard_is_filtered_by_data_set_and_words(rows):
    app = opened("leaderboard", data="cifar10", find="resnet18 fp32")
    fine(app)
    shown = app.dataframe[0].value
    assert set(shown["stored as"]) == {"fp32"}
    assert shown["checkpoint"].str.startswith("cifar10/resnet18").all()
    assert "No line holds these words" in said(opened("leaderboard", find="nothing-has-this-name"))
    assert any("python -m resq card" in code for code in commands(app))


@pytest.mark.parametrize("claim", ["swin_t-ber-5e-3", "fault-gain", "resnet18-ber-1e-2-baseline"])
def test_where_no_reading_decides_the_range_of_all_is_shown_and_not_the_first_one(claim):
    """Swin-Tiny's 11.56 % stood large beside a quoted 44.50 %: the first of seven that decide nothing."""
    book = registry.load()
    judged = verdict.judge(book[claim], EVERY, book)
    values = sorted(r.value for r in judged.readings if r.value is not None and not r.reading.aside)
    assert judged.verdict == NONE
    assert len(values) > 1
    shown = claim_sentences.measured(judged)
    assert shown.endswith(f"in {len(values)} readings, of which none decides")
    for value in (values[0], values[-1]):
        assert f"{100 * value:.2f}" in shown


def test_a_nearest_cell_and_an_unhardened_network_say_what_they_rest_on():
    book = registry.load()
    near = verdict.judge(book["bpfc-pgd1000"], EVERY, book).near[0]
    said_of = claim_sentences.nearest(near)
    assert f"n = {near.n:,}, seed {near.seed}" in said_of
    assert f"({100 * near.low:.1f} to {100 * near.high:.1f}" in said_of
    lines = claim_sentences.table(verdict.judge(book["swin_t-ber-5e-3"], EVERY, book))
    own = "unhardened, 95 % of its own"  # and not of all readings together
    told = lines.loc[lines[own] != "not measured", own]
    assert told.str.match("cifar10/swin_t/base: ").all()
    assert len(told) > 3
    assert told.str.contains(r"to .*; \d+ fault maps?, n = ").all()


def test_a_claim_on_a_way_to_run_that_is_not_run_here_shows_no_other_figure():
    """Batch norm with the statistics of the batch stood beside plain batch norm's figure."""
    book = registry.load()
    judged = verdict.judge(book["stutz-norm-batch-statistics"], EVERY, book)
    assert claim_sentences.measured(judged) == "not measured yet"
