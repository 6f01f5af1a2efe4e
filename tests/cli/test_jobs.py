"""Jobs: rows as they come, cancelled at once, a failure told in its own sentence, no orphans."""

import json
import time

import pytest

from resq import jobs
from resq.measure.specs.sweep_spec import SweepSpec
from resq.measure.store import rows_by_key

SHORT = SweepSpec("signs/resnet20/base", bers=(0.0, 1e-2), maps=2, n=20)
LONG = SweepSpec("signs/resnet20/base", bers=(1e-2,), maps=10_000, n=500)


def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def test_a_job_measures_what_the_same_spec_measures_here():
    from resq.measure.run import sweep
    from resq.measure.store import table

    job = jobs.start(SHORT.argv()).wait(120)
    assert (job.state, job.error) == ("done", "")
    assert job.total == SHORT.total
    assert job.rows == [table.plain(row) for row in sweep.run(SHORT)]


def test_a_cancelled_job_ends_within_two_seconds_and_keeps_its_rows():
    job = jobs.start(LONG.argv())
    until(lambda: job.rows)
    assert job.left > 0
    began = time.monotonic()
    job.cancel()
    job.wait(2)
    assert time.monotonic() - began < 2
    assert job.state == "cancelled"
    assert job.rows
    # All but the last, which may have been on its way.
    assert {row["key"] for row in job.rows[:-1]} <= rows_by_key.keys()


def test_a_failed_job_says_why_in_one_sentence():
    job = jobs.start(["sweep", "nope"]).wait(60)
    assert job.state == "failed"
    assert "no checkpoint 'nope'" in job.error


def test_a_job_ends_when_the_server_that_asked_for_it_is_gone():
    job = jobs.start(LONG.argv())
    until(lambda: job.rows)
    job._process.stdin.close()  # what happens to a pipe when its writer dies
    job.wait(10)
    assert job.state == "failed"


def test_waiting_has_an_end():
    job = jobs.start(LONG.argv())
    with pytest.raises(TimeoutError, match=r"still runs after 0\.1 s"):
        job.wait(0.1)
    job.cancel()
    job.wait(10)


def test_a_job_killed_from_outside_says_so_and_keeps_its_rows():
    job = jobs.start(LONG.argv())
    until(lambda: job.rows)
    job._process.kill()
    job.wait(20)
    assert job.state == "failed"
    assert "killed" in job.error
    assert job.rows


def test_a_name_no_system_can_pass_on_fails_the_job_and_not_its_caller():
    job = jobs.start(["sweep", "a\0b"])
    assert job.state == "failed"
    assert "could not be started" in job.error
    assert job.wait(1) is job


@pytest.mark.parametrize(
    "line", ["5", "[]", '"total"', '{"total": "x"}', '{"row": 3}', "[" * 100_000, "\ufffd"]
)
def test_lines_that_are_no_rows_are_passed_over(line):
    job = jobs.start(["sweep", "a\0b"])
    job._take(line)
    job._take('{"total": 2}')
    assert (job.total, job.rows) == (2, [])


def test_a_server_that_is_started_anew_knows_what_ran(monkeypatch, tmp_path):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    job = jobs.start(["sweep", "nope"]).wait(120)
    (found,) = jobs.known()  # read from disk
    assert found["argv"] == ["sweep", "nope"]
    assert (found["id"], found["state"], found["error"]) == (job.id, "failed", job.error)
    assert "no checkpoint 'nope'" in (tmp_path / "jobs" / f"{job.id}.log").read_text()


def test_a_job_whose_server_went_while_it_ran_is_lost_and_old_ones_are_forgotten(monkeypatch, tmp_path):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    monkeypatch.setattr(jobs, "KEPT", 2)
    gone = {"argv": ["sweep"], "state": "running", "pid": 2**22 + 1, "error": "", "rows": 3, "total": 9}
    jobs.folder().mkdir()
    for day in "123":
        about = {**gone, "id": f"job{day}", "began": f"2026-01-0{day}T00:00:00+00:00", "seconds": 1.0}
        (jobs.folder() / f"job{day}.json").write_text(json.dumps(about))
    (jobs.folder() / "odd.json").write_text("{")
    assert [(about["id"], about["state"]) for about in jobs.known()] == [
        (f"job{day}", "lost") for day in "321"
    ]
    jobs.forget()
    assert [about["id"] for about in jobs.known()] == ["job3", "job2"]
