"""A hundred faults on the real parts: each time nothing is lost or doubled, a person is told, it goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from resq.core import seeds
from stress import crashes, stores
from stress.harness.notes import Notes

# How many of a hundred; more or fewer faults keep the shares.
SHARES = {
    **{"killed": 30, "full": 10, "locked": 6, "damaged": 9, "read-only": 3, "pool": 1, "cluster": 2},
    **{"cache": 12, "saves": 12, "data": 3, "numbers": 6, "jobs": 3, "server": 2, "file": 1},
}


def run(folder: Path, faults: int = 100) -> dict[str, Any]:
    """All faults; what they did as one JSON object."""
    rng, notes = seeds.rng(0, "chaos"), Notes()
    n = {name: max(1, round(share * faults / 100)) for name, share in SHARES.items()}
    os.environ |= {"RESQ_WORK": str(folder / "campaign")}
    campaign = stores.prepared(folder / "campaign")
    stores.kill_campaign(campaign, notes, n["killed"], rng)
    stores.full_disk(campaign, notes, n["full"], rng)
    stores.locked(campaign, notes, n["locked"], rng)
    stores.corrupt(campaign, notes, n["damaged"], rng)
    stores.read_only(campaign, notes, n["read-only"])
    stores.killed_worker(campaign, notes, n["pool"])
    crashes.cluster(campaign, notes, n["cluster"])
    crashes.half_cache(folder, notes, n["cache"], rng)
    crashes.killed_save(folder, notes, n["saves"], rng)
    crashes.gone_data(folder, notes, n["data"])
    crashes.killed_job(folder, notes, n["jobs"])
    crashes.killed_server(folder, notes, n["server"])
    crashes.gone_file(folder, notes)
    crashes.not_numbers(notes, n["numbers"])  # the last: whoever computes here may not fork any more
    return {
        "faults": notes.faults,
        "rows_lost": notes.lost,
        "rows_doubled": notes.doubled,
        "recoveries": notes.recovered,
        "kinds": notes.kinds,
        "seen": notes.said,
        "failures": notes.failures[:10],
    }
