"""What pyproject.toml promises: ranges around what is tested, pages as an extra, one version."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import resq
from resq.core.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pinned(name: str) -> dict[str, Version]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [re.fullmatch(r"([\w.-]+)(?:\[\w+\])?==(\S+)", line.split("#")[0].strip()) for line in lines]
    return {match[1].lower(): Version(match[2]) for match in found if match}


TESTED = {**pinned("requirements-dev.txt"), **pinned("requirements-docs.txt"), **pinned("requirements.txt")}
EXTRAS = PROJECT["optional-dependencies"]


@pytest.mark.parametrize("part", ["base", *EXTRAS])
def test_what_is_tested_lies_in_every_range(part):
    wanted = PROJECT["dependencies"] if part == "base" else EXTRAS[part]
    for requirement in map(Requirement, wanted):
        if requirement.name != "resq-lab":
            assert TESTED[requirement.name.lower()] in requirement.specifier, requirement


def test_the_base_has_no_streamlit_and_the_lock_has_all_of_base_and_pages():
    base = {Requirement(text).name for text in PROJECT["dependencies"]}
    pages = {Requirement(text).name for text in EXTRAS["dashboard"]}
    assert pages == {"streamlit", "cachetools", "segno"}
    assert "streamlit" not in base
    assert {name.lower() for name in base | pages} == set(pinned("requirements.txt"))


def test_the_version_stands_in_one_place_and_is_cited():
    assert "version" in PROJECT["dynamic"]
    assert f"version: {resq.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
