"""Memory that was freed is used again without asking the system for its pages."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK, PAGE = 64 << 20, 4096
FAULTS = """
import resource, sys
from resq.platform import malloc

assert sys.argv[1] == "as it is" or malloc.retain_freed()
def block():
    return len(b"x" * int(sys.argv[2]))  # written, then freed
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
block()
before = faults()
block()
print(faults() - before)
"""


def _faults(how: str) -> int:
    """Page faults of a block that is asked for a second time, in a process of its own."""
    plain = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS, how, str(BLOCK)],
        cwd=Path(__file__).parents[2],
        env=plain,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the switch is one of glibc")
def test_a_block_asked_for_again_costs_no_page_faults_once_memory_is_kept():
    assert _faults("as it is") >= BLOCK // PAGE // 2  # large pages would need fewer
    assert _faults("kept") < BLOCK // PAGE // 100


def test_where_the_c_library_has_no_such_switch_nothing_happens(monkeypatch):
    from resq.platform import malloc

    monkeypatch.setattr(malloc.sys, "platform", "win32")
    assert not malloc.retain_freed()
