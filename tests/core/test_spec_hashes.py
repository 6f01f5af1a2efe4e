"""Shipped recipes, presets, sweeps, campaigns, claims and lessons are read as they always were."""

from __future__ import annotations

import json

import pytest

from tests import spec_hashes

RECORDED = json.loads(spec_hashes.RECORDED.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def now() -> dict[str, str]:
    return spec_hashes.hashes()


def test_no_shipped_spec_is_read_as_another_than_when_it_was_recorded(now):
    assert {name: now.get(name) for name in RECORDED} == RECORDED


def test_every_shipped_spec_is_recorded(now):
    assert sorted(set(now) - set(RECORDED)) == [], "add: python -m tests.spec_hashes > tests/spec_hashes.json"
