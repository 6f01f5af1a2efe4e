"""What is around a page: a teacher's task and hidden controls, the projector, the dialog that shares."""

import html
import re
import time

import plotly.graph_objects as go

from dashboard import cached
from dashboard.cached import ttl_cache
from dashboard.charts import theme
from dashboard.components import render
from dashboard.model import url_schema
from resq.measure.store import table
from tests.pages import fine
from tests.views.test_app import opened


def styles(app) -> str:
    return "\n".join(element.proto.body for element in app.get("html"))


def test_a_task_is_shown_letter_by_letter():
    task = "Flip *bit 7* <script>alert(1)</script> [x](http://y)"
    app = opened("bitlab", task=task)
    assert [t.value for t in app.text] == [task]


def test_a_hidden_group_keeps_its_values():
    app = opened("bitlab", hide="plane,nonsense", share="10", plane="6")
    fine(app)
    assert ".st-key-group_plane, [class*='st-key-group_plane__'] { display: none; }" in styles(app)
    assert "nonsense" not in styles(app)
    assert app.session_state["share"] == 0.1


def test_a_presenter_sees_large_type_and_a_way_out():
    app = opened("bitlab", present="1")
    assert "stHeader" in styles(app)
    app.button(key="shell_leave").click().run()
    assert "present" not in app.query_params
    assert ".st-key-shell_share { display: none; }" not in styles(app)


def test_the_dialog_has_the_link_of_this_view_and_one_for_a_class():
    app = opened("bitlab", flip="7", w="5")
    app.session_state["shell_task"], app.session_state["shell_hide"] = "Why?", ["plane"]
    app.button(key="shell_open").click().run()
    fine(app)
    plain, for_class = (code.value for code in app.code)
    assert set(plain.split("?")[1].split("&")) == {"w=5", "flip=7"}
    assert set(for_class.split("?")[1].split("&")) == {"w=5", "flip=7", "task=Why%3F", "hide=plane"}


def test_the_dialog_offers_nothing_to_hide_where_a_page_has_nothing():
    app = opened("start")
    app.button(key="shell_open").click().run()
    fine(app)
    assert len(app.code) == 2
    assert "shell_hide" not in {pills.key for pills in app.get("button_group")}
    app = opened("sweep")
    app.button(key="shell_open").click().run()
    assert "shell_hide" in {pills.key for pills in app.get("button_group")}


def test_an_enlarged_figure_leaves_the_given_one_as_it_is():
    small = theme.dress(go.Figure(go.Scatter(x=[0], y=[0], textfont={"size": 10})))
    small.add_annotation(text="a", font={"size": 10})
    large = theme.enlarge(small, 2)
    assert (small.layout.font.size, large.layout.font.size) == (theme.SIZE, 2 * theme.SIZE)
    assert large.layout.xaxis.tickfont.size == 2 * theme.SIZE
    assert (small.data[0].textfont.size, large.data[0].textfont.size) == (10, 20)
    assert (small.layout.annotations[0].font.size, large.layout.annotations[0].font.size) == (10, 20)


def test_a_page_without_an_entry_in_the_tables_has_a_shell_too():
    assert url_schema.shell("unknown", {"hide": "a", "present": "1"}) == url_schema.Shell(present=True)


def test_the_look_lies_over_what_a_figure_had_and_under_what_it_is_given():
    figure = go.Figure(layout={"margin": {"t": 99, "pad": 3}, "xaxis2": {"title": {"text": "second"}}})
    assert theme.dress(figure, 300, margin={"t": 44}, yaxis={"tickfont": {"size": 9}}) is figure
    layout = figure.layout
    assert (layout.height, layout.margin.t, layout.margin.l, layout.margin.pad) == (300, 44, 10, 3)
    assert (layout.yaxis.tickfont.size, layout.yaxis.tickfont.color) == (9, theme.INK)
    assert (layout.xaxis2.title.text, layout.xaxis2.gridcolor) == ("second", theme.GRID)


def test_a_figure_of_stored_rows_is_made_once_until_the_key_or_a_file_changes(rows):
    made = []

    def draw(value: int) -> go.Figure:
        made.append(value)
        return go.Figure()

    first = cached.cached_figure(draw, ("a",), 1)
    assert cached.cached_figure(draw, ("a",), 2) is first
    assert cached.cached_figure(draw, ("b",), 3) is not first
    table.write(rows, table.SHIPPED / "more.parquet")
    time.sleep(ttl_cache.FRESH)
    assert cached.cached_figure(draw, ("a",), 4) is not first
    assert made == [1, 3, 4]


def test_with_room_given_no_axis_is_measured_and_a_projector_gets_more_room():
    room = {"l": 60, "r": 10, "t": 20, "b": 50}
    given = theme.dress(go.Figure(layout={"yaxis2": {"side": "right"}}), room=room).layout
    assert [given[axis].automargin for axis in ("xaxis", "yaxis", "yaxis2")] == [False] * 3
    assert {side: given.margin[side] for side in room} == room
    large = theme.enlarge(theme.dress(go.Figure(), room=room), 1.5).layout
    assert (large.margin.l, large.margin.b) == (90, 75)
    assert theme.dress(go.Figure()).layout.xaxis.automargin


def test_a_command_is_shown_letter_by_letter_and_its_words_stay_whole(monkeypatch):
    seen = []
    monkeypatch.setattr(render.st, "html", seen.append)
    render.terminal("resq sweep <b>x</b> --ber 1e-2", "resq show")
    assert "<b>" not in seen[0]
    assert html.unescape(re.sub("<[^>]*>", "", seen[0])) == "resq sweep <b>x</b> --ber 1e-2\nresq show"
    assert "<span>--ber</span>" in seen[0]
