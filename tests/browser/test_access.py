"""Every page, light and dark, by axe-core's rules: no serious violation, headings in order."""

from __future__ import annotations

import pytest

pytest.importorskip("playwright")
from axe_playwright_python.sync_playwright import Axe

from benchmarks.browser import PAGES, drawn

MORE = {"protect": "/protect", "classroom": "/classroom", "class": "/lessons?lesson=mystery&present=1"}


def found(page) -> list[str]:
    """Violations that are serious, or about headings: rule and element."""
    told = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:200]} {[one['message'] for one in node['any']]}"
        for rule in told
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical") or rule["id"] == "heading-order"
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_breaks_a_serious_rule_of_axe(visit, address, scheme):
    broken = {}
    page = visit("/", color_scheme=scheme).page
    for name, path in {**PAGES, **MORE}.items():
        page.goto(address + path)
        drawn(page)
        broken[name] = found(page)
    assert {name: said for name, said in broken.items() if said} == {}
