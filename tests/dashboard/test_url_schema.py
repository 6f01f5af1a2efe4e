"""The address bar: every parameter is known in one place, and nonsense is as if it were not there."""

import ast
from pathlib import Path

import pytest

from dashboard.model import hardening_run, url_schema

FACE = Path(__file__).resolve().parents[2] / "dashboard"


def calls() -> list[ast.Call]:
    """Every call in the dashboard's sources."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in FACE.rglob("*.py")]
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]


def words(call: ast.Call) -> dict[str, object]:
    return {k.arg: k.value.value for k in call.keywords if isinstance(k.value, ast.Constant)}


def test_every_widget_bound_to_the_address_is_in_the_table():
    bound = {words(call).get("key") for call in calls() if words(call).get("bind") == "query-params"}
    bound.discard(None)  # Harden's options, named after their stages
    assert set(hardening_run.FIRST) <= set(url_schema.PARAMS["harden"])
    known = {name for parameters in url_schema.PARAMS.values() for name in parameters}
    assert bound
    assert bound <= known


def test_every_parameter_belongs_to_a_group_that_can_be_hidden_or_to_the_bits_themselves():
    for page, parameters in url_schema.PARAMS.items():
        assert {group for group, _ in parameters.values()} <= {*url_schema.GROUPS[page], "bits"}


def test_every_group_that_a_link_can_hide_is_drawn_somewhere():
    drawn = {
        call.args[0].value
        for call in calls()
        if isinstance(call.func, ast.Attribute) and call.func.attr == "group" and call.args
        and isinstance(call.args[0], ast.Constant)
    }  # fmt: skip
    assert {name for groups in url_schema.GROUPS.values() for name in groups} <= drawn


@pytest.mark.parametrize(
    "given", [{"hide": "x,,plane;drop"}, {"present": "yes"}, {"task": " \x00\n\t "}, {"hide": "\u202e"}]
)
def test_nonsense_around_a_page_is_ignored(given):
    assert url_schema.shell("bitlab", given) == url_schema.Shell()


def test_a_task_keeps_its_lines_and_loses_control_characters_and_what_is_too_long():
    found = url_schema.shell("bitlab", {"task": "Flip\x07 bit 7.\nWhy?" + "!" * 1000}).task
    assert found.startswith("Flip bit 7.\nWhy?!")
    assert len(found) == url_schema.LONGEST_TASK


def test_a_link_says_everything_and_an_unknown_parameter_is_an_error():
    around = url_schema.Shell("Look.", ("plane",), True)
    found = url_schema.query("bitlab", {"enc": "fp32", "w": 5}, around)
    assert found == {"enc": "fp32", "w": "5", "task": "Look.", "hide": "plane", "present": "1"}
    with pytest.raises(ValueError, match="page sweep has no parameter layer; it has nets"):
        url_schema.query("sweep", {"layer": "conv1"})


def test_what_holds_a_followed_measurement_holds_nothing_else():
    assert url_schema.JOBS == {"job", "clean", "again", "flow", "map", "heat"}
    for page in url_schema.PARAMS.values():
        assert all(page[name][1].endswith(" to follow") for name in url_schema.JOBS & page.keys())
