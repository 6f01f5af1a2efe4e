"""The glossary has an entry for every name that a user can type: encodings, fault models, metrics."""

import re
from pathlib import Path

import pytest

from resq.core import encoding
from resq.measure.analysis import layer_heatmap, stats
from resq.measure.specs import cells, sweep_spec

GLOSSARY = (Path(__file__).resolve().parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^- ((?:[^:`*]|`[^`]*`|\*\*[^*]*\*\*)+): \S", re.MULTILINE)
NAME = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
WORDS = [
    "fault map", "onset", "threshold", "cell", "row", "series", "reading", "ber", "targets", "tmr", "due",
    "sdc-1", "pvf", "mover", "lambda", "r_a", "r_f", "twin", "canary", "subject",
]  # fmt: skip
COPIES = ["x3", "floats", "floats9", "folded", "folded9"]
OPTIONS = ["channel", "tensor", "minmax", "mse", "tmr1", "tmr2", *COPIES]


def entries() -> list[str]:
    """What the glossary defines, in small letters: the names before the colon of each entry, each once."""
    found = map(NAME.findall, ENTRY.findall(GLOSSARY))
    heads = [{(code or bold).lower() for code, bold in head} for head in found]
    return [name for head in heads for name in head]


@pytest.mark.parametrize("name", [*encoding.CODES, encoding.IMPORTED, *encoding.BESIDE, *OPTIONS])
def test_every_option_of_an_encoding_has_an_entry(name):
    assert name in entries()


@pytest.mark.parametrize("name", [name for name in OPTIONS if name not in ("channel", "minmax")])
def test_every_option_of_the_glossary_is_one_that_a_name_may_have(name):
    joint = "+" if name.startswith(("floats", "folded")) else "-"
    assert str(encoding.Encoding.parse(f"int4{joint}{name}")) in (f"int4{joint}{name}", "int4")


@pytest.mark.parametrize("name", sweep_spec.fault_models())
def test_every_fault_model_has_an_entry(name):
    assert name in entries()


@pytest.mark.parametrize("name", [*stats.METRICS, *layer_heatmap.MAPPED])
def test_every_metric_has_an_entry(name):
    assert name in entries()


@pytest.mark.parametrize("name", cells.TARGETS)
def test_every_target_is_told(name):
    said = next(part for part in GLOSSARY.split("\n- ") if part.startswith("**Targets**"))
    assert f"`{name}`" in said


@pytest.mark.parametrize("name", WORDS)
def test_every_word_of_the_project_has_an_entry(name):
    assert name in entries()


def test_no_word_is_defined_twice():
    assert len(entries()) == len(set(entries()))
