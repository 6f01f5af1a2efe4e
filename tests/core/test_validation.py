"""What people write is checked by name and type, each fault one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from resq.core import validation


@dataclass(frozen=True)
class Thing:
    word: str = "a"
    count: int = 1
    share: float = 0.5
    rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        validation.check_types(self, "thing")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"word": 3}, "a thing's word is a str, got 3"),
        ({"count": True}, "a thing's count is a int, got True"),
        ({"count": 2**63}, "a thing's count is a int, got 9223372036854775808"),
        ({"share": float("nan")}, "a thing's share is a float, got nan"),
        ({"rates": 0.1}, r"a thing's rates is a list, got 0\.1"),
        ({"rates": (0.1, float("inf"))}, "a thing's rates cannot hold inf"),
    ],
)
def test_a_field_of_another_type_is_refused(given, sentence):
    with pytest.raises(ValueError, match=sentence):
        Thing(**given)


def test_a_whole_number_is_a_float_too():
    assert Thing(share=1, rates=(0, 0.5)).share == 1


@pytest.mark.parametrize("raw", [b"a = ", b"\xff", b"a = " + b"[" * 10_000, b"a = " + b"9" * 10_000])
def test_what_is_no_toml_is_a_sentence(tmp_path, raw):
    (tmp_path / "x.toml").write_bytes(raw)
    with pytest.raises(ValueError, match=r"x\.toml is not a readable TOML recipe"):
        validation.read_toml(tmp_path / "x.toml", "recipe")


def test_a_name_with_a_zero_byte_is_a_sentence():
    with pytest.raises(ValueError, match="is not a readable TOML recipe"):
        validation.read_toml(Path("a\0b"), "recipe")


def test_an_unknown_field_is_named_with_what_there_is():
    with pytest.raises(ValueError, match="x has b, c; a thing has a"):
        validation.reject_unknown({"c": 1, "b": 2, "a": 3}, ["a"], "x", "a thing")


@pytest.mark.parametrize("value", [3, {}, [1], ["a"]])
def test_what_is_no_list_of_tables_is_refused(value):
    with pytest.raises(ValueError, match="x must be tables"):
        validation.check_tables(value, "x")
