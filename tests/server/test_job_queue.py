"""Measurements of many visitors: one line, a cap for each, and nobody's failure holds up the others."""

import subprocess
import sys
import time

import pytest

from dashboard import cached
from dashboard.model.hardening_run import HardenSpec
from dashboard.server import fleet, job_queue, slots
from resq.measure.analysis.layer_heatmap import LayerSpec
from resq.measure.specs.sweep_spec import SweepSpec
from tests.pages import fine

NAME = "signs/resnet20/base"


class FakeJob:
    """A job that does what the test says."""

    def __init__(self, argv: list[str]) -> None:
        self.argv, self.state, self.error, self.rows = argv, "running", "", []

    def cancel(self) -> None:
        self.state = "cancelled"


def spec(seed: int = 0, encoding: str = "int8") -> SweepSpec:
    return SweepSpec(NAME, encoding=encoding, seed=seed, bers=(0.0,))


def until(condition, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def pressed(app, key: str, monkeypatch) -> job_queue.Measurement:
    """The measurement that a button of a page begins, its first job a FakeJob, as soon as there is one."""
    known = cached.measurements()
    monkeypatch.setattr(known, "_start", FakeJob)
    app.button(key=key).click().run()
    fine(app)
    run = next(iter(known._all.values()))
    until(lambda: run.jobs)
    return run


def begun(measurement: job_queue.Measurement) -> FakeJob:
    """The measurement's latest job, as soon as there is one."""
    until(lambda: measurement.jobs)
    return measurement.jobs[-1]


def test_specs_are_measured_one_after_the_other():
    found = job_queue.Measurements(FakeJob).start([spec(), spec(encoding="fp32")])
    begun(found)
    assert len(found.jobs) == 1
    found.jobs[0].state = "done"
    until(lambda: len(found.jobs) == 2)
    assert found.state == "running"
    found.jobs[1].state = "done"
    until(lambda: found.state == "done")


def test_sweeps_heatmaps_and_hardening_stand_in_one_line_under_one_cap():
    known = job_queue.Measurements(FakeJob)
    works = [spec(), LayerSpec(NAME), HardenSpec(NAME, "quick", ("quantize",)), LayerSpec(NAME, maps=2)]
    found = [known.start([work], "one" if i < 2 else "two") for i, work in enumerate(works)]
    assert [m.state for m in found] == ["running", "running", "waiting", "waiting"]
    assert [known.place(m) for m in found] == [0, 0, 1, 2]
    with pytest.raises(ValueError, match="2 measurements of yours run or wait already"):
        known.start([HardenSpec(NAME, "quick", ("quantize",))], "one")
    assert begun(found[1]).argv[0] == "sensitivity"
    begun(found[0]).state = "done"
    until(lambda: found[2].state == "running")
    assert begun(found[2]).argv[0] == "harden"


def test_a_third_measurement_waits_and_begins_when_one_has_ended():
    known = job_queue.Measurements(FakeJob)
    first, second, third, fourth = (known.start([spec(seed)], f"visitor {seed}") for seed in range(4))
    assert [m.state for m in (first, second, third, fourth)] == ["running", "running", "waiting", "waiting"]
    assert [known.place(m) for m in (first, third, fourth)] == [0, 1, 2]
    begun(first).state = "done"
    until(lambda: third.state == "running")
    assert known.place(fourth) == 1
    assert fourth.state == "waiting"


def test_servers_of_one_work_folder_share_the_places(monkeypatch, tmp_path):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    monkeypatch.setenv(fleet.ENV, "2")
    monkeypatch.setattr(job_queue, "AGAIN", 0.05)
    here, there = job_queue.Measurements(FakeJob), job_queue.Measurements(FakeJob)
    first, second = (here.start([spec(seed)]) for seed in (1, 2))
    third, fourth = (there.start([spec(seed)]) for seed in (3, 4))
    begun(first), begun(second)
    time.sleep(0.3)  # the other server asks several times
    assert (third.state, fourth.state) == ("waiting", "waiting")
    begun(first).state = "done"
    assert begun(third).state == "running"
    assert fourth.state == "waiting"
    begun(second).state = "done"
    assert begun(fourth).state == "running"
    begun(third).state = begun(fourth).state = "done"
    until(lambda: not any(m.active for m in (first, second, third, fourth)))


def test_a_place_of_a_server_that_was_killed_is_free_again(monkeypatch, tmp_path):
    monkeypatch.setenv("RESQ_WORK", str(tmp_path))
    code = (
        "from dashboard.server import slots; import time; "
        "taken = slots.take(1); print('taken', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "taken\n"
    assert slots.take(1) is None
    holder.kill()
    holder.wait()
    release = slots.take(1)
    assert release is not None
    assert slots.take(1) is None
    release()
    assert slots.take(1) is not None


def test_one_that_is_cancelled_in_line_never_begins_and_the_next_moves_up():
    known = job_queue.Measurements(FakeJob)
    first, _, third, fourth = (known.start([spec(seed)], f"visitor {seed}") for seed in range(4))
    third.cancel()
    assert third.state == "cancelled"
    assert known.place(fourth) == 1
    begun(first).state = "done"
    until(lambda: fourth.state == "running")
    assert not third.jobs


def test_a_visitor_has_a_cap_and_others_are_served():
    known = job_queue.Measurements(FakeJob)
    own = [known.start([spec(seed)], "ada") for seed in range(job_queue.PER_VISITOR)]
    with pytest.raises(ValueError, match="2 measurements of yours run or wait already"):
        known.start([spec(9)], "ada")
    assert known.start([spec(9)], "ben").active
    own[0].cancel()
    until(lambda: own[0].state == "cancelled")
    assert known.start([spec(9)], "ada").active


def test_a_full_line_is_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr(job_queue, "IN_LINE", 3)
    known = job_queue.Measurements(FakeJob)
    for seed in range(job_queue.AT_ONCE + 3):
        known.start([spec(seed)], f"visitor {seed}")
    with pytest.raises(ValueError, match="3 measurements wait on this server"):
        known.start([spec(9)], "one more")


def test_nothing_selected_is_a_sentence():
    with pytest.raises(ValueError, match="nothing is selected"):
        job_queue.Measurements(FakeJob).start([])


def test_a_failed_job_gives_its_sentence():
    found = job_queue.Measurements(FakeJob).start([spec()])
    begun(found).error, found.jobs[0].state = "no gtsrb images", "failed"
    until(lambda: found.state == "failed")
    assert found.error == "no gtsrb images"


def test_a_machine_that_can_start_no_process_fails_the_measurement_and_frees_its_place():
    def full(argv: list[str]) -> FakeJob:
        raise OSError(12, "Cannot allocate memory")

    known = job_queue.Measurements(full)
    found = [known.start([spec(seed)], f"visitor {seed}") for seed in range(5)]
    until(lambda: not any(m.active for m in found))
    assert {m.state for m in found} == {"failed"}
    assert "Cannot allocate memory" in found[-1].error


def test_finished_measurements_are_forgotten_from_the_oldest_on(monkeypatch):
    monkeypatch.setattr(job_queue, "KEPT", 3)
    known, first = job_queue.Measurements(FakeJob), None
    for seed in range(6):
        found = known.start([spec(seed)])
        first = first or found
        begun(found).state = "done"
        until(lambda found=found: found.state == "done")
    assert known.get(first.id) is None
    assert known.get(found.id) is found
    assert len(known._all) <= 3 + job_queue.AT_ONCE
